"""Grades of a model: shares in [0, 1] that order as they must, the same with the same seed."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.progress.test_phases import Recorder
from tts.models.bundled import weights
from tts.progress.phases import Phases
from tts.training.tiny.grade import grade


@pytest.mark.slow
def test_grades_order_and_repeat() -> None:
    shown = Recorder()
    found = grade(weights(), questions=2, draws=3, seed=4, phases=Phases(shown))
    assert shown.events[0] == ("start", "grading", "2 questions, 3 samples each", None)
    assert [event[1] for event in shown.events if event[0] == "advance"][:6] == [n / 6 for n in range(1, 7)]
    assert (found["questions"], found["draws"]) == (2, 3)
    assert 0.0 <= found["one_draw"] <= found["any"] <= 1.0 and found["majority"] <= found["any"]
    assert all(0.0 <= value <= 1.0 or math.isnan(value) for name, value in found.items() if name.startswith("auroc"))
    assert found["tokens"] > 5
    assert grade(weights(), questions=2, draws=3, seed=4) == pytest.approx(found, nan_ok=True)
