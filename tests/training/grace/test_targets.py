"""Calibration targets: exact where they can be counted, and never from a probe that saw the question."""

from __future__ import annotations

import numpy as np
import pytest

from tts.errors import InputError
from tts.training.grace.recipe import TargetsConfig
from tts.training.grace.targets import binned, probed, soft, targets
from tts.training.responses import Response


def response(question: int, correct: bool, answer: str | None, weight: float = 1.0) -> Response:
    return Response(question, (1,), (2,), True, correct, answer, weight)


def test_hard_targets_are_grades() -> None:
    rows = [response(0, True, "1"), response(0, False, None)]
    assert targets(TargetsConfig("hard"), rows, lambda: np.empty((0, 0)), seed=0).tolist() == [1.0, 0.0]


def test_soft_targets_are_shares_of_confidence() -> None:
    rows = [response(0, True, "1", 0.9), response(0, False, "2", 0.1), response(0, True, "1", 0.5)]
    rows += [response(0, False, None, 0.5), response(1, True, "1", 0.3)]
    assert soft(rows) == pytest.approx([0.7, 0.05, 0.7, 0.0, 1.0])


def test_soft_targets_without_an_answer_get_one_sentence() -> None:
    with pytest.raises(InputError, match="soft targets need answers"):
        soft([response(0, False, None)])


def test_a_bins_target_is_its_accuracy() -> None:
    scores, correct = np.array([0.9, 0.1, 0.8, 0.2]), np.array([True, False, False, False])
    assert binned(scores, correct, bins=2).tolist() == [0.5, 0.0, 0.5, 0.0]
    assert binned(scores, correct, bins=1).tolist() == [0.25] * 4
    assert binned(scores, correct, bins=9).tolist() == [1.0, 0.0, 0.0, 0.0]


def test_a_probe_finds_what_is_linear_and_only_in_other_questions() -> None:
    rng = np.random.default_rng(0)
    question = np.repeat(np.arange(100), 4)
    correct = rng.random(400) < 0.5
    telling = np.column_stack([correct + rng.normal(0, 0.5, 400), rng.normal(size=(400, 3))])
    scores = probed(telling, correct, question, folds=5, seed=0)
    assert scores[correct].mean() - scores[~correct].mean() > 1.0
    # Hidden states that identify the question and nothing else: a probe that saw the question would know its answer.
    own = np.repeat(rng.random(100) < 0.5, 4)
    names = np.repeat(np.eye(100), 4, axis=0)
    unseen = probed(names, own, question, folds=5, seed=0)
    assert abs(np.corrcoef(unseen, own)[0, 1]) < 0.3


def test_the_published_targets_are_smooth_and_calibrated() -> None:
    rng = np.random.default_rng(1)
    rows = [response(q, bool(rng.random() < 0.6), "1") for q in range(200)]
    hidden = np.column_stack([[r.correct + rng.normal() for r in rows], rng.normal(size=200)])
    found = targets(TargetsConfig("probe", folds=5, bins=10), rows, lambda: hidden, seed=0)
    assert len(np.unique(found)) <= 10 and found.mean() == pytest.approx(np.mean([r.correct for r in rows]))


def test_more_folds_than_questions_get_one_sentence() -> None:
    with pytest.raises(InputError, match=r"recipe\.targets\.folds=5 needs at least as many questions, got 2"):
        probed(np.zeros((2, 1)), np.array([True, False]), np.array([0, 1]), folds=5, seed=0)
