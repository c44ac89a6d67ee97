"""The card of a GrACE model names its confidence token and the signals that read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tts.errors import InputError
from tts.models.bundled import weights
from tts.models.grace import NAME, OWNER, GraceCard, check_token, read_card, write_card
from tts.types import Signals

WATCHED = Signals.watching(OWNER, (7,))
GOOD = {"format": "tts-grace-1", "token": "<CNF>", "token_id": 7, "readout": "before", "positions": "end", "base": "m"}


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    for card in (GraceCard("<CNF>", 7), GraceCard("<CNF>", 0, "after", "every", "tiny", {"seed": 3})):
        write_card(tmp_path, card)
        assert read_card(tmp_path) == card


@pytest.mark.parametrize(
    ("readout", "steps", "signals"),
    [
        ("before", False, WATCHED),
        ("before", True, WATCHED | Signals(steps=True)),
        ("after", False, Signals(probe=7)),
        ("after", True, WATCHED | Signals(steps=True, probe=7)),
    ],
)
def test_the_signals_watch_the_token_and_probe_it_where_the_card_reads_after(
    readout: Any, steps: bool, signals: Signals
) -> None:
    assert GraceCard("<CNF>", 7, readout).signals(steps=steps) == signals


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("token", "", "token must be text"),
        ("token_id", -1, "token_id must be a whole number >= 0, got -1"),
        ("token_id", True, "token_id must be a whole number >= 0, got True"),
        ("readout", "during", "readout must be before or after, got 'during'"),
        ("positions", None, "positions must be end or every, got None"),
        ("base", 3, "base must be text, got 3"),
    ],
)
def test_a_broken_card_gets_one_sentence(tmp_path: Path, key: str, value: object, wanted: str) -> None:
    (tmp_path / NAME).write_text(json.dumps({**GOOD, key: value}))
    with pytest.raises(InputError, match=rf"grace\.json: {wanted}.*: train it again with `tts train grace`"):
        read_card(tmp_path)


def test_a_card_of_another_model_is_refused_with_both_tokens(tmp_path: Path) -> None:
    grace = weights("grace")
    card = read_card(grace)
    check_token(card, grace)
    check_token(card, tmp_path)  # no tokenizer.json: the engine looks at the tokenizer
    with pytest.raises(InputError, match=r"is '<CNF>', token \d+, and the tokenizer of .*tiny has no such token: give"):
        check_token(card, weights("tiny"))
    with pytest.raises(InputError, match=rf"token 3, and the tokenizer of .* has it as token {card.token_id}: give"):
        check_token(GraceCard("<CNF>", 3), grace)
