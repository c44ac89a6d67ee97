"""The settings of a training in a few lines: what was given, the defaults, and what was chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from evals.tasks import load_task
from evals.training.config import FineceConfig, GraceConfig, TinyConfig
from evals.training.settings import settings_text, tiny_settings_text
from tts.config import load_config


def test_the_defaults_of_grace_fit_into_a_block_of_80_columns() -> None:
    config = load_config(GraceConfig, [], ["out=x", "engine.device=cpu"])
    lines = settings_text(config, load_task(config.task, engine=config.engine)).splitlines()
    assert lines == [
        "GrACE on tiny",
        "  learns from  2000 questions of stories, 8 samples each, drawn first",
        "  method       lora, rank 32, alpha 64",
        "  confidence   token <CNF> after every token, hard targets, squared loss",
        "  text         kept near the base, weight 5",
        "  optimiser    learning rate 0.0002, 2 epochs, batches of 64 responses",
        "  held out     10% of the questions (200), 2 evaluations an epoch, patience 4",
        *[line for line in lines if "chosen here" in line],
        "  writes       x",
        "  every key    tts config train grace",
    ]
    assert any("trained in" in line for line in lines) and max(map(len, lines)) <= 80


def test_a_block_names_a_pool_the_grown_parts_and_what_auto_chose(tmp_path: Path) -> None:
    given = ["out=x", "pool=p.sqlite", "recipe.method=grow", "recipe.grow.base=grace", "recipe.muon_learning_rate=0.01"]
    config = load_config(FineceConfig, [], given)
    text = settings_text(config, load_task(config.task, engine=config.engine))
    assert "the responses in p.sqlite" in text and "device " in text and "drawn in" not in text
    assert "grow by 64 channels, 1 head, 192 neurons, 2 layers, upon grace" in text and "Muon's 0.01" in text
    drawn = load_config(FineceConfig, [], ["out=x", "engine.dtype=auto", "engine.device=cpu"])
    text = settings_text(drawn, load_task(drawn.task, engine=drawn.engine))
    assert "trees of at most 56 samples each" in text and "drawn in" in text and "device" not in text


def test_the_bundled_reasoner_has_a_block_of_its_own() -> None:
    lines = tiny_settings_text(load_config(TinyConfig, [], ["out=x", "share=0.5", "device=cpu"])).splitlines()
    assert lines == [
        "The bundled reasoner",
        "  learns from  generated stories, batches of 4096 tokens",
        "  model        4 layers, 256 wide, from scratch",
        "  steps        1746, 0.5 of the recipe's, in 4 parts",
        "  optimiser    learning rate 0.003, Muon's 0.006",
        *[line for line in lines if line.startswith("  chosen here  trained in ")],
        "  writes       x",
        "  every key    tts config train tiny",
    ]
    assert "chosen here  device " in tiny_settings_text(load_config(TinyConfig, [], ["out=x"]))
