"""The driver delivers in order of submission, looks ahead without changing a decision, and keeps many in flight."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.beam import PrunedBeams
from strategies.stopping import Unanimous
from strategies.vote import Vote
from tests.engines.cases import (
    PLAYED,
    VOTES,
    CountingEngine,
    StallingEngine,
    TurnsEngine,
    calmly,
    plain,
    play,
    said,
    turns,
)
from tests.support.examples import examples
from tts.engines.base import Capabilities, Chunk, Request
from tts.engines.fake.engine import FakeEngine, Latency, extract
from tts.engines.streams import abort
from tts.errors import InputError, UnsupportedError
from tts.requirements import Requirements
from tts.runtime.driver import Options, run, run_all
from tts.scorers.watched import WatchedScorer
from tts.strategy import Steps
from tts.types import END, Boundary, Decision, Draw, End, Problem

ONE = Problem("q", "?", "a")


def test_samples_arrive_in_order_of_submission_and_not_of_completion() -> None:
    engine = TurnsEngine(["a", "a", "b", "b"], [60, 50, 2, 1])
    strategy = Vote("esc", 4, stop=(Unanimous(window=2),))
    [result] = play(strategy, [ONE], engine, lookahead=2)
    assert engine.finished[:2] == [3, 2]  # the short answers were first, and would have won
    assert result.decision.answer == "a"
    assert [s.index for s in result.decision.samples] == [0, 1]


class CutEngine(FakeEngine):
    """A fake engine whose samples reach the limit of tokens."""

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        async for chunk in super().sample(request):
            yield replace(chunk, end=End.LENGTH) if chunk.end is not None else chunk


@pytest.mark.parametrize("read", [False, True])
def test_a_sample_that_was_cut_off_gives_an_answer_only_where_asked_for(read: bool) -> None:
    [result] = play(Vote("sc", 3), [replace(ONE, gold="4")], CutEngine(), read_truncated=read)
    assert {s.end for s in result.decision.samples} == {End.LENGTH}
    assert [s.answer is not None for s in result.decision.samples] == [read] * 3


@settings(max_examples=examples(40), deadline=None)
@given(
    name=st.sampled_from(sorted(PLAYED)),
    seed=st.integers(0, 10**6),
    lookahead=st.integers(0, 5),
    min_in_flight=st.integers(0, 12),
    prefill=st.integers(0, 4),
    interval=st.integers(1, 7),
    concurrency=st.integers(1, 5),
)
def test_look_ahead_never_changes_a_decision(
    name: str, seed: int, lookahead: int, min_in_flight: int, prefill: int, interval: int, concurrency: int
) -> None:
    strategy, problems = PLAYED[name], FakeEngine.problems(4, seed=seed)
    engine = CountingEngine(seed=seed, skill=0.8, latency=Latency(prefill), stream_interval=interval)
    how = {"lookahead": lookahead, "min_in_flight": min_in_flight, "concurrency": concurrency}
    ahead = play(strategy, problems, engine, scorer=WatchedScorer(), **how)
    alone = play(strategy, problems, FakeEngine(seed=seed, skill=0.8), scorer=WatchedScorer(), concurrency=1)
    for a, b in zip(ahead, alone, strict=True):
        assert (a.decision.answer, a.decision.p_correct, a.decision.vote_share, a.decision.reason) == (
            b.decision.answer,
            b.decision.p_correct,
            b.decision.vote_share,
            b.decision.reason,
        )
        assert plain(a.decision.samples) == plain(b.decision.samples)
        assert b.aborted == 0
        if name in VOTES:
            assert engine.first_attempts[a.problem.id] <= strategy.budget


@settings(max_examples=examples(30), deadline=None)
@given(
    answers=st.lists(st.sampled_from(["a", "b", None]), min_size=6, max_size=6),
    latencies=st.lists(st.integers(0, 30), min_size=6, max_size=6),
    lookahead=st.integers(0, 5),
)
def test_no_latency_changes_a_decision(answers: list[str | None], latencies: list[int], lookahead: int) -> None:
    strategy = Vote("esc", 6, stop=(Unanimous(window=2),))
    [slow] = play(strategy, [ONE], TurnsEngine(answers, latencies), lookahead=lookahead)
    [fast] = play(strategy, [ONE], TurnsEngine(answers))
    assert (slow.decision.answer, slow.decision.reason) == (fast.decision.answer, fast.decision.reason)
    assert plain(slow.decision.samples) == plain(fast.decision.samples)


def test_look_ahead_keeps_that_many_more_in_flight_and_stops_at_the_budget() -> None:
    for lookahead in range(6):
        engine = StallingEngine()

        async def scenario(engine: StallingEngine = engine, lookahead: int = lookahead) -> None:
            task = asyncio.create_task(
                run_all(VOTES["adaptive"], [ONE], engine, extract=said, options=Options(lookahead=lookahead))
            )
            await turns(50)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        calmly(scenario())
        assert engine.opened == min(1 + lookahead, VOTES["adaptive"].budget) == engine.cleaned


@pytest.mark.parametrize(
    ("questions", "min_in_flight", "each"), [(1, 4, 4), (2, 4, 2), (3, 4, 1), (5, 4, 1), (2, 40, 8)]
)
def test_the_fewer_questions_are_left_the_further_each_looks_ahead(
    questions: int, min_in_flight: int, each: int
) -> None:
    engine = StallingEngine()
    asked = [replace(ONE, id=f"q{i}") for i in range(questions)]

    async def scenario() -> None:
        playing = run_all(VOTES["adaptive"], asked, engine, extract=said, options=Options(min_in_flight=min_in_flight))
        task = asyncio.create_task(playing)
        await turns(50)
        await abort([task])

    calmly(scenario())
    assert VOTES["adaptive"].budget == 8
    assert engine.opened == questions * each == engine.cleaned


def test_what_is_in_flight_is_aborted_when_the_strategy_returns() -> None:
    engine = CountingEngine(seed=1, skill=0.99, latency=Latency(prefill=3))

    async def scenario() -> int:
        await run_all(VOTES["windows"], engine.problems(3), engine, extract=extract, options=Options(lookahead=6))
        drawn = engine.drawn
        await turns(50)
        assert engine.drawn == drawn
        return drawn

    assert calmly(scenario()) > 0
    assert not any(engine.open.values())


@pytest.mark.slow
def test_five_hundred_questions_are_in_flight_at_once() -> None:
    engine = FakeEngine()
    results = play(Vote("sc", 1), engine.problems(600), engine, concurrency=500)
    assert engine.running_most == 500
    assert [r.problem for r in results] == engine.problems(600)


@pytest.mark.parametrize("concurrency", [1, 3, 7])
def test_the_limit_of_questions_in_flight_holds_and_problems_are_read_lazily(concurrency: int) -> None:
    engine, read, decided = CountingEngine(latency=Latency(prefill=2)), 0, 0

    def endless() -> Iterator[Problem]:
        nonlocal read
        for problem in itertools.cycle(engine.problems(50)):
            assert read - decided < concurrency
            read += 1
            yield problem

    class Deciding(Vote):
        def run(self, problem: Problem) -> Steps:
            nonlocal decided
            decision = yield from super().run(problem)
            decided += 1
            return decision

    async def scenario() -> None:
        results = run(
            Deciding("sc", 3), endless(), engine, extract=extract, options=Options(concurrency=concurrency, lookahead=2)
        )
        for _ in range(40):
            await anext(results)
        await turns(2000)  # no consumer takes results: the work comes to rest
        rest = read
        await turns(2000)
        assert read == rest
        await results.aclose()  # type: ignore[attr-defined]

    calmly(scenario())
    assert engine.questions_most == concurrency


def test_results_come_in_the_order_of_the_problems() -> None:
    engine = FakeEngine(seed=3, skill=0.6)
    problems = engine.problems(30)[::-1]
    assert [r.problem for r in play(VOTES["adaptive"], problems, engine, concurrency=4)] == problems


def test_no_problems_give_no_results() -> None:
    assert play(VOTES["adaptive"], [], FakeEngine()) == []


def test_two_problems_of_one_id_are_refused() -> None:
    problems = FakeEngine.problems(3)
    with pytest.raises(InputError, match="must be unique, and 'fake-1' is given 2 times"):
        play(Vote("sc", 1), [*problems, problems[1]], FakeEngine())


def test_a_strategy_may_ask_for_more_than_its_budget_says_and_for_none() -> None:
    class Greedy:
        name, budget, requires = "greedy", 2, Requirements()

        def run(self, problem: Problem) -> Steps:
            samples = list((yield Draw(5)))
            samples += yield Draw(0)
            samples += yield Draw(1, until=Boundary("end"))
            return Decision(None, tuple(samples), "greedy")

    [result] = play(Greedy(), FakeEngine.problems(1), FakeEngine(), lookahead=3)
    assert [s.index for s in result.decision.samples] == list(range(6))
    assert result.aborted == 0

    class Idle:
        name, budget, requires = "idle", 2, Requirements()

        def run(self, problem: Problem) -> Steps:
            assert (yield Draw(0)) == []
            return Decision(None, (), "idle")

    for lookahead in range(4):
        [result] = play(Idle(), FakeEngine.problems(1), FakeEngine(), lookahead=lookahead)
        assert result.aborted == min(lookahead, 2)
    assert Boundary("end") == END


def test_what_an_engine_lacks_is_said_before_anything_is_drawn() -> None:
    engine = TurnsEngine(["a"])
    with pytest.raises(UnsupportedError, match="beams draws from prefixes, and this engine cannot continue one"):
        play(PrunedBeams(), [ONE], engine)
    with pytest.raises(UnsupportedError, match="needs `extract`"):
        play(Vote("sc", 1), [ONE], engine, extract=None)
    assert engine.finished == []
    assert engine.capabilities == Capabilities(score_prefix=True)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("concurrency", 0),
        ("lookahead", -1),
        ("min_in_flight", -1),
        ("retries", -1),
        ("backoff_s", -0.1),
        ("backoff_s", float("nan")),
    ],
)
def test_options_that_mean_nothing_are_refused(key: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"driver option {key} must be at least"):
        Options(**{key: value})
