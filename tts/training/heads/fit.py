"""Targets and fits of heads: pure functions from hidden states and grades to linear heads.

The papers fit by stochastic gradient descent with a set number of epochs; here each fit is the minimiser of a
ridge-penalised log loss (:func:`tts.logistic.fit_logistic`), which a learning rate cannot change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tts.models.head import Head
from tts.training.grace.probe import Probe, fit_probe
from tts.training.grace.targets import probed
from tts.training.heads.recipe import HeadRecipe

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


def fit_response_probe(
    states: Floats,
    correct: Bools,
    question: Ints,
    recipe: HeadRecipe,
    advance: Callable[[int], None] = lambda fitted: None,
) -> Head:
    """Return the probe of responses, fitted on the accuracies of bins or on the grades themselves.

    Args:
        states: pooled hidden states, [responses, width].
        correct: [responses].
        question: number of each response's question, [responses].
        recipe: the recipe.
        advance: receives 1 after each fit.

    Raises:
        InputError: fewer questions than folds.

    Source:
        ActCab, arXiv 2406.13230: probes of folds, soft targets, and a layer trained on these. The paper's folds are of
        responses and its losses squared errors; here a question is in one fold, and the loss is the log loss.
    """
    wanted = correct.astype(np.float64)
    if recipe.targets.kind == "bins":
        folds, seed = recipe.targets.folds, recipe.seed
        scores = probed(states, correct, question, folds=folds, seed=seed, ridge=recipe.ridge, advance=advance)
        wanted = equal_width_accuracy(expit(scores), correct, bins=recipe.targets.bins)
    found = fit_probe(states, wanted, ridge=recipe.ridge)
    advance(1)
    return linear(found)


def fit_question_probe(states: Floats, correct: Bools, question: Ints, recipe: HeadRecipe) -> Head:
    """Return the probe of questions, fitted on the share of right responses to each.

    Args:
        states: the state at the last token of each response's prompt, [responses, width], equal for one question.
        correct: [responses].
        question: number of each response's question, [responses].
        recipe: the recipe.

    Source:
        Kadavath et al., arXiv 2207.05221, P(IK): a value head on the question's last token.
    """
    _, first, of = np.unique(question, return_index=True, return_inverse=True)
    return linear(fit_probe(states[first], shares(correct, of), ridge=recipe.ridge))


def shares(correct: Bools, group: NDArray[Any]) -> Floats:
    """Return the share of right responses of each group, [groups].

    Args:
        correct: [responses].
        group: number of each response's group, 0 to groups - 1, each with a response, [responses].
    """
    return np.asarray(np.bincount(group, correct) / np.bincount(group), dtype=np.float64)


def equal_width_accuracy(scores: Floats, correct: Bools, *, bins: int) -> Floats:
    """Return the accuracy of each response's bin, [responses]; the bins divide [0, 1] into equal widths.

    Args:
        scores: in [0, 1], [responses]; 1 belongs to the last bin.
        correct: [responses].
        bins: >= 1.

    Source:
        ActCab, arXiv 2406.13230: soft labels.
    """
    _, of = np.unique(np.minimum((scores * bins).astype(np.int64), bins - 1), return_inverse=True)
    return shares(correct, of)[of]


def linear(probe: Probe) -> Head:
    """Return a probe as a head, without the mean that it subtracts."""
    return Head(probe.weights, float(probe.intercept - probe.mean @ probe.weights))
