"""The kind that "auto" takes, what another kind would merge, and grades by a gold answer in every order."""

from __future__ import annotations

import importlib.util
from itertools import permutations

import pytest

from evals.replay.arrays import PoolArrays
from evals.replay.kinds import AutoKind, auto_kind
from tests.evals.cases import pool_of
from tts.answers import MathVerifier
from tts.answers.meaning.equality import Pairwise
from tts.pool import Entry, Pool
from tts.types import Problem, Sample


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["B", "(B)", "b.", "**A**"], AutoKind("text", {"choice": 1})),
        (["18", "18.0", "$18", "7 apples"], AutoKind("number", {})),
        (["x + 1", "x+1", "x +1"], AutoKind("text", {"math": 2})),
        (["Paris", "paris", "London"], AutoKind("text", {})),
    ],
)
def test_auto_tells_its_kind_and_what_another_one_would_merge(answers: list[str], expected: AutoKind) -> None:
    assert auto_kind(pool_of(answers)) == expected


def test_the_sentence_names_the_kind_and_the_numbers() -> None:
    assert AutoKind("text", {"choice": 3}).sentence == "answers: auto = text; choice would merge 3 spellings"
    assert AutoKind("number", {}).sentence == "answers: auto = number"


def _ungraded(gold: str, answers: tuple[str, ...]) -> Pool:
    samples = tuple(Sample(answer=a, index=i) for i, a in enumerate(answers))
    return Pool("memory", "0" * 64, (Entry(Problem("q", "?", gold), samples, (None,) * len(samples), {}),))


@pytest.mark.skipif(importlib.util.find_spec("math_verify") is None, reason="needs the extra 'math'")
def test_the_verifier_grades_by_the_gold_answer_in_every_order() -> None:
    with MathVerifier(timeout=30) as verifier:
        same = PoolArrays.of(
            _ungraded("11+9a", ("9a+11",) * 4), answers="math", equality=Pairwise("math", verifier.equal)
        )
        assert same.sample_correct.all()
        tiny = ("6.63\\times10^{-34}", "9.11\\times10^{-31}", "9.11e-31", "6.63e-34")
        for order in permutations(tiny):
            pool = _ungraded("6.63\\times10^{-34}", order)
            arrays = PoolArrays.of(pool, answers="math", equality=Pairwise("math", verifier.equal))
            assert arrays.sample_correct.tolist() == [["6.63" in answer for answer in order]]
        for order in permutations(("0.333333", "x", "1/3", "\\frac{2}{6}")):
            arrays = PoolArrays.of(
                _ungraded("0.\\overline{3}", order), answers="math", equality=Pairwise("math", verifier.equal)
            )
            assert arrays.sample_correct.tolist() == [[answer != "x" for answer in order]]
