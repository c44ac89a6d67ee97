"""Replays of whole pools: the sums of every decision, whatever is played together, in memory that stays the same."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.comparison.regret import with_causes
from evals.replay import replay as replay_module
from evals.replay.arrays import PoolArrays
from evals.replay.orders import Permutations
from evals.replay.outcome import Outcome, causes_of, first_right
from evals.replay.replay import replay
from evals.replay.scores import GradeScores, RandomScores
from evals.replay.synthetic import synthetic_pool
from evals.replay.vectorised import Candidate, decide
from strategies.catalog import CATALOG
from tests.evals.cases import REPLAYED

POOL = synthetic_pool(questions=23, samples=9, seed=4)
ARRAYS = PoolArrays.of(POOL)
ORDERS = Permutations(ARRAYS.sizes, count=6, draws=8, seed=2)
SCORES = {"recorded": ARRAYS.confidence, "oracle": GradeScores(ARRAYS), "random": RandomScores(ORDERS.shape, 2)}
CANDIDATES = [with_causes(Candidate(m.build(8, m.example), m.scores), 8) for m in REPLAYED]


def same(mine: Outcome, theirs: Outcome) -> bool:
    """True for two outcomes that are equal in everything."""
    scalars = ("permutations", "abstained", "prompt", "cached", "causes")
    arrays = all(np.array_equal(getattr(mine, f), getattr(theirs, f)) for f in ("correct", "first", "used", "tokens"))
    return arrays and all(getattr(mine, f) == getattr(theirs, f) for f in scalars)


@pytest.fixture(scope="module")
def whole() -> list[Outcome]:
    return replay(ARRAYS, CANDIDATES, ORDERS, scores=SCORES)


def test_outcomes_are_the_sums_of_every_decision(whole: list[Outcome]) -> None:
    everyone = np.arange(23)
    orders = ORDERS[everyone]
    first = first_right(ARRAYS, orders, everyone)
    patient = [replace(c, strategy=c.counterpart or c.strategy) for c in CANDIDATES]
    decided, others = (decide(ARRAYS, some, orders, scores=SCORES) for some in (CANDIDATES, patient))
    for candidate, outcome, one, other in zip(CANDIDATES, whole, decided, others, strict=True):
        assert np.array_equal(outcome.correct, one.correct.sum(axis=1))
        assert np.array_equal(outcome.first, one.correct[:, 0])
        assert np.array_equal(outcome.used, one.used.sum(axis=1))
        assert one.tokens is not None and np.array_equal(outcome.tokens, one.tokens.sum(axis=1))
        assert outcome.abstained == one.abstained.sum()
        assert outcome.causes == causes_of(one, other if candidate.counterpart else None, first, 8)
        assert (outcome.accuracy, outcome.samples) == (one.correct.mean(), one.used.mean())
        assert outcome.mean_tokens == one.tokens.mean()


def test_a_majority_vote_is_counted_by_hand() -> None:
    prompt, cached = np.arange(23 * 9.0).reshape(23, 9), np.ones((23, 9))
    arrays = replace(ARRAYS, prompt=prompt, cached=cached)
    (found,) = replay(arrays, [Candidate(CATALOG["self_consistency"].build(5))], ORDERS, scores=SCORES)
    orders, correct, abstained, tokens = ORDERS[np.arange(23)], np.zeros(23), 0, np.zeros(23)
    for q, p in np.ndindex(23, 6):
        drawn = orders[q, p, :5]
        votes = [k for k in ARRAYS.labels[q, drawn] if k >= 0]
        tokens[q] += ARRAYS.tokens[q, drawn].sum()
        if votes:
            leader = max(votes, key=lambda k: (votes.count(k), -votes.index(k)))
            correct[q] += ARRAYS.class_correct[q, leader]
        else:
            abstained += 1
    assert np.array_equal(found.correct, correct) and np.array_equal(found.tokens, tokens)
    assert (found.used == 30).all() and found.abstained == abstained
    assert (found.prompt, found.cached) == (6 * prompt[:, :5].sum(), 6 * 5 * 23)
    assert found.causes is None


@settings(max_examples=6, deadline=None)
@given(chunk=st.integers(1, 23 * 6 * 8 + 1))
def test_outcomes_do_not_depend_on_what_is_played_together(whole: list[Outcome], chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay_module, "CHUNK", chunk)
        for mine, theirs in zip(whole, replay(ARRAYS, CANDIDATES, ORDERS, scores=SCORES), strict=True):
            assert same(mine, theirs)


def test_the_order_of_strategies_changes_nothing(whole: list[Outcome]) -> None:
    order = np.random.default_rng(0).permutation(len(CANDIDATES))
    for i, mine in zip(order, replay(ARRAYS, [CANDIDATES[i] for i in order], ORDERS, scores=SCORES), strict=True):
        assert same(mine, whole[i]), CANDIDATES[i].strategy.name


def test_halves_join_to_the_whole(whole: list[Outcome]) -> None:
    halves = [np.arange(0, 23, 2), np.arange(1, 23, 2)]
    parts = [replay(ARRAYS, CANDIDATES, ORDERS, scores=SCORES, rows=rows) for rows in halves]
    for outcome, pair in zip(whole, zip(*parts, strict=True), strict=True):
        assert same(outcome, Outcome.joined(pair, halves))
    plain = Outcome.joined([parts[0][0], replace(parts[1][0], tokens=None, causes=None)])
    assert plain.tokens is None and plain.causes is None and len(plain.used) == 23


def test_the_first_permutations_alone_are_played_on_request() -> None:
    cut = Permutations(ARRAYS.sizes, count=6, draws=8, seed=2)[np.arange(23), :2]
    candidates = [c for c in CANDIDATES if c.scores != "random"]
    few = replay(ARRAYS, candidates, ORDERS, scores=SCORES, count=2)
    for mine, theirs in zip(few, replay(ARRAYS, candidates, cut, scores=SCORES), strict=True):
        assert mine.permutations == 2 and same(mine, theirs)


def test_memory_does_not_grow_with_permutations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_module, "CHUNK", 8 * 1000)
    monkeypatch.setattr(replay_module.os, "cpu_count", lambda: 1)

    def peak(count: int) -> int:
        orders = np.broadcast_to(np.arange(8), (10, count, 8))
        tracemalloc.start()
        replay(ARRAYS, CANDIDATES[:6], orders, scores=SCORES, rows=np.arange(10))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(10)  # imports
    assert peak(1000) < 1.3 * peak(100)
