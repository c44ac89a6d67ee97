"""Labels are shares of a prefix's own completions, and goals are what a response's places are trained towards."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tts.training.finece.labels import completions, goals, labelled
from tts.training.responses import Response

P = (1, 2)


def response(ids: str, correct: int, given: int = 0, question: int = 0) -> Response:
    return Response(question, P, tuple(map(ord, ids)), True, bool(correct), "1", given=given)


TREE = (
    response("abc", 1),
    response("abd", 0),
    response("xyz", 0),
    response("xyw", 0),
    response("abe", 1, given=2),
    response("abf", 1, given=2),
    response("abg", 0, given=2),
    response("abcd", 1, given=2),
    response("other", 1, question=1),
)


def test_each_prefix_has_its_own_share() -> None:
    """The public code's counters run on from prefix to prefix: x would get 0 of 2, then 3 of 6."""
    found = {("".join(map(chr, one.ids)), one.question): one for one in labelled(TREE) if one.kind != "answer"}
    assert {key: (one.label, one.completions) for key, one in found.items()} == {
        ("", 0): (0.25, 4),
        ("ab", 0): (0.75, 4),
        ("", 1): (1.0, 1),
    }
    answers = [one for one in labelled(TREE) if one.kind == "answer"]
    assert [one.label for one in answers] == [1, 0, 0, 0, 1, 1, 0, 1, 1]
    assert len(completions(TREE)) == 3


def test_goals_where_there_are_labels() -> None:
    nan = math.nan
    found = goals(TREE, every=False)
    assert found[0] == pytest.approx([0.25, nan, nan, 1], nan_ok=True)  # the question, once
    assert found[1] == pytest.approx([nan, nan, nan, 0], nan_ok=True)
    assert found[4] == pytest.approx([nan, nan, 0.75, 1], nan_ok=True)  # the prefix, once
    assert found[7] == pytest.approx([nan, nan, nan, nan, 1], nan_ok=True)


def test_goals_at_every_place_behind_what_was_given() -> None:
    found = goals(TREE, every=True)
    assert found[2] == pytest.approx([0, 0, 0, 0])
    assert found[0] == pytest.approx([0.25, 0.8, 0.8, 1])  # its own end and four others that began with ab
    assert found[1] == pytest.approx([0.6, 0.6, 0.6, 0])
    assert found[5] == pytest.approx([math.nan, math.nan, 1, 1], nan_ok=True)
    assert found[7] == pytest.approx([math.nan, math.nan, 1, 1, 1], nan_ok=True)


def test_goals_are_unbiased() -> None:
    """Answers end well with a chance that depends on their first token; so do the goals there, on average."""
    rng, chance, total = np.random.default_rng(0), {"a": 0.8, "b": 0.3}, {"a": [], "b": []}
    for _ in range(3000):
        roots = [response(f"{letter}1", rng.random() < chance[letter]) for letter in rng.choice(["a", "b"], 3)]
        first = chr(roots[0].ids[0])
        more = [response(f"{first}{i}", rng.random() < chance[first], given=1) for i in "23456"]
        for one, goal in zip(roots, goals([*roots, *more], every=True)[:3], strict=True):
            total[chr(one.ids[0])].append(goal[1])
    for letter, values in total.items():
        assert np.mean(values) == pytest.approx(chance[letter], abs=0.015)
