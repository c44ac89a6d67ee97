"""The record of a training: what an evaluation measures, and which one is the best."""

from __future__ import annotations

import numpy as np
import pytest

from tts.training.history import Evaluation, History, evaluated
from tts.training.responses import Response


def response(question: int, correct: bool, *, ended: bool = True) -> Response:
    return Response(question, (1,), (5, 6), ended, correct, None)


def test_an_evaluation_measures_the_confidences_of_responses() -> None:
    held_out = [response(0, True), response(0, False), response(1, True, ended=False)]
    found = evaluated(7, np.array([0.9, 0.4, 0.3]), held_out, total_cross_entropy=16.0)
    assert found.step == 7
    assert found.brier == pytest.approx((0.01 + 0.16 + 0.49) / 3)
    assert found.auroc == pytest.approx(0.5)  # of the pairs over all questions (0.9, 0.4) and (0.3, 0.4)
    assert found.within == pytest.approx(1.0)  # of the one pair within a question
    assert found.lm == pytest.approx(16.0 / 8)  # eight tokens: the end of a response counts where the model drew it


def test_the_best_evaluation_has_the_lowest_brier_score_and_is_the_first_of_equals() -> None:
    briers = (0.3, 0.1, 0.2, 0.1)
    history = History(evaluations=[Evaluation(i, brier, 0.5, 0.5, 0.0) for i, brier in enumerate(briers)])
    assert history.best.step == 1


def test_the_line_names_the_language_model_only_where_the_text_can_change() -> None:
    assert "language model" not in str(Evaluation(1, 0.2, 0.7, 0.6, 0.0))
    assert str(Evaluation(1, 0.2, 0.7, 0.6, 1.5)).endswith("within questions 0.600  language model 1.500")
