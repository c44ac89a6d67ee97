"""Checkpoints of a training: written whole or not at all, and refused where they are of something else."""

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
    """The checkpoint to continue, or None where there is none.

    Args:
        path: its file.
        identity: what the training is of: "shapes", "base" and "recipe".
        device: where its tensors go.

    Raises:
        InputError: it is broken, or of something else; the sentence names the first entry that differs.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=False)
        theirs = state["identity"]
    except Exception as error:
        raise InputError(f"{path} is no checkpoint of this program ({error}): train into an empty directory") from None
    for key, what in (("shapes", "architecture"), ("base", "base model or pool"), ("recipe", "recipe")):
        if theirs.get(key) != identity[key]:
            raise InputError(
                f"{path} is a checkpoint of another {what}{_difference(theirs.get(key), identity[key])}: "
                "train into an empty directory"
            )
    return state


def _difference(theirs: Any, ours: Any) -> str:
    """The first entry that differs, in words."""
    if isinstance(theirs, Mapping) and isinstance(ours, Mapping):
        for key in [*ours, *theirs]:
            if theirs.get(key) != ours.get(key):
                return f" ({key}: {theirs.get(key)!r} there, {ours.get(key)!r} here)"
    return ""
