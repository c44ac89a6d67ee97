"""Model names: a bundled model, a directory or a name on the hub; and the identity of the model that a name means.

Imports no torch.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from tts.errors import InputError

BUNDLED = ("tiny", "grace", "finece")
"""The models that come with the package: the reasoner, the same with a confidence token, and with value tokens."""
EDGE = 1 << 20
"""Bytes of each end of a file that enter the fingerprint."""

_DECIDING = (".json", ".safetensors", ".bin", ".gguf", ".model", ".jinja", ".py", "vocab.txt", "merges.txt")
"""Suffixes and names of the files that decide what a model draws."""


def resolve(name: str) -> str | Path:
    """Return the local directory of a model, or its name on the hub.

    Args:
        name: a bundled model, a directory, or a name on the hub.

    Raises:
        InputError: the name spells a path and no such directory exists, or a bundled model is missing.
    """
    if name in BUNDLED:
        from tts.models.bundled import weights

        return weights(name)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if name.startswith((".", "~", "/")) or name.count("/") > 1 or folder.exists():
        raise InputError(
            f"engine.model {name}: no such directory; give {', '.join(BUNDLED)}, a directory, or a name on the hub"
        )
    return name


def identity(name: str, revision: str | None = None) -> tuple[str, str]:
    """Return the name and the revision that identify a model.

    The revision of a local model without one is the fingerprint of its files; of a hub model without one it is empty.

    Raises:
        InputError: no such directory.
    """
    found = resolve(name)
    return name, revision or (fingerprint(found) if isinstance(found, Path) else "")


def fingerprint(folder: Path) -> str:
    """Return twelve hex digits that change with anything in a directory that decides what its model draws.

    Read are the weights and adapters, the configurations of the model, of generation and of the tokenizer, its
    vocabulary and merges, chat templates and remote code; of each file at most two megabytes.
    """
    digest = hashlib.sha256()
    templates = folder / "additional_chat_templates"
    files = [*folder.iterdir(), *(templates.iterdir() if templates.is_dir() else ())]
    for path in sorted(p for p in files if p.is_file() and (p.suffix in _DECIDING or p.name in _DECIDING)):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()} {size} ".encode())
        with path.open("rb") as file:
            digest.update(file.read(EDGE))
            file.seek(max(0, size - EDGE))
            digest.update(file.read(EDGE))
    return digest.hexdigest()[:12]
