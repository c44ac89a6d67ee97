"""Resamples of questions, drawn some at a time, so that memory does not grow with questions x replicates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tts.errors import InputError
from tts.progress.phases import phase

Array = NDArray[Any]
Floats = NDArray[np.float64]

_CHUNK = 1_000_000  # resampled indices held at a time
_BLOCK = 8_000_000  # counts of resamples held at a time
_VALUES = 4_000_000  # values held as floats at a time


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """The resamples of a bootstrap over questions, the same for all that is compared.

    ``bootstrap @ values`` is the mean of values in each resample, as the product with the array of
    :func:`evals.metrics.stats.bootstrap_weights` is. Means of whole numbers are exact before the division by the number
    of questions, so that equal ones are equal to the last bit.

    Attributes:
        questions: the number of questions, >= 1.
        replicates: the number of resamples, >= 1; 10,000 is usual.
        seed: of numpy's default generator; the same seed gives the same resamples.

    Raises:
        InputError: a number below 1.

    Source:
        Efron 1979, the nonparametric bootstrap.
    """

    questions: int
    replicates: int
    seed: int

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        if self.questions < 1 or self.replicates < 1:
            raise InputError(
                f"A bootstrap needs at least 1 question and 1 replicate, got {self.questions} and {self.replicates}: "
                "raise them."
            )

    @property
    def shape(self) -> tuple[int, int]:
        """The resamples and the questions, as the shape of an array of weights."""
        return self.replicates, self.questions

    def counts(self) -> Iterator[Array]:
        """Yield the counts of the questions in the resamples, whole numbers, [some resamples, questions]."""
        rng = np.random.default_rng(self.seed)
        step, most = max(1, _CHUNK // self.questions), max(1, _BLOCK // self.questions)
        for start in range(0, self.replicates, most):
            block = np.empty((min(most, self.replicates - start), self.questions), np.min_scalar_type(self.questions))
            for at in range(0, len(block), step):
                part = block[at : at + step]
                drawn = rng.integers(0, self.questions, size=part.shape)
                drawn += np.arange(len(part))[:, None] * self.questions
                part[:] = np.bincount(drawn.ravel(), minlength=part.size).reshape(part.shape)
            yield block

    def __matmul__(self, values: ArrayLike) -> Floats:
        """Return the mean of each column of values [questions, ...] in each resample, [replicates, ...]."""
        given = np.asarray(values)
        columns = given.reshape(self.questions, -1)
        out = np.zeros((self.replicates, columns.shape[1]))
        step, done = max(1, _VALUES // max(1, columns.shape[1])), 0
        with phase("intervals", "resample", columns.size * self.replicates) as advance:
            for block in self.counts():
                part = out[done : done + len(block)]
                for at in range(0, self.questions, step):
                    part += block[:, at : at + step].astype(np.float64) @ columns[at : at + step].astype(np.float64)
                done += len(block)
                advance(columns.size * len(block))
        return (out / self.questions).reshape(-1, *given.shape[1:])
