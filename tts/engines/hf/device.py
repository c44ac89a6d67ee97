"""Devices: the choice of one and of its precision, and out-of-memory errors."""

from __future__ import annotations

import json
from pathlib import Path

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


def pick_dtype(name: str, device: str, model: str | Path, revision: str | None = None) -> str:
    """Return the precision of a name; for ``auto`` the checkpoint's own on a GPU, else the faster of two on this CPU.

    Args:
        name: auto, float32, bfloat16 or float16.
        device: as :func:`pick` takes it.
        model: a directory, or a name on the hub.
        revision: branch, tag or commit on the hub.
    """
    if name != "auto":
        return name
    place = pick(device)
    if place == "cpu":
        return "bfloat16" if fast_bfloat16(place) else "float32"
    return _stored_dtype(model, revision)


def _stored_dtype(model: str | Path, revision: str | None) -> str:
    """Return the precision that a checkpoint's configuration names, else float32."""
    try:
        if isinstance(model, Path):
            config = json.loads((model / "config.json").read_text())
            found = config.get("dtype") or config.get("torch_dtype")
        else:
            from transformers import AutoConfig

            found = AutoConfig.from_pretrained(model, **({"revision": revision} if revision else {})).dtype
    except (OSError, ValueError, AttributeError):  # the load that follows says why
        found = None
    name = str(found).removeprefix("torch.")
    return name if name in ("bfloat16", "float16") else "float32"


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error reports exhausted memory, on any device."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)
    )
