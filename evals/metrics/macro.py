"""Macro-averages: means over tasks in which every task counts alike, however many questions it has.

Values of all tasks stand one below the other. With the shares and the weights of this module in place of equal ones,
the bootstrap of :mod:`evals.metrics.stats` resamples the questions of each task apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.metrics.stats import bootstrap_interval, bootstrap_weights, wilson_interval

Floats = NDArray[np.float64]


def macro_shares(sizes: Sequence[int]) -> Floats:
    """Return the share of each question in a macro-average: 1 / (tasks x questions of its task).

    Args:
        sizes: the number of questions of each task, >= 1.

    Returns:
        Shape [sum(sizes)], sum 1.
    """
    return np.concatenate([np.full(size, 1 / (len(sizes) * size)) for size in sizes])


def macro_weights(sizes: Sequence[int], replicates: int, seed: int) -> Floats:
    """Return the share of each question in each resample of a bootstrap that is stratified by task.

    The questions of each task are resampled by :func:`evals.metrics.stats.bootstrap_weights` with a seed of its own
    (``seed`` for the first task, ``seed + 1`` for the second, ...), and every task has the weight 1 / tasks. The tasks
    are independent, so that the variance of the macro-average is the sum of the variances of their means / tasks^2.

    Args:
        sizes: the number of questions of each task, >= 1.
        replicates: the number of resamples.
        seed: of the bootstrap.

    Returns:
        Shape [replicates, sum(sizes)]; every row sums to 1.

    Source:
        Efron and Tibshirani 1993, chapter 8 (several samples).
    """
    drawn = [bootstrap_weights(size, replicates, seed + task) for task, size in enumerate(sizes)]
    return np.concatenate(drawn, axis=1) / len(sizes)


def macro_interval(
    values: Sequence[ArrayLike], weights: Floats, level: float = 0.95
) -> tuple[float, tuple[float, float]]:
    """Return the macro-average of tasks with its interval over questions.

    The interval is the percentile interval of the stratified bootstrap. The resamples of a task whose questions are all
    right, or all wrong, do not vary: from each end, the distance of that task's Wilson interval, / tasks, is added in
    squares, as independent errors are.

    Args:
        values: the values of the questions of each task, in [0, 1].
        weights: the shares that :func:`macro_weights` returned for these tasks.
        level: coverage of the two-sided interval.

    Returns:
        The macro-average and the ends of its interval.

    Source:
        Zou and Donner 2008 (ends of a sum's interval from those of its independent terms).
    """
    tasks = [np.asarray(one, dtype=np.float64) for one in values]
    mean = float(np.mean([one.mean() for one in tasks]))
    low, high = (float(end) for end in bootstrap_interval(np.concatenate(tasks), weights, level))
    below, above = [mean - low], [high - mean]
    for one in tasks:
        if (same := one[0]) in (0, 1) and np.all(one == same):
            bottom, top = wilson_interval(int(same) * len(one), len(one), level)
            below.append((float(same) - bottom) / len(tasks))
            above.append((top - float(same)) / len(tasks))
    return mean, (mean - math.hypot(*below), mean + math.hypot(*above))
