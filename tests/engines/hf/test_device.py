"""A device is chosen by name, and errors of exhausted memory are recognised on any device."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from tts.engines.hf.device import fast_bfloat16, is_out_of_memory, pick  # noqa: E402
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
