"""Where a model runs, and what happens when that is full."""

from __future__ import annotations

from tts.errors import InputError


def pick(name: str) -> str:
    """The device of this name, or for ``auto`` the best there is.

    Raises:
        InputError: an unknown device, or one that this machine lacks.
    """
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return "cuda" if there["cuda"] else "mps" if there["mps"] else "cpu"
    if name not in there:
        raise InputError(f"device must be auto, cpu, cuda or mps, got {name}")
    if not there[name]:
        raise InputError(f"device {name} is not available on this machine: use cpu or auto")
    return name


def fast_bfloat16(device: str) -> bool:
    """Whether matrix products in bfloat16 are faster there than in float32; emulated ones are far slower."""
    import torch

    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device != "cpu":
        return False
    can = torch.cpu.get_capabilities()
    return any(bool(can.get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on any device."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)
    )
