"""Pools for the tests of this folder: small ones from lists, and real ones where they are at hand."""

from __future__ import annotations

import numpy as np

from evals.replay.orders import Permutations
from strategies.catalog import METHODS
from tests.support.data import data_file
from tts.pool import Entry, Pool, load_pool
from tts.types import Problem, Sample

REPLAYED = tuple(row for row in METHODS if not row.requires.branching)
"""The rows of the catalogue that a recorded pool can play."""


def real(name):
    return load_pool(data_file(f"pools/{name}.jsonl.gz"))


def pool_of(*questions, gold="1"):
    """A pool from lists of (answer, confidence) or answers."""
    entries = []
    for q, draws in enumerate(questions):
        cells = [(d, None) if d is None or isinstance(d, str) else d for d in draws]
        samples = tuple(Sample(answer=a, confidence=c, index=i) for i, (a, c) in enumerate(cells))
        entries.append(Entry(Problem(f"q{q}", "?", gold), samples, tuple(a == gold for a, _ in cells), {}))
    return Pool("memory", "0" * 64, tuple(entries))


def permutations(sizes, *, count, draws, seed):
    """Random orders of the samples of all questions, as an array."""
    return Permutations(sizes, count=count, draws=draws, seed=seed)[np.arange(len(sizes))]
