"""A tuned model as its difference to the base: the same model again, whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file  # noqa: E402

from tts.errors import InputError  # noqa: E402
from tts.models.delta import NAME, WEIGHTS, pack, unpack  # noqa: E402


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path, Path]:
    """A base, a tuned model with a row more, and the directory that its difference goes to."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    generator = torch.Generator().manual_seed(0)
    base, tuned, out = tmp_path / "base", tmp_path / "tuned", tmp_path / "small"
    base.mkdir()
    tuned.mkdir()
    weights = {
        "embed": torch.randn(10, 16, generator=generator).bfloat16(),
        "norm": torch.randn(16, generator=generator).bfloat16(),
    }
    save_file(weights, base / WEIGHTS)
    moved = {
        "embed": torch.cat([weights["embed"], torch.randn(1, 16, generator=generator).bfloat16()]),
        "norm": weights["norm"] + 0.1 * torch.randn(16, generator=generator).bfloat16(),
    }
    moved["embed"][:10] += 0.05 * torch.randn(10, 16, generator=generator).bfloat16()
    save_file(moved, tuned / WEIGHTS)
    (tuned / "config.json").write_text(json.dumps({"vocab_size": 11}))
    (tuned / "history.json").write_text("[]")
    pack(base, tuned, out)
    return base, tuned, out


def test_it_is_the_tuned_model_again(folders: tuple[Path, Path, Path]) -> None:
    base, tuned, out = folders
    before, wanted, found = (load_file(path / WEIGHTS) for path in (base, tuned, unpack(base, out)))
    assert found["embed"].dtype == torch.bfloat16 and found["embed"].shape == (11, 16)
    for name, weight in wanted.items():
        off = (found[name].float() - weight.float()).abs()
        change = (weight[:10].float() - before[name][:10].float()).abs().max()
        # half a level of the difference, and the rounding of a weight to eight bits of precision
        assert float(off[:10].max()) <= float(change) / 127 + float(weight.float().abs().max()) / 128
    assert torch.allclose(found["embed"][10].float(), wanted["embed"][10].float(), atol=0.03)
    assert json.loads((unpack(base, out) / "config.json").read_text()) == {"vocab_size": 11}
    assert not (out / "history.json").exists()


def test_a_model_that_has_grown_is_the_same_again_and_costs_its_new_rows(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    generator = torch.Generator().manual_seed(0)
    base, tuned, out = tmp_path / "base", tmp_path / "tuned", tmp_path / "small"
    base.mkdir()
    tuned.mkdir()
    weights = {"up": torch.randn(64, 32, generator=generator).bfloat16(), "norm": torch.ones(32).bfloat16()}
    save_file(weights, base / WEIGHTS)
    wide = torch.zeros(72, 40)
    wide[:64, :32] = weights["up"].float()
    wide[64:] = torch.randn(8, 40, generator=generator)
    grown = {"up": wide, "norm": torch.cat([0.9 * weights["norm"].float(), torch.full((8,), 100.0)])}
    grown["last"] = torch.randn(8, 40, generator=generator)
    save_file(grown, tuned / WEIGHTS)
    pack(base, tuned, out)
    found = load_file(unpack(base, out) / WEIGHTS)
    assert torch.equal(found["up"][:64], wide[:64]) and torch.allclose(found["norm"], grown["norm"], rtol=1e-6)
    for name in ("up", "last"):
        assert torch.allclose(found[name][-8:], grown[name][-8:], atol=float(grown[name].abs().max()) / 250)
    assert all(weight.dtype == torch.float32 for weight in found.values())
    assert (out / NAME).stat().st_size < 2500  # 16 rows of 40 bytes, not 72


def test_it_is_put_together_once_and_again_where_the_data_change(folders: tuple[Path, Path, Path]) -> None:
    base, _, out = folders
    first = unpack(base, out)
    when = (first / WEIGHTS).stat().st_mtime_ns
    assert unpack(base, out) == first and (first / WEIGHTS).stat().st_mtime_ns == when
    (out / "config.json").write_text(json.dumps({"vocab_size": 12}))
    assert unpack(base, out) != first
    assert len(list(first.parent.iterdir())) == 2  # and nothing half-made


def test_what_cannot_be_written_gets_one_sentence(
    folders: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, _, out = folders
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"cannot be written .*set XDG_CACHE_HOME to a directory that can"):
        unpack(base, out)


def test_data_that_are_missing_get_one_sentence(folders: tuple[Path, Path, Path]) -> None:
    base, _, out = folders
    os.unlink(out / NAME)
    with pytest.raises(InputError, match="the bundled model is missing"):
        unpack(base, out)


def test_two_processes_at_once_make_one_directory(folders: tuple[Path, Path, Path], monkeypatch: Any) -> None:
    base, _, out = folders
    import tts.models.delta as delta

    write = delta._write

    def slow(*arguments: Path) -> None:
        write(*arguments)
        monkeypatch.setattr(delta, "_write", write)
        delta.unpack(base, out)  # the other one is faster

    monkeypatch.setattr(delta, "_write", slow)
    folder = unpack(base, out)
    assert (folder / WEIGHTS).is_file() and len(list(folder.parent.iterdir())) == 1
