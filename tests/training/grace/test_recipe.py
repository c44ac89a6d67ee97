"""GrACE recipes that no training can follow get one sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tts.errors import InputError
from tts.training.grace.recipe import GraceRecipe, TargetsConfig


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"readout": "beside"}, "recipe.readout must be one of before, after, got 'beside'"),
        ({"positions": "some"}, "recipe.positions must be one of end, every, got 'some'"),
        ({"loss": "hinge"}, "recipe.loss must be one of squared, log, got 'hinge'"),
        ({"anchor": "text"}, "recipe.anchor must be one of response, base, solution, got 'text'"),
        ({"targets": TargetsConfig("guess")}, "recipe.targets.kind must be one of probe, hard, soft, got 'guess'"),
        ({"targets": TargetsConfig(folds=1)}, "recipe.targets.folds must be at least 2, got 1"),
        ({"weight_lm": -1.0}, "recipe.weight_lm must be at least 0, got -1.0"),
        ({"token": " "}, "recipe.token must be a piece of text"),
        ({"method": "grow", "readout": "after", "positions": "end"}, r"method=grow needs recipe\.readout=before"),
        ({"readout": "after", "positions": "every"}, r"positions=every needs recipe\.readout=before"),
    ],
)
def test_a_recipe_that_no_training_can_follow_gets_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        replace(GraceRecipe(), **changes)
