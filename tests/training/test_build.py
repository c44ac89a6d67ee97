"""The training pipeline: it continues where it was, stops where it must, and refuses what it cannot follow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.support.extras import needs_peft  # noqa: E402
from tests.training import finece_cases  # noqa: E402
from tests.training.cases import QUICK, halves, interrupted, model, responses, run, tokenizer  # noqa: E402
from tts.engines.config import EngineConfig  # noqa: E402
from tts.errors import InputError, TTSError  # noqa: E402
from tts.models.finece import read_card as read_finece_card  # noqa: E402
from tts.models.grace import read_card as read_grace_card  # noqa: E402
from tts.training.adapters import trainable  # noqa: E402
from tts.training.build import TrainedModel, build, train  # noqa: E402
from tts.training.checkpoint import BEST, CHECKPOINT  # noqa: E402
from tts.training.finece.method import FineceMethod  # noqa: E402
from tts.training.finece.recipe import FineceRecipe  # noqa: E402
from tts.training.grace.method import GraceMethod  # noqa: E402
from tts.training.grace.recipe import GraceRecipe, TargetsConfig  # noqa: E402
from tts.training.method import TrainingMethod  # noqa: E402
from tts.training.responses import Split  # noqa: E402

pytestmark = needs_peft

SMALL = halves(30)


def test_a_batch_in_several_passes_is_the_same_step(tmp_path: Path) -> None:
    recipe = replace(QUICK, epochs=1)
    whole = run(tmp_path / "a", recipe, SMALL)
    parts = run(tmp_path / "b", replace(recipe, micro_batch_size=7), SMALL)
    for (name, one), (_, other) in zip(trainable(whole.model), trainable(parts.model), strict=True):
        assert torch.allclose(one, other, atol=2e-4), name
    for one, other in zip(whole.history.losses, parts.history.losses, strict=True):
        assert one == pytest.approx(other, rel=1e-3)


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(
            replace(QUICK, method="lora", targets=TargetsConfig("probe", folds=3)),
            id="lora, probe",
            marks=pytest.mark.slow,
        ),
        pytest.param(replace(QUICK, muon_learning_rate=1e-2), id="full, Muon"),
    ],
)
def test_training_continues_its_checkpoint_as_if_never_stopped(
    tmp_path: Path, monkeypatch: Any, recipe: GraceRecipe
) -> None:
    through = run(tmp_path / "through", recipe, SMALL)
    monkeypatch.setattr("tts.training.loop.SAVE_EVERY_S", -1.0)
    with interrupted(9):
        run(tmp_path / "cut", recipe, SMALL)
    lines: list[str] = []
    again = run(tmp_path / "cut", recipe, SMALL, report=lines.append)
    assert lines[0] == "continuing at step 8 of 12"
    assert again.history == through.history
    for (name, one), (_, other) in zip(trainable(through.model), trainable(again.model), strict=True):
        assert torch.equal(one, other), name


@pytest.mark.slow
def test_a_finece_training_continues_its_checkpoint_too(tmp_path: Path, monkeypatch: Any) -> None:
    method = FineceMethod(
        FineceRecipe(method="full", epochs=2, batch_size=20, micro_batch_size=20, evaluations=1, dtype="float32")
    )

    def go(out: Path) -> TrainedModel:
        words, split = tokenizer(), finece_cases.halves(20)
        return train(out, model(), words, split, method, base={"model": "m"}, report=lambda line: None)

    through = go(tmp_path / "through")
    monkeypatch.setattr("tts.training.loop.SAVE_EVERY_S", -1.0)
    with interrupted(6):
        go(tmp_path / "cut")
    again = go(tmp_path / "cut")
    assert again.history == through.history
    for (name, one), (_, other) in zip(trainable(through.model), trainable(again.model), strict=True):
        assert torch.equal(one, other), name


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first = run(tmp_path, QUICK, SMALL)
    lines: list[str] = []
    again = run(tmp_path, QUICK, SMALL, report=lines.append)
    assert lines == ["continuing at step 12 of 12"] and again.history == first.history


def test_it_stops_early_and_keeps_the_best_weights(tmp_path: Path) -> None:
    """Nothing predicts these grades: what the model learns by heart only makes held-out questions worse."""
    rng = np.random.default_rng(0)
    noise = [replace(one, correct=bool(rng.random() < 0.5)) for one in (*responses(30), *responses(10, seed=1))]
    parts = Split(tuple(noise[:120]), tuple(noise[120:]))
    lines: list[str] = []
    trained = run(tmp_path, replace(QUICK, epochs=30, patience=2), parts, report=lines.append)
    assert any("stopping early" in line for line in lines) and len(trained.history.evaluations) < 30
    best = trained.history.best
    assert best.brier == min(one.brier for one in trained.history.evaluations)
    stored = torch.load(tmp_path / BEST)
    assert stored["step"] == best.step
    assert all(torch.equal(weight, stored["weights"][name]) for name, weight in trainable(trained.model))


def test_a_loss_that_is_not_finite_stops_it_and_keeps_the_last_good_weights(tmp_path: Path, monkeypatch: Any) -> None:
    count = 0

    def broken(log_odds: Any, packed: Any, wanted: Any, recipe: GraceRecipe) -> Any:
        nonlocal count
        count += 1
        return log_odds.sum() * (float("nan") if count > 8 else 0.0)

    monkeypatch.setattr("tts.training.grace.objective.confidence_loss", broken)
    with pytest.raises(TTSError, match=r"step 9 is not finite.*best weights so far are kept.*recipe.learning_rate"):
        run(tmp_path, QUICK, SMALL)
    assert torch.load(tmp_path / BEST)["step"] == 6
    assert all(
        bool(weight.isfinite().all())
        for weight in torch.load(tmp_path / CHECKPOINT, weights_only=False)["weights"].values()
    )


def test_a_checkpoint_of_another_training_gets_one_sentence(tmp_path: Path) -> None:
    recipe = replace(QUICK, epochs=1)
    run(tmp_path, recipe, halves(10))
    with pytest.raises(InputError, match="checkpoint of another architecture"):
        run(tmp_path, recipe, halves(10), base=model(width=16))
    with pytest.raises(InputError, match=r"checkpoint of another recipe \(learning_rate: 0.003 there, 0.5 here\)"):
        run(tmp_path, replace(recipe, learning_rate=0.5), halves(10))


@pytest.mark.parametrize("name", ["grace", "finece"])
def test_one_pipeline_builds_either_model_with_its_card(tmp_path: Path, name: str) -> None:
    base, out = tmp_path / "base", tmp_path / "out"
    model().save_pretrained(base)
    tokenizer().save_pretrained(base)
    method: TrainingMethod = GraceMethod(replace(QUICK, epochs=1))
    split = halves(10)
    if name == "finece":
        method = FineceMethod(FineceRecipe(method="full", epochs=1, evaluations=1, dtype="float32"))
        split = finece_cases.halves(10)
    lines: list[str] = []
    engine = EngineConfig(model=str(base), device="cpu")
    trained = build(out, split, method, engine=engine, base={"model": "m", "n": 1}, report=lines.append)
    card: Any = read_grace_card(out) if name == "grace" else read_finece_card(out)
    assert card.base == "m" and card.extra["learned_from"] == {"model": "m", "n": 1}
    assert card.extra["held_out"]["brier"] == trained.history.best.brier
    assert card.extra["recipe"]["learning_rate"] == method.recipe.learning_rate
    assert set(card.extra["versions"]) == {"torch", "transformers", "peft"}
    assert (out / "model.safetensors").is_file() and (out / "tokenizer.json").is_file() and lines
