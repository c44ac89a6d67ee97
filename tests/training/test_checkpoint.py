"""Checkpoints: whole or not there, and refused where they belong to another training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tts.errors import InputError  # noqa: E402
from tts.training.checkpoint import read, write  # noqa: E402

IDENTITY = {"shapes": {"w": [2]}, "base": {"model": "m"}, "recipe": {"seed": 1}}


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    assert read(path, IDENTITY, "cpu") is None
    write(path, {"identity": IDENTITY, "weights": {"w": torch.ones(2)}})
    found = read(path, IDENTITY, "cpu")
    assert found is not None and torch.equal(found["weights"]["w"], torch.ones(2))
    assert list(tmp_path.iterdir()) == [path]  # nothing is left of the write


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"shapes": {"w": [3]}}, r"checkpoint of another architecture \(w: \[2\] there, \[3\] here\)"),
        ({"base": {"model": "n"}}, r"checkpoint of another base model or pool \(model: 'm' there, 'n' here\)"),
        ({"recipe": {"seed": 2}}, r"checkpoint of another recipe \(seed: 1 there, 2 here\): train into an empty"),
    ],
)
def test_a_checkpoint_of_another_training_gets_one_sentence(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    write(tmp_path / "c.pt", {"identity": IDENTITY})
    with pytest.raises(InputError, match=sentence):
        read(tmp_path / "c.pt", {**IDENTITY, **changes}, "cpu")


@pytest.mark.parametrize("content", [b"not a checkpoint", b""])
def test_a_broken_file_gets_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.pt").write_bytes(content)
    with pytest.raises(InputError, match=r"is no checkpoint of this program .*: train into an empty directory"):
        read(tmp_path / "c.pt", IDENTITY, "cpu")
