"""Random orders of each question's samples, made for the questions at hand, so that no pool is too large for them.

The orders of a question depend on the seed and on the sizes of all questions, never on the questions asked for with it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts.errors import InputError

Array = NDArray[Any]
_WORD = 1 << 64
KEPT = 64 << 20
"""Bytes of orders that are kept once made; those of further questions are drawn again when asked for."""


class Permutations:
    """Random orders of the samples of many questions, cut to the first draws; indexed as an array of its shape.

    ``orders[rows]`` are the orders of some questions, [rows, count, draws], and ``orders[rows, :n]`` their first ``n``.
    One stream of random numbers runs through all questions, those of equal size together. Its position at each question
    is kept, in 21 bytes, and the orders are drawn again from there; those of the first questions are kept themselves.

    Attributes:
        shape: (questions, orders a question, draws of an order).
    """

    def __init__(self, sizes: Array, *, count: int, draws: int, seed: int) -> None:
        """Find the position of each question in the stream.

        Args:
            sizes: samples of each question, [questions], each at least ``draws``.
            count: orders a question, >= 1.
            draws: the samples of each order, >= 1.
            seed: the same seed gives the same orders.

        Raises:
            InputError: a question with fewer samples than ``draws``, or a count below 1.
        """
        if int(sizes.min()) < draws:
            raise InputError(
                f"budget {draws} is above the {int(sizes.min())} samples of the pool's smallest question: "
                f"choose a budget of at most {int(sizes.min())}"
            )
        if count < 1:
            raise InputError(f"permutations must be at least 1, got {count}")
        self.shape = (len(sizes), count, draws)
        self._sizes = sizes
        self._kind = np.min_scalar_type(int(sizes.max()) - 1)
        self._state = np.empty((len(sizes), 2), dtype=np.uint64)
        self._half = np.empty(len(sizes), dtype=np.uint32)  # PCG64 hands out its 64 bits in two halves
        self._has_half = np.empty(len(sizes), dtype=bool)
        self._kept = np.empty(
            (min(len(sizes), KEPT // (count * draws * self._kind.itemsize)), count, draws), self._kind
        )
        rng = np.random.default_rng(seed)
        self._increment = rng.bit_generator.state["state"]["inc"]
        for size in np.unique(sizes):
            shelf = self._shelf(int(size), count)
            drawn = np.empty_like(shelf)
            for q in np.flatnonzero(sizes == size):
                at = rng.bit_generator.state
                self._state[q] = divmod(at["state"]["state"], _WORD)
                self._half[q], self._has_half[q] = at["uinteger"], at["has_uint32"]
                rng.permuted(shelf, axis=1, out=drawn)
                if q < len(self._kept):
                    self._kept[q] = drawn[:, :draws]

    def __getitem__(self, key: Array | tuple[Array, slice]) -> Array:
        """Return the orders of the questions at some indices.

        Args:
            key: the indices, [rows], and a slice that begins at the first order.

        Returns:
            Sample indices, [rows, orders, draws].
        """
        rows, part = key if isinstance(key, tuple) else (key, slice(None))
        _, count, draws = self.shape
        count = len(range(count)[part])
        out = np.empty((len(rows), count, draws), dtype=self._kind)
        rng = np.random.default_rng(0)
        for orders, q in zip(out, rows, strict=True):
            if q < len(self._kept):
                orders[:] = self._kept[q, :count]
                continue
            high, low = self._state[q].tolist()
            rng.bit_generator.state = {
                "bit_generator": "PCG64",
                "state": {"state": high * _WORD + low, "inc": self._increment},
                "has_uint32": int(self._has_half[q]),
                "uinteger": int(self._half[q]),
            }
            orders[:] = rng.permuted(self._shelf(int(self._sizes[q]), count), axis=1)[:, :draws]
        return out

    def _shelf(self, size: int, count: int) -> Array:
        return np.tile(np.arange(size, dtype=self._kind), (count, 1))


Orders = Array | Permutations
"""Sample indices, [questions, permutations, draws]."""
