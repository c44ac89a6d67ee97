"""Errors are one sentence; a mistyped name gets the closest one."""

from __future__ import annotations

import pytest

from tts.errors import EngineError, InputError, first_line, suggestion, unknown_name


def test_an_unknown_name_lists_all_and_suggests_the_closest() -> None:
    error = unknown_name("dish", "soop", ("soup", "bread"))
    assert isinstance(error, InputError)
    assert str(error) == "unknown dish 'soop': allowed are bread, soup; did you mean soup?"
    assert str(unknown_name("dish", None, ["soup"])) == "unknown dish None: allowed are soup"


@pytest.mark.parametrize(("given", "found"), [("bredd", "; did you mean bread?"), ("xyz", ""), (3, "")])
def test_only_a_close_name_is_suggested(given: object, found: str) -> None:
    assert suggestion(given, ["soup", "bread"]) == found


def test_the_first_line_of_another_librarys_error() -> None:
    assert first_line(ValueError("\nno room.\nmore")) == "no room"
    assert first_line(KeyError()) == "KeyError"


def test_an_engine_error_may_be_worth_another_attempt() -> None:
    assert EngineError("lost").again and not EngineError("refused", again=False).again
