"""The card and the weights of a head: read as they were written, and refused where they are broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tts.errors import InputError
from tts.models.head import NAME, WEIGHTS, Head, HeadCard, read_head, write_head

CARD = HeadCard("probe", "m", "", -1, "mean", 3, {"learned_from": {"revision": "v1"}})
HEAD = Head(np.array([1.0, -2.0, 0.5]), 0.25)


def test_a_head_is_read_as_it_was_written_and_is_linear(tmp_path: Path) -> None:
    write_head(tmp_path, CARD, HEAD)
    card, head = read_head(tmp_path)
    assert card == CARD and card.judges == "m@v1"
    assert HeadCard("p_ik", "m", "", 0, "last", 3).judges == "m"
    states = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]])
    assert head.log_odds(states).tolist() == HEAD.log_odds(states).tolist() == [2.25, -1.75]


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"kind": "new"}, "kind must be probe or p_ik or apricot, got 'new'"),
        ({"pooling": "max"}, "pooling must be mean or last, got 'max'"),
        ({"base": 3}, "base must be text, got 3"),
        ({"layer": "last"}, "layer must be a whole number, got 'last'"),
        ({"width": 0}, "width must be a whole number >= 1, got 0"),
        ({"width": 4}, r"holds no weights of this head \(weights of shape \(3,\) for 4 directions"),
        ({"format": "tts-head-9"}, "must have format 'tts-head-1', got 'tts-head-9'"),
    ],
)
def test_a_broken_card_gets_one_sentence(tmp_path: Path, changed: dict[str, Any], wanted: str) -> None:
    write_head(tmp_path, CARD, HEAD)
    path = tmp_path / NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    with pytest.raises(InputError, match=f"{wanted}.*train it again with `tts train head`"):
        read_head(tmp_path)


def test_a_directory_without_card_or_weights_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no head\.json: train one with `tts train head`"):
        read_head(tmp_path)
    write_head(tmp_path, CARD, HEAD)
    for broken in (b"no weights", None):
        (tmp_path / WEIGHTS).unlink() if broken is None else (tmp_path / WEIGHTS).write_bytes(broken)
        with pytest.raises(InputError, match="holds no weights of this head"):
            read_head(tmp_path)
    write_head(tmp_path, CARD, Head(np.array([1.0, np.nan, 0.0]), 0.0))
    with pytest.raises(InputError, match="or no finite numbers"):
        read_head(tmp_path)
