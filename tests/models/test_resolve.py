"""A model name means a bundled model, a directory or a name on the hub; a local model is identified by its files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tts.errors import InputError
from tts.models.bundled import weights
from tts.models.resolve import EDGE, fingerprint, identity, resolve


def directory(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(3 * EDGE))
    return folder


def test_a_name_is_a_bundled_model_a_directory_or_a_name_on_the_hub(tmp_path: Path) -> None:
    assert resolve("tiny") == weights("tiny")
    assert resolve(str(tmp_path)) == tmp_path
    assert resolve("someone/model") == "someone/model"


@pytest.mark.parametrize("name", ["./none", "/none/here", "~/none-of-this-name", "a/b/c"])
def test_a_path_that_does_not_exist_gets_one_sentence(name: str) -> None:
    with pytest.raises(
        InputError, match=r"^engine\.model .*: no such directory or GGUF file; give tiny, grace, finece, a directory"
    ):
        resolve(name)


def test_a_fingerprint_changes_with_the_files_that_make_the_model(tmp_path: Path) -> None:
    folder = directory(tmp_path)
    before = fingerprint(folder)
    assert len(before) == 12 and fingerprint(folder) == before
    (folder / "README.md").write_text("no part of the model")
    assert fingerprint(folder) == before
    (folder / "config.json").write_text('{"a": 1}')
    config = fingerprint(folder)
    (folder / "model.safetensors").write_bytes(bytes(3 * EDGE - 1) + b"x")
    assert len({before, config, fingerprint(folder)}) == 3


def test_a_local_model_is_identified_by_its_files_and_a_hub_model_by_its_revision(tmp_path: Path) -> None:
    folder = directory(tmp_path)
    assert identity(str(folder)) == (str(folder), fingerprint(folder))
    assert identity(str(folder), "v1") == (str(folder), "v1")
    assert identity("someone/model") == ("someone/model", "")
    assert identity("someone/model", "main") == ("someone/model", "main")


def test_the_module_stays_light() -> None:
    code = "import sys, tts.models.resolve; assert not {'torch', 'numpy', 'transformers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
