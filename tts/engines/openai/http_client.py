"""The HTTP client of one server, and the errors of its connections."""

from __future__ import annotations

import os
import ssl
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

from tts.engines.openai.config import OpenAIConfig

CONNECT_S = 10.0
"""The most seconds that a connection takes, the TLS handshake included, which servers of plain HTTP may not answer."""


def make_client(url: str, config: OpenAIConfig, received: Callable[[Any], Awaitable[None]]) -> Any:
    """Return a client of one server, for the running event loop.

    Args:
        url: the server's base URL.
        config: how requests are sent.
        received: gets each answer before the client decides whether to repeat the request.
    """
    import httpx2
    import openai

    most, wait = config.concurrency, config.timeout_s
    limits = httpx2.Limits(max_connections=most, max_keepalive_connections=most)
    http = openai.DefaultAioHttpClient(
        base_url=url, limits=limits, event_hooks={"response": [received]}, verify=_certificates()
    )
    return openai.AsyncOpenAI(
        base_url=url,
        http_client=http,
        api_key=os.environ.get(config.key_env) or "none",  # servers without keys take any
        timeout=httpx2.Timeout(wait, connect=min(wait, CONNECT_S)),
        max_retries=config.retries,
    )


@cache
def _certificates() -> ssl.SSLContext:
    """Return the certificates that all clients of this process check servers against; reading them takes 50 ms."""
    import httpx2

    return httpx2.create_ssl_context()


def is_unreachable(error: BaseException) -> bool:
    """Return whether a client's error means that there was no connection at all."""
    import httpx2

    return isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)


def connection_errors() -> tuple[type[Exception], ...]:
    """Return the errors of a connection that is refused or that breaks in the middle of an answer."""
    import httpx2
    import openai

    return (openai.APIConnectionError, httpx2.TransportError, httpx2.StreamError, httpx2.DecodingError)
