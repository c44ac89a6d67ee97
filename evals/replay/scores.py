"""Scores that strategies read in a replay, made for the questions at hand; indexed as an array of their shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evals.replay.arrays import PoolArrays
from tts.scorers.calibration.maps import CalibrationMap

Array = NDArray[Any]


class RowScores(Protocol):
    """Scores of all questions, indexed by questions: [questions, samples], or [questions, orders, draws].

    An array is one, and so is each class here, which makes those that are asked for.
    """

    @property
    def ndim(self) -> int:
        """2 for scores of samples, 3 for scores of draws."""
        ...

    def __getitem__(self, key: Any, /) -> Any:
        """Return the scores of some questions, of scores of draws those of the first orders: ``scores[rows, :n]``."""
        ...


@dataclass(frozen=True)
class CalibratedScores:
    """The confidences of a pool through a calibration map, [questions, samples], NaN where a sample is not parsed.

    Attributes:
        arrays: the pool, with confidences.
        calibration: the map.
    """

    arrays: PoolArrays
    calibration: CalibrationMap
    ndim = 2

    def __getitem__(self, rows: Array) -> Array:
        """Return the scores of the questions at these indices, [rows, samples]."""
        assert self.arrays.confidence is not None
        raw, parsed = self.arrays.confidence[rows], self.arrays.labels[rows] >= 0
        values = np.full(raw.shape, np.nan)
        values[parsed] = self.calibration(raw[parsed])
        return values


@dataclass(frozen=True)
class GradeScores:
    """The grades of the samples of a pool as scores, 1 where a sample is right and 0 elsewhere, [questions, samples].

    Attributes:
        arrays: the pool.
    """

    arrays: PoolArrays
    ndim = 2

    def __getitem__(self, rows: Array) -> Array:
        """Return the scores of the questions at these indices, [rows, samples]."""
        return self.arrays.right(rows).astype(np.float64)


class RandomScores:
    """Uniform random scores in [0, 1) of each draw of each order, [questions, orders, draws], that belong to no sample.

    ``scores[rows, :n]`` are those of the first ``n`` orders of some questions; they depend on the seed and the shape.
    """

    ndim = 3

    def __init__(self, shape: tuple[int, int, int], seed: int) -> None:
        """Take the shape of the orders and a seed."""
        self.shape = shape
        self._start = np.random.PCG64([seed, 2])

    def __getitem__(self, key: tuple[Array, slice]) -> Array:
        """Return the scores of the first orders of some questions, [rows, orders, draws]."""
        rows, part = key
        _, count, draws = self.shape
        used = len(range(count)[part])
        out = np.empty((len(rows), used, draws), dtype=np.float32)
        bits = np.random.PCG64(0)
        rng = np.random.Generator(bits)
        for scores, q in zip(out, rows.tolist(), strict=True):
            words, half = divmod(q * count * draws, 2)  # a word of the stream makes two scores
            bits.state = self._start.state
            bits.advance(words)
            rng.random(half, dtype=np.float32)
            rng.random(dtype=np.float32, out=scores)
        return out


Scores = Mapping[str, RowScores | None]
"""Scores by name, in [0, 1] where a sample is parsed; None where the pool has none."""
