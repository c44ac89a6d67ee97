"""The kind of answer that "auto" reads a pool as, and what another kind would merge."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from tts.answers import canonical
from tts.answers.reading import KINDS
from tts.pool import Pool

_READABLE = 0.9
"""Share of the answers that a kind must read to be worth naming."""


@dataclass(frozen=True, slots=True)
class AutoKind:
    """The outcome of reading a pool's answers as "auto".

    Attributes:
        kind: "number" where most answers are numbers, else "text".
        merged: for each other kind that reads the answers, the number of spellings that it would merge with another
            one of the same question; kinds that merge none are left out.
    """

    kind: str
    merged: dict[str, int]

    @property
    def sentence(self) -> str:
        """The kind, and the other kinds with their numbers, as one line."""
        others = [f"{kind} would merge {count} spelling{'s'[: count != 1]}" for kind, count in self.merged.items()]
        return "; ".join([f"answers: auto = {self.kind}", *others])


def auto_kind(pool: Pool) -> AutoKind:
    """Return the kind that "auto" takes for a pool's answers.

    Args:
        pool: the recorded samples.
    """
    numbers, total = 0, 0
    readable, spellings, merged = 0, Counter[str](), Counter[str]()
    for entry in pool.narrow().entries:
        answers = [sample.answer for sample in entry.samples if sample.answer]
        keys = {key for answer in answers if (key := _read(answer, "auto")) is not None}
        total += len(answers)
        numbers += sum(_read(answer, "number") is not None for answer in answers)
        readable += len(keys)
        for kind in KINDS:
            read = [found for key in keys if (found := _read(key, kind)) is not None]
            spellings[kind] += len(read)
            merged[kind] += len(read) - len(set(read))
    taken = "number" if 2 * numbers > total else "text"
    worth = [kind for kind in KINDS if kind != taken and merged[kind] and spellings[kind] >= _READABLE * readable]
    return AutoKind(taken, {kind: merged[kind] for kind in worth})


@lru_cache(maxsize=65536)
def _read(answer: str, kind: str) -> str | None:
    return canonical(answer, kind)
