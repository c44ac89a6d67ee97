"""A training from its configuration, without the command line: what it reports, and pools that it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from evals.live.hooks import Hooks
from evals.training.config import FineceConfig, GraceConfig
from evals.training.train_model import train_model
from tests.training.cases import halves
from tts.config import load_config
from tts.errors import InputError
from tts.pool import Entry, Pool, write_jsonl
from tts.types import Problem, Sample

QUICK = (
    "engine.max_tokens=120",
    "recipe.epochs=1",
    "recipe.batch_size=8",
    "recipe.method=grow",
    "recipe.grow.layers=1",
)


@pytest.mark.slow
def test_it_draws_trains_and_writes_a_model(tmp_path: Path) -> None:
    said: list[str] = []
    config = load_config(
        GraceConfig, [], [*QUICK, "task.questions=8", "samples=4", "recipe.held_out=0.3", f"out={tmp_path}"]
    )
    found = train_model(config, hooks=Hooks(notify=said.append))
    assert len(found.split.train) + len(found.split.held_out) == 32
    assert len(found.trained.tokens) == 1 and found.trained.history.evaluations
    assert any("responses to learn from" in line for line in said)
    assert (tmp_path / "pool.sqlite").exists()


def test_an_interrupted_training_says_how_it_continues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("evals.training.train_model.build", interrupt)
    monkeypatch.setattr("evals.training.train_model._responses", lambda *_: (halves(3), {}))
    config = load_config(GraceConfig, [], ["recipe.method=grow", f"out={tmp_path}"])
    with pytest.raises(KeyboardInterrupt, match="repeat the command to continue with the same responses in"):
        train_model(config)


def test_a_pool_of_an_unknown_model_teaches_nothing(tmp_path: Path) -> None:
    pool = Pool("p", "", (Entry(Problem("q", "?", "4"), (Sample("#### 4", "4"),), (True,)),))
    write_jsonl(pool, tmp_path / "p.jsonl")
    config = load_config(FineceConfig, [], [f"pool={tmp_path / 'p.jsonl'}", f"out={tmp_path / 'x'}"])
    with pytest.raises(
        InputError, match=r"p\.jsonl does not name the model that drew it: a model learns from its own responses"
    ):
        train_model(config)
    assert not (tmp_path / "x").exists()
