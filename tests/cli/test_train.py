"""`tts train` from configuration to a model that scores, and what a person reads where that cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.cases import Ran, Tts
from tests.support.extras import needs_peft

torch = pytest.importorskip("torch")

from tts.models.finece import read_card as read_finece_card  # noqa: E402
from tts.models.grace import read_card as read_grace_card  # noqa: E402
from tts.pool import load_pool  # noqa: E402
from tts.training.history import Evaluation, History  # noqa: E402

QUICK = ("engine.max_tokens=120", "recipe.epochs=1", "recipe.batch_size=16")
GRACE = ("train", "grace", *QUICK, "task.questions=8", "samples=4", "recipe.held_out=0.3", "recipe.lora.rank=4")
FINECE = (
    "train", "finece", *QUICK, "task.questions=6", "tree.k=4", "tree.clusters=1", "tree.levels=1",
    "recipe.held_out=0.4", "recipe.lora.rank=4", "recipe.seed=1",
)  # fmt: skip

pytestmark = needs_peft
GROWN = ("recipe.method=grow", "recipe.grow.layers=1")


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Tts, str, tuple[str, ...]], tuple[Path, Ran]]:
    """Run a training the first time that a test of this file asks for it; return its directory and its output."""
    done: dict[str, tuple[Path, Ran]] = {}

    def train(tts: Tts, name: str, command: tuple[str, ...]) -> tuple[Path, Ran]:
        if name not in done:
            out = tmp_path_factory.mktemp(name) / name
            done[name] = out, tts(*command, f"out={out}")
        return done[name]

    return train


@pytest.fixture
def graced(tts: Tts, once: Any) -> tuple[Path, Ran]:
    found: tuple[Path, Ran] = once(tts, "grace", GRACE)
    return found


@pytest.fixture
def guided(tts: Tts, once: Any) -> tuple[Path, Ran]:
    found: tuple[Path, Ran] = once(tts, "finece", (*FINECE, *GROWN))
    return found


@pytest.mark.slow
def test_grace_draws_trains_and_leaves_a_model_that_scores_its_own_samples(
    tts: Tts, tmp_path: Path, graced: tuple[Path, Ran]
) -> None:
    out, ran = graced
    assert ran.status == 0, ran.err
    assert "held out:" in ran.out and f"wrote {out}\nworse than a constant: do not use it" in ran.out  # 24 responses
    assert "32 of them drawn now" in ran.err and "responses to learn from" in ran.err
    card = read_grace_card(out)
    assert (card.token, card.token_id, card.readout, card.base) == ("<CNF>", 344, "before", "tiny")
    assert card.extra["recipe"]["epochs"] == 1 and card.extra["learned_from"]["responses"] == 32
    history = json.loads((out / "history.json").read_text())
    assert len(history["losses"]) == 2 and len(history["held_out"]) == 2
    assert (out / "loss.png").stat().st_size > 10_000
    assert (out / "adapter" / "adapter_model.safetensors").is_file()
    again = tts(*GRACE, f"out={out}")
    assert again.status == 0 and "continuing at step 2 of 2" in again.err
    played = tts(
        "run", f"engine.model={out}", "task.questions=2", "budget=2", "strategies=[grace_sc]", "scorer={name: grace}",
        "engine.max_tokens=120", f"out={tmp_path / 'run.sqlite'}",
    )  # fmt: skip
    assert played.status == 0, played.err
    assert "scorer grace" in played.out


@pytest.mark.slow
def test_a_grace_model_is_trained_further_on_its_own_responses(
    tts: Tts, tmp_path: Path, graced: tuple[Path, Ran]
) -> None:
    first, more = graced[0], tmp_path / "more"
    ran = tts(*GRACE, "task.seed=2", f"engine.model={first}", f"out={more}")
    assert ran.status == 0, ran.err
    before, after = read_grace_card(first), read_grace_card(more)
    assert after.token_id == before.token_id == 344 and after.base == str(first)
    pool = f"pool={more / 'pool.sqlite'}"
    ran = tts(*GRACE, f"engine.model={first}", pool, f"out={tmp_path / 'x'}", "recipe.positions=end")
    assert ran.status == 2 and "positions 'every' and recipe.positions is 'end'" in ran.err


@pytest.mark.slow
def test_finece_draws_trees_trains_and_leaves_a_scorer_that_guides_beams(
    tts: Tts, tmp_path: Path, guided: tuple[Path, Ran]
) -> None:
    out, ran = guided
    assert ran.status == 0, ran.err
    assert "trees: 6 of 6 questions" in ran.err and "held out:" in ran.out
    assert f"wrote {out}\nworse than a constant: do not use it" in ran.out
    card = read_finece_card(out)
    assert (card.form, card.read, card.base, card.tokens) == ("grown", "values", "tiny", tuple(range(344, 355)))
    samples = [s for e in load_pool(out / "pool.sqlite").entries for s in e.samples]
    assert any(s.given for s in samples) and len(samples) <= 6 * 4 * (1 + 1)
    again = tts(*FINECE, *GROWN, f"out={out}")
    assert again.status == 0 and "0 of them drawn now" in again.err and "continuing at step" in again.err
    beams = "{name: guided, beams: {width: 2}, weighting: linear}"
    played = tts(
        "run", f"engine.model={out}", "engine.max_tokens=120", "task.questions=2", "budget=4",
        f"strategies=[grace_sc,{beams}]", "scorer={name: finece}", f"out={tmp_path / 'run.sqlite'}",
    )  # fmt: skip
    assert played.status == 0, played.err
    assert "scorer finece" in played.out and "guided" in played.out
    refused = tts("compare", out / "pool.sqlite")
    assert refused.status == 2 and "continue a prefix, so they are no independent draws" in refused.err


@pytest.mark.slow
def test_an_adapter_scores_what_its_base_draws(tts: Tts, tmp_path: Path, guided: tuple[Path, Ran]) -> None:
    """The adapter learns from the trees that the other scorer's training drew."""
    out, pool = tmp_path / "adapter", f"pool={guided[0] / 'pool.sqlite'}"
    ran = tts(*FINECE, pool, "recipe.read=head", f"out={out}")
    assert ran.status == 0, ran.err
    assert f"wrote {out}\nworse than a constant: do not use it" in ran.out
    played = tts(
        "run", "engine.max_tokens=120", "task.questions=2", "budget=2", "strategies=[grace_sc]",
        f"scorer={{name: finece, path: {out}}}", f"out={tmp_path / 'run.sqlite'}",
    )  # fmt: skip
    assert played.status == 0, played.err
    refused = tts(
        "run", "engine.model=grace", "task.questions=3", "budget=2", "strategies=[grace_sc]",
        f"scorer={{name: finece, path: {out}}}", f"out={tmp_path / 'other.sqlite'}",
    )  # fmt: skip
    assert (
        refused.status == 2 and "judges prefixes of tiny@" in refused.err and "and the model is grace@" in refused.err
    )


