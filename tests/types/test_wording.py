"""Numbers agree with their nouns."""

from __future__ import annotations

import pytest

from tts.wording import counted


@pytest.mark.parametrize(("number", "text"), [(0, "0 questions"), (1, "1 question"), (2, "2 questions")])
def test_one_is_singular(number: int, text: str) -> None:
    assert counted(number, "question") == text
