"""End-of-sequence and suppressed tokens come from the generation configuration and the tokenizer."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tts.engines.special_tokens import end_ids, suppressed_ids
from tts.errors import InputError


@pytest.mark.parametrize(
    ("named", "own", "ends"),
    [(None, 2, {2}), (3, 2, {2, 3}), ([3, 4], None, {3, 4}), ([], 2, {2}), ([2], 2, {2}), (0, None, {0})],
)
def test_the_ends_are_those_of_both(named: int | list[int] | None, own: int | None, ends: set[int]) -> None:
    assert end_ids(named, SimpleNamespace(eos_token_id=own)) == ends


@pytest.mark.parametrize("named", [None, []])
def test_a_model_without_an_end_is_refused(named: list[int] | None) -> None:
    with pytest.raises(InputError, match="names no end-of-sequence token: set eos_token_id"):
        end_ids(named, SimpleNamespace(eos_token_id=None))


def test_suppressed_tokens_are_sorted_and_single() -> None:
    assert suppressed_ids([5, 3, 5], 10) == (3, 5) and suppressed_ids(None, 10) == suppressed_ids([], 10) == ()


@pytest.mark.parametrize("named", [[-1], [10], [0, 10], list(range(10))])
def test_ids_outside_the_vocabulary_or_all_of_it_are_refused(named: list[int]) -> None:
    with pytest.raises(InputError, match=r"suppresses tokens .* and the model has 10, from 0 on"):
        suppressed_ids(named, 10)
