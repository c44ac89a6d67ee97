"""Cached draws are delivered again: the same decisions, no token drawn or scored twice, the ledger right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.stopping import Unanimous
from strategies.vote import Vote
from tests.engines.cases import (
    PLAYED,
    VOTES,
    CountingEngine,
    Mixed,
    PassScorer,
    TurnsEngine,
    failing,
    plain,
    spent,
)
from tests.runtime.cache_cases import ONE, SCORERS, Notes, play
from tests.support.examples import examples
from tts.engines.fake.engine import FakeEngine
from tts.errors import EngineError, TTSError
from tts.requirements import Requirements
from tts.scorers.watched import WatchedScorer
from tts.strategy import Steps
from tts.types import END, Boundary, Decision, Draw, End, Problem, Sample, Usage


@settings(max_examples=examples(60), deadline=None)
@given(
    name=st.sampled_from(sorted(VOTES)),
    scorer=st.sampled_from(["watched", "pass"]),
    seed=st.integers(0, 10**6),
    lookahead=st.integers(0, 4),
    concurrency=st.integers(1, 5),
)
def test_a_second_run_draws_and_scores_nothing_and_decides_and_costs_the_same(
    name: str, scorer: str, seed: int, lookahead: int, concurrency: int
) -> None:
    cache, first, again = Notes(), CountingEngine(seed=seed, skill=0.8), CountingEngine(seed=seed, skill=0.8)
    fresh = play(VOTES[name], first.problems(4), first, cache, scorer=SCORERS[scorer], concurrency=concurrency)
    assert sum(r.cached for r in fresh) == 0
    old = play(
        VOTES[name],
        first.problems(4),
        again,
        cache,
        scorer=SCORERS[scorer],
        concurrency=concurrency,
        lookahead=lookahead,
    )
    # What is ahead of the decision was never drawn, so only that may be drawn, and it is charged.
    assert [plain(r.decision.samples) for r in old] == [plain(r.decision.samples) for r in fresh]
    assert [r.cached for r in old] == [len(r.decision.samples) for r in old]
    assert again.scored == 0
    for before, now in zip(fresh, old, strict=True):
        assert (now.decision.answer, now.decision.reason) == (before.decision.answer, before.decision.reason)
        assert now.decision.usage is not None and before.decision.usage is not None
        if lookahead == 0:
            assert now.decision.usage == before.decision.usage
        assert now.decision.usage.delivered == before.decision.usage.delivered
        assert now.decision.usage.scorer_prefill == before.decision.usage.scorer_prefill
    if lookahead == 0:
        assert (again.drawn, again.prompt, again.requests) == (0, 0, [])


@settings(max_examples=examples(60), deadline=None)
@given(
    name=st.sampled_from(sorted(PLAYED)),
    seed=st.integers(0, 10**6),
    known=st.sets(st.integers(0, 8)),
    lookahead=st.integers(0, 4),
)
def test_whatever_part_is_remembered_decisions_are_the_same_and_the_rest_is_drawn_once(
    name: str, seed: int, known: set[int], lookahead: int
) -> None:
    strategy, problems = PLAYED[name], FakeEngine.problems(3, seed=seed)
    everything = Notes()
    play(Vote("sc", 9), problems, FakeEngine(seed=seed, skill=0.8), everything, scorer=WatchedScorer())
    alone = play(strategy, problems, FakeEngine(seed=seed, skill=0.8), None, scorer=WatchedScorer())
    part = Notes({key: sample for key, sample in everything.samples.items() if key[2] in known})
    engine = CountingEngine(seed=seed, skill=0.8)
    mixed = play(strategy, problems, engine, part, scorer=WatchedScorer(), lookahead=lookahead)
    for a, b in zip(mixed, alone, strict=True):
        assert (a.decision.answer, a.decision.reason) == (b.decision.answer, b.decision.reason)
        assert plain(a.decision.samples) == plain(b.decision.samples)
        assert engine.first_attempts[a.problem.id] == len(a.decision.samples) - a.cached + a.aborted
    for key in part.put_order:
        assert key[2] not in known
        assert replace(part.samples[key], usage=None) == replace(everything.samples[key], usage=None)
    kept = {key: sample for key, sample in part.samples.items() if key in part.put_order}
    if lookahead == 0 and name in VOTES:
        drawn = sum((s.usage for s in kept.values() if s.usage is not None), Usage())
        assert (drawn.delivered, drawn.prompt, drawn.prompt_cached) == (
            engine.drawn,
            engine.prompt,
            engine.prompt_cached,
        )


def test_strategies_share_their_draws_whichever_comes_first() -> None:
    for order in (["confident", "self_consistency"], ["self_consistency", "confident"]):
        cache, engine = Notes(), CountingEngine(seed=5, skill=0.7)
        problems = engine.problems(6)
        played = {name: play(VOTES[name], problems, engine, cache, scorer=PassScorer()) for name in order}
        longest = {
            problem.id: max(len(r.decision.samples) for rs in played.values() for r in rs if r.problem is problem)
            for problem in problems
        }
        assert engine.first_attempts == longest
        assert len(cache.put_order) == sum(longest.values())
        total = sum((s.usage for s in cache.samples.values() if s.usage is not None), Usage())
        assert (total.delivered, total.prompt, total.prompt_cached) == (
            engine.drawn,
            engine.prompt,
            engine.prompt_cached,
        )
        assert total.scorer_prefill == engine.scored > 0
        for results in played.values():
            for result in results:
                assert result.decision.usage == sum(
                    (s.usage for s in result.decision.samples if s.usage is not None), Usage()
                )


def test_a_sample_is_safe_before_the_strategy_sees_it() -> None:
    cache = Notes()

    class Looking:
        name, budget, requires = "looking", 4, Requirements()

        def run(self, problem: Problem) -> Steps:
            samples: list[Sample] = []
            while len(samples) < self.budget:
                got = yield Draw(2)
                samples += got
                assert [cache.get(problem, s.index) for s in samples] == samples
            return Decision(None, tuple(samples), "looked")

    play(Looking(), FakeEngine.problems(2), FakeEngine(), cache, lookahead=1)
    assert len(cache.samples) == 8


def test_failed_and_aborted_draws_are_not_kept() -> None:
    cache, engine = Notes(), CountingEngine(fails=failing(1), skill=0.99)
    [result] = play(Vote("sc", 3), engine.problems(1), engine, cache)
    assert result.decision.failed == 1
    assert sorted(key[2] for key in cache.samples) == [0, 2]
    healed = CountingEngine(skill=0.99)
    [result] = play(Vote("sc", 3), engine.problems(1), healed, cache)
    assert (result.decision.failed, result.cached) == (0, 2)
    assert [r.index for r in healed.requests] == [1]

    cache = Notes()
    [result] = play(
        Vote("esc", 4, stop=(Unanimous(window=1),)),
        [ONE],
        TurnsEngine(list("abcd"), [30, 0, 0, 0]),
        cache,
        lookahead=3,
    )
    assert result.aborted == 3
    assert [key[2] for key in cache.samples] == [0]


def test_cached_samples_that_are_not_used_cost_nothing() -> None:
    cache, engine = Notes(), CountingEngine()
    play(Vote("sc", 6), engine.problems(1), engine, cache, scorer=WatchedScorer())
    strategy = Vote("esc", 6, stop=(Unanimous(window=1),))
    [result] = play(strategy, engine.problems(1), FakeEngine(), cache, scorer=WatchedScorer(), lookahead=5)
    [sample] = result.decision.samples
    assert (result.cached, result.aborted, result.decision.usage) == (1, 0, sample.usage)


def test_what_is_cached_without_a_confidence_is_scored_once() -> None:
    cache, engine = Notes(), CountingEngine()
    play(Vote("sc", 3), engine.problems(2), engine, cache)
    drawn, puts = engine.drawn, list(cache.put_order)
    results = play(VOTES["best"], engine.problems(2), engine, cache, scorer=PassScorer())
    assert [r.cached for r in results] == [3, 3]
    assert all(s.confidence is not None for r in results for s in r.decision.samples)
    assert engine.scored > 0
    assert engine.drawn == drawn + sum(len(cache.samples[k].token_ids) for k in cache.put_order[len(puts) :])
    assert spent(results).scorer_prefill == engine.scored
    scored = engine.scored
    play(VOTES["best"], engine.problems(2), engine, cache, scorer=PassScorer())
    assert engine.scored == scored


def test_where_scoring_fails_the_cached_ones_with_a_confidence_have_not_failed() -> None:
    class Broken(CountingEngine):
        async def score(self, *args: Any, **how: Any) -> Any:
            raise EngineError("the scoring pass broke")

    cache, engine = Notes(), CountingEngine()
    play(Vote("sc", 2), engine.problems(1), engine, cache, scorer=PassScorer())
    [result] = play(Vote("sc", 3), engine.problems(1), Broken(), cache, scorer=PassScorer(), retries=0)
    assert [s.end for s in result.decision.samples] == [End.STOP, End.STOP, End.FAILED]


def test_draws_from_prefixes_are_never_cached() -> None:
    cache, engine = Notes(), CountingEngine(seed=3)
    [fresh] = play(Mixed(), engine.problems(1), engine, cache)
    assert all(key[1] == "end" for key in cache.samples)
    [again] = play(Mixed(), engine.problems(1), CountingEngine(seed=3), cache)
    assert plain(again.decision.samples) == plain(fresh.decision.samples)
    assert again.cached == len(cache.samples) < len(again.decision.samples)


def test_a_cache_that_cannot_keep_ends_the_run() -> None:
    class Full(Notes):
        def put(self, problem: Problem, sample: Sample, until: Boundary = END) -> None:
            raise TTSError("no space left")

    with pytest.raises(TTSError, match="no space left"):
        play(Vote("sc", 3), FakeEngine.problems(3), FakeEngine(), Full(), lookahead=1)
