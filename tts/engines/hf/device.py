"""Devices: the choice of one, and its out-of-memory errors."""

from __future__ import annotations

from tts.errors import InputError


def pick(name: str) -> str:
    """Return the device of a name; for ``auto`` the fastest device there is.

    Raises:
        InputError: an unknown device, or one that this machine lacks.
    """
    import torch

    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return "cuda" if available["cuda"] else "mps" if available["mps"] else "cpu"
    kind, _, number = name.partition(":")
    if kind not in available:
        raise InputError(f"device must be auto, cpu, cuda or mps, got {name}")
    if not available[kind] or (number and int(number) >= torch.cuda.device_count()):
        raise InputError(f"device {name} is not available on this machine: use cpu or auto")
    return name


def fast_bfloat16(device: str) -> bool:
    """Return whether the device multiplies in bfloat16 faster than in float32; emulated bfloat16 is far slower."""
    import torch

    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device != "cpu":
        return False
    features = torch.cpu.get_capabilities()
    return any(bool(features.get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error reports exhausted memory, on any device."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)
    )
