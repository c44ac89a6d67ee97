"""`tts train finece` from configuration to a scorer, and what a person reads where that cannot be."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from tests.cli.cases import Tts

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from tts.models.finece import read_card  # noqa: E402
from tts.pool import load_pool  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
QUICK = (
    "task.n=8",
    "engine.max_batch_size=32",
    "engine.max_tokens=120",
    "tree.k=4",
    "tree.clusters=2",
    "tree.levels=1",
    "recipe.epochs=1",
    "recipe.held_out=0.4",
    "recipe.batch=32",
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_it_draws_trees_trains_and_leaves_a_scorer_that_guides_beams(tts: Tts, tmp_path: Path) -> None:
    out = tmp_path / "finece"
    grown = ("recipe.method=grow", "recipe.grow.layers=1")
    ran = tts("train", "finece", *QUICK, *grown, f"out={out}")
    assert ran.status == 0, ran.err
    assert "trees: 8 of 8 questions" in ran.err and "held out:" in ran.out
    assert f"use it with `engine.model={out} scorer.name=finece`" in ran.out
    card = read_card(out)
    assert (card.form, card.read, card.base, card.tokens) == ("grown", "values", "tiny", tuple(range(344, 355)))
    samples = [s for e in load_pool(out / "pool.sqlite").entries for s in e.samples]
    assert any(s.given for s in samples) and len(samples) <= 8 * 4 * (1 + 2)
    again = tts("train", "finece", *QUICK, *grown, f"out={out}")
    assert again.status == 0 and "0 of them drawn now" in again.err and "continuing at step" in again.err
    beams = "{name: guided, beams: {width: 2, begin: 3}, weighting: linear}"
    played = tts(
        "run", f"engine.model={out}", "engine.max_tokens=120", "task.n=3", "budget=4", f"strategies=[grace_sc,{beams}]",
        "scorer={name: finece}", f"out={tmp_path / 'run.sqlite'}",
    )  # fmt: skip
    assert played.status == 0, played.err
    assert "scorer finece" in played.out and "guided" in played.out
    refused = tts("compare", out / "pool.sqlite")
    assert refused.status == 2 and "continue a prefix, so they are no independent draws" in refused.err


def test_an_adapter_scores_what_its_base_draws(tts: Tts, tmp_path: Path) -> None:
    out = tmp_path / "adapter"
    ran = tts("train", "finece", *QUICK, "recipe.read=head", "recipe.lora.rank=4", f"out={out}")
    assert ran.status == 0, ran.err
    assert f"engine.model=tiny scorer.name=finece scorer.path={out}" in ran.out
    played = tts(
        "run", "engine.max_tokens=120", "task.n=3", "budget=2", "strategies=[grace_sc]",
        f"scorer={{name: finece, path: {out}}}", f"out={tmp_path / 'run.sqlite'}",
    )  # fmt: skip
    assert played.status == 0, played.err
    refused = tts(
        "run", "engine.model=grace", "task.n=3", "budget=2", "strategies=[grace_sc]",
        f"scorer={{name: finece, path: {out}}}", f"out={tmp_path / 'other.sqlite'}",
    )  # fmt: skip
    assert (
        refused.status == 2 and "judges prefixes of tiny@" in refused.err and "and the model is grace@" in refused.err
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("recipe.epochs=1",), "out names no directory: give out=DIR"),
        (("out={tmp}/x", "engine.kind=fake"), "engine.kind must be transformers"),
        (("out={tmp}/x", "tree.k=1"), "tree.k must be at least 2, got 1"),
        (("out={tmp}/x", "tree.cut=word"), "tree.cut must be one of step, half, got 'word'"),
        (("out={tmp}/x", "recipe.read=words"), "recipe.read must be one of values, numbers, head"),
        (("out={tmp}/x", "recipe.colour=red"), "colour"),
        (("out={tmp}/x", "pool={tmp}/none.sqlite"), "none.sqlite"),
        (("out={tmp}/x", "pool={tmp}/plain.sqlite"), "holds no prefixes: FineCE learns from completions of partial"),
    ],
)
def test_what_cannot_be_gets_one_sentence_and_status_2(
    tts: Tts, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    if "pool={tmp}/plain.sqlite" in arguments:
        plain = f"out={tmp_path / 'plain.sqlite'}"
        assert tts("sample", "task.n=6", "task.split=train", "n=4", "engine.max_tokens=120", plain).status == 0
    ran = tts("train", "finece", *(argument.format(tmp=tmp_path) for argument in arguments))
    assert ran.status == 2 and words in ran.err, ran.err
    assert len([line for line in ran.err.splitlines() if line.startswith("tts:")]) == 1
    assert not (tmp_path / "x" / "checkpoint.pt").exists()


def test_the_configuration_file_names_every_key() -> None:
    from evals.finece_config import FineceConfig
    from tts.config import load_config
    from tts.training.finece.recipe import Recipe
    from tts.training.finece.tree import TreeConfig

    path = ROOT / "configs" / "train" / "finece.yaml"
    config, text = load_config(FineceConfig, [path], ["out=x"]), path.read_text()
    assert all(f"{field.name}:" in text for kind in (Recipe, TreeConfig) for field in fields(kind))
    assert config.recipe.method == "grow" and config.tree.k == 8
