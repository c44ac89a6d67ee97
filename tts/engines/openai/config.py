"""The configuration key ``engine.openai``: the servers, and how requests are sent. Imports no client."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tts.errors import InputError


@dataclass
class OpenAIConfig:
    """The servers of a model, and how requests are sent.

    Attributes:
        urls: base URLs, such as http://localhost:8000/v1; all of them serve the same model.
        urls_file: a file with the base URLs in place of urls, one a line, comments behind #; it is read again every
            refresh_s seconds, so that servers can be added and removed while a run or a gateway goes on.
        resolve: whether each address that the name in a URL stands for is a server of its own, as in a headless service
            of Kubernetes; names are resolved again every refresh_s seconds. Only for http.
        refresh_s: seconds between two readings of urls_file and of the names, and the longest pause between two looks
            at a server that is down, where there are several, > 0.
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
            each request has its own seed, or the tokens of each sample must be counted, as for masses. The first
            refusal switches it off.
        extra: further fields of each request's body, by name; they replace others of that name, and null removes one.
    """

    urls: list[str] = field(default_factory=list)
    urls_file: str | None = None
    resolve: bool = False
    refresh_s: float = 5.0
    key_env: str = "OPENAI_API_KEY"
    tokenizer: str | None = None
    concurrency: int = 128
    timeout_s: float = 120.0
    retries: int = 4
    outage_timeout_s: float = 60.0
    n: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """True where the list of servers may change during a run."""
        return self.urls_file is not None or self.resolve

    @property
    def given(self) -> str:
        """The addresses as they are given, for messages."""
        return self.urls_file or ", ".join(self.urls)

    def check(self) -> None:
        """Refuse a configuration without a server, or with two lists of them.

        Raises:
            InputError: no URL, or a list and a file.
        """
        if not self.urls and self.urls_file is None:
            raise InputError("engine.kind=openai needs engine.openai.urls, such as [http://localhost:8000/v1]")
        if self.urls and self.urls_file is not None:
            raise InputError(
                "engine.openai.urls and engine.openai.urls_file both list the servers: leave one of them out"
            )

    def __post_init__(self) -> None:
        """Refuse values out of range; addresses of a route stand for the server's."""
        self.urls = server_urls(self.urls, "engine.openai.urls", resolve=self.resolve)
        if self.concurrency < 1 or self.retries < 0 or self.outage_timeout_s < 0 or not self.timeout_s > 0:
            raise InputError(
                "engine.openai.concurrency must be at least 1, retries and outage_timeout_s at least 0 and timeout_s "
                f"above 0, got {self.concurrency}, {self.retries}, {self.outage_timeout_s:g} and {self.timeout_s:g}"
            )
        if not 0 < self.refresh_s < math.inf:
            raise InputError(f"engine.openai.refresh_s must be above 0, got {self.refresh_s:g}")


def server_urls(given: Sequence[str], named: str, *, resolve: bool = False) -> list[str]:
    """Return the base URLs of servers from addresses as users give them, with those of a route.

    Args:
        given: the addresses.
        named: where they stand, for messages.
        resolve: whether names in them are resolved, for which https has no certificates.

    Raises:
        InputError: something that is no URL.
    """
    urls = [re.sub(r"/+(chat/completions|completions|models)?/*$", "", url) for url in given]
    for url in urls:
        try:
            parts = urlsplit(url)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            valid = False
        if not valid or any(character.isspace() for character in url):
            raise InputError(f"{named} must be URLs such as http://localhost:8000/v1, got {url!r}")
        if resolve and parts.scheme != "http":
            raise InputError(
                f"engine.openai.resolve asks servers by their addresses, which certificates do not name: got {url!r} "
                f"in {named}, give a URL with http, or leave resolve out"
            )
    return urls
