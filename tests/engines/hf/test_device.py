"""A device is chosen by name, and errors of exhausted memory are recognised on any device."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tts.engines.config import EngineConfig  # noqa: E402
from tts.engines.hf.device import fast_bfloat16, is_out_of_memory, pick, pick_dtype  # noqa: E402
from tts.errors import InputError  # noqa: E402


@pytest.mark.parametrize(("cuda", "mps", "chosen"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_auto_is_the_fastest_device_there_is(
    cuda: bool, mps: bool, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick("auto") == chosen and pick("cpu") == "cpu"


def test_a_device_that_is_unknown_or_absent_gets_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="device must be auto, cpu, cuda or mps, got tpu"):
        pick("tpu")
    with pytest.raises(InputError, match="device cuda is not available on this machine: use cpu or auto"):
        pick("cuda")


@pytest.mark.parametrize(
    ("error", "exhausted"),
    [
        (MemoryError(), True),
        (RuntimeError("CUDA out of memory. Tried to allocate"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("shape mismatch"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_exhausted_memory_is_recognised(error: Exception, exhausted: bool) -> None:
    assert is_out_of_memory(error) == exhausted


def test_bfloat16_is_fast_only_where_the_processor_multiplies_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not fast_bfloat16("mps")
    for features, fast in (({}, False), ({"avx512_bf16": False}, False), ({"amx_bf16": True}, True)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda features=features: features)
        assert fast_bfloat16("cpu") == fast


def test_the_automatic_precision_is_the_checkpoint_s_on_a_gpu_and_the_faster_one_on_a_cpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for features, found in (({}, "float32"), ({"avx512_bf16": True}, "bfloat16")):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda features=features: features)
        assert pick_dtype("auto", "cpu", tmp_path) == found and pick_dtype("float16", "cpu", tmp_path) == "float16"
        config = EngineConfig(dtype="auto", device="cpu")
        assert config.key["dtype"] == found and config.key == EngineConfig(dtype=found, device="cpu").key
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for text, found in (
        ('{"dtype": "bfloat16"}', "bfloat16"),
        ('{"torch_dtype": "float16"}', "float16"),
        ("{}", "float32"),
    ):
        (tmp_path / "config.json").write_text(text)
        assert pick_dtype("auto", "cuda", tmp_path) == found
