"""The training of the bundled reasoner: an interrupted one ends with a sentence on how to continue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from evals.training.config import TinyConfig
from evals.training.train_tiny import train_tiny
from tts.config import load_config
from tts.training.checkpoint import CHECKPOINT


@pytest.mark.parametrize(
    ("saved", "words"), [(False, "to start again"), (True, "to continue with the last checkpoint")]
)
def test_an_interrupted_training_ends_with_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: bool, words: str
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        if saved:
            (tmp_path / CHECKPOINT).write_bytes(b"")
        raise KeyboardInterrupt

    monkeypatch.setattr("evals.training.train_tiny.train", stop)
    with pytest.raises(KeyboardInterrupt, match=f"interrupted; repeat the command {words} in {tmp_path}"):
        train_tiny(load_config(TinyConfig, [], [f"out={tmp_path}"]))
