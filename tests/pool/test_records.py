"""Pools in memory: what they refuse, and the same pool with other confidences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.evals.cases import pool_of
from tts.pool import Entry


def given(values: list[list[float | None]]) -> Callable[[Entry], list[float | None]]:
    """Return the values of each question of the pool."""
    of = {entry.problem.id: row for entry, row in zip(POOL.entries, values, strict=True)}
    return lambda entry: of[entry.problem.id]


POOL = pool_of([("1", 0.9), (None, 0.3), ("2", None)], [("1", 0.5)])


def test_other_confidences_are_those_of_answered_samples() -> None:
    changed = POOL.with_confidences(given([[0.1, None], [0.7]]))
    assert [[s.confidence for s in entry.samples] for entry in changed.entries] == [[0.1, None, None], [0.7]]
    assert [[s.answer for s in entry.answered] for entry in POOL.entries] == [["1", "2"], ["1"]]


def test_nothing_but_the_confidences_changes() -> None:
    changed = POOL.with_confidences(given([[0.1, 0.2], [0.3]]))
    for before, after in zip(POOL.entries, changed.entries, strict=True):
        assert replace(after, samples=before.samples) == before
        assert [replace(s, confidence=None) for s in after.samples] == [
            replace(s, confidence=None) for s in before.samples
        ]
    assert (changed.path, changed.sha256) == (POOL.path, POOL.sha256)


def test_a_value_too_many_or_too_few_is_refused() -> None:
    for wrong in ([[0.1], [0.3]], [[0.1, 0.2, 0.3], [0.3]]):
        with pytest.raises(ValueError, match="zip"):
            POOL.with_confidences(given(wrong))
