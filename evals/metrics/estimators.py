"""Exact unbiased estimators of one question's accuracy at k draws, from a pool of n recorded draws.

Each is the mean over all C(n, k) subsets of the pool (a U-statistic), computed without enumerating or drawing them:
pass@k, pass^k, majority voting with uniform tie-breaking, and best-of-k by score. Knows only counts, marks and scores
of one question; averaging over questions and error bars are elsewhere (``evals.metrics.stats``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tts.errors import InputError

Floats = NDArray[np.float64]

MAX_POOL = 1000  # C(n, k) of a larger pool leaves the range of a float


def pass_at_k(n: ArrayLike, c: ArrayLike, k: int) -> Floats:
    """Return the probability that at least one of k draws is correct.

    Args:
        n: Samples per question, integers >= k, any shape.
        c: Correct samples per question, integers in [0, n], a shape that broadcasts with ``n``.
        k: Draws without replacement, >= 1.

    Returns:
        Probabilities in [0, 1] of the broadcast shape: 1 - C(n-c, k) / C(n, k).

    Raises:
        InputError: If k or a count is out of range.

    Source:
        Chen et al. 2021 (arXiv 2107.03374), equation 1.
    """
    samples, hits = _checked_counts(n, c, k)
    return np.asarray(1.0 - _all_from(samples, samples - hits, k))


def pass_hat_k(n: ArrayLike, c: ArrayLike, k: int) -> Floats:
    """Return the probability that all of k draws are correct.

    Args:
        n: Samples per question, integers >= k, any shape.
        c: Correct samples per question, integers in [0, n], a shape that broadcasts with ``n``.
        k: Draws without replacement, >= 1.

    Returns:
        Probabilities in [0, 1] of the broadcast shape: C(c, k) / C(n, k).

    Raises:
        InputError: If k or a count is out of range.

    Source:
        pass^k of Yao et al. 2024 (tau-bench, arXiv 2406.12045).
    """
    samples, hits = _checked_counts(n, c, k)
    return _all_from(samples, hits, k)


def maj_at_k(counts: ArrayLike, correct: ArrayLike, k: int, *, unparsed: int = 0) -> float:
    """Return the probability that a plurality vote over k draws of one question is correct; see ``maj_curve``."""
    return float(maj_curve(counts, correct, unparsed, [k])[0])


def maj_curve(counts: ArrayLike, correct: ArrayLike, unparsed: int, ks: Sequence[int] | NDArray[np.integer]) -> Floats:
    """Return the probability that a plurality vote over k draws of one question is correct, for every k of ``ks``.

    The k draws are without replacement, a tie for the most votes is broken uniformly at random, an unparsed draw
    never wins, and a vote among unparsed draws alone is wrong. Questions with the same counts share one computation.

    Args:
        counts: Samples per answer class, integers >= 0, shape [classes].
        correct: True for the correct classes, booleans, shape [classes]; several may be.
        unparsed: Samples without an answer, >= 0; counts.sum() + unparsed is the pool, at most 1000.
        ks: Draws, each from 1 to the pool's size, in any order.

    Returns:
        Probabilities in [0, 1], shape [len(ks)], in the order of ``ks``.

    Raises:
        InputError: If the shapes differ, the marks are not booleans, or a number is out of range.

    Source:
        U-statistic of self-consistency (Wang et al. 2022, arXiv 2203.11171) by the polynomial
        sum over t, the winner's votes, of C(n_*, t) / C(n, k) * [x^(k-t)] of the integral over y in [0, 1] of
        prod over j != * of (sum over s < t of C(n_j, s) x^s + C(n_j, t) x^t y):
        the integral turns u classes tied with the winner, y^u, into the winner's share 1 / (1 + u).
    """
    classes, marks = np.atleast_1d(np.asarray(counts)), np.atleast_1d(np.asarray(correct))
    if classes.ndim != 1 or classes.shape != marks.shape:
        raise InputError(
            f"A vote needs one mark per answer class, got counts of shape {classes.shape} and marks of shape "
            f"{marks.shape}: give two lists of the same length."
        )
    if marks.dtype != np.bool_ and marks.size:
        raise InputError(
            f"The correct classes must be marked True or False, got {marks.dtype} values: mark each class."
        )
    if (classes.dtype.kind not in "iu" and classes.size) or np.any(classes < 0) or unparsed < 0:
        raise InputError(
            f"Votes must be whole numbers of at least 0, got {classes.tolist()} and {unparsed} unparsed: give counts."
        )
    unparsed = int(unparsed)
    n = int(classes.sum()) + unparsed
    if n > MAX_POOL:
        raise InputError(
            f"An exact vote takes a pool of at most {MAX_POOL} samples, got {n}: use a random subset of the pool."
        )
    wanted = _checked_ks(ks, n)
    if not wanted.size:
        return np.empty(0)
    right = tuple(sorted(int(v) for v in classes[marks.astype(bool)] if v))
    wrong = tuple(sorted(int(v) for v in classes[~marks.astype(bool)] if v))
    return _maj_all(right, wrong, unparsed, int(wanted.max()))[wanted - 1]


def best_of_k(scores: ArrayLike, correct: ArrayLike, k: int) -> float:
    """Return the probability that the best-scored of k draws of one question is correct; see ``best_of_curve``."""
    return float(best_of_curve(scores, correct, [k])[0])


def best_of_curve(scores: ArrayLike, correct: ArrayLike, ks: Sequence[int] | NDArray[np.integer]) -> Floats:
    """Return the probability that the best-scored of k draws of one question is correct, for every k of ``ks``.

    The k draws are without replacement and a tie for the best score is broken uniformly at random.

    Args:
        scores: One score per sample, higher is better, any real number or infinite, shape [n]; a sample scored
            -inf (unparsed) is wrong whatever its mark.
        correct: True for the correct samples, booleans or rewards (the result is then their mean), shape [n].
        ks: Draws, each from 1 to n, in any order.

    Returns:
        Probabilities in [0, 1] (or mean rewards), shape [len(ks)], in the order of ``ks``.

    Raises:
        InputError: If the shapes differ, a score is NaN or a k is out of range.

    Source:
        Order-statistic U-statistic of Bagirov et al. 2025 (arXiv 2510.23393), appendix C.1:
        sum over i = k..n of C(i-1, k-1) / C(n, k) * y_(i), y averaged within ties.
    """
    values, marks = np.asarray(scores, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if values.ndim != 1 or values.shape != marks.shape:
        raise InputError(
            f"Best-of-k needs one score and one mark per sample, got shapes {values.shape} and {marks.shape}: "
            "give two lists of the same length."
        )
    if np.isnan(values).any() or np.isnan(marks).any():
        raise InputError("Best-of-k needs a score and a mark for every sample, got NaN: score missing samples -inf.")
    wanted = _checked_ks(ks, len(values))
    if not wanted.size:
        return np.empty(0)
    marks = np.where(np.isneginf(values), 0.0, marks)
    _, group = np.unique(values, return_inverse=True)
    ties = np.bincount(group)
    expected = np.repeat(np.bincount(group, weights=marks) / ties, ties)  # ascending, averaged within ties
    weights = _order_weights(len(values), tuple(wanted.tolist()))
    return np.asarray(weights @ expected)


def _checked_counts(n: ArrayLike, c: ArrayLike, k: int) -> tuple[Floats, Floats]:
    """Return n and c as floats of one shape."""
    try:
        samples, hits = np.broadcast_arrays(np.asarray(n), np.asarray(c))
    except ValueError as error:
        raise InputError(
            f"Samples and correct samples must pair up, got shapes {np.shape(n)} and {np.shape(c)}: "
            "give one pair per question."
        ) from error
    if samples.dtype.kind not in "iu" or hits.dtype.kind not in "iu":
        raise InputError(f"Sample counts must be whole numbers, got {samples.dtype} and {hits.dtype}: give integers.")
    if np.any(hits < 0) or np.any(hits > samples):
        raise InputError("Correct samples must be between 0 and the question's samples: check the order of n and c.")
    if samples.size:
        _checked_ks([k], int(samples.min()))
    return samples.astype(np.float64), hits.astype(np.float64)


def _checked_ks(ks: Sequence[int] | NDArray[np.integer], n: int) -> NDArray[np.int64]:
    wanted = np.asarray(ks)
    if wanted.size and (wanted.ndim != 1 or wanted.dtype.kind not in "iu"):
        raise InputError(f"k must be a list of whole numbers, got {wanted.tolist()}: give for example [1, 2, 4].")
    bad = wanted[(wanted < 1) | (wanted > n)]
    if bad.size:
        raise InputError(
            f"k must be between 1 and the pool's {n} samples, got {bad[0]}: record more samples or ask for another k."
        )
    return wanted.astype(np.int64)


def _all_from(n: Floats, part: Floats, k: int) -> Floats:
    """Return C(part, k) / C(n, k) as a product of k ratios in [0, 1], so that nothing overflows."""
    share = np.ones(n.shape)
    for i in range(k):
        share *= np.maximum(part - i, 0.0) / (n - i)
    return share


@lru_cache(maxsize=16)
def _order_weights(n: int, ks: tuple[int, ...]) -> Floats:
    """Return C(i-1, k-1) / C(n, k) for i = 1..n, shape [len(ks), n], from k/n downwards by the ratio (i-k) / (i-1)."""
    k = np.array(ks, dtype=np.float64)[:, None]
    i = np.arange(n, 1, -1, dtype=np.float64)
    ratios = np.maximum(i - k, 0.0) / (i - 1)
    falling = np.cumprod(np.concatenate([k / n, ratios], axis=1), axis=1)
    return np.ascontiguousarray(falling[:, ::-1])


@lru_cache(maxsize=4096)
def _binomials(n: int) -> Floats:
    return np.array([math.comb(n, s) for s in range(n + 1)], dtype=np.float64)


@lru_cache(maxsize=1024)
def _unit_nodes(degree: int) -> tuple[Floats, Floats]:
    """Return the Gauss-Legendre nodes and weights that integrate a polynomial of ``degree`` over [0, 1] exactly."""
    nodes, weights = np.polynomial.legendre.leggauss(degree // 2 + 1)
    return (nodes + 1) / 2, weights / 2


@lru_cache(maxsize=16384)
def _maj_all(right: tuple[int, ...], wrong: tuple[int, ...], unparsed: int, last: int) -> Floats:
    """Return the vote's accuracy for k = 1..last, shape [last]; the arguments are counts, so equal questions share it.

    The arrays below have the axes [power of x, winner's votes t = 1..top, quadrature node y]. ``others`` is the product
    over all classes so far of the polynomial in the docstring of ``maj_curve``; ``won`` is the same with exactly one
    correct class singled out as the winner, summed over that class. All terms are positive: nothing cancels.
    """
    accuracy = np.zeros(last)
    top = min(right[-1], last) if right else 0
    if top:
        y, weights = _unit_nodes(min(len(right) + len(wrong), last) - 1)
        others = np.zeros((last + 1, top, len(y)))
        ignored = _binomials(unparsed)[: last + 1]
        others[: len(ignored)] = ignored[:, None, None]
        for count in wrong:
            others = _with_rival(others, count, y)
        won = np.zeros_like(others)
        for count in right:
            won = _with_rival(won, count, y)
            for t in range(1, min(count, top) + 1):
                won[t:, t - 1] += _binomials(count)[t] * others[: last + 1 - t, t - 1]
            others = _with_rival(others, count, y)
        n = sum(right) + sum(wrong) + unparsed
        accuracy = np.minimum((won.sum(axis=1) @ weights)[1:] / _binomials(n)[1 : last + 1], 1.0)
    accuracy.flags.writeable = False
    return accuracy


def _with_rival(product: Floats, count: int, y: Floats) -> Floats:
    """Return ``product`` times a class of ``count`` samples that gets s < t votes, or ties with s = t at a factor y."""
    out = product.copy()  # s = 0
    powers, top, _ = product.shape
    choose = _binomials(count)
    for s in range(1, min(count, top, powers - 1) + 1):
        out[s:, s:] += choose[s] * product[:-s, s:]
        out[s:, s - 1] += choose[s] * (y * product[:-s, s - 1])
    return out
