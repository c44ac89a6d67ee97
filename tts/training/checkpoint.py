"""Checkpoints of a training: written whole or not at all, and refused where they belong to another training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from tts.errors import InputError
from tts.pool import atomic_path
from tts.training.history import Evaluation

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
        identity: what the training depends on: "shapes", "base" and "recipe"; those that are left out are not compared.
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
        if key in identity and stored.get(key) != identity[key]:
            raise _another(path, what, stored.get(key), identity[key])
    names = {field.name for field in fields(Evaluation)}
    if any(set(one) != names for one in state.get("evaluations", ())):
        raise InputError(f"{path} is a checkpoint of another version of this program: train into an empty directory")
    return state


def check(path: Path, recipe: Mapping[str, Any], base: Mapping[str, Any]) -> None:
    """Refuse, before any response is drawn, a checkpoint that cannot be continued.

    Args:
        path: the file; it need not exist.
        recipe: of this training.
        base: the entries of "base" that are known already.

    Raises:
        InputError: as :func:`read`.
    """
    state = read(path, {"recipe": recipe}, "cpu")
    if state is not None:
        stored = {key: state["identity"]["base"].get(key) for key in base}
        if stored != base:
            raise _another(path, "base model or pool", stored, base)


def _another(path: Path, what: str, stored: Any, ours: Any) -> InputError:
    return InputError(
        f"{path} is a checkpoint of another {what}{_difference(stored, ours)}: train into an empty directory"
    )


def _difference(stored: Any, ours: Any) -> str:
    """Return the first entry that differs, in words."""
    if isinstance(stored, Mapping) and isinstance(ours, Mapping):
        for key in [*ours, *stored]:
            if stored.get(key) != ours.get(key):
                return f" ({key}: {stored.get(key)!r} there, {ours.get(key)!r} here)"
    return ""
