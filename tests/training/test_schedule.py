"""Schedules that no training can follow get one sentence that names the key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tts.errors import InputError
from tts.training.schedule import GrowConfig, LoraConfig, Schedule


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"method": "most"}, "recipe.method must be one of lora, full, grow, got 'most'"),
        ({"dtype": "int8"}, "recipe.dtype must be one of auto, bfloat16, float32, got 'int8'"),
        ({"lora": LoraConfig(rank=0)}, "recipe.lora.rank must be at least 1, got 0"),
        ({"grow": GrowConfig(channels=0)}, "recipe.grow.channels must be at least 1, got 0"),
        ({"grow": GrowConfig(layers=-1)}, "recipe.grow.layers must be at least 0, got -1"),
        ({"batch_size": 0}, "recipe.batch_size must be at least 1, got 0"),
        ({"micro_batch_size": 0}, "recipe.micro_batch_size must be at least 1, got 0"),
        ({"evaluations": 0}, "recipe.evaluations must be at least 1, got 0"),
        ({"patience": 0}, "recipe.patience must be at least 1, got 0"),
        ({"seed": -1}, "recipe.seed must be at least 0, got -1"),
        ({"learning_rate": 0.0}, "recipe.learning_rate and recipe.lora.alpha must be above 0"),
        ({"learning_rate": float("nan")}, "recipe.learning_rate and recipe.lora.alpha must be above 0"),
        ({"warmup": 1.0}, r"recipe.warmup and recipe.lora.dropout must be in \[0, 1\)"),
        ({"held_out": 0.0}, r"recipe.held_out in \(0, 1\)"),
        ({"muon_learning_rate": 1e-3}, "recipe.muon_learning_rate needs recipe.method full or grow"),
    ],
)
def test_a_schedule_that_no_training_can_follow_gets_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        replace(Schedule(), **changes)


def test_a_base_to_grow_from_counts_only_where_the_model_grows() -> None:
    assert Schedule(method="grow", grow=GrowConfig(base="grace")).grow_base == "grace"
    assert Schedule(method="full", grow=GrowConfig(base="grace")).grow_base is None
