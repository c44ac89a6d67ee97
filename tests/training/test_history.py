"""The record of a training: what an evaluation measures, and which one is the best."""

from __future__ import annotations

import numpy as np
import pytest

from tts.training.history import Evaluation, History, evaluated
from tts.training.responses import Response, Split


def response(question: int, correct: bool, *, ended: bool = True) -> Response:
    return Response(question, (1,), (5, 6), ended, correct, None)


def test_an_evaluation_measures_the_confidences_of_responses() -> None:
    held_out = [response(0, True), response(0, False), response(1, True, ended=False)]
    train = [response(2, True), *(response(3, False) for _ in range(3))]
    split = Split(tuple(train), tuple(held_out))
    found = evaluated(7, np.array([0.9, 0.4, 0.3]), split, total_cross_entropy=16.0)
    assert found.constant == pytest.approx((2 * 0.75**2 + 0.25**2) / 3)  # a quarter of the training set is right
    assert found.step == 7
    assert found.brier == pytest.approx((0.01 + 0.16 + 0.49) / 3)
    assert found.auroc == pytest.approx(0.5)  # of the pairs over all questions (0.9, 0.4) and (0.3, 0.4)
    assert found.within == pytest.approx(1.0)  # of the one pair within a question
    assert found.lm == pytest.approx(16.0 / 8)  # eight tokens: the end of a response counts where the model drew it


def test_the_best_evaluation_has_the_lowest_brier_score_and_is_the_first_of_equals() -> None:
    briers = (0.3, 0.1, 0.2, 0.1)
    history = History(evaluations=[Evaluation(i, brier, 0.25, 0.5, 0.5, 0.0) for i, brier in enumerate(briers)])
    assert history.best.step == 1


def test_the_line_names_the_language_model_only_where_the_text_can_change() -> None:
    assert "language model" not in str(Evaluation(1, 0.2, 0.25, 0.7, 0.6, 0.0))
    assert str(Evaluation(1, 0.2, 0.25, 0.7, 0.6, 1.5)).endswith("AUROC 0.700, language model 1.500")


@pytest.mark.parametrize(("brier", "auroc", "useful"), [(0.2, 0.6, True), (0.25, 0.6, False), (0.2, 0.5, False)])
def test_an_evaluation_is_useful_where_it_beats_a_constant(brier: float, auroc: float, useful: bool) -> None:
    found = Evaluation(1, brier, 0.25, auroc, 0.5, 0.0)
    assert found.useful is useful
    assert str(found) == f"Brier {brier:.4f} (a constant 0.2500), AUROC {auroc:.3f}"
