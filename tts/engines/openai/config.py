"""The configuration key ``engine.openai``: the servers, and how requests are sent. Imports no client."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tts.errors import InputError


@dataclass
class OpenAIConfig:
    """The servers of a model, and how requests are sent.

    Attributes:
        urls: base URLs, such as http://localhost:8000/v1; all of them serve the same model.
        key_env: the environment variable that holds the key; the key is neither logged nor stored.
        tokenizer: a directory, or a name on the hub: the tokenizer of the served model. With it vLLM's server is sent
            prompts as tokens, and tokens that a server does not report are counted. null sends texts, or chat messages
            with ``task.chat``.
        concurrency: the most requests that one server works on at a time, >= 1.
        timeout_s: seconds without a byte after which a request has failed, > 0.
        retries: how often the client repeats a request after 408, 409, 429 and 5xx, >= 0. It waits longer each time, or
            as long as the server asks.
        outage_timeout_s: seconds to wait for a server to answer again when none does, >= 0.
        n: whether the draws that start a question are one request with ``n``, which reads the prompt once; not where
            each request has its own seed. The first refusal switches it off.
        extra: further fields of each request's body, by name; they replace others of that name, and null removes one.
    """

    urls: list[str] = field(default_factory=list)
    key_env: str = "OPENAI_API_KEY"
    tokenizer: str | None = None
    concurrency: int = 128
    timeout_s: float = 120.0
    retries: int = 4
    outage_timeout_s: float = 60.0
    n: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse a configuration without a server.

        Raises:
            InputError: no URL.
        """
        if not self.urls:
            raise InputError("engine.kind=openai needs engine.openai.urls, such as [http://localhost:8000/v1]")

    def __post_init__(self) -> None:
        """Refuse values out of range; addresses of a route stand for the server's."""
        self.urls = [re.sub(r"/+(chat/completions|completions|models)?/*$", "", url) for url in self.urls]
        for url in self.urls:
            if not url.startswith(("http://", "https://")):
                raise InputError(f"engine.openai.urls must be URLs such as http://localhost:8000/v1, got {url!r}")
        if self.concurrency < 1 or self.retries < 0 or self.outage_timeout_s < 0 or not self.timeout_s > 0:
            raise InputError(
                "engine.openai.concurrency must be at least 1, retries and outage_timeout_s at least 0 and timeout_s "
                f"above 0, got {self.concurrency}, {self.retries}, {self.outage_timeout_s:g} and {self.timeout_s:g}"
            )
