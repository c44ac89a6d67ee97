"""Calibration targets: the number in [0, 1] that a response's confidence is trained towards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tts.errors import InputError
from tts.training.grace.probe import RIDGE, fit_probe
from tts.training.grace.recipe import TargetsConfig
from tts.training.responses import Response

Floats = NDArray[np.float64]


def targets(
    config: TargetsConfig,
    responses: Sequence[Response],
    hidden: Callable[[], Floats],
    *,
    seed: int,
) -> Floats:
    """Return the target of each response, [responses].

    Args:
        config: the kind of the targets.
        responses: the responses.
        hidden: computes the last hidden state at each response's last token, [responses, width]; called for the probe.
        seed: of the probe's folds.

    Raises:
        InputError: fewer questions than folds, or soft targets without any answer.
    """
    if config.kind == "hard":
        return np.array([one.correct for one in responses], dtype=np.float64)
    if config.kind == "soft":
        return soft(responses)
    correct = np.array([one.correct for one in responses])
    question = np.array([one.question for one in responses])
    scores = probed(hidden(), correct, question, folds=config.folds, seed=seed)
    return binned(scores, correct, bins=config.bins)


def soft(responses: Sequence[Response]) -> Floats:
    """Return the share of a question's confidence that goes to the response's answer, [responses].

    This is soft self-consistency. A response without an answer agrees with no other: its target is 0.

    Source:
        Self-Calibration, arXiv 2503.00031: SSC(y) = sum of c_i over i with y_i = y, over the sum of all c_i.

    Raises:
        InputError: no response has an answer.
    """
    total: dict[int, float] = defaultdict(float)
    votes: dict[tuple[int, str], float] = defaultdict(float)
    for one in responses:
        total[one.question] += one.weight
        if one.answer is not None:
            votes[one.question, one.answer] += one.weight
    if not votes:
        raise InputError("soft targets need answers and no response has one: give recipe.targets.kind=hard")
    return np.array(
        [0.0 if r.answer is None else votes[r.question, r.answer] / total[r.question] for r in responses],
        dtype=np.float64,
    )


def probed(
    hidden: Floats,
    correct: NDArray[np.bool_],
    question: NDArray[np.int64],
    *,
    folds: int,
    seed: int,
    ridge: float = RIDGE,
    advance: Callable[[int], None] = lambda fitted: None,
) -> Floats:
    """Return cross-fitted scores of a linear probe on the hidden states: no probe was fitted on a question it scores.

    Args:
        hidden: [responses, width].
        correct: [responses].
        question: number of each response's question, [responses].
        folds: number of folds, >= 2.
        seed: of the folds.
        ridge: penalty on each standardised weight, as :func:`~tts.training.grace.probe.fit_probe` takes it.
        advance: receives 1 after each probe.

    Returns:
        Log-odds of being right, [responses].

    Source:
        GrACE, arXiv 2509.09438, calibration targets by k-fold cross-validation.

    Raises:
        InputError: fewer questions than folds.
    """
    questions = np.unique(question)
    if len(questions) < folds:
        raise InputError(
            f"recipe.targets.folds={folds} needs at least as many questions, got {len(questions)}: give fewer folds"
        )
    fold = np.random.default_rng([seed, 12]).permutation(len(questions)) % folds
    mine = fold[np.searchsorted(questions, question)]
    scores = np.empty(len(correct))
    for k in range(folds):
        probe = fit_probe(hidden[mine != k], correct[mine != k], ridge=ridge)
        scores[mine == k] = probe.log_odds(hidden[mine == k])
        advance(1)
    return scores


def binned(scores: Floats, correct: NDArray[np.bool_], *, bins: int) -> Floats:
    """Return the accuracy of each response's bin, [responses]; bins hold equally many responses, by score."""
    order = np.argsort(scores, kind="stable")
    out = np.empty(len(scores))
    for members in np.array_split(order, min(bins, len(order))):
        out[members] = correct[members].mean()
    return out
