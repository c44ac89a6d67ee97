"""Replay hands out what was recorded, in the order asked for, and refuses what nobody recorded."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.beam import PrunedBeams
from strategies.vote import Vote
from tests.engines.cases import VOTES, Mixed, calmly, plain, play
from tests.support.examples import examples
from tts.engines.base import Engine, Recording
from tts.engines.fake.engine import FakeEngine
from tts.engines.replay import ReplayEngine
from tts.errors import InputError, UnsupportedError
from tts.requirements import Requirements
from tts.runtime.driver import Options, Result, run_all
from tts.scorers.controls import ConstantScorer
from tts.scorers.watched import WatchedScorer
from tts.strategy import Steps
from tts.types import STEP, Boundary, Decision, Draw, End, Problem, Sample, Usage

ONE = Problem("q", "?", "a")
ABC = [Sample(text=a, answer=a, index=i, usage=Usage(delivered=i + 1)) for i, a in enumerate("abcab")]


def replayed(strategy: Any, source: Recording, problems: list[Problem] | None = None, **options: Any) -> list[Result]:
    return calmly(run_all(strategy, problems or [ONE], source, **options))


def test_it_is_a_recording_and_no_engine() -> None:
    engine: object = ReplayEngine({})
    assert isinstance(engine, Recording)
    assert not isinstance(engine, Engine)


@settings(max_examples=examples(25), deadline=None)
@given(name=st.sampled_from(sorted(VOTES)), seed=st.integers(0, 10**6), lookahead=st.integers(0, 3))
def test_a_replay_decides_as_the_live_run_did(name: str, seed: int, lookahead: int) -> None:
    problems = FakeEngine.problems(4, seed=seed)
    live = play(
        VOTES[name], problems, FakeEngine(seed=seed, skill=0.8), scorer=WatchedScorer(), lookahead=lookahead, retries=0
    )
    longest = play(Vote("sc", 9), problems, FakeEngine(seed=seed, skill=0.8), scorer=WatchedScorer())
    source = ReplayEngine({r.problem.id: r.decision.samples for r in longest})
    for a, b in zip(live, replayed(VOTES[name], source, problems), strict=True):
        assert replace(a.decision, samples=(), usage=None) == replace(b.decision, samples=(), usage=None)
        assert plain(a.decision.samples) == plain(b.decision.samples)
        assert b.aborted == 0


@pytest.mark.parametrize("concurrency", [1, 2, 300])
def test_many_problems_come_back_in_their_order(concurrency: int) -> None:
    problems = [Problem(f"q{i}", "?") for i in range(1000)]
    source = ReplayEngine({p.id: [Sample(answer=p.id, usage=Usage(delivered=i))] for i, p in enumerate(problems)})
    results = replayed(Vote("sc", 1), source, problems, options=Options(concurrency=concurrency))
    assert [r.decision.answer for r in results] == [p.id for p in problems]
    assert [r.decision.usage for r in results] == [Usage(delivered=i) for i in range(1000)]


def test_usage_is_the_recorded_sum_or_unknown() -> None:
    [known] = replayed(Vote("sc", 3), ReplayEngine({"q": ABC}))
    assert known.decision.usage == Usage(delivered=1 + 2 + 3)
    [unknown] = replayed(Vote("sc", 3), ReplayEngine({"q": [*ABC[:2], replace(ABC[2], usage=None)]}))
    assert unknown.decision.usage is None


def test_a_failed_sample_is_replayed_as_failed() -> None:
    failed = Sample(end=End.FAILED, error="it broke")
    [result] = replayed(Vote("sc", 2), ReplayEngine({"q": [failed, ABC[1]]}))
    assert (result.decision.answer, result.decision.failed) == ("b", 1)


def test_permuted_gives_the_same_samples_in_another_order() -> None:
    source = ReplayEngine({"q": ABC}).permuted({"q": np.array([4, 0, 2])})
    assert list(source.recorded(ONE)) == [ABC[4], ABC[0], ABC[2]]


@pytest.mark.parametrize("number", [5, -1])
def test_an_order_beyond_the_recording_is_refused(number: int) -> None:
    with pytest.raises(InputError, match=rf"has samples 0 to 4 of problem 'q', not {number}"):
        ReplayEngine({"q": ABC}).permuted({"q": [0, number]})


def test_an_unknown_problem_is_refused() -> None:
    source = ReplayEngine({"q": ABC})
    with pytest.raises(InputError, match="no problem 'other' among its 1"):
        source.permuted({"other": [0]})
    with pytest.raises(InputError, match="no problem 'other' among its 1"):
        replayed(Vote("sc", 1), source, [ONE, Problem("other", "?")])


def test_a_recording_too_short_is_refused() -> None:
    with pytest.raises(
        InputError, match="sc asked for sample 6 of problem 'q' and the recording has 5: lower its budget"
    ):
        replayed(Vote("sc", 6), ReplayEngine({"q": ABC}))


@pytest.mark.parametrize("strategy", [PrunedBeams(), Mixed()])
def test_a_strategy_that_branches_is_refused(strategy: Any) -> None:
    with pytest.raises(UnsupportedError, match="draws from prefixes, and the pool cannot continue one"):
        replayed(strategy, ReplayEngine({"q": ABC}))


def test_a_scorer_has_no_place_in_a_replay() -> None:
    with pytest.raises(UnsupportedError, match="keeps its recorded confidences"):
        replayed(Vote("sc", 1), ReplayEngine({"q": ABC}), scorer=ConstantScorer())


class Asks:
    """Asks for one draw and says it does not branch."""

    name, budget, requires = "asks", 1, Requirements()

    def __init__(self, draw: Draw) -> None:
        self.draw = draw

    def run(self, problem: Problem) -> Steps:
        samples = yield self.draw
        return Decision(samples[0].answer, tuple(samples), "asked")


@pytest.mark.parametrize("draw", [Draw(1, until=STEP), Draw(1, prefix=ABC[0]), Draw.of(ABC[:2])])
def test_a_partial_draw_is_refused_even_from_a_strategy_that_hides_it(draw: Draw) -> None:
    with pytest.raises(UnsupportedError, match="asks asked a recording for partial samples"):
        replayed(Asks(draw), ReplayEngine({"q": ABC}))


def test_an_end_that_was_copied_is_still_the_end() -> None:
    [result] = replayed(Asks(Draw(1, until=Boundary("end"))), ReplayEngine({"q": ABC}))
    assert result.decision.answer == "a"


def test_two_problems_of_one_id_are_refused() -> None:
    with pytest.raises(InputError, match="must be unique, and 'q' is given 2 times"):
        replayed(Vote("sc", 1), ReplayEngine({"q": ABC}), [ONE, ONE])


def test_a_recording_needs_only_one_method() -> None:
    class Endless:
        def recorded(self, problem: Problem) -> list[Sample]:
            return ABC

    [result] = asyncio.run(run_all(Vote("sc", 5), [ONE], Endless()))
    assert result.decision.answer == "a"
