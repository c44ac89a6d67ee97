"""Draws that a strategy may truncate, and caches in a pool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from strategies.vote import Vote
from tests.engines.cases import (
    VOTES,
    CountingEngine,
)
from tests.runtime.cache_cases import ONE, Notes, decided, play
from tts.boundaries import group_crossing
from tts.engines.base import Capabilities, Chunk, Request
from tts.errors import InputError
from tts.pool import PoolSampleCache, PoolStore, RunKey
from tts.requirements import Requirements
from tts.runtime.cache import lookup
from tts.runtime.driver import Result
from tts.scorers.watched import WatchedScorer
from tts.strategy import Steps
from tts.types import GROUP_BELOW, Boundary, Decision, Draw, End, Problem, Sample, Signals, Trace

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
