"""Lines of a pool: an entry comes back from its line, and a fault names the place and the key."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from tests.pool.cases import entries, small_pool
from tests.support.examples import examples
from tts.errors import InputError
from tts.pool.jsonl.line import dump_line, parse_line


@settings(max_examples=examples(60), deadline=None)
@given(entries("q"))
def test_an_entry_comes_back_from_its_line(entry: Any) -> None:
    line = dump_line(entry)
    assert "\n" not in line
    assert dump_line(parse_line(line, "here")) == line


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"id": "a"}', '{"id": "a", "question": "?", "samples": []}', '{"id": 1, "question": "?"}']
)
def test_a_fault_names_its_place(line: str) -> None:
    with pytest.raises(InputError, match=r"^pool\.jsonl, line 3"):
        parse_line(line, "pool.jsonl, line 3")


def test_equal_entries_give_equal_text() -> None:
    assert [dump_line(e) for e in small_pool().entries] == [dump_line(e) for e in small_pool().entries]
