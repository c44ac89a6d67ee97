"""Model names: a bundled model, a directory or a name on the hub; and the identity of the model that a name means.

Imports no torch.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from tts.errors import InputError

BUNDLED = ("tiny", "grace", "finece")
"""The models that come with the package: the reasoner, the same with a confidence token, and with value tokens."""
ADAPTER = "adapter_config.json"
"""The configuration of a LoRA adapter, which names its base."""
EDGE = 1 << 20
"""Bytes of each end of a file that enter the fingerprint."""

_DECIDING = (".json", ".safetensors", ".bin", ".gguf", ".model", ".jinja", ".py", "vocab.txt", "merges.txt")
"""Suffixes and names of the files that decide what a model draws."""


def resolve(name: str) -> str | Path:
    """Return the local directory of a model, or its name on the hub.

    A GGUF file and a LoRA adapter become a directory in the user's cache on first use.

    Args:
        name: a bundled model, a directory of a model or of a LoRA adapter, a GGUF file, or a name on the hub.

    Raises:
        InputError: the name spells a path and no such file or directory exists, or it holds no such model.
    """
    found = _located(name)
    if isinstance(found, str) or name in BUNDLED:
        return found
    if found.is_file():
        from tts.models.gguf import dequantized

        return dequantized(found, fingerprint(found))
    if is_adapter(found):
        from tts.models.merged import merged

        return merged(found)
    return found


def identity(name: str, revision: str | None = None) -> tuple[str, str]:
    """Return the name and the revision that identify a model.

    The revision of a local model without one is the fingerprint of its files; of a hub model without one it is empty.

    Raises:
        InputError: no such file or directory.
    """
    found = _located(name)
    if isinstance(found, str):
        return name, revision or ""
    if revision is None and name not in BUNDLED and is_adapter(found):
        from tts.models.merged import base_of

        return name, "-".join(part for part in (fingerprint(found), identity(base_of(found))[1]) if part)
    return name, revision or fingerprint(found)


def is_adapter(folder: Path) -> bool:
    """Return whether a directory holds a LoRA adapter and no model of its own."""
    return (folder / ADAPTER).is_file() and not (folder / "config.json").is_file()


def _located(name: str) -> str | Path:
    """Return the directory or file of a model as it lies on the disk, or its name on the hub."""
    if name in BUNDLED:
        from tts.models.bundled import weights

        return weights(name)
    path = Path(name).expanduser()
    if path.is_dir() or (path.is_file() and path.suffix == ".gguf"):
        return path
    if name.startswith((".", "~", "/")) or name.count("/") > 1 or path.suffix == ".gguf" or path.exists():
        raise InputError(
            f"engine.model {name}: no such directory or GGUF file; give {', '.join(BUNDLED)}, a directory, a file that "
            "ends with .gguf, or a name on the hub"
        )
    return name


def fingerprint(path: Path) -> str:
    """Return twelve hex digits that change with anything in a directory, or a GGUF file, that decides what is drawn.

    Of a directory are read the weights and adapters, the configurations of the model, of generation and of the
    tokenizer, its vocabulary and merges, chat templates and remote code; of each file at most two megabytes.
    """
    digest = hashlib.sha256()
    folder = path.parent if path.is_file() else path
    templates = folder / "additional_chat_templates"
    files = [path] if path.is_file() else [*folder.iterdir(), *(templates.iterdir() if templates.is_dir() else ())]
    for found in sorted(p for p in files if p.is_file() and (p.suffix in _DECIDING or p.name in _DECIDING)):
        size = found.stat().st_size
        digest.update(f"{found.relative_to(folder).as_posix()} {size} ".encode())
        with found.open("rb") as file:
            digest.update(file.read(EDGE))
            file.seek(max(0, size - EDGE))
            digest.update(file.read(EDGE))
    return digest.hexdigest()[:12]
