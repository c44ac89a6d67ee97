"""ROUGE-L: the overlap of two texts by the longest common subsequence of their words."""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORDS = re.compile(r"\w+|[^\w\s]")


def words_of(text: str) -> list[str]:
    """Return the words and signs of a text, in lower case."""
    return _WORDS.findall(text.lower())


def common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest common subsequence.

    One row of the table of lengths is the bits of an integer, so that a word of ``second`` takes a few operations.

    Source:
        Hyyrö, Bit-parallel LCS-length computation revisited, 2004.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << place
    full = (1 << len(first)) - 1
    row = full
    for word in second:
        matches = row & places.get(word, 0)
        row = (row + matches | row - matches) & full
    return len(first) - row.bit_count()


def rouge_l(first: Sequence[str], second: Sequence[str]) -> float:
    """Return ROUGE-L of two lists of words, in [0, 1]: the harmonic mean of precision and recall; 0 without words.

    Source:
        Lin, ROUGE: a package for automatic evaluation of summaries, 2004, with beta = 1.
    """
    words = len(first) + len(second)
    return 2 * common_subsequence(first, second) / words if words else 0.0
