"""``tts run`` with a real model on a CPU: it draws, resumes, and is known by its files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.cases import Tts, drawn_now
from tts.pool import PoolStore


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows nothing, with the tokenizer of the stories and a context of 512 tokens."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from tts.training.tiny.recipe import TinyRecipe
    from tts.training.tiny.tokenizer import build
    from tts.training.tiny.train import new_model

    folder, tokenizer = tmp_path_factory.mktemp("model"), build(300)
    new_model(TinyRecipe(width=64, layers=1), tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_model_draws_goes_on_and_is_known_by_its_files(tts: Tts, tmp_path: Path, model: Path) -> None:
    path, signals = tmp_path / "p.sqlite", "engine.signals={top: 20, entropy: true, certainty: true}"
    command = (
        "run",
        "task.questions=3",
        "budget=4",
        f"engine.model={model}",
        "engine.max_tokens=24",
        signals,
        f"out={path}",
    )
    names = "strategies=[self_consistency,deepconf_online,grace_sc]"
    ran = tts(*command, "scorer.name=mean_logprob", names, "engine.device=cpu")
    assert ran.status == 0
    assert drawn_now(ran) == (12, 12)
    assert "of 12 samples reached engine.max_tokens=24" in ran.out
    assert drawn_now(tts(*command, "scorer.name=mean_logprob", names, "engine.max_batch_size=2")) == (12, 0)
    assert drawn_now(tts(*command, "strategies=[deepconf_online]")) == (12, 0)  # its warm-up is all of the budget
    with PoolStore.read(path) as store:
        revision = store.runs()[0].key.revision
        sample = store.get(1, "story-test-0", 0)
    assert re.fullmatch(r"[0-9a-f]{12}", revision)
    assert sample is not None
    assert (
        0 < len(sample.trace.top) == len(sample.trace.entropy) == len(sample.trace.certainty) == len(sample.token_ids)
    )
    (model / "added.json").write_text("{}")
    assert drawn_now(tts(*command, "scorer.name=mean_logprob")) == (12, 12)  # other files, another revision


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (("task.chat=true",), r"tts: .* has no chat template: set task.chat=false, or choose a chat model"),
        (
            ("task.shots=12",),
            r"tts: problem 'story-test-0' has a prompt of \d+ tokens and the model's context holds 512.*",
        ),
        (("engine.signals.top=100000",), r"tts: .*cannot record the 100000 most probable tokens.*"),
        (
            ("engine.signals.top=5", "strategies=[deepconf_offline]"),
            r"tts: engine\.signals\.top, the scorer and the .*",
        ),
    ],
)
def test_what_this_model_cannot_be_asked_is_one_sentence(
    tts: Tts, tmp_path: Path, model: Path, changes: tuple[str, ...], sentence: str
) -> None:
    ran = tts("run", "task.questions=1", "budget=1", f"engine.model={model}", f"out={tmp_path / 'p.sqlite'}", *changes)
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(sentence, ran.err.splitlines()[-1])