@pytest.mark.slow
def test_tiny_trains_by_the_same_grammar(tts: Tts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tts.training.tiny import tokenizer

    small = tokenizer.build(300)
    monkeypatch.setattr("tts.training.tiny.train.build", lambda: small)
    monkeypatch.setattr("evals.training.train_tiny.grade", lambda folder, **_: {"one_draw": 0.5})
    small_recipe = ("share=0.001", "recipe.width=64", "recipe.layers=1", "recipe.batch_tokens=256")
    out = tmp_path / "tiny"
    ran = tts("train", "tiny", *small_recipe, "recipe.seed=3", f"out={out}")
    assert ran.status == 0, ran.err
    assert ran.err.startswith("The bundled reasoner\n  learns from  generated stories, batches of 256 tokens\n")
    assert "\ntraining: 4 steps\n" in ran.err and f"\nwriting: {out}\n" in ran.err
    assert "one draw             0.5" in ran.out and f"use it with `engine.model={out}`" in ran.out
    recorded = json.loads((out / "recipe.json").read_text())
    assert recorded["command"] == "tts train tiny out=DIR recipe.seed=3" and recorded["recipe"]["width"] == 64
    assert recorded["test split"] == {"one_draw": 0.5}
    other = tts("train", "tiny", *small_recipe, f"out={out}")
    assert other.status == 2 and "checkpoint of another recipe (seed: 3 there, 1 here)" in other.err
    assert "out names no directory: give out=DIR" in tts("train", "tiny").err


@pytest.mark.parametrize(
    ("arguments", "use"),
    [
        (("grace",), "engine.model={out} scorer.name=grace"),
        (("finece", "recipe.method=grow"), "engine.model={out} scorer.name=finece"),
        (("finece",), "engine.model=tiny scorer.name=finece scorer.path={out}"),
    ],
)
def test_the_last_line_says_how_a_model_is_used_or_that_it_should_not_be(
    tts: Tts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], use: str
) -> None:
    best = Evaluation(1, 0.2, 0.25, 0.7, 0.6, 0.0)
    split = SimpleNamespace(held_out=[SimpleNamespace(question=0)])
    for found, words in ((best, f"use it with `{use}`"), (replace(best, auroc=0.4), "worse than a constant: do not")):
        trained = SimpleNamespace(history=History([(1, 0.5, 0.0)], [found]))
        outcome = SimpleNamespace(trained=trained, split=split)
        monkeypatch.setattr("evals.training.train_model.train_model", lambda config, hooks, outcome=outcome: outcome)
        monkeypatch.setattr("evals.report.training.find_spec", lambda name: None)
        ran = tts("train", *arguments, f"out={tmp_path / 'x'}")
        last = ran.out.splitlines()[-1]
        assert ran.status == 0 and words.format(out=tmp_path / "x") in last and f"wrote {tmp_path / 'x'}" in ran.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("grace", "recipe.epochs=1"), "out names no directory: give out=DIR"),
        (("grace", "out={tmp}/x", "engine.kind=fake"), "engine.kind must be transformers"),
        (
            ("grace", "out={tmp}/x", "recipe.targets.kind=guess"),
            "targets.kind must be one of probe, hard, soft, got 'guess'",
        ),
        (("grace", "out={tmp}/x", "recipe.readout=after", "recipe.positions=every"), "positions=every needs"),
        (
            ("grace", "out={tmp}/x", "recipe.learning_rate=0"),
            "recipe.learning_rate and recipe.lora.alpha must be above 0",
        ),
        (("grace", "out={tmp}/x", "recipe.held_out=1"), "recipe.held_out in (0, 1)"),
        (("grace", "out={tmp}/x", "recipe.colour=red"), "colour"),
        (("grace", "out={tmp}/file"), "it exists and is no directory"),
        (("grace", "out={tmp}/model"), "did not train; give out another name, or --force"),
        (("grace", "out={tmp}/x", "pool={tmp}/none.sqlite"), "none.sqlite"),
        (("grace", "out={tmp}/x", "engine.model={tmp}/nowhere"), "no such directory"),
        (("grace", "out={tmp}/x", "pool={tmp}/fake.sqlite"), "was drawn by fake and the base model is tiny"),
        (("grace", "out={tmp}/x", "task.chat=true"), "has no chat template: set task.chat=false"),
        (("grace", "out={tmp}/x", "engine.model={tmp}/adapter"), "its base {tmp}/nowhere is not here"),
        (("finece", "recipe.epochs=1"), "out names no directory: give out=DIR"),
        (("finece", "out={tmp}/x", "engine.kind=fake"), "engine.kind must be transformers"),
        (("finece", "out={tmp}/x", "tree.k=1"), "tree.k must be at least 2, got 1"),
        (("finece", "out={tmp}/x", "tree.cut=word"), "tree.cut must be one of step, half, got 'word'"),
        (("finece", "out={tmp}/x", "recipe.read=words"), "recipe.read must be one of values, numbers, head"),
        (("finece", "out={tmp}/x", "recipe.colour=red"), "colour"),
        (("finece", "out={tmp}/x", "pool={tmp}/none.sqlite"), "none.sqlite"),
        (("tiny", "out={tmp}/x", "share=0"), "share must be above 0 and at most 1, got 0.0"),
        (("tiny", "out={tmp}/x", "recipe.width=65"), "recipe.width must be a positive multiple of 64, got 65"),
        (("tiny", "out={tmp}/model"), "did not train; give out another name, or --force"),
    ],
)
def test_what_cannot_be_gets_one_sentence_and_status_2(
    tts: Tts, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "adapter").mkdir()
    base = {"base_model_name_or_path": f"{tmp_path}/nowhere"}
    (tmp_path / "adapter" / "adapter_config.json").write_text(json.dumps(base))
    if "pool={tmp}/fake.sqlite" in arguments:
        fake = f"out={tmp_path / 'fake.sqlite'}"
        assert tts("sample", "task.questions=4", "samples=2", "engine.kind=fake", fake).status == 0
    ran = tts("train", *(argument.format(tmp=tmp_path) for argument in arguments))
    assert ran.status == 2 and words.format(tmp=tmp_path) in ran.err, ran.err
    assert len([line for line in ran.err.splitlines() if line.startswith("tts:")]) == 1
    assert not (tmp_path / "x" / "checkpoint.pt").exists()


@pytest.mark.slow
def test_a_pool_without_prefixes_is_no_pool_of_trees(tts: Tts, tmp_path: Path, graced: tuple[Path, Ran]) -> None:
    ran = tts("train", "finece", f"pool={graced[0] / 'pool.sqlite'}", f"out={tmp_path / 'x'}")
    assert ran.status == 2 and "holds no prefixes: FineCE learns from completions of partial" in ran.err
    assert not (tmp_path / "x" / "checkpoint.pt").exists()
