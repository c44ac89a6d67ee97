"""The recipe of the bundled reasoner: its schedule, its shortened form, and values that are refused."""

from __future__ import annotations

import pytest

from tts.errors import InputError
from tts.training.tiny.recipe import Phase, TinyRecipe


def test_the_schedule_ends_below_the_horizon() -> None:
    recipe = TinyRecipe()
    assert recipe.steps == sum(phase.steps for phase in recipe.phases) == 3492
    assert recipe.warmup + recipe.cooldown < recipe.steps < recipe.horizon


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 1.0])
def test_a_shortened_recipe_keeps_its_phases_and_at_least_a_step_of_each(share: float) -> None:
    whole = TinyRecipe()
    short = whole.shortened(share)
    assert [(p.longest, p.wide) for p in short.phases] == [(p.longest, p.wide) for p in whole.phases]
    assert all(1 <= p.steps <= q.steps for p, q in zip(short.phases, whole.phases, strict=True))
    assert (short.seed, short.width, short.learning_rate) == (whole.seed, whole.width, whole.learning_rate)
    assert short == whole or share < 1.0


def test_a_recipe_shares_no_phases_with_another() -> None:
    one, other = TinyRecipe(), TinyRecipe()
    one.phases.append(Phase(1, 2, wide=True))
    assert len(other.phases) == 4


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"seed": -1}, "recipe.seed must be at least 0, got -1"),
        ({"width": 96}, "recipe.width must be a positive multiple of 64, got 96"),
        ({"width": 0}, "recipe.width must be a positive multiple of 64, got 0"),
    ],
)
def test_values_that_cannot_be_trained_are_refused(values: dict[str, int], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        TinyRecipe(**values)  # type: ignore[arg-type]
