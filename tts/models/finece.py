"""The card of a FineCE scorer: ``finece.json`` in its directory states where its confidence is read.

Plain data that any part of the framework may read; knows nothing about torch or training.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from tts.models.card_file import CardFile
from tts.types import Signals

NAME = "finece.json"
HEAD = "head.safetensors"
"""The file beside the card that holds the weights of a linear head."""
OWNER = "finece"
"""The owner of value tokens in signals and traces."""
VALUES = 11
"""The number of confidences that value tokens stand for: 0, 1/10, ..., 1."""
Form = Literal["grown", "adapter", "model"]
Read = Literal["values", "numbers", "head"]


@dataclass(frozen=True, slots=True)
class FineceCard:
    """The place where a confidence is read, and the model that it judges.

    Attributes:
        form: "grown": the directory is a model that draws as its base does and reads its confidence in the same pass;
            "adapter": LoRA weights to be put on the base for scoring; "model": a model that only scores.
        read: "values" or "numbers": the expectation over ``tokens``; "head": a linear head in ``head.safetensors``.
        tokens: ids of the tokens that stand for 0, 1/10, ..., 1; empty for a head.
        base: the model whose prefixes it judges and from which it was made.
        extra: the card's further keys, with JSON values.

    Source:
        FineCE, arXiv 2508.12040, section on training formats: values 0 to 10, or a value head.
    """

    form: Form
    read: Read
    tokens: tuple[int, ...]
    base: str
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def revision(self) -> str | None:
        """The revision of its base; None if the card has none."""
        return dict(self.extra.get("learned_from", {})).get("revision")

    @property
    def judges(self) -> str:
        """The base, with its revision if the card has one."""
        return f"{self.base}@{self.revision}" if self.revision else self.base

    def signals(self, *, steps: bool = False) -> Signals:
        """Return the signals to collect while drawing: P(value token) at every token, where the model is grown.

        Args:
            steps: whether to note which tokens end a step.
        """
        return Signals.watching(OWNER, self.tokens if self.form == "grown" else ()) | Signals(steps=steps)


FILE = CardFile(NAME, "tts-finece-1", "finece", ("form", "read", "tokens", "base"))


def read_card(folder: str | os.PathLike[str]) -> FineceCard:
    """Read the card of a directory.

    Raises:
        InputError: the directory has no card, or a broken one; the sentence names the key and its value.
    """
    path, data, extra = FILE.read(folder)
    for key, allowed in (("form", get_args(Form)), ("read", get_args(Read))):
        FILE.check(path, key, data.get(key), " or ".join(allowed), data.get(key) in allowed)
    tokens, wanted = data.get("tokens"), 0 if data["read"] == "head" else VALUES
    fine = isinstance(tokens, list) and all(type(token) is int and token >= 0 for token in tokens)
    FILE.check(path, "tokens", tokens, f"{wanted} whole numbers >= 0", fine and len(tokens or ()) == wanted)
    FILE.check(path, "base", data.get("base"), "text", isinstance(data.get("base"), str))
    return FineceCard(data["form"], data["read"], tuple(data["tokens"]), data["base"], extra)


def write_card(folder: str | os.PathLike[str], card: FineceCard) -> None:
    """Write the card of a directory, whole or not at all.

    Raises:
        InputError: the card cannot be written, or ``card.extra`` holds one of the card's own keys.
    """
    FILE.write(folder, card, card.extra)
