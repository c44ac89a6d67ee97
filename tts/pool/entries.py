"""The questions of a pool as a sequence: held in memory, or read from their file in blocks, only the wanted fields.

A pool of at most ``HELD`` samples is read at once. Of a larger one, blocks of about ``BLOCK`` samples are read when
they are asked for, and a few are kept, so that memory does not grow with the pool; reading the questions in their order
reads each block once.
"""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import accumulate
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from tts.pool.facts import Facts, facts_of

if TYPE_CHECKING:
    from tts.pool.records import Entry

Fields = Literal["text", "tokens", "trace", "usage", "times", "scores"]
"""The fields of samples that may be left out: texts with reasoning and errors, token ids, signals, token counts, times,
and the scores beside them. Index, answer, grade, end, confidence and the length of the prefix are always read."""
ALL: frozenset[Fields] = frozenset(("text", "tokens", "trace", "usage", "times", "scores"))
HELD = 20_000
"""The most samples of a stored pool that are read at once."""
BLOCK = 4_096
"""Samples of a block."""
_KEPT = 4


class Entries(Sequence["Entry"]):
    """The questions of a pool, each with its samples."""

    @cached_property
    def facts(self) -> Facts:
        """Their counts."""
        return facts_of(self)

    @abstractmethod
    def narrow(self, fields: frozenset[Fields]) -> Entries:
        """Return the same questions of which these fields are read; others may be missing."""

    @abstractmethod
    def map(self, change: Callable[[Entry], Entry], needs: frozenset[Fields]) -> Entries:
        """Return the questions after a change that reads these fields and keeps their number and order."""


class HeldEntries(tuple["Entry", ...], Entries):
    """Questions in memory."""

    def narrow(self, fields: frozenset[Fields]) -> Self:
        """Return the same questions: they have every field."""
        del fields
        return self

    def map(self, change: Callable[[Entry], Entry], needs: frozenset[Fields]) -> HeldEntries:
        """Return the changed questions."""
        del needs
        return HeldEntries(map(change, self))


class ReadEntries(Entries):
    """Questions that are not in memory: the base of those that are read when they are asked for."""

    @abstractmethod
    def one(self, at: int) -> Entry:
        """Return the question at a place in [0, questions)."""

    def __iter__(self) -> Iterator[Entry]:
        """Every question, in order."""
        return map(self.one, range(len(self)))

    @overload
    def __getitem__(self, at: int) -> Entry: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Entry]: ...

    def __getitem__(self, at: int | slice) -> Any:
        """The question at a place, or those of a slice."""
        if isinstance(at, slice):
            return tuple(map(self.one, range(*at.indices(len(self)))))
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        return self.one(at % len(self))

    def __eq__(self, other: object) -> bool:
        """Return True if the other one has equal questions in the same order."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def map(self, change: Callable[[Entry], Entry], needs: frozenset[Fields]) -> Entries:
        """Return the questions after a change that reads these fields and keeps their number and order."""
        return ChangedEntries(self, change, needs)


class StoredEntries(ReadEntries):
    """Questions that are read from a file when they are asked for."""

    def __init__(
        self,
        read: Callable[[range, frozenset[Fields]], Sequence[Entry]],
        sizes: Sequence[int],
        count: Callable[[], Facts],
        fields: frozenset[Fields] = ALL,
    ) -> None:
        """Take what reads them.

        Args:
            read: returns the questions at a range of places with these fields.
            sizes: the samples of each question, in order.
            count: returns their counts.
            fields: the fields to read.
        """
        self._read, self._sizes, self._count, self._fields = read, sizes, count, fields
        block = [before // BLOCK for before in accumulate(sizes, initial=0)][:-1]
        self._starts = [at for at, number in enumerate(block) if at == 0 or number != block[at - 1]]
        self._kept: OrderedDict[int, Sequence[Entry]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        """The number of questions."""
        return len(self._sizes)

    @cached_property
    def facts(self) -> Facts:
        """Their counts, as the file knows them."""
        return self._count()

    def one(self, at: int) -> Entry:
        """Return the question at a place, out of its block."""
        block = bisect_right(self._starts, at) - 1
        start = self._starts[block]
        with self._lock:
            if block not in self._kept:
                end = self._starts[block + 1] if block + 1 < len(self._starts) else len(self)
                self._kept[block] = self._read(range(start, end), self._fields)
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(block)
            return self._kept[block][at - start]

    def narrow(self, fields: frozenset[Fields]) -> Entries:
        """Return the same questions of which these fields are read; others may be missing."""
        return StoredEntries(self._read, self._sizes, lambda: self.facts, fields)


class ChangedEntries(ReadEntries):
    """Questions that are changed when they are asked for."""

    def __init__(self, inner: Entries, change: Callable[[Entry], Entry], needs: frozenset[Fields]) -> None:
        """Take the questions, the change and the fields that it reads."""
        self._inner, self._change, self._needs = inner, change, needs

    def __len__(self) -> int:
        """The number of questions."""
        return len(self._inner)

    def one(self, at: int) -> Entry:
        """Return the changed question at a place."""
        return self._change(self._inner[at])

    @cached_property
    def facts(self) -> Facts:
        """Their counts: a change touches confidences and token counts alone."""
        own = facts_of(self.narrow(frozenset({"usage"})))
        changed = (
            "scored",
            "confidences",
            "confidence_sum",
            "confidence_min",
            "confidence_max",
            "counted",
            "delivered",
        )
        return replace(self._inner.facts, **{name: getattr(own, name) for name in changed})

    def narrow(self, fields: frozenset[Fields]) -> Entries:
        """Return the same questions of which these fields are read, and those that the change reads."""
        return ChangedEntries(self._inner.narrow(fields | self._needs), self._change, self._needs)
