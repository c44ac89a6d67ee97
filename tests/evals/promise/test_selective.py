"""Promises hold in simulation for every kind of score, and exactly where all counts can be enumerated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from evals.promise.selective import enough_questions, least_answers, least_questions, select
from tests.strategies.cases import sizes
from tts.errors import InputError

ALPHA = DELTA = 0.1
GRID = np.linspace(0.0, 1.0, 2001)
Draw = Callable[[np.random.Generator, int], Any]


def informative(score: Any) -> Any:
    return 0.5 * (1.0 - score) ** 2


def useless(score: Any) -> Any:
    return np.full(np.shape(score), ALPHA + 1e-3)


def inverted(score: Any) -> Any:
    return 0.2005 * score


def continuous(rng: np.random.Generator, size: int) -> Any:
    return rng.random(size)


def tied(rng: np.random.Generator, size: int) -> Any:
    return rng.integers(0, 5, size) / 4


def one_cluster(rng: np.random.Generator, size: int) -> Any:
    return np.where(rng.random(size) < 0.97, 0.9, rng.random(size))


MANY = {draw: draw(np.random.default_rng(99), 100_000) for draw in (tied, one_cluster)} | {continuous: GRID}


def risk_above(threshold: float, draw: Draw, wrong: Callable[[Any], Any]) -> float:
    scores = MANY[draw]
    return float(wrong(scores[scores >= threshold]).mean())


@sizes(200, 2000)
@pytest.mark.parametrize(
    ("draw", "wrong"),
    [
        (continuous, informative),
        (continuous, useless),
        (continuous, inverted),
        (tied, informative),
        (tied, useless),
        (one_cluster, informative),
        (one_cluster, useless),
    ],
)
def test_the_promise_is_kept_as_often_as_it_says(draw: Draw, wrong: Callable[[Any], Any], examples: int) -> None:
    rng, broken, made = np.random.default_rng(7), 0, 0
    for seed in range(examples):
        scores = draw(rng, 160)
        found = select(scores, rng.random(160) >= wrong(scores), alpha=ALPHA, delta=DELTA, seed=seed)
        if found is not None:
            made += 1
            broken += risk_above(found.threshold, draw, wrong) > ALPHA + 1e-4
    assert broken <= binom.ppf(0.999, examples, DELTA), (broken, made)
    if wrong is informative and draw is continuous:
        assert made > examples / 4  # the promise is not kept by never making it


def test_it_is_exact_for_one_value_of_the_score() -> None:
    tested, chance = 120, 0.0
    scores = np.zeros(150)
    order = np.random.default_rng(0).permutation(150)
    for wrong in range(tested + 1):
        right = np.ones(150, dtype=bool)
        right[order[30 : 30 + wrong]] = False
        found = select(scores, right, alpha=ALPHA, delta=DELTA)
        assert (found is not None) == (binom.cdf(wrong, tested, ALPHA) <= DELTA)
        chance += binom.pmf(wrong, tested, ALPHA) * (found is not None)
    assert 0.05 < chance <= DELTA


def test_the_counts_are_those_of_the_tested_questions() -> None:
    rng = np.random.default_rng(1)
    scores, right = rng.random(1000), rng.random(1000) < 0.5
    scores[right] += 0.6
    found = select(scores, right, alpha=ALPHA, delta=DELTA)
    assert found is not None and found.tested == 800
    tested = np.random.default_rng(0).permutation(1000)[200:]
    kept = scores[tested] >= found.threshold
    assert (found.let_through, found.wrong) == (kept.sum(), (~right[tested][kept]).sum())
    assert binom.cdf(found.wrong, found.let_through, ALPHA) <= DELTA
    assert np.mean(scores >= found.threshold) > 0.3


def test_answers_without_a_score_are_never_let_through() -> None:
    scores = np.where(np.arange(200) % 2, 0.9, np.nan)
    found = select(scores, np.arange(200) % 2 == 1, alpha=ALPHA, delta=DELTA)
    assert found is not None and found.threshold == 0.9 and found.wrong == 0 and found.let_through < 100
    assert select(np.full(200, np.nan), np.zeros(200, dtype=bool), alpha=ALPHA, delta=DELTA) is None


def test_the_numbers_that_would_do() -> None:
    assert least_answers(0.1, 0.1) == 22 and 0.9**22 <= 0.1 < 0.9**21
    least = least_questions(0.1, 0.1)
    flawless = np.ones(least, dtype=bool)
    assert select(np.ones(least), flawless, alpha=ALPHA, delta=DELTA) is not None
    assert select(np.ones(least - 1), flawless[1:], alpha=ALPHA, delta=DELTA) is None
    rng = np.random.default_rng(3)
    scores = rng.random(120)
    right = rng.random(120) >= 0.16 * (1.0 - scores)
    enough = enough_questions(scores, right, alpha=0.07, delta=DELTA)
    assert enough is not None and 180 <= enough < 3000
    assert enough_questions(np.zeros(50), np.zeros(50, dtype=bool), alpha=ALPHA, delta=DELTA) is None


def test_bad_levels_and_shapes_get_one_sentence() -> None:
    with pytest.raises(InputError, match=r"needs alpha in \(0, 1\), got 0"):
        select([0.5], [True], alpha=0.0, delta=0.1)
    with pytest.raises(InputError, match=r"needs delta in \(0, 1\), got 1"):
        select([0.5], [True], alpha=0.1, delta=1.0)
    with pytest.raises(InputError, match=r"got shapes \(2,\) and \(1,\)"):
        select([0.5, 0.1], [True], alpha=0.1, delta=0.1)
