"""Curves of a whole pool by exact estimators: maj@k, pass@k and best-of-k for every k up to the budget."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.metrics.estimators import MAX_POOL, best_of_curve, maj_curve, pass_at_k
from evals.replay.arrays import PoolArrays
from tts.progress.phases import tracked

Curve = dict[int, float]
MAX_K = 64
"""The largest k of a pool with a question of more than ``MAX_POOL`` samples."""


def curves(arrays: PoolArrays, budget: int, *, seed: int = 0) -> dict[str, Curve]:
    """Return the mean over questions of each exact estimator.

    Args:
        arrays: the pool; all samples of a question enter its estimators. Of a question with more than ``MAX_POOL`` a
            random ``MAX_POOL`` enter all but pass@k, and k ends at ``MAX_K``, beyond which a vote takes minutes.
        budget: the largest k, at most the samples of the smallest question.
        seed: chooses those samples.

    Returns:
        "maj" and "pass", and "best_of" where the pool has scores: {k: value in [0, 1]}.
    """
    if int(arrays.sizes.max()) > MAX_POOL:
        budget = min(budget, MAX_K)
    ks = range(1, budget + 1)
    rng = np.random.default_rng([seed, MAX_POOL])
    right = arrays.sample_correct
    found: dict[str, NDArray[Any]] = {"maj": np.zeros(budget), "pass": np.zeros(budget)}
    if arrays.confidence is not None:
        found["best_of"] = np.zeros(budget)
    for q in tracked(range(arrays.questions), "curves", "evaluate", arrays.questions):
        drawn = np.arange(int(arrays.sizes[q]))
        if len(drawn) > MAX_POOL:
            drawn = rng.choice(drawn, MAX_POOL, replace=False)
        labels = arrays.labels[q, drawn]
        counts = np.bincount(labels[labels >= 0], minlength=1)
        correct = arrays.class_correct[q, : len(counts)]
        found["maj"] += maj_curve(counts, correct, int((labels < 0).sum()), list(ks))
        if arrays.confidence is not None:
            scores = np.where(labels >= 0, arrays.confidence[q, drawn], -np.inf)
            found["best_of"] += best_of_curve(scores, right[q, drawn], list(ks))
    total = right.sum(axis=1)
    for i, k in enumerate(ks):
        found["pass"][i] = float(np.sum(pass_at_k(arrays.sizes, total, k)))
    return {
        name: {k: float(v) for k, v in zip(ks, values / arrays.questions, strict=True)}
        for name, values in found.items()
    }
