"""The card of a FineCE scorer names the place of its confidence, its base, and the signals that read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tts.errors import InputError
from tts.models.finece import NAME, OWNER, FineceCard, read_card, write_card
from tts.types import Signals

TOKENS = tuple(range(20, 31))
GOOD = {"format": "tts-finece-1", "form": "grown", "read": "values", "tokens": list(TOKENS), "base": "m"}


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    for card in (FineceCard("grown", "values", TOKENS, "tiny"), FineceCard("adapter", "head", (), "m", {"seed": 3})):
        write_card(tmp_path, card)
        assert read_card(tmp_path) == card


def test_a_grown_model_watches_its_value_tokens_and_other_forms_watch_none() -> None:
    grown = FineceCard("grown", "values", TOKENS, "tiny")
    assert grown.signals() == Signals.watching(OWNER, TOKENS)
    assert grown.signals(steps=True) == Signals.watching(OWNER, TOKENS) | Signals(steps=True)
    for card in (FineceCard("adapter", "numbers", TOKENS, "m"), FineceCard("model", "head", (), "m")):
        assert card.signals() == Signals()


def test_the_card_names_the_revision_of_the_base_that_it_judges() -> None:
    plain = FineceCard("adapter", "head", (), "a/b")
    assert plain.revision is None and plain.judges == "a/b"
    pinned = FineceCard("adapter", "head", (), "a/b", {"learned_from": {"revision": "v1"}})
    assert pinned.revision == "v1" and pinned.judges == "a/b@v1"


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"form": "new"}, "form must be grown or adapter or model, got 'new'"),
        ({"read": "words"}, "read must be values or numbers or head, got 'words'"),
        ({"tokens": [1, 2]}, r"tokens must be 11 whole numbers >= 0, got \[1, 2\]"),
        ({"read": "head"}, "tokens must be 0 whole numbers >= 0"),
        ({"base": None}, "base must be text, got None"),
    ],
)
def test_a_broken_card_gets_one_sentence(tmp_path: Path, changed: dict[str, Any], wanted: str) -> None:
    (tmp_path / NAME).write_text(json.dumps({**GOOD, **changed}))
    with pytest.raises(InputError, match=rf"finece\.json: {wanted}.*: train it again with `tts train finece`"):
        read_card(tmp_path)
