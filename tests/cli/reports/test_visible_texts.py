"""Texts of models are shown on terminals without what a terminal would obey."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tts.wording import visible


@given(st.text())
def test_no_control_character_is_left_but_line_feeds_and_tabs(text: str) -> None:
    shown = visible(text)
    assert not [one for one in shown if (ord(one) < 0x20 and one not in "\n\t") or 0x7F <= ord(one) <= 0x9F]
    assert visible(shown) == shown


def test_plain_text_is_unchanged_and_marks_are_named() -> None:
    assert visible("né 日本 🙂\tx\ny") == "né 日本 🙂\tx\ny"
    assert visible("a\r\nb\rc") == "a\nb␍c"
    assert visible("\u202e\u2066\u200f\x7f\x85") == "⟨U+202E⟩⟨U+2066⟩⟨U+200F⟩␡⟨U+0085⟩"
