"""The card of a GrACE model: ``grace.json`` in its directory states its confidence token.

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
from tts.models.card_file import CardFile
from tts.types import Signals

NAME = "grace.json"
OWNER = "grace"
"""The owner of the confidence token in signals and traces."""
Readout = Literal["before", "after"]
Positions = Literal["end", "every"]


@dataclass(frozen=True, slots=True)
class GraceCard:
    """A confidence token, and the place where its probability is the confidence.

    Attributes:
        token: its text, such as "<CNF>".
        token_id: its id, >= 0.
        readout: "before": its probability as the next token where the response ends, in the pass that draws the end;
            "after": its probability at its own position, after it was appended to the response.
        positions: where it was trained: at the "end" of a response, or at "every" token of it.
        base: the model it was made from; empty if unknown.
        extra: the card's further keys, with JSON values.

    Source:
        GrACE, arXiv 2509.09438: P(<CNF>) over the whole vocabulary, temperature 1.
    """

    token: str
    token_id: int
    readout: Readout = "before"
    positions: Positions = "end"
    base: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def signals(self, *, steps: bool = False) -> Signals:
        """Return the signals to collect while drawing.

        Args:
            steps: whether the confidence at the end of each step is read too, not only that at the end of a sample.
        """
        after, token = self.readout == "after", self.token_id
        watched = Signals.watching(OWNER, (token,) if steps or not after else ())
        return watched | Signals(steps=steps, probe=token if after else None)


FILE = CardFile(NAME, "tts-grace-1", "grace", ("token", "token_id", "readout", "positions", "base"))


def read_card(folder: str | os.PathLike[str]) -> GraceCard:
    """Read the card of a model directory.

    Raises:
        InputError: the directory has no card, or a broken one; the sentence names the key and its value.
    """
    path, data, extra = FILE.read(folder)
    token, number, base = data.get("token"), data.get("token_id"), data.get("base", "")
    FILE.check(path, "token", token, "text", isinstance(token, str) and token != "")
    FILE.check(path, "token_id", number, "a whole number >= 0", type(number) is int and number >= 0)
    for key, allowed in (("readout", get_args(Readout)), ("positions", get_args(Positions))):
        FILE.check(path, key, data.get(key), " or ".join(allowed), data.get(key) in allowed)
    FILE.check(path, "base", base, "text", isinstance(base, str))
    return GraceCard(data["token"], data["token_id"], data["readout"], data["positions"], base, extra)


def check_token(card: GraceCard, folder: Path) -> None:
    """Refuse a model whose tokenizer lacks the card's token, or has it under another id.

    Args:
        card: the card.
        folder: the model's directory; one without a tokenizer.json is not looked at.

    Raises:
        InputError: the sentence has both tokens.
    """
    if not (path := folder / "tokenizer.json").is_file():
        return
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        tokens = dict(data["model"]["vocab"]) | {one["content"]: one["id"] for one in data["added_tokens"]}
    except (OSError, ValueError, KeyError, TypeError):
        return  # the engine reports a tokenizer that cannot be read
    if (number := tokens.get(card.token)) != card.token_id:
        has = "has no such token" if number is None else f"has it as token {number}"
        raise InputError(
            f"the confidence token is {card.token!r}, token {card.token_id}, and the tokenizer of {folder} {has}: give "
            "the model that the card belongs to, or train one with `tts train grace`"
        )


def write_card(folder: str | os.PathLike[str], card: GraceCard) -> None:
    """Write the card of a model directory, whole or not at all.

    Raises:
        InputError: the card cannot be written, or ``card.extra`` holds one of the card's own keys.
    """
    FILE.write(folder, card, card.extra)
