"""The card of a GrACE model: what ``grace.json`` in its directory says of its confidence token.

Plain data that any part of the framework may read; knows nothing about torch or training.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from tts.errors import InputError
from tts.pool.atomic import atomic_path
from tts.pool.files import read_bytes

FORMAT = "tts-grace-1"
NAME = "grace.json"
Readout = Literal["before", "after"]
Positions = Literal["end", "every"]


@dataclass(frozen=True, slots=True)
class Card:
    """A confidence token, and where its probability is the confidence.

    Attributes:
        token: how the tokenizer spells it, such as "<CNF>".
        token_id: its id, >= 0.
        readout: "before": its probability as the next token where the response ends, in the pass that draws the end;
            "after": its probability at its own position, once it was fed after the response.
        positions: where it was trained: at the "end" of a response, or at "every" token of it.
        base: the model it was made from; empty where nobody says.
        extra: whatever else the card holds, JSON values by key.

    Source:
        GrACE, arXiv 2509.09438: P(<CNF>) over the whole vocabulary, temperature 1.
    """

    token: str
    token_id: int
    readout: Readout = "before"
    positions: Positions = "end"
    base: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


_OWN = ("token", "token_id", "readout", "positions", "base")


def read_card(folder: str | os.PathLike[str]) -> Card:
    """Read the card of a model directory.

    Raises:
        InputError: there is none, or it is broken; the sentence names the key and what was found.
    """
    path = Path(folder) / NAME
    if not path.is_file():
        raise InputError(
            f"{folder} has no {NAME}: train one with `tts train grace`, or choose another scorer than grace"
        )
    try:
        data = json.loads(read_bytes(path))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is no JSON: train the model again with `tts train grace`") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        found = data.get("format") if isinstance(data, dict) else data
        raise InputError(
            f"{path} must have format {FORMAT!r}, got {found!r:.80}: train the model with this version of `tts train "
            "grace`"
        )
    _check(path, "token", data.get("token"), "text", isinstance(data.get("token"), str) and data["token"] != "")
    number = data.get("token_id")
    whole = isinstance(number, int) and not isinstance(number, bool) and number >= 0
    _check(path, "token_id", number, "a whole number >= 0", whole)
    for key, allowed in (("readout", get_args(Readout)), ("positions", get_args(Positions))):
        _check(path, key, data.get(key), " or ".join(allowed), data.get(key) in allowed)
    base = data.get("base", "")
    _check(path, "base", base, "text", isinstance(base, str))
    extra = {key: value for key, value in data.items() if key not in (*_OWN, "format")}
    return Card(data["token"], int(data["token_id"]), data["readout"], data["positions"], base, extra)


def write_card(folder: str | os.PathLike[str], card: Card) -> None:
    """Write the card of a model directory, whole or not at all.

    Raises:
        InputError: it cannot be written, or ``card.extra`` holds a key of the card's own.
    """
    taken = sorted(set(card.extra) & {*_OWN, "format"})
    if taken:
        raise InputError(f"a card's further keys cannot be called {', '.join(taken)}, which are its own: rename them")
    data = {"format": FORMAT, **{key: getattr(card, key) for key in _OWN}, **card.extra}
    with atomic_path(Path(folder) / NAME) as temp:
        temp.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _check(path: Path, key: str, value: object, wanted: str, fine: bool) -> None:
    if not fine:
        raise InputError(f"{path}: {key} must be {wanted}, got {value!r:.80}: train the model again")
