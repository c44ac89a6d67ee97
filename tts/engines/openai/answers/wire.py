"""The bytes of an answer as JSON objects: server-sent events, or JSON where a stream was requested.

Takes what servers send: comments, CRLF, ``data:`` without a space, events without an empty line between them, a missing
[DONE], one JSON object for the whole answer, and JSON Lines. Knows nothing about what the objects mean.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tts.errors import EngineError

_IGNORED = (":", "event:", "id:", "retry:")
_OBJECT = json.JSONDecoder().raw_decode
_MOST_FOREIGN = 1 << 22
"""The most characters of an answer that is no stream that are kept."""


class EventReader:
    """Turns pieces of an answer into JSON objects.

    Attributes:
        source: the name of the server in messages.
        done: whether the server sent [DONE].
        any: whether an object was found.
    """

    def __init__(self, source: str = "the server") -> None:
        """Start with an empty answer; ``source`` names the server in messages."""
        self.source, self.done, self.any = source, False, False
        self._rest = b""
        self._data: list[str] = []
        self._foreign: list[str] = []
        self._foreign_size = 0

    @property
    def foreign(self) -> str:
        """The lines that are no events, such as a proxy's HTML page."""
        return "\n".join(self._foreign)

    def feed(self, piece: bytes) -> list[Mapping[str, Any]]:
        """Return the objects that end in the next bytes.

        Raises:
            EngineError: an event that is no JSON.
        """
        *lines, self._rest = (self._rest + piece).split(b"\n")
        found: list[Mapping[str, Any]] = []
        for line in lines:
            if not self._data:
                if not line:
                    continue
                if line.startswith(b"data: {") and (one := _whole(line)) is not None:
                    found.append(one)
                    continue
            found += self._line(line)
        self.any = self.any or bool(found)
        return found

    def close(self) -> Iterator[Mapping[str, Any]]:
        """Yield the objects that the end of the answer completes, one that is no event among them.

        Raises:
            EngineError: an event that is no JSON.
        """
        yield from self._line(self._rest)
        self._rest = b""
        yield from self._event()
        if self._foreign:
            try:
                yield from self._objects(json.loads(self.foreign))
            except ValueError:
                for line in self._foreign:
                    try:
                        yield from self._objects(json.loads(line))
                    except ValueError:
                        continue

    def _line(self, raw: bytes) -> Iterator[Mapping[str, Any]]:
        line = raw.decode("utf-8", errors="replace").rstrip("\r").removeprefix("\ufeff")
        if line.startswith("data:"):
            self._data.append(line[5:].strip())
            try:
                found = self._decoded()
            except ValueError:
                return  # it may go on in the next line
            self._data.clear()
            yield from self._objects(found)
        elif not line.strip():
            yield from self._event()
        elif not line.startswith(_IGNORED) and self._foreign_size < _MOST_FOREIGN:
            self._foreign.append(line)
            self._foreign_size += len(line)

    def _event(self) -> Iterator[Mapping[str, Any]]:
        if not self._data:
            return
        try:
            found = self._decoded()
        except ValueError:
            text = " ".join(self._data)[:60]
            raise EngineError(f"{self.source} sent an event that is no JSON: {text!r}") from None
        finally:
            self._data.clear()
        yield from self._objects(found)

    def _decoded(self) -> Any:
        text = "\n".join(self._data).strip()
        if text == "[DONE]":
            self.done = True
            return None
        return json.loads(text) if text else None

    def _objects(self, found: Any) -> Iterator[Mapping[str, Any]]:
        for one in found if isinstance(found, list) else [found]:
            if isinstance(one, dict):
                self.any = True
                yield one


def _whole(line: bytes) -> Mapping[str, Any] | None:
    """Return the object of a line that is one event as most servers send it; None for any other."""
    try:
        text = line.decode()
        found, end = _OBJECT(text, 6)
    except ValueError:
        return None
    return found if end == len(text) else None
