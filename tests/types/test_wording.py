"""Numbers agree with their nouns."""

from __future__ import annotations

import pytest

from tts.wording import counted, filled


@pytest.mark.parametrize(("number", "text"), [(0, "0 questions"), (1, "1 question"), (2, "2 questions")])
def test_one_is_singular(number: int, text: str) -> None:
    assert counted(number, "question") == text


def test_fields_are_replaced_once_and_other_braces_stay() -> None:
    fields = {"question": "{answer}", "answer": "a{question}"}
    assert filled("{question} {x} {{answer}} {answer}", fields) == "{answer} {x} {a{question}} a{question}"
    assert filled("{a}", {}) == "{a}" and filled("{a}", {"a": "x"}, guard=str.upper) == "X"
