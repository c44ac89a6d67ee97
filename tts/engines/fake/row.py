"""A running request of the fake engine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from tts.boundaries import TRUNCATABLE
from tts.engines.base import Chunk, Request
from tts.types import End


@dataclass(slots=True, eq=False)
class Row:
    """One running request."""

    script: Iterator[tuple[str, float]]
    request: Request
    wait: int
    fails: bool
    queue: asyncio.Queue[Chunk | Exception] = field(default_factory=asyncio.Queue)
    held: list[tuple[str, float]] = field(default_factory=list)
    drawn: int = 0

    def end(self, word: str, probability: float) -> End | None:
        """Return why the sample ends with this token; None if it goes on."""
        kind, value = self.request.until.kind, self.request.until.value
        if word.startswith("####"):
            return End.STOP
        if self._full and kind not in TRUNCATABLE:
            return End.LENGTH
        here = (
            (kind == "step" and word == "\n")
            or (kind == "tokens" and self.drawn >= value)
            or (kind == "confidence_below" and probability < value)
            or (kind == "step_below" and word == "\n" and probability < value)
        )
        return End.BOUNDARY if here else End.LENGTH if self._full else None

    @property
    def _full(self) -> bool:
        """True where it has the most tokens that its request's own sampling allows."""
        change, prefix = self.request.sampling, self.request.prefix
        if change is None or change.max_tokens is None:
            return False
        return self.drawn + (len(prefix.token_ids) if prefix is not None else 0) >= change.max_tokens
