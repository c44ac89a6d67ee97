"""One word problem, and the split it belongs to."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "calibration", "test"]
SPLITS: tuple[Split, ...] = ("train", "calibration", "test")


@dataclass(frozen=True, slots=True)
class Story:
    """One word problem.

    Attributes:
        question: its text, one line.
        lines: the worked solution, one step a line, without the answer's line.
        answer: the right answer, an integer in decimal digits.
        numbers: the numbers in the question, in order of appearance.
        traps: the traps it holds, by name.
    """

    question: str
    lines: tuple[str, ...]
    answer: str
    numbers: tuple[int, ...]
    traps: tuple[str, ...]

    @property
    def solution(self) -> str:
        """The lines and ``#### answer``, as a model should write them."""
        return "\n".join((*self.lines, f"#### {self.answer}"))

    @property
    def split(self) -> Split:
        """The one split this story can occur in."""
        share = zlib.crc32(repr(sorted(self.numbers)).encode()) % 16
        return "test" if share == 0 else "calibration" if share == 1 else "train"
