"""The user's cache of models that are assembled or converted on first use."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from tts.errors import InputError

WEIGHTS = "model.safetensors"
CONFIG = "config.json"


def cached(name: str, write: Callable[[Path], None], *, what: str) -> Path:
    """Return the directory of a model in the cache, which is written on first use.

    The cache is ``$XDG_CACHE_HOME/tts-rerank``, else ``~/.cache/tts-rerank``; a directory there appears whole or not at
    all.

    Args:
        name: of the directory; it changes with the model's sources.
        write: writes the model into an empty directory.
        what: the model in words, for the error.

    Raises:
        InputError: the cache cannot be written, or what ``write`` raises.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tts-rerank"
    folder = cache / name
    if (folder / CONFIG).is_file():
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as made:
            inside = Path(made) / "model"
            inside.mkdir()
            write(inside)
            try:
                inside.rename(folder)
            except OSError:  # another process was faster
                if not (folder / CONFIG).is_file():
                    raise
    except OSError as error:
        raise InputError(
            f"{what} is put together in {cache}, which cannot be written ({error.strerror or error}): set "
            "XDG_CACHE_HOME to a directory that can"
        ) from None
    return folder
