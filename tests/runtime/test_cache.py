"""Cached draws are delivered again: the same decisions, no token drawn or scored twice, the ledger right."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
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
    calmly,
    failing,
    plain,
    said,
    spent,
)
from tts.boundaries import group_crossing
from tts.engines.base import Capabilities, Chunk, Request
from tts.engines.fake import FakeEngine, extract
from tts.errors import EngineError, InputError, TTSError
from tts.pool import PoolSampleCache, PoolStore, RunKey
from tts.requirements import Requirements
from tts.runtime.cache import lookup
from tts.runtime.driver import Options, Result, run_all
from tts.scorers.watched import WatchedScorer
from tts.strategy import Steps
from tts.types import END, GROUP_BELOW, Boundary, Decision, Draw, End, Problem, Sample, Signals, Trace, Usage

ONE = Problem("q", "?", "a")


class Notes:
    """A cache in a dictionary that knows what it was told and asked."""

    forks = False

    def __init__(self, samples: dict[Any, Sample] | None = None) -> None:
        self.samples = dict(samples or {})
        self.put_order: list[tuple[str, str, int]] = []

    def get(self, problem: Problem, index: int, until: Boundary = END) -> Sample | None:
        return self.samples.get((problem.id, until.kind, index))

    def put(self, problem: Problem, sample: Sample, until: Boundary = END) -> None:
        key = (problem.id, until.kind, sample.index)
        assert until.kind != "end" or key not in self.samples, "kept twice"
        self.samples[key] = sample
        self.put_order.append(key)


def play(strategy: Any, problems: Any, engine: Any, cache: Any, **options: Any) -> list[Result]:
    read = extract if isinstance(engine, FakeEngine) else said
    scorer, signals = options.pop("scorer", None), options.pop("signals", Signals())
    settings = Options(**{"backoff_s": 0.0, **options})
    return calmly(
        run_all(strategy, problems, engine, extract=read, scorer=scorer, options=settings, signals=signals, cache=cache)
    )


def decided(results: list[Result]) -> list[Any]:
    return [
        (
            r.problem.id,
            r.decision.answer,
            r.decision.p_correct,
            r.decision.vote_share,
            r.decision.reason,
            r.decision.samples,
            r.decision.usage,
        )
        for r in results
    ]


SCORERS: dict[str, Any] = {"none": None, "watched": WatchedScorer(), "pass": PassScorer()}


@settings(max_examples=60, deadline=None)
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


@settings(max_examples=60, deadline=None)
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


def test_what_is_cached_without_a_confidence_is_scored_and_not_kept_again() -> None:
    cache, engine = Notes(), CountingEngine()
    play(Vote("sc", 3), engine.problems(2), engine, cache)
    drawn, puts = engine.drawn, list(cache.put_order)
    results = play(VOTES["best"], engine.problems(2), engine, cache, scorer=PassScorer())
    assert [r.cached for r in results] == [3, 3]
    assert all(s.confidence is not None for r in results for s in r.decision.samples)
    assert engine.scored > 0
    assert engine.drawn == drawn + sum(len(cache.samples[k].token_ids) for k in cache.put_order[len(puts) :])
    assert spent(results).scorer_prefill == engine.scored


def test_where_scoring_fails_the_cached_ones_with_a_confidence_have_not_failed() -> None:
    class Broken(CountingEngine):
        async def score(self, *args: Any) -> Any:
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


# --- draws that may be cut -------------------------------------------------------------------------------------------

BAR = GROUP_BELOW(0.5, 2)


class SurenessEngine:
    """Draw ``index`` has one token a value of ``top[index]``, and stops where its groups fall below the boundary."""

    capabilities = Capabilities(top=20)

    def __init__(self, top: list[list[float]]) -> None:
        self.top, self.drawn, self.asked = top, 0, 0

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        values = self.top[request.index]
        self.asked += 1
        at = group_crossing(request.until, values) if request.until.kind == "group_below" else None
        whole = at is None or at == len(values)
        seen = values if at is None else values[:at]
        self.drawn += len(seen)
        request.meter.drawn += len(seen)
        end = End.STOP if whole else End.BOUNDARY
        yield Chunk("abcdefgh"[: len(seen)], tuple(range(len(seen))), Trace((0.0,) * len(seen), top=tuple(seen)), end)

    async def score(self, *_: Any) -> Any:
        raise AssertionError("no scorer is called")


class Cutting:
    """Draws whole samples, then some that may be cut."""

    def __init__(self, whole: int, cut: int, until: Boundary = BAR) -> None:
        self.name, self.budget, self.requires = "cutting", whole + cut, Requirements(signals=Signals(top=20))
        self.whole, self.cut, self.until = whole, cut, until

    def run(self, problem: Problem) -> Steps:
        samples: list[Sample] = []
        if self.whole:
            samples += yield Draw(self.whole)
        for _ in range(self.cut):
            samples += yield Draw(1, until=self.until)
        return Decision(None, tuple(samples), "cut")


SURENESS = [[0.9] * 4, [0.9, 0.9, 0.2, 0.2, 0.9, 0.9], [0.9] * 3, [0.9, 0.3, 0.3, 0.1, 0.1, 0.9]]


def shape(result: Result) -> list[Any]:
    return [(s.index, s.end, s.answer, s.token_ids, s.trace.top) for s in result.decision.samples]


def test_cut_draws_are_kept_apart_and_cached() -> None:
    cache, engine = Notes(), SurenessEngine(SURENESS)
    [fresh] = play(Cutting(1, 3), [ONE], engine, cache)
    assert [s.end for s in fresh.decision.samples] == [End.STOP, End.BOUNDARY, End.STOP, End.BOUNDARY]
    assert {key[1:] for key in cache.samples} == {("end", 0), *(("group_below", i) for i in (1, 2, 3))}
    [again] = play(Cutting(1, 3), [ONE], (silent := SurenessEngine(SURENESS)), cache)
    assert shape(again) == shape(fresh)
    assert (again.cached, silent.asked, again.decision.usage) == (4, 0, fresh.decision.usage)
    # a cut sample is not the whole one: a strategy that wants whole samples draws them
    [whole] = play(Vote("sc", 4), [ONE], (drawing := SurenessEngine(SURENESS)), cache, signals=Signals(top=20))
    assert (whole.cached, drawing.asked) == (1, 3)
    assert [s.end for s in whole.decision.samples] == [End.STOP] * 4


def test_a_whole_sample_serves_a_draw_that_may_be_truncated() -> None:
    cache = Notes()
    play(Vote("sc", 4), [ONE], SurenessEngine(SURENESS), cache, signals=Signals(top=20))
    [old] = play(Cutting(1, 3), [ONE], (silent := SurenessEngine(SURENESS)), cache)
    [live] = play(Cutting(1, 3), [ONE], SurenessEngine(SURENESS), None)
    assert shape(old) == shape(live)
    assert (silent.asked, old.cached, old.decision.usage) == (0, 4, live.decision.usage)


def test_a_truncated_sample_serves_only_bars_that_it_shows_to_be_crossed() -> None:
    cache = Notes()
    play(Cutting(0, 4), [ONE], SurenessEngine(SURENESS), cache)
    strict, mild = GROUP_BELOW(0.7, 2), GROUP_BELOW(0.25, 2)
    for until, drawn in ((BAR, 0), (strict, 0), (mild, 1)):
        [old] = play(Cutting(0, 4, until), [ONE], (engine := SurenessEngine(SURENESS)), Notes(cache.samples))
        [live] = play(Cutting(0, 4, until), [ONE], SurenessEngine(SURENESS), None)
        assert shape(old) == shape(live)
        assert engine.asked == drawn
    assert (
        lookup(Notes({("q", "end", 0): Sample("abc")}), ONE, 0, Draw(until=BAR)) is None
    )  # it has no top-k confidences
    assert lookup(cache, ONE, 1, Draw(until=Boundary("step"))) is None


# --- in a pool -------------------------------------------------------------------------------------------------------


def in_pool(path: Path, problems: list[Problem]) -> tuple[PoolStore, PoolSampleCache]:
    store = PoolStore.create_or_open(path)
    store.add_problems(problems)
    run = store.open_run(RunKey("m", sampling={"seed": 1}), {})

    def truncated_run() -> int:
        return store.open_run(RunKey("m", sampling={"seed": 1, "until": "group_below"}), {})

    return store, PoolSampleCache(
        store, run, lambda problem, sample: sample.answer == problem.gold, truncated_run=truncated_run
    )


def test_a_pool_remembers_across_processes_what_was_handed_over(tmp_path: Path) -> None:
    engine = CountingEngine(seed=4, skill=0.8)
    problems = engine.problems(5)
    store, cache = in_pool(tmp_path / "p.sqlite", problems)
    with store:
        fresh = play(VOTES["confident"], problems, engine, cache, scorer=WatchedScorer())
    assert cache.stored == sum(len(r.decision.samples) for r in fresh)
    assert cache.tokens == engine.drawn
    store, cache = in_pool(tmp_path / "p.sqlite", problems)
    with store:
        again = play(VOTES["confident"], problems, (silent := CountingEngine()), cache, scorer=WatchedScorer())
        pool = store.to_pool()
    assert decided(again) == decided(fresh)
    assert (silent.drawn, cache.stored, cache.tokens) == (0, 0, 0)
    for entry in pool.entries:
        assert [s.answer == entry.problem.gold for s in entry.samples] == list(entry.correct)


def test_a_pool_keeps_truncated_draws_in_a_run_of_their_own(tmp_path: Path) -> None:
    store, cache = in_pool(tmp_path / "p.sqlite", [ONE])
    with store:
        [fresh] = play(Cutting(1, 3), [ONE], SurenessEngine(SURENESS), cache)
        assert [run.samples for run in store.runs()] == [1, 3]
        [again] = play(Cutting(1, 3), [ONE], (silent := SurenessEngine(SURENESS)), cache)
        assert (shape(again), silent.asked) == (shape(fresh), 0)
        play(Cutting(0, 4, GROUP_BELOW(0.25, 2)), [ONE], SurenessEngine(SURENESS), cache)
        assert [run.samples for run in store.runs()] == [1, 3]  # what was cut before stays as it is
        with pytest.raises(InputError, match="holds sample 0 of question 'q' already"):
            cache.put(ONE, Sample("again"))
        deaf = PoolSampleCache(store, 1)
        deaf.put(ONE, Sample("cut", end=End.BOUNDARY, index=9), BAR)
        assert deaf.get(ONE, 9, BAR) is None


def test_without_a_grade_samples_are_kept_ungraded(tmp_path: Path) -> None:
    with PoolStore.create_or_open(tmp_path / "p.sqlite") as store:
        store.add_problem(ONE)
        PoolSampleCache(store, store.open_run(RunKey("m"), {})).put(ONE, Sample("a", "a"))
        assert store.to_pool().entries[0].correct == (None,)
        assert store.get(1, "q", 0) == Sample("a", "a")
        assert store.get(1, "q", 1) is None
        assert store.get(1, "other", 0) is None
