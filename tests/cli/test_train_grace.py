"""`tts train grace` from configuration to a model that draws, and what a person reads where that cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.cases import Tts

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from tts.models.grace import read_card  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
QUICK = (
    "task.n=16",
    "n=4",
    "engine.max_batch_size=32",
    "recipe.epochs=1",
    "recipe.held_out=0.3",
    "recipe.batch=16",
)
TASK = ("task.split=train", "engine.max_tokens=120")


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_it_draws_trains_and_leaves_a_model_that_scores_its_own_samples(tts: Tts, tmp_path: Path) -> None:
    out = tmp_path / "grace"
    ran = tts("train", "grace", *TASK, *QUICK, f"out={out}")
    assert ran.status == 0, ran.err
    assert "held out:" in ran.out and f"engine.model={out} scorer.name=grace" in ran.out
    assert "64 of them drawn now" in ran.err and "responses to learn from" in ran.err
    card = read_card(out)
    assert (card.token, card.token_id, card.readout, card.base) == ("<CNF>", 344, "before", "tiny")
    assert card.extra["recipe"]["epochs"] == 1 and card.extra["learned_from"]["responses"] == 64
    history = json.loads((out / "history.json").read_text())
    assert len(history["losses"]) == 3 and len(history["held_out"]) == 2
    assert (out / "loss.png").stat().st_size > 10_000
    assert (out / "adapter" / "adapter_model.safetensors").is_file()
    again = tts("train", "grace", *TASK, *QUICK, f"out={out}")
    assert again.status == 0 and "continuing at step 3 of 3" in again.err
    played = tts(
        "run", f"engine.model={out}", "task.n=3", "budget=4", "strategies=[grace_sc]", "scorer={name: grace}",
        f"out={tmp_path / 'run.sqlite'}",
    )  # fmt: skip
    assert played.status == 0, played.err
    assert "scorer grace" in played.out


def test_a_grace_model_is_trained_further_on_its_own_responses(tts: Tts, tmp_path: Path) -> None:
    first, more = tmp_path / "first", tmp_path / "more"
    assert tts("train", "grace", *TASK, *QUICK, f"out={first}").status == 0
    ran = tts("train", "grace", *TASK, *QUICK, "task.seed=1", f"engine.model={first}", f"out={more}")
    assert ran.status == 0, ran.err
    before, after = read_card(first), read_card(more)
    assert after.token_id == before.token_id == 344 and after.base == str(first)
    ran = tts("train", "grace", *TASK, *QUICK, f"engine.model={first}", f"out={tmp_path / 'x'}", "recipe.positions=end")
    assert ran.status == 2 and "positions 'every' and recipe.positions is 'end'" in ran.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("recipe.epochs=1",), "out names no directory: give out=DIR"),
        (("out={tmp}/x", "engine.kind=fake"), "engine.kind must be transformers"),
        (("out={tmp}/x", "recipe.targets.kind=guess"), "targets.kind must be one of probe, hard, soft, got 'guess'"),
        (
            ("out={tmp}/x", "recipe.readout=after", "recipe.positions=every"),
            "positions=every needs",
        ),
        (("out={tmp}/x", "recipe.rate=0"), "recipe.rate and recipe.lora.alpha must be above 0"),
        (("out={tmp}/x", "recipe.held_out=1"), "recipe.held_out in (0, 1)"),
        (("out={tmp}/x", "recipe.colour=red"), "colour"),
        (("out={tmp}/file",), "it exists and is no directory"),
        (("out={tmp}/model",), "it holds a model already"),
        (("out={tmp}/x", "pool={tmp}/none.sqlite"), "none.sqlite"),
        (("out={tmp}/x", "engine.model={tmp}/nowhere"), "no such directory"),
    ],
)
def test_what_cannot_be_gets_one_sentence_and_status_2(
    tts: Tts, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    ran = tts("train", "grace", *(argument.format(tmp=tmp_path) for argument in arguments))
    assert ran.status == 2 and words in ran.err
    assert len([line for line in ran.err.splitlines() if line.startswith("tts:")]) == 1
    assert not (tmp_path / "x" / "checkpoint.pt").exists()


def test_a_pool_of_another_model_is_refused(tts: Tts, tmp_path: Path) -> None:
    pool = tmp_path / "fake.sqlite"
    assert tts("sample", "task.n=4", "n=2", "engine.kind=fake", f"out={pool}").status == 0
    ran = tts("train", "grace", f"pool={pool}", f"out={tmp_path / 'x'}")
    assert ran.status == 2 and "was drawn by fake and the base model is tiny" in ran.err


def test_the_configuration_file_names_every_key_of_the_recipe() -> None:
    from dataclasses import fields

    from evals.grace_config import GraceConfig
    from tts.config import load_config
    from tts.training.grace.recipe import Recipe

    config = load_config(GraceConfig, [ROOT / "configs" / "train" / "grace.yaml"], ["out=x"])
    text = (ROOT / "configs" / "train" / "grace.yaml").read_text()
    assert all(f"{field.name}:" in text for field in fields(Recipe))
    assert config.recipe.targets.kind == "hard"
