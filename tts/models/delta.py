"""A tuned model as its difference to a base model: 8 bits per weight, from the first row that differs.

The difference of each row of each weight is stored as 8-bit integers times one scale. It is added to the base once,
into a plain Hugging Face directory in the user's cache. Rows, columns and weights that the base lacks, such as those of
a grown model, are differences to zero.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tts.errors import InputError
from tts.models.cache import WEIGHTS, cached

if TYPE_CHECKING:
    from torch import Tensor

NAME = "delta.safetensors"
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
        difference = weight.float().reshape(len(weight), -1) - _grown(before.get(name), weight.shape)
        differs = difference.abs().amax(1) > 0
        first = int(differs.nonzero()[0]) if differs.any() else len(difference)
        rest = difference[first:]
        scale = (rest.abs().amax(1, keepdim=True) / LEVELS).clamp(min=torch.finfo(torch.float32).tiny)
        found[name] = (rest / scale).round().to(torch.int8)
        found[f"{name}.scale"] = scale[:, 0].contiguous()
        found[f"{name}.shape"] = torch.tensor(weight.shape)
    (dtype,) = {str(weight.dtype).removeprefix("torch.") for weight in after.values()}
    out.mkdir(parents=True, exist_ok=True)
    save_file(found, out / NAME, metadata={"dtype": dtype})
    for path in _described(tuned):
        shutil.copyfile(path, out / path.name)


def unpack(base: Path, packed: Path) -> Path:
    """Return the tuned model's directory, which is assembled in the user's cache on first use.

    Raises:
        InputError: this installation came without the data, or the cache cannot be written.
    """
    if not (packed / NAME).is_file():
        raise InputError(f"{packed}: the bundled model is missing: reinstall the package")
    return cached(
        f"{packed.name}-{_fingerprint(base, packed)}",
        lambda out: _write(base, packed, out),
        what=f"the bundled model {packed.name}",
    )


def _write(base: Path, packed: Path, out: Path) -> None:
    import torch
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    before, found = load_file(base / WEIGHTS), load_file(packed / NAME)
    with safe_open(packed / NAME, "pt") as file:
        dtype = getattr(torch, file.metadata()["dtype"])
    weights: dict[str, Tensor] = {}
    for name, shape in found.items():
        if not name.endswith(".shape"):
            continue
        name = name.removesuffix(".shape")
        whole = _grown(before.get(name), tuple(shape.tolist()))
        levels = found[name]
        whole[len(whole) - len(levels) :] += levels.float() * found[f"{name}.scale"][:, None]
        weights[name] = whole.reshape(shape.tolist()).to(dtype)
    save_file(weights, out / WEIGHTS, metadata={"format": "pt"})
    for path in _described(packed):
        shutil.copyfile(path, out / path.name)


def _grown(weight: Tensor | None, shape: tuple[int, ...]) -> Tensor:
    """Return the base's weight in float32, [rows, rest], padded with zeros to the tuned shape; None is all zeros."""
    import torch

    whole = torch.zeros(shape)
    if weight is not None:
        whole[tuple(slice(0, size) for size in weight.shape)] = weight.float()
    return whole.reshape(shape[0], -1)


def _described(folder: Path) -> list[Path]:
    """Return the JSON files that describe the weights."""
    return sorted(path for path in folder.glob("*.json") if path.name != "history.json")


def _fingerprint(*folders: Path) -> str:
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted([*_described(folder), *folder.glob("*.safetensors")]):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
