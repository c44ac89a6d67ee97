"""The list of a model's servers: addresses of the configuration or of a file, and the addresses that names stand for.

Knows nothing of connections. Reading it waits for files and name servers.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tts.engines.openai.config import OpenAIConfig, server_urls
from tts.errors import InputError

SETTLE_S = 0.05
"""Seconds after which a file that has changed must still be the same, as it may be in the middle of being written."""


class ServerList:
    """The addresses of a model's servers, as they are whenever it is read.

    Attributes:
        faults: sentences about names that the last reading could not resolve.
    """

    def __init__(self, config: OpenAIConfig) -> None:
        """Read nothing yet."""
        self._config = config
        self._resolved: dict[str, tuple[str, ...]] = {}
        self._last: str | None = None
        self.faults: tuple[str, ...] = ()

    def read(self) -> tuple[str, ...]:
        """Return the base URL of each server, in order, each once.

        A name that has no address now keeps those that it had.

        Raises:
            InputError: a file that cannot be read, lists no server or something that is no URL; or names without any
                address.
        """
        config = self._config
        urls = config.urls if config.urls_file is None else self._of_file(Path(config.urls_file))
        if not config.resolve:
            return tuple(dict.fromkeys(urls))
        faults, found = [], dict[str, None]()
        for url in urls:
            try:
                self._resolved[url] = _addresses(url)
            except (OSError, UnicodeError) as error:  # the latter of a name that no name server can have
                name, reason = urlsplit(url).hostname, getattr(error, "strerror", None) or error
                faults.append(f"engine.openai.resolve: the name {name} has no address now ({reason})")
            found |= dict.fromkeys(self._resolved.get(url, ()))
        self.faults = tuple(faults)
        if not found:
            raise InputError(f"{faults[0]}: start a server, or correct the name")
        return tuple(found)

    def _of_file(self, file: Path) -> list[str]:
        """Return the base URLs of the file, once it does not change while it is read."""
        named = f"engine.openai.urls_file {file}"
        text = _text(file, named)
        while self._last is not None and text != self._last:
            self._last = text
            time.sleep(SETTLE_S)
            text = _text(file, named)
        self._last = text
        return _urls(text, named, resolve=self._config.resolve)


def _text(file: Path, named: str) -> str:
    """Return the text of a file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError(f"{named} cannot be read: {reason}") from None


def _urls(text: str, named: str, *, resolve: bool) -> list[str]:
    """Return the base URLs of a text: one a line, without empty lines and what stands behind a #.

    Raises:
        InputError: no server, or something that is no URL.
    """
    urls = [url for line in text.splitlines() if (url := line.partition("#")[0].strip())]
    if not urls:
        raise InputError(f"{named} lists no server: write one URL a line, such as http://localhost:8000/v1")
    return server_urls(urls, named, resolve=resolve)


def _addresses(url: str) -> tuple[str, ...]:
    """Return a URL for each address of its host, in the order of the addresses.

    Raises:
        OSError: the host has none.
    """
    parts = urlsplit(url)
    port = parts.port or 80
    found = {str(address[4][0]) for address in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)}
    hosts = sorted(f"[{address}]" if ":" in address else address for address in found)
    return tuple(urlunsplit(parts._replace(netloc=f"{host}:{port}")) for host in hosts)
