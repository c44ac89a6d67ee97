"""Fits of heads: planted directions are found, and targets are those by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from tts.errors import InputError
from tts.logistic import fit_logistic
from tts.training.heads.evaluation import evaluate_head
from tts.training.heads.fit import equal_width_accuracy, fit_question_probe, fit_response_probe, shares
from tts.training.heads.recipe import HeadRecipe, HeadTargets
from tts.training.responses import Response, Split

EACH = 4


def planted(questions: int = 100, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """States whose second direction decides which responses are right, their grades, and their questions."""
    rng = np.random.default_rng(seed)
    states = rng.normal(size=(questions * EACH, 5)) * [1, 3, 1, 10, 1] + 2
    return states, rng.random(len(states)) < expit(states[:, 1] - 2), np.repeat(np.arange(questions), EACH)


@pytest.mark.parametrize("kind", ["bins", "hard"])
def test_a_planted_direction_is_found(kind: str) -> None:
    states, correct, question = planted()
    fitted: list[int] = []
    recipe = HeadRecipe(targets=HeadTargets(kind, folds=5, bins=20))
    head = fit_response_probe(states, correct, question, recipe, fitted.append)
    scaled = np.abs(head.weights * states.std(0))
    assert scaled.argmax() == 1 and scaled[1] > 4 * np.sort(scaled)[-2]
    assert len(fitted) == (6 if kind == "bins" else 1)
    fresh, right, _ = planted(seed=1)
    found = expit(head.log_odds(fresh))
    assert np.mean((found - right) ** 2) < 0.75 * np.mean((correct.mean() - right) ** 2)
    assert found.mean() == pytest.approx(right.mean(), abs=0.06)


def test_soft_targets_are_the_accuracies_of_bins_of_equal_width() -> None:
    scores = np.array([0.0, 0.24, 0.26, 0.3, 0.49, 0.99, 1.0])
    correct = np.array([False, True, True, False, True, True, True])
    found = equal_width_accuracy(scores, correct, bins=4)
    assert found == pytest.approx([1 / 2, 1 / 2, 2 / 3, 2 / 3, 2 / 3, 1, 1])
    assert equal_width_accuracy(scores, correct, bins=1) == pytest.approx([5 / 7] * 7)


def test_p_ik_is_the_logistic_regression_of_shares_on_the_states_of_questions() -> None:
    rng = np.random.default_rng(0)
    each, questions = 3, 40
    states, question = np.repeat(rng.normal(size=(questions, 2)), each, 0), np.repeat(np.arange(questions) + 7, each)
    correct = rng.random(len(states)) < expit(2 * states[:, 0])
    order = rng.permutation(len(states))  # responses need not be in the order of their questions
    head = fit_question_probe(states[order], correct[order], question[order], HeadRecipe("p_ik", ridge=1e-9))
    one, share = states[::each], correct.reshape(questions, each).mean(1)
    wanted = fit_logistic(np.column_stack([one, np.ones(questions)]), share)
    assert [*head.weights, head.bias] == pytest.approx(wanted, abs=1e-4)
    assert shares(correct, question - 7) == pytest.approx(share)


def test_fewer_questions_than_folds_are_refused() -> None:
    states, correct, question = planted(8)
    with pytest.raises(InputError, match=r"recipe\.targets\.folds=10 needs at least as many questions, got 8"):
        fit_response_probe(states, correct, question, HeadRecipe())


def test_the_evaluation_stands_beside_a_constant() -> None:
    one = Response(0, (1,), (2,), True, True, "1")
    train = (one, replace(one, correct=False), one, one)  # three of four are right
    held = (one, replace(one, correct=False), replace(one, question=1), replace(one, question=1, correct=False))
    found = evaluate_head(np.array([2.0, -1.0, 0.5, 1.0]), Split(train, held))
    assert found.constant_brier == pytest.approx((0.25**2 + 0.75**2) / 2)
    assert found.constant_log_loss == pytest.approx(-(np.log(0.75) + np.log(0.25)) / 2)
    p = expit([2.0, -1.0, 0.5, 1.0])
    assert found.brier == pytest.approx(np.mean((p - [1, 0, 1, 0]) ** 2))
    assert found.log_loss == pytest.approx(-np.log([p[0], 1 - p[1], p[2], 1 - p[3]]).mean())
    assert (found.auroc, found.within) == (0.75, 0.5) and found.useful
    assert not evaluate_head(np.array([-2.0, 1.0, -0.5, 1.0]), Split(train, held)).useful


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"kind": "mlp"}, "recipe.kind must be one of probe, p_ik, apricot, got 'mlp'"),
        ({"pooling": "max"}, "recipe.pooling must be one of mean, last, got 'max'"),
        ({"targets": HeadTargets("soft")}, "recipe.targets.kind must be one of bins, hard, got 'soft'"),
        ({"targets": HeadTargets(folds=1)}, "recipe.targets.folds must be at least 2, got 1"),
        ({"targets": HeadTargets(bins=0)}, "recipe.targets.bins must be at least 1, got 0"),
        ({"cluster_size": 0}, "recipe.cluster_size must be at least 1, got 0"),
        ({"ridge": 0.0}, "recipe.ridge must be above 0, got 0.0"),
        ({"held_out": 1.0}, r"recipe.held_out must be in \(0, 1\), got 1.0"),
        ({"auxiliary": "x"}, "recipe.auxiliary is for recipe.kind=apricot, got probe"),
    ],
)
def test_a_recipe_that_no_head_can_be_fitted_with_gets_one_sentence(change: dict[str, object], wanted: str) -> None:
    with pytest.raises(InputError, match=wanted):
        HeadRecipe(**change)  # type: ignore[arg-type]
