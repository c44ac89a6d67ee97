"""The JSON card beside a trained model: its file, its format, and the sentences about a broken one.

Knows nothing about torch or training.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tts.errors import InputError
from tts.files import atomic_path, read_bytes


@dataclass(frozen=True, slots=True)
class CardFile:
    """A kind of card.

    Attributes:
        name: the name of the file.
        format: the value of its key "format".
        scorer: what ``tts train`` calls the training that writes it.
        keys: the card's own keys; all others are extra.
    """

    name: str
    format: str
    scorer: str
    keys: tuple[str, ...]

    def read(self, folder: str | os.PathLike[str]) -> tuple[Path, dict[str, Any], dict[str, Any]]:
        """Read a directory's card.

        Returns:
            The path, all keys, and the extra keys.

        Raises:
            InputError: the directory has no card, or the card is no JSON or of another format.
        """
        path, again = Path(folder) / self.name, f"train it again with `tts train {self.scorer}`"
        if not path.is_file():
            raise InputError(
                f"{folder} has no {self.name}: train one with `tts train {self.scorer}`, or choose another scorer"
            )
        given = read_bytes(path)
        try:
            data = json.loads(given)
        except ValueError:
            raise InputError(f"{path} is no JSON: {again}") from None
        if not isinstance(data, dict) or data.get("format") != self.format:
            found = data.get("format") if isinstance(data, dict) else data
            raise InputError(f"{path} must have format {self.format!r}, got {found!r:.80}: {again} of this version")
        return path, data, {key: value for key, value in data.items() if key not in (*self.keys, "format")}

    def write(self, folder: str | os.PathLike[str], card: Any, extra: Mapping[str, Any]) -> None:
        """Write a card's own keys and the extra ones, whole or not at all.

        Raises:
            InputError: the card cannot be written, or ``extra`` holds one of the card's own keys.
        """
        taken = sorted(set(extra) & {*self.keys, "format"})
        if taken:
            names = ", ".join(taken)
            raise InputError(f"a card's further keys cannot be called {names}, which are its own: rename them")
        data = {"format": self.format, **{key: getattr(card, key) for key in self.keys}, **extra}
        with atomic_path(Path(folder) / self.name) as temp:
            temp.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def check(self, path: Path, key: str, value: object, wanted: str, fine: bool) -> None:
        """Refuse a key's value with one sentence unless it is ``fine``."""
        if not fine:
            raise InputError(
                f"{path}: {key} must be {wanted}, got {value!r:.80}: train it again with `tts train {self.scorer}`"
            )
