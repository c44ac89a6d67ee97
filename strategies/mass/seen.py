"""Masses: how probable each answer is under the model, from the probabilities of the distinct texts drawn so far.

An answer's mass is the sum of the probabilities of its distinct texts (perplexity consistency, 2502.00511). A text that
was drawn before adds nothing; a text without an answer is seen and belongs to none. The rest, one minus all that was
seen, is unseen: a draw that was cut off or failed, or whose engine gives no probabilities, leaves it as it is.

Probabilities are those of :attr:`~tts.types.Sample.logprob`, under the distribution that the texts were drawn from, as
64-bit floats. A text so long that its probability is no such float has mass 0 and stays unseen.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts.errors import UnsupportedError
from tts.types import Sample

Array = NDArray[Any]
EXCESS = 1e-3
"""Distinct texts may have probabilities that sum to one plus this, by rounding."""


def mass_of(sample: Sample) -> float:
    """Return the probability of a sample's text, in [0, 1]; NaN where it is not known."""
    logprob = sample.logprob
    return math.nan if logprob is None else math.exp(min(logprob, 1.0))  # a positive one fails the check of the sum


def text_of(sample: Sample) -> Hashable:
    """Return what two draws of the same text have in common: their tokens, or their text where no tokens are kept."""
    if sample.token_ids:
        return sample.token_ids
    return sample.text, sample.reasoning, tuple((call.name, call.arguments) for call in sample.calls)


class MassError(UnsupportedError):
    """Probabilities of distinct texts that cannot be those of one distribution: they sum to more than one."""

    def __init__(self, total: float, source: str = "the engine") -> None:
        """Take their sum, and the name of the engine or the model that reported them."""
        self.total = total
        super().__init__(
            f"distinct texts of one question have probabilities that sum to {total:.4g}: {source} reports "
            "probabilities that are not those it draws from, so answers have no masses: choose a strategy that counts"
        )

    def named(self, source: str) -> MassError:
        """Return the error with the name of the engine or the model."""
        return MassError(self.total, source)


def check_sum(total: float, source: str = "the engine") -> None:
    """Refuse probabilities of distinct texts that cannot be those of one distribution.

    Args:
        total: their sum.
        source: the model or the engine that reported them, as the sentence names it.

    Raises:
        MassError: they sum to more than one.
    """
    if total > 1.0 + EXCESS:
        raise MassError(total, source)


class SeenMass:
    """The masses of the answers to one question, updated with each draw.

    Attributes:
        by_label: the mass of each answer, by its label.
        total: the mass of all texts, those without an answer included.
        unknown: whether a draw with an answer had no probability.
    """

    __slots__ = ("_seen", "by_label", "total", "unknown")

    def __init__(self) -> None:
        """Start with nothing seen."""
        self.by_label: list[float] = []
        self.total = 0.0
        self.unknown = False
        self._seen: set[Hashable] = set()

    def add(self, sample: Sample, label: int) -> float:
        """Count a draw and return the mass that it adds: 0 for a text that was drawn before.

        Args:
            sample: the draw.
            label: of its answer, at most one beyond those so far; -1 without one.

        Raises:
            MassError: the probabilities sum to more than one.
        """
        if label == len(self.by_label):
            self.by_label.append(0.0)
        mass = mass_of(sample)
        self.unknown = self.unknown or (label >= 0 and math.isnan(mass))
        if not mass > 0.0 or (text := text_of(sample)) in self._seen:
            return 0.0
        self._seen.add(text)
        self.total += mass
        if label >= 0:
            self.by_label[label] += mass
        check_sum(self.total)
        return mass


def numbered_texts(samples: Sequence[Sample]) -> Array:
    """Return a number for each sample's text, [samples]: equal texts have the same."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(text_of(sample), len(known)) for sample in samples], dtype=np.int32)


def first_seen(texts: Array, masses: Array) -> Array:
    """Return the mass that each draw of many rows adds, [draws, rows]: 0 for a text that its row has had before.

    Args:
        texts: the number of each draw's text, [draws, rows].
        masses: its probability, the same shape; NaN where it is not known, and then in the result.
    """
    added = np.where(np.isnan(masses), masses, 0.0)
    rows = np.arange(masses.shape[1])
    seen = np.zeros((len(rows), int(texts.max(initial=-1)) + 1), dtype=bool)
    for text, mass, new in zip(texts, masses, added, strict=True):
        fresh = (mass > 0.0) & ~seen[rows, text]
        np.copyto(new, mass, where=fresh)
        seen[rows[fresh], text[fresh]] = True
    return added
