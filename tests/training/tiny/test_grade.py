"""Grades of a model: shares in [0, 1] that order as they must, the same with the same seed."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tts.models.bundled import weights
from tts.training.tiny.grade import grade


@pytest.mark.slow
def test_grades_order_and_repeat() -> None:
    found = grade(weights(), questions=2, draws=3, seed=4)
    assert (found["questions"], found["draws"]) == (2, 3)
    assert 0.0 <= found["one_draw"] <= found["any"] <= 1.0 and found["majority"] <= found["any"]
    assert all(0.0 <= value <= 1.0 or math.isnan(value) for name, value in found.items() if name.startswith("auroc"))
    assert found["tokens"] > 5
    assert grade(weights(), questions=2, draws=3, seed=4) == pytest.approx(found, nan_ok=True)
