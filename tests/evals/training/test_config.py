"""The schemas of `tts train`: the shipped files name every key, and what cannot be trained gets one sentence."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from evals.training.config import FineceConfig, GraceConfig, HeadConfig, RewardConfig, TinyConfig
from tts.config import load_config
from tts.errors import InputError
from tts.training.finece.recipe import FineceRecipe
from tts.training.finece.tree import TreeConfig
from tts.training.grace.recipe import GraceRecipe
from tts.training.heads.recipe import HeadRecipe
from tts.training.reward.recipe import RewardRecipe

TRAIN = Path(__file__).resolve().parents[3] / "configs" / "train"


def test_the_file_of_grace_names_every_key_of_the_recipe() -> None:
    config, text = load_config(GraceConfig, [TRAIN / "grace.yaml"], ["out=x"]), (TRAIN / "grace.yaml").read_text()
    assert all(f"{field.name}:" in text for field in fields(GraceRecipe))
    assert config.recipe.targets.kind == "hard"


def test_the_file_of_finece_names_every_key_of_recipe_and_tree() -> None:
    config, text = load_config(FineceConfig, [TRAIN / "finece.yaml"], ["out=x"]), (TRAIN / "finece.yaml").read_text()
    assert all(f"{field.name}:" in text for kind in (FineceRecipe, TreeConfig) for field in fields(kind))
    assert config.recipe.method == "grow" and config.recipe.grow.base == "grace" and config.tree.k == 8


@pytest.mark.parametrize(
    ("schema", "name", "recipe"), [(GraceConfig, "grace", GraceRecipe), (FineceConfig, "finece", FineceRecipe)]
)
def test_the_files_for_a_model_of_ones_own_state_the_default_recipe_in_smaller_batches(
    schema: type[Any], name: str, recipe: type[Any]
) -> None:
    config = load_config(schema, [TRAIN / f"{name}_lora.yaml"], ["out=x"])
    assert config.recipe == recipe(batch_size=32, micro_batch_size=8)
    assert config.engine.model == "out/models/smollm2" and config.task.name == "jsonl"


def test_the_file_of_heads_states_the_default_recipe_and_names_its_every_key() -> None:
    config, text = load_config(HeadConfig, [TRAIN / "head.yaml"], ["out=x"]), (TRAIN / "head.yaml").read_text()
    assert config.recipe == HeadRecipe() and all(f"{field.name}:" in text for field in fields(HeadRecipe))


def test_the_file_of_reward_models_states_the_default_recipe_in_smaller_batches() -> None:
    config = load_config(RewardConfig, [TRAIN / "reward.yaml"], ["out=x"])
    assert config.recipe == RewardRecipe(batch_size=32, micro_batch_size=8)


def test_the_file_of_tiny_states_the_default_recipe() -> None:
    config = load_config(TinyConfig, [TRAIN / "tiny.yaml"], ["out=x"])
    assert config == TinyConfig(out="x")


@pytest.mark.parametrize(
    ("schema", "changes", "sentence"),
    [
        (GraceConfig, ["samples=1"], "out names no directory: give out=DIR"),
        (FineceConfig, ["out= "], "out names no directory: give out=DIR"),
        (TinyConfig, [], "out names no directory: give out=DIR"),
        (GraceConfig, ["out=x", "samples=0"], "samples must be at least 1, got 0"),
        (HeadConfig, ["out=x", "run=first"], "run must be the number of a run, or several such as 1,2, got 'first'"),
        (RewardConfig, ["out=x", "recipe.method=grow"], r"recipe\.method must be one of lora, full, got 'grow'"),
        (HeadConfig, ["out=x", "samples=0"], "samples must be at least 1, got 0"),
        (HeadConfig, ["out=x", "recipe.kind=mlp"], "recipe.kind must be one of probe, p_ik, apricot, got 'mlp'"),
        (FineceConfig, ["out=x", "engine.kind=fake"], "engine.kind must be transformers"),
        (TinyConfig, ["out=x", "share=2"], r"share must be above 0 and at most 1, got 2\.0"),
        (TinyConfig, ["out=x", "recipe.width=100"], r"recipe\.width must be a positive multiple of 64, got 100"),
        (TinyConfig, ["out=x", "recipe.seed=-1"], r"recipe\.seed must be at least 0, got -1"),
    ],
)
def test_what_cannot_be_trained_gets_one_sentence(schema: type[Any], changes: list[str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        load_config(schema, [], changes)


@pytest.mark.parametrize(("given", "runs"), [([], None), (["run=2"], (2,)), (["run=1,2"], (1, 2))])
def test_runs_are_named_as_for_the_other_commands(given: list[str], runs: tuple[int, ...] | None) -> None:
    assert load_config(GraceConfig, [], ["out=x", *given]).runs == runs
