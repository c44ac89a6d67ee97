"""Scored samples: only graded ones with a confidence count, and maps are cross-fitted."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from evals.metrics.scored import ScoredSamples, grades
from tests.evals.cases import pool_of
from tests.evals.metrics.cases import samples_of, simulated, value
from tts.answers import Grader
from tts.errors import InputError
from tts.pool import Entry, Pool
from tts.types import Problem, Sample


def test_only_graded_samples_with_a_confidence_count_and_the_rest_is_counted() -> None:
    samples = (
        Sample(answer="1", confidence=0.9, index=0),
        Sample(answer="1", confidence=None, index=1),
        Sample(answer=None, confidence=0.4, index=2),
        Sample(answer="2", confidence=0.3, index=3),
    )
    graded = Entry(Problem("a", "?", "1"), samples, (True, True, False, False))
    ungraded = Entry(Problem("b", "?", None), samples, (None, None, None, None))
    by_gold = Entry(Problem("c", "?", "1.0"), samples, (None, None, None, None))
    data = ScoredSamples.of_pool(Pool("memory", "0" * 64, (graded, ungraded, by_gold)))
    assert data.confidence.tolist() == [0.9, 0.4, 0.3, 0.4, 0.9, 0.4, 0.3]
    assert data.correct.tolist() == [True, False, False, False, True, False, False]
    assert data.question.tolist() == [0, 0, 0, 1, 2, 2, 2]
    assert data.left_out == {"no confidence": 3, "no grade, and no gold answer to grade by": 2}
    assert data.unparsed == 3
    with pytest.raises(InputError, match=r"memory: calibration needs samples with a confidence.*2 have no confidence"):
        ScoredSamples.of_pool(pool_of(["1", "2"]))


@pytest.mark.parametrize("kind", ["platt", "isotonic", "beta", "temperature"])
def test_a_map_is_never_fitted_on_the_questions_it_is_used_on(kind: str) -> None:
    data = simulated(np.random.default_rng(3), 60, 4, 1.0)
    mapped = data.calibrated(kind, 0)
    assert mapped.probabilities
    turned = data.correct.copy()
    turned[data.question == 7] ^= True  # other grades of one question change the map of the other half only
    moved = ScoredSamples(data.confidence, turned, data.question).calibrated(kind, 0).confidence != mapped.confidence
    assert not moved[data.question == 7].any()
    assert moved.any() and len(np.unique(data.question[moved])) <= 30
    before, after = (value("ece_equal_mass", d.confidence, d.correct) for d in (data, mapped))
    assert after < before


def test_too_few_questions_cannot_be_cross_fitted() -> None:
    with pytest.raises(InputError, match="at least 4 questions"):
        samples_of([0.1, 0.4, 0.6], [0, 1, 1]).calibrated("platt", 0)


@pytest.mark.parametrize(
    ("p", "y", "message"),
    [
        ([], [], "at least one sample"),
        ([0.1, 0.2], [True], "pair them"),
        ([0.1], [1], "True or False, got int"),
        ([math.nan], [True], "must be finite"),
        ([math.inf], [True], "must be finite"),
    ],
)
def test_bad_samples_are_refused(p, y, message) -> None:
    with pytest.raises(InputError, match=message):
        ScoredSamples.of(p, y if y else np.array(y, dtype=bool))


def test_a_recorded_grade_comes_first_and_the_rule_grades_the_rest() -> None:
    samples = tuple(Sample(answer=a, index=i) for i, a in enumerate(("1", "1.0", "one", None)))
    entry = Entry(Problem("q", "?", "1"), samples, (False, None, None, None))
    assert grades(entry) == [False, True, False, False]
    same = Grader("text", lambda a, b: {a, b} == {"1", "one"})
    assert grades(entry, same) == [False, False, True, False]
    assert grades(replace(entry, problem=replace(entry.problem, gold=None))) == [False, None, None, False]
