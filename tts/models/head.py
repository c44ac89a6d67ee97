"""The card of a trained head: ``head.json`` in its directory states what it reads; the weights stand beside it.

Plain data and arrays that any part of the framework may read; knows nothing about torch or training.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tts.errors import InputError, first_line
from tts.files import atomic_path
from tts.models.card_file import CardFile

NAME = "head.json"
WEIGHTS = "head.safetensors"
"""The file beside the card that holds the weights."""
Kind = Literal["probe", "p_ik", "apricot"]
Pooling = Literal["mean", "last"]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HeadCard:
    """A linear head on hidden states of a frozen model.

    Attributes:
        kind: "probe" reads a response in the model that drew it, "p_ik" the question alone, "apricot" question and
            response in an auxiliary model.
        base: the model whose responses it judges.
        reader: directory of the auxiliary model that is read; empty reads the base.
        layer: the layer that is read; -1 is the last, 0 the embeddings.
        pooling: "mean" over the tokens of the response, or its "last" token; of "p_ik", the prompt's last token.
        width: of a hidden state.
        extra: the card's further keys, with JSON values.
    """

    kind: Kind
    base: str
    reader: str
    layer: int
    pooling: Pooling
    width: int
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def revision(self) -> str | None:
        """The revision of its base; None if the card has none."""
        return dict(self.extra.get("learned_from", {})).get("revision")

    @property
    def judges(self) -> str:
        """The base, with its revision if the card has one."""
        return f"{self.base}@{self.revision}" if self.revision else self.base


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A fitted head: log-odds of being right, linear in the hidden state.

    Attributes:
        weights: of each direction, [width].
        bias: the log-odds at a state of zeros.
    """

    weights: Floats
    bias: float

    def log_odds(self, states: Floats) -> Floats:
        """Return the log-odds of being right, [texts], of hidden states [texts, width]; equal for equal states."""
        return np.asarray((states * self.weights).sum(axis=1) + self.bias, dtype=np.float64)


FILE = CardFile(NAME, "tts-head-1", "head", ("kind", "base", "reader", "layer", "pooling", "width"))


def read_head(folder: str | os.PathLike[str]) -> tuple[HeadCard, Head]:
    """Read the card and the weights of a directory.

    Raises:
        InputError: the directory has no card or no weights, or broken ones; the sentence names the key and its value.
    """
    path, data, extra = FILE.read(folder)
    for key, allowed in (("kind", get_args(Kind)), ("pooling", get_args(Pooling))):
        FILE.check(path, key, data.get(key), " or ".join(allowed), data.get(key) in allowed)
    for key in ("base", "reader"):
        FILE.check(path, key, data.get(key), "text", isinstance(data.get(key), str))
    for key, least in (("layer", None), ("width", 1)):
        value = data.get(key)
        wanted = "a whole number" + ("" if least is None else f" >= {least}")
        FILE.check(path, key, value, wanted, type(value) is int and (least is None or value >= least))
    card = HeadCard(data["kind"], data["base"], data["reader"], data["layer"], data["pooling"], data["width"], extra)
    return card, _read_weights(Path(folder) / WEIGHTS, card.width)


def write_head(folder: str | os.PathLike[str], card: HeadCard, head: Head) -> None:
    """Write the weights and the card of a directory, each whole or not at all.

    Raises:
        InputError: a file cannot be written, or ``card.extra`` holds one of the card's own keys.
    """
    from safetensors.numpy import save_file

    with atomic_path(Path(folder) / WEIGHTS) as temp:
        save_file({"weight": np.ascontiguousarray(head.weights), "bias": np.array([head.bias])}, temp)
    FILE.write(folder, card, card.extra)


def _read_weights(path: Path, width: int) -> Head:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        found = load_file(path)
        weights, bias = found["weight"].astype(np.float64), found["bias"].astype(np.float64)
        if weights.shape != (width,) or bias.shape != (1,) or not np.isfinite([*weights, *bias]).all():
            raise ValueError(f"weights of shape {weights.shape} for {width} directions, or no finite numbers")
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise InputError(
            f"{path} holds no weights of this head ({first_line(error):.200}): train it again with `tts train head`"
        ) from None
    return Head(weights, float(bias[0]))
