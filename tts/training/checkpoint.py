"""Checkpoints of a training: written whole or not at all, and refused where they belong to another training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from tts.errors import InputError
from tts.pool import atomic_path

CHECKPOINT = "checkpoint.pt"
BEST = "best.pt"


def write(path: Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint, whole or not at all."""
    with atomic_path(path) as temp:
        torch.save(dict(state), temp)


def read(path: Path, identity: Mapping[str, Any], device: str) -> dict[str, Any] | None:
    """Return the checkpoint to continue, or None if the file does not exist.

    Args:
        path: the file.
        identity: what the training depends on: "shapes", "base" and "recipe".
        device: the device of its tensors.

    Raises:
        InputError: the file is broken or belongs to another training; the sentence names the first difference.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=False)
        stored = state["identity"]
    except Exception as error:
        raise InputError(f"{path} is no checkpoint of this program ({error}): train into an empty directory") from None
    for key, what in (("shapes", "architecture"), ("base", "base model or pool"), ("recipe", "recipe")):
        if stored.get(key) != identity[key]:
            raise InputError(
                f"{path} is a checkpoint of another {what}{_difference(stored.get(key), identity[key])}: "
                "train into an empty directory"
            )
    return state


def _difference(stored: Any, ours: Any) -> str:
    """Return the first entry that differs, in words."""
    if isinstance(stored, Mapping) and isinstance(ours, Mapping):
        for key in [*ours, *stored]:
            if stored.get(key) != ours.get(key):
                return f" ({key}: {stored.get(key)!r} there, {ours.get(key)!r} here)"
    return ""
