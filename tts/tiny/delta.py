"""A tuned copy of the bundled model as its difference to it: half the bytes of a copy, at 8 bits a weight.

The difference of each row of each weight is kept as 8-bit integers times one scale, and put together with the base
once, into a plain Hugging Face directory in the user's cache. Rows that the base lacks, such as a new token's, differ
from zero.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tts.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

NAME = "delta.safetensors"
WEIGHTS = "model.safetensors"
LEVELS = 127


def pack(base: Path, tuned: Path, out: Path) -> None:
    """Write a tuned model as its difference to the base.

    Args:
        base: the base model's directory.
        tuned: a directory of the same architecture, perhaps with more rows in its embeddings.
        out: the directory to write: the difference, and the tuned model's JSON files.
    """
    import torch
    from safetensors.torch import load_file, save_file

    before, after = load_file(base / WEIGHTS), load_file(tuned / WEIGHTS)
    found: dict[str, Tensor] = {}
    for name, weight in after.items():
        difference = weight.float().reshape(len(weight), -1) - _grown(before[name], weight.shape)
        scale = (difference.abs().amax(1, keepdim=True) / LEVELS).clamp(min=torch.finfo(torch.float32).tiny)
        found[name] = (difference / scale).round().to(torch.int8).reshape(weight.shape)
        found[f"{name}.scale"] = scale[:, 0].contiguous()
    out.mkdir(parents=True, exist_ok=True)
    save_file(found, out / NAME)
    for path in _described(tuned):
        shutil.copyfile(path, out / path.name)


def unpack(base: Path, packed: Path) -> Path:
    """The tuned model's directory, put together on first use in the user's cache.

    The cache is ``$XDG_CACHE_HOME/tts-rerank``, else ``~/.cache/tts-rerank``; a directory there appears whole or not at
    all, and is named after what it is made from.

    Raises:
        InputError: this installation came without the data, or the cache cannot be written.
    """
    if not (packed / NAME).is_file():
        raise InputError(f"{packed}: the bundled model is missing: reinstall the package")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tts-rerank"
    folder = cache / f"{packed.name}-{_fingerprint(base, packed)}"
    if (folder / WEIGHTS).is_file():
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as made:
            inside = Path(made) / "model"
            inside.mkdir()
            _write(base, packed, inside)
            try:
                inside.rename(folder)
            except OSError:  # another process was faster
                if not (folder / WEIGHTS).is_file():
                    raise
    except OSError as error:
        raise InputError(
            f"the bundled model {packed.name} is put together in {cache}, which cannot be written "
            f"({error.strerror or error}): set XDG_CACHE_HOME to a directory that can"
        ) from None
    return folder


def _write(base: Path, packed: Path, out: Path) -> None:
    from safetensors.torch import load_file, save_file

    before, found = load_file(base / WEIGHTS), load_file(packed / NAME)
    weights: dict[str, Tensor] = {}
    for name, levels in found.items():
        if name.endswith(".scale"):
            continue
        difference = levels.float().reshape(len(levels), -1) * found[f"{name}.scale"][:, None]
        whole = _grown(before[name], levels.shape) + difference
        weights[name] = whole.reshape(levels.shape).to(before[name].dtype)
    save_file(weights, out / WEIGHTS, metadata={"format": "pt"})
    for path in _described(packed):
        shutil.copyfile(path, out / path.name)


def _grown(weight: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The base's rows in float32, [rows, rest], followed by zeros up to the tuned model's rows."""
    import torch

    flat = weight.float().reshape(len(weight), -1)
    return torch.nn.functional.pad(flat, (0, 0, 0, shape[0] - len(weight)))


def _described(folder: Path) -> list[Path]:
    """The files that say what the weights are."""
    return sorted(path for path in folder.glob("*.json") if path.name != "history.json")


def _fingerprint(*folders: Path) -> str:
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted([*_described(folder), *folder.glob("*.safetensors")]):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
