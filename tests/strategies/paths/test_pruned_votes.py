"""Votes with pruned draws: a pruned draw has no vote, and a pool or a run without what pruning reads is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evals.comparison.fit import choose
from evals.comparison.settings import Settings
from evals.comparison.table import compare
from evals.methods import composed, methods
from evals.metrics.folds import Fold
from evals.replay.arrays import PoolArrays
from evals.replay.replay import replay
from evals.replay.traces import RecordedTraces, recorded_source
from evals.replay.vectorised import Candidate
from strategies.catalog import CATALOG
from strategies.stopping import Confident, Reservation, Unanimous
from strategies.vote import BUDGET, Vote
from strategies.weighting import Linear, LogOdds
from tests.evals.cases import permutations
from tests.strategies.paths.pruned_cases import (
    WATCHED,
    by_hand,
    in_columns,
)
from tts.errors import InputError
from tts.pool import Entry, Pool
from tts.requirements import Available, Requirements
from tts.types import STEP_BELOW, Draw, End, Problem, Sample, Signals, Trace, Usage


def sample(answer: str | None, confidence: float, *steps: float) -> Sample:
    """Two tokens a step, of which the second ends it; the first is never sure and never counts."""
    values = tuple(v for step in steps for v in (0.0, step))
    trace = Trace(watched={WATCHED: values}, steps=(False, True) * len(steps))
    return Sample("t", answer, confidence=confidence, trace=trace, usage=Usage(delivered=len(values)))


def question(*drawn: Sample) -> Pool:
    return pool_of([drawn])


def pool_of(questions: Sequence[Sequence[Sample]]) -> Pool:
    entries = []
    for q, drawn in enumerate(questions):
        numbered = tuple(replace(s, index=i) for i, s in enumerate(drawn))
        entries.append(Entry(Problem(f"q{q}", "?", "a"), numbered, tuple(s.answer == "a" for s in drawn), {}))
    return Pool("memory", "0" * 64, tuple(entries))


def test_a_pruned_draw_has_no_vote_however_sure_it_would_have_been() -> None:
    drawn = [sample("b", 1.0, 0.9, 0.1, 0.99), sample("a", 0.4, 0.5, 0.5), sample("b", 1.0, 0.0, 0.9)]
    for strategy in (
        Vote("x", 3, select="best", prune=0.2),
        Vote("x", 3, LogOdds(), prune=0.2),
        Vote("x", 3, Linear(), (Confident(0.9),), prune=0.2),
        Vote("x", 3, stop=(Reservation(0.9),), select="best", prune=0.2),
    ):
        decision = by_hand(strategy, drawn)
        assert (decision.answer, decision.reason, len(decision.samples)) == ("a", BUDGET, 3)
        assert decision.usage == Usage(delivered=4 + 4 + 2)
        _, (outcome,) = in_columns(question(*drawn), [strategy], np.arange(3)[None, None])
        assert outcome.correct.all() and outcome.used == 3 and outcome.tokens == 10


def test_where_every_draw_is_pruned_it_abstains() -> None:
    drawn = [sample("a", 0.9, 0.1, 0.9)] * 3
    strategy = Vote("x", 3, Linear(), (Unanimous(2),), prune=0.2)
    decision = by_hand(strategy, drawn)
    assert (decision.answer, decision.p_correct, decision.vote_share, decision.reason) == (None, None, None, BUDGET)
    assert decision.usage == Usage(delivered=6)
    _, (outcome,) = in_columns(question(*drawn), [strategy], np.arange(3)[None, None])
    assert outcome.abstained.all() and not outcome.correct.any() and outcome.tokens == 6


def test_a_sample_that_has_ended_by_itself_is_not_truncated_at_its_last_token() -> None:
    ended = sample("a", 0.9, 0.5, 0.1)
    assert RecordedTraces([ended]).pruned(0.2).tolist() == [-1]
    assert RecordedTraces([replace(ended, end=End.LENGTH)]).pruned(0.2).tolist() == [0]


def test_pruning_needs_steps_and_the_confidence_of_a_scorer() -> None:
    pruned = Requirements(confidence=True, watched=True, signals=Signals(steps=True))
    assert Vote("x", 2, prune=0.1).requires == pruned
    assert Vote("x", 2).requires == Requirements()
    assert next(Vote("x", 2, prune=0.1).run(Problem("q", "?"))) == Draw(2, until=STEP_BELOW(0.1))
    for bar in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match=r"strategy x needs prune in \[0, 1\] or null, got"):
            Vote("x", 2, prune=bar)


def test_pools_without_watched_steps_are_refused_and_left_out_of_all() -> None:
    steps, bare = question(sample("a", 0.5, 0.5)), question(Sample("t", "a", confidence=0.5))
    assert recorded_source(steps).watched and not recorded_source(bare).watched
    unwatched = question(Sample("t", "a", confidence=0.5, trace=Trace(steps=(True,))))
    assert not recorded_source(unwatched).watched
    assert recorded_source(question(sample("a", 0.5, 0.5), Sample(end=End.FAILED))).watched
    unwatched_pool = Available("pool", watched=recorded_source(bare).watched)
    chosen, skipped = methods(["all"], unwatched_pool)
    assert (
        set(skipped)
        == {"confidence_pruned_voting", "confidence_pruned_cges"}
        == set(CATALOG) - {m.name for m in chosen}
    )
    assert len(set(skipped.values())) == 1
    assert (
        "reads a watched probability at the end of each step, and the pool has none"
        in skipped["confidence_pruned_cges"]
    )
    mine = {"name": "mine", "weighting": "linear", "prune": 0.1}
    for entry in ("confidence_pruned_cges", mine):
        with pytest.raises(
            InputError, match="reads a watched probability at the end of each step, and the pool has no"
        ):
            methods([entry], unwatched_pool)
    for method in (CATALOG["confidence_pruned_voting"], composed(mine)):
        with pytest.raises(InputError, match=r"reads a watched probability .* and the pool has none: draw the pool"):
            replay(
                PoolArrays.of(bare),
                [Candidate(method.build(1))],
                np.zeros((1, 1, 1), dtype=int),
                scores={"recorded": np.array([[0.5]])},
            )


def test_the_bar_is_fitted_for_the_fewest_tokens_that_lose_nothing() -> None:
    """Wrong samples dip at once; of the right ones, the least sure dips to .06, so bars up to .05 lose nothing."""
    rng = np.random.default_rng(3)
    questions = []
    for _ in range(40):
        drawn = []
        for _ in range(4):
            right = bool(rng.random() < 0.7)
            dip = rng.uniform(0.06, 0.08) if right else 0.005
            drawn.append(sample("a" if right else "b", 0.8 if right else 0.3, dip, *(0.5,) * 9))
        questions.append(drawn)
    arrays = PoolArrays.of(pool_of(questions))
    orders = permutations(arrays.sizes, count=5, draws=4, seed=0)
    rows = [CATALOG["confidence_pruned_voting"], CATALOG["confidence_pruned_cges"]]
    scores: Any = {"recorded": arrays.confidence}
    fitted = choose(arrays, rows, orders, scores, Fold.fit_all(40), budget=4, margin=0.0)
    assert [params["bar"] for params in fitted] == [0.01, 0.01]
    table = compare(arrays, [CATALOG["grace_sc"], *rows], Settings(4, permutations=5, replicates=50))
    _, whole, *cheaper = table
    for row in cheaper:
        assert row.point.accuracy >= whole.point.accuracy
        assert row.point.tokens is not None and whole.point.tokens is not None
        assert row.point.tokens < 0.8 * whole.point.tokens
