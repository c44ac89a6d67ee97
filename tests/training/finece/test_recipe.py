"""FineCE recipes that no training can follow get one sentence; the tokens follow from the recipe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tts.errors import InputError
from tts.training.finece.recipe import FineceRecipe


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"read": "words"}, "recipe.read must be one of values, numbers, head, got 'words'"),
        ({"positions": "end"}, "recipe.positions must be one of labels, every, got 'end'"),
        ({"token": "<C>"}, r"recipe.token must have \{\} once, in the place of the number, got '<C>'"),
        ({"method": "grow", "read": "head"}, "recipe.method=grow needs recipe.read=values"),
    ],
)
def test_a_recipe_that_no_training_can_follow_gets_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        replace(FineceRecipe(), **changes)


def test_values_and_numbers_have_eleven_tokens_and_a_head_none() -> None:
    assert FineceRecipe().tokens == [f"<C{value}>" for value in range(11)]
    assert FineceRecipe(read="numbers").tokens == [str(value) for value in range(11)]
    assert FineceRecipe(read="head").tokens == []
