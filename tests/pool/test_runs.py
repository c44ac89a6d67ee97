"""Keys of runs: equal settings are equal text, and every part of a key tells runs apart."""

from __future__ import annotations

import pytest

from tts.errors import InputError
from tts.pool.runs import RunKey, canonical_json, plain_json, versions


def test_equal_settings_are_equal_text() -> None:
    assert canonical_json({"b": 1.0, "a": [1, 2.5]}) == canonical_json({"a": [1.0, 2.5], "b": 1})
    assert canonical_json({"a": True}) != canonical_json({"a": 1})


def test_a_key_comes_back_from_its_columns() -> None:
    key = RunKey("m", "r", "Q: {question}", {"temperature": 0.7, "top_k": 0})
    again = RunKey.from_columns(*key.columns)
    assert again.columns == key.columns


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(InputError):
        canonical_json({"a": float("nan")})
    with pytest.raises(InputError):
        plain_json({"a": object()}, "configuration")


def test_versions_name_what_is_installed() -> None:
    assert "python" in versions()
