"""Fitting on questions that are not scored: calibration maps and parameters of the catalogue's methods.

Everything here reads the fitting half only; :mod:`evals.comparison.paired` scores the other half and swaps the halves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.comparison.risk import learn_then_test, regrets
from evals.metrics.folds import Fold
from evals.replay.arrays import PoolArrays
from evals.replay.orders import Orders
from evals.replay.outcome import Outcome
from evals.replay.replay import replay
from evals.replay.scores import CalibratedScores, GradeScores, RandomScores, RowScores, Scores
from evals.replay.vectorised import Candidate
from strategies.catalog import CATALOG, Method
from tts.errors import InputError
from tts.scorers.calibration.maps import fit_map

Array = NDArray[Any]
REFERENCE = "self_consistency"
"""The strategy that all others are compared with, at the full budget."""
NO_SETTING: Mapping[str, Any] = MappingProxyType({})
FIT_PERMUTATIONS = 50
"""Orders a question on which settings are compared while fitting."""


def scores_for(arrays: PoolArrays, fold: Fold, orders: Orders, *, calibrate: str | None, seed: int) -> Scores:
    """Return the scores that strategies may read, by name.

    Args:
        arrays: the pool.
        fold: the map is fitted on its fitting half.
        orders: sample indices, [questions, permutations, draws]; random scores are drawn anew for each.
        calibrate: "platt", "isotonic", "beta" or "temperature"; None keeps the recorded confidences.
        seed: decides the random control.
    """
    recorded: RowScores | None = arrays.confidence
    if arrays.confidence is not None and calibrate is not None:
        fit = np.sort(fold.fit)
        seen = arrays.labels[fit] >= 0
        right = arrays.right(fit)[seen]
        recorded = CalibratedScores(arrays, fit_map(calibrate, arrays.confidence[fit][seen], right))
    return {
        "recorded": recorded,
        "oracle": GradeScores(arrays),
        "random": RandomScores(orders.shape, seed),
    }


def choose(
    arrays: PoolArrays,
    methods: Sequence[Method],
    orders: Orders,
    scores: Scores,
    fold: Fold,
    *,
    budget: int,
    margin: float,
) -> list[dict[str, Any]]:
    """Return the parameters of each method, learned and fitted on the fold's fitting half.

    Args:
        arrays: the whole pool.
        methods: rows of the catalogue.
        orders: sample indices of the whole pool, [questions, permutations, draws].
        scores: as :func:`scores_for` returns them for this fold.
        fold: the fold.
        budget: the most draws a question.
        margin: the loss of accuracy against self-consistency at the full budget that still counts as equal.

    Returns:
        One mapping a method; empty where nothing is learned or fitted. By ``Method.objective``: "accuracy" as
        :func:`most_accurate`; "cost" as :func:`cheapest` by mean draws; "tokens" the same by mean generated tokens, by
        draws where the pool counts none; "risk" as :func:`controlled`, with the method's ``alpha`` and ``delta``.
    """
    learned = [learn_params(method, arrays, scores, fold) for method in methods]
    grids: list[list[dict[str, Any]]] = [list(m.grid(budget)) if m.objective else [] for m in methods]
    candidates = [Candidate(CATALOG[REFERENCE].build(budget))]
    for method, known, settings in zip(methods, learned, grids, strict=True):
        if method.objective:
            candidates += [Candidate(method.build(budget, {**known, **s}), method.scores) for s in settings]
    if len(candidates) == 1:
        return learned
    outcomes = replay(arrays, candidates, orders, scores=scores, rows=fold.fit, count=FIT_PERMUTATIONS)
    floor = outcomes[0].accuracy - margin
    chosen, at = [], 1
    for method, known, settings in zip(methods, learned, grids, strict=True):
        if not method.objective:
            chosen.append(known)
            continue
        mine = outcomes[at : at + len(settings)]
        at += len(settings)
        accuracy = np.stack([o.correct for o in mine], axis=1) / mine[0].permutations
        if method.objective == "accuracy":
            best = most_accurate(accuracy)
        elif method.objective == "risk":
            best = controlled(mine, outcomes[0], alpha=method.params["alpha"], delta=method.params["delta"])
        else:
            best = cheapest(accuracy.mean(axis=0), costs(mine, tokens=method.objective == "tokens"), floor)
        chosen.append({**known, **settings[best]})
    return chosen


def costs(outcomes: Sequence[Outcome], *, tokens: bool) -> Array:
    """Return the mean tokens of each outcome where they are wanted and counted, else its mean draws, [outcomes]."""
    spent = [o.mean_tokens if tokens else None for o in outcomes]
    return np.array([o.samples if cost is None else cost for o, cost in zip(outcomes, spent, strict=True)])


def controlled(outcomes: Sequence[Outcome], reference: Outcome, *, alpha: float, delta: float) -> int:
    """Return the setting with the fewest draws among those certified by Learn then Test, else the first.

    The risk of a setting is the probability that it is wrong on a new question where self-consistency at the full
    budget, on the same draws, is right; with probability at least 1 - ``delta`` over the fitting questions it is at
    most ``alpha`` for the setting returned, if questions are i.i.d. and scores were not made from these questions (a
    calibration map fitted on them voids the guarantee). Where nothing is certified (always so with fewer than
    ln(delta) / ln(1 - alpha) questions, 114 at .02 and .1), the first setting is returned without a certificate; a
    grid whose first setting is self-consistency itself, of risk 0, keeps the guarantee there too.

    Args:
        outcomes: of each setting on the fitting half, the most cautious first; the first permutation is read.
        reference: self-consistency's outcome at the full budget on the same permutations.
        alpha: the accepted risk, in (0, 1).
        delta: the probability with which it may be higher, in (0, 1).

    Raises:
        InputError: alpha or delta outside (0, 1).

    Source:
        Angelopoulos et al. 2110.01052; see :mod:`evals.comparison.risk`.
    """
    losses = np.stack([regrets(o, reference) for o in outcomes], axis=1)
    last = learn_then_test(losses, alpha=alpha, delta=delta)
    return 0 if last is None else int(np.argmin(costs(outcomes[: last + 1], tokens=False)))


def cheapest(accuracy: Array, cost: Array, floor: float) -> int:
    """Return the setting of the least cost among those at or above the floor, else the most accurate one.

    Ties go to the first, which grids make the most cautious.

    Args:
        accuracy: the accuracy of each setting on the fitting half, [settings].
        cost: mean draws or tokens of each setting, [settings].
        floor: the least accuracy that suffices.
    """
    if (accuracy >= floor).any():
        return int(np.argmin(np.where(accuracy >= floor, cost, np.inf)))
    return int(np.argmax(accuracy))


def most_accurate(accuracy: Array) -> int:
    """Return the most cautious setting within one standard error of the most accurate one.

    The one-standard-error rule keeps a small fitting half from choosing a bold setting by luck.

    Args:
        accuracy: the accuracy of each question under each setting, [questions, settings], the most cautious first.
    """
    best = int(np.argmax(accuracy.mean(axis=0)))
    behind = accuracy[:, [best]] - accuracy
    error = behind.std(axis=0, ddof=1) / np.sqrt(len(accuracy))
    return int(np.flatnonzero(behind.mean(axis=0) <= error + 1e-12)[0])


def learn_params(
    method: Method, arrays: PoolArrays, scores: Scores, fold: Fold, setting: Mapping[str, Any] = NO_SETTING
) -> dict[str, Any]:
    """Return the parameters that the method reads directly off the fitting half's labelled scores.

    Args:
        method: a row of the catalogue; one that learns nothing has no such parameters.
        arrays: the pool.
        scores: as :func:`scores_for` returns them for this fold.
        fold: the fold.
        setting: swept values that the method learns under, beside its own parameters.

    Raises:
        InputError: the method learns from answers, and the fitting half has none.
    """
    values = scores[method.scores]
    if method.learn is None or values is None:
        return {}
    parsed, right = arrays.labels[fold.fit] >= 0, arrays.right(fold.fit)
    if not parsed.any():
        raise InputError(
            f"strategy {method.name} learns from answers of questions that are not scored, and one half has none: "
            "leave it out, or record more answers"
        )
    return dict(method.learn(values[fold.fit][parsed], right[parsed], {**method.params, **setting}))
