"""The bundled reasoner: small enough, loaded by plain transformers, and as good and as bad as it must be."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.progress.test_phases import Recorder  # noqa: E402
from tts.errors import InputError  # noqa: E402
from tts.models.bundled import weights  # noqa: E402
from tts.progress.phases import Phases  # noqa: E402
from tts.training.tiny.grade import auroc, grade  # noqa: E402
from tts.training.tiny.recipe import Phase, TinyRecipe  # noqa: E402
from tts.training.tiny.tokenizer import build  # noqa: E402
from tts.training.tiny.train import batches, train  # noqa: E402

WRITTEN = {
    "tokens": "batch_tokens",
    "rate": "learning_rate",
    "muon_rate": "muon_learning_rate",
    "question": "question_weight",
}
"""Keys that the bundled recipe was written with, and today's names of them."""


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    numbers: dict[str, Any] = json.loads((weights() / "recipe.json").read_text())["test split"]
    return numbers


def test_the_recorded_numbers_meet_what_is_asked_of_them(recorded: dict[str, Any]) -> None:
    assert 0.50 <= recorded["one_draw"] <= 0.70
    assert recorded["majority"] >= recorded["one_draw"] + 0.08
    assert recorded["any"] >= 0.90
    assert recorded["auroc_mean_logprob"] <= 0.85


@pytest.mark.slow
@pytest.mark.parametrize(("questions", "draws"), [(40, 8)])
def test_the_weights_do_what_was_recorded(recorded: dict[str, Any], questions: int, draws: int) -> None:
    """Over 12 questions another seed would break the bound with probability .03, over 40 with .0001."""
    again = grade(weights(), questions=questions, draws=draws, seed=77)
    for key in ("one_draw", "majority"):  # within four standard errors over 40 questions
        assert abs(again[key] - recorded[key]) < 4 * 0.5 / math.sqrt(40)
    assert again["any"] >= again["majority"] >= again["one_draw"]


@pytest.mark.parametrize("read", [2000, pytest.param(40_000, marks=pytest.mark.slow)])
def test_it_is_a_plain_small_model(read: int) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = weights()
    assert sum(f.stat().st_size for f in folder.glob("*.safetensors")) <= 12e6
    assert not list(folder.glob("*.py")) and "auto_map" not in json.loads((folder / "config.json").read_text())
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert type(model).__name__ == "LlamaForCausalLM"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.get_vocab() == build(read).get_vocab()
    stored = json.loads((folder / "recipe.json").read_text())["recipe"]
    assert {WRITTEN.get(key, key): value for key, value in stored.items()} == asdict(TinyRecipe())


@pytest.mark.slow
def test_training_goes_on_from_its_checkpoint_as_if_never_stopped(tmp_path: Path, monkeypatch: Any) -> None:
    torch.set_num_threads(1)
    recipe = TinyRecipe(phases=[Phase(6, 3, False)], batch_tokens=512, width=64, layers=1, cooldown=3, horizon=8)
    monkeypatch.setattr("tts.training.tiny.train.build", lambda: build(500))
    monkeypatch.setattr("tts.training.tiny.train.SAVE_EVERY_S", 0.0)
    train(tmp_path / "whole", recipe, report=lambda line: None)

    class KilledError(Exception):
        pass

    lines: list[str] = []

    def stop(tokenizer: Any) -> Any:
        for number, batch in enumerate(batches(recipe, tokenizer)):
            if number == 4:
                raise KilledError
            yield batch

    monkeypatch.setattr("tts.training.tiny.train.batches", lambda recipe, tokenizer: stop(tokenizer))
    with pytest.raises(KilledError):
        train(tmp_path / "parts", recipe, report=lines.append)
    monkeypatch.setattr("tts.training.tiny.train.batches", batches)
    shown = Recorder()
    train(tmp_path / "parts", recipe, report=lines.append, phases=Phases(shown))
    assert lines == ["continuing at step 4 of 6"]
    assert shown.labels == ["preparing", "training", "writing"]
    steps = [(event[1], str(event[2])[:10]) for event in shown.events if event[0] == "advance" and event[2]]
    assert steps == [(0.5, "step 5/6, "), (1.0, "step 6/6, ")]
    again = Recorder()
    train(tmp_path / "parts", recipe, report=lines.append, phases=Phases(again))  # nothing is left but to write
    assert again.labels == ["training", "writing"]
    whole, parts = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "parts"))
    assert whole == parts
    with pytest.raises(InputError, match="a checkpoint of another"):
        train(tmp_path / "parts", TinyRecipe(), report=lines.append)


@pytest.mark.slow
def test_batches_follow_the_recipe() -> None:
    recipe = TinyRecipe(phases=[Phase(12, 3, True), Phase(8, 8, False)], batch_tokens=1024)
    tokenizer = build(500)
    found = list(batches(recipe, tokenizer))
    assert len(found) == 20
    for ids, kept in found:
        assert ids.shape == kept.shape and ids.numel() <= 1024
        assert set(np.unique(kept)) <= {0.0, np.float32(recipe.question_weight), 1.0}
    for (a, _), (b, _) in zip(found, batches(recipe, tokenizer), strict=True):
        assert torch.equal(a, b)


def test_auroc_counts_ties_half_and_is_nan_without_both() -> None:
    assert auroc(np.array([1.0, 2.0, 2.0]), np.array([False, True, False])) == 0.75
    assert math.isnan(auroc(np.array([1.0, 2.0]), np.array([True, True])))


def test_a_missing_model_gets_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_file", lambda self: False)
    with pytest.raises(InputError, match="the bundled model is missing"):
        weights()
