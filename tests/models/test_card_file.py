"""The card of a GrACE model comes back as it was written, and a broken one gets one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tts.errors import InputError
from tts.models.grace import GraceCard, read_card, write_card

CARD = GraceCard("<CNF>", 344, "after", "every", "tiny", {"recipe": {"seed": 0}, "auroc": 0.8})


def test_what_was_written_is_read(tmp_path: Path) -> None:
    for card in (CARD, GraceCard("<CNF>", 0)):
        write_card(tmp_path, card)
        assert read_card(tmp_path) == card
    assert [p.name for p in tmp_path.iterdir()] == ["grace.json"]
    data = json.loads((tmp_path / "grace.json").read_text())
    assert data["format"] == "tts-grace-1" and data["readout"] == "before"
    with pytest.raises(InputError, match=r"cannot write .* does not exist"):
        write_card(tmp_path / "none", CARD)
    with pytest.raises(InputError, match="cannot be called format, token, which are its own"):
        write_card(tmp_path, GraceCard("<CNF>", 0, extra={"token": "x", "format": "y"}))


def test_a_directory_without_a_card_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no grace\.json: train one with `tts train grace`, or choose another"):
        read_card(tmp_path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": "tts-grace-2"}, "must have format 'tts-grace-1', got 'tts-grace-2'"),
        ({"token": ""}, "token must be text, got ''"),
        ({"token": None}, "token must be text, got None"),
        ({"token_id": -1}, "token_id must be a whole number >= 0, got -1"),
        ({"token_id": True}, "token_id must be a whole number >= 0, got True"),
        ({"token_id": 3.0}, "token_id must be a whole number >= 0, got 3.0"),
        ({"readout": "during"}, "readout must be before or after, got 'during'"),
        ({"readout": ["after"]}, "readout must be before or after, got"),
        ({"positions": "all"}, "positions must be end or every, got 'all'"),
        ({"base": 3}, "base must be text, got 3"),
    ],
)
def test_a_broken_card_gets_one_sentence(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    write_card(tmp_path, CARD)
    path = tmp_path / "grace.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError) as caught:
        read_card(tmp_path)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[]", "3", ""])
def test_what_is_no_card_gets_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "grace.json").write_text(text)
    with pytest.raises(InputError, match=r"grace\.json (is no JSON|must have format)"):
        read_card(tmp_path)


def test_reading_a_card_loads_nothing_heavy() -> None:
    code = "import sys, tts.models.grace; assert not {'torch', 'numpy', 'transformers'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
