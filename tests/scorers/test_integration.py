"""Backward Confidence Integration is equation 5 over futures that are drawn anew, each token of them charged."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts.engines.base import Capabilities, Chunk, Request
from tts.engines.fake import WATCHED, FakeEngine, extract
from tts.engines.streams import collected
from tts.errors import EngineError, InputError, UnsupportedError
from tts.requirements import Requirements
from tts.runtime.driver import Options, run_all
from tts.scorers.base import BaseScorer, Scorer
from tts.scorers.controls import ConstantScorer, OracleScorer, RolloutOracle
from tts.scorers.integration import Integrated, integrate
from tts.scorers.metered import ROLLOUTS, MeteredEngine, rollout
from tts.scorers.watched import WatchedScorer
from tts.strategy import Steps
from tts.types import (
    END,
    ENTROPY_ABOVE,
    STEP,
    TOKENS,
    Decision,
    Draw,
    End,
    Problem,
    Sample,
    Signals,
    Trace,
    Usage,
    total_usage,
)

ONE = Problem("q", "what is it ?", "7")
SEGMENT, PROMPT = 3, 10


class TreeEngine:
    """A text grows by one digit a segment, the k-th continuation of a text by k; some texts are finished."""

    capabilities = Capabilities(branch=True)

    def __init__(self, finished: Sequence[str] = (), breaks: str = "", mute: str = "") -> None:
        self.finished, self.breaks, self.mute = finished, breaks, mute
        self.requests: list[Request] = []
        self.texts: list[str] = []
        self.forks: Counter[str] = Counter()
        self.open = self.most = 0

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        prefix = request.prefix
        assert prefix is not None
        digit = str(self.forks[prefix.text])
        self.forks[prefix.text] += 1
        self.requests.append(request)
        self.open += 1
        self.most = max(self.most, self.open)
        request.meter.prompt, request.meter.prompt_cached = 1, PROMPT + len(prefix.token_ids)
        try:
            await asyncio.sleep(0)
            text = prefix.text + digit
            self.texts.append(text)
            request.meter.drawn += SEGMENT
            trace = Trace((-0.5,) * SEGMENT)
            if text == self.breaks:
                raise EngineError("the engine broke")
            if self.breaks:
                await asyncio.Event().wait()
            end = End.STOP if text in self.finished else End.BOUNDARY
            yield Chunk(digit, (7,) * SEGMENT, trace, None if text == self.mute else end)
        finally:
            self.open -= 1


class Table(BaseScorer):
    """A confidence for each text, all different; keeps what it was asked about."""

    name = "table"
    needs = Signals(watch=(3,))

    def __init__(self) -> None:
        self.key = {"of": "texts"}
        self.calls: list[list[Sample]] = []

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: Any) -> Any:
        self.calls.append(list(samples))
        return np.array([confidence(sample.text) for sample in samples])


def confidence(text: str) -> float:
    """Any number in [0, 1] that differs from text to text."""
    return (math.sin(sum((i + 1) * ord(letter) for i, letter in enumerate(text))) + 1) / 2


def begun(text: str, index: int = 0, end: End = End.BOUNDARY) -> Sample:
    return Sample(text, end=end, index=index, token_ids=(7,) * len(text), trace=Trace((-0.5,) * len(text)))


def judged(scorer: Any, samples: Sequence[Sample], engine: Any, problem: Problem = ONE) -> tuple[list[float], Usage]:
    metered = MeteredEngine(engine)
    values = asyncio.run(scorer.score(problem, samples, metered))
    assert values.shape == (len(samples),) and values.dtype == np.float64
    return values.tolist(), metered.usage


def equation_5(text: str, partial: bool, *, w: int, left: int, alpha: float, finished: Sequence[str]) -> float:
    """Conf' as the paper writes it, one node at a time."""
    if left == 0 or not partial:
        return confidence(text)
    following = [text + str(d) for d in range(w)]
    future = [equation_5(t, t not in finished, w=w, left=left - 1, alpha=alpha, finished=finished) for t in following]
    return alpha * confidence(text) + (1 - alpha) * sum(future) / w


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 3),
    depth=st.integers(1, 3),
    alpha=st.floats(0, 1),
    ends=st.lists(st.sampled_from([End.BOUNDARY, End.STOP, End.LENGTH]), max_size=4),
    finished=st.sets(st.text("012", min_size=1, max_size=3), max_size=12),
)
def test_it_is_equation_5(width: int, depth: int, alpha: float, ends: list[End], finished: set[str]) -> None:
    done = [letter + path for letter in "abcd" for path in finished]
    samples = [begun("abcd"[i], i, end) for i, end in enumerate(ends)]
    engine, table = TreeEngine(done), Table()
    values, _ = judged(Integrated(table, width=width, depth=depth, alpha=alpha), samples, engine)
    expected = [
        equation_5(s.text, s.end is End.BOUNDARY, w=width, left=depth, alpha=alpha, finished=done) for s in samples
    ]
    assert values == pytest.approx(expected, abs=1e-12)
    assert all(0.0 <= value <= 1.0 for value in values)
    assert len(table.calls) <= depth + 1  # one a level
    assert [s.text for call in table.calls[1:] for s in call] == sorted(engine.texts, key=lambda t: (len(t), t))
    numbers = [request.index for request in engine.requests]
    assert len(set(numbers)) == len(numbers) and all(number >= ROLLOUTS for number in numbers)


@pytest.mark.parametrize(("width", "depth", "segments"), [(2, 1, 2), (1, 4, 4), (3, 2, 12), (2, 3, 14)])
def test_each_partial_sample_costs_the_sum_of_the_powers_of_the_width(width: int, depth: int, segments: int) -> None:
    samples = [begun("a", 0), begun("b", 5), begun("c", 6, End.STOP)]
    engine = TreeEngine()
    _, usage = judged(Integrated(Table(), width=width, depth=depth, alpha=0.5), samples, engine)
    assert len(engine.requests) == 2 * segments
    assert engine.most == 2 * width**depth  # a level is drawn at once
    read = sum(PROMPT + 1 + len(request.prefix.token_ids) for request in engine.requests if request.prefix)
    assert usage == Usage(scorer_prefill=read, scorer_decode=2 * segments * SEGMENT)


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_a_single_path_is_smoothed_from_its_future(depth: int, alpha: float) -> None:
    [value], _ = judged(Integrated(Table(), width=1, depth=depth, alpha=alpha), [begun("a")], TreeEngine())
    path = [confidence("a" + "0" * i) for i in range(depth + 1)]
    smoothed = sum(alpha * (1 - alpha) ** i * path[i] for i in range(depth)) + (1 - alpha) ** depth * path[depth]
    assert value == pytest.approx(smoothed, abs=1e-12)


def test_levels_fold_back_onto_their_parents() -> None:
    levels = [np.array([0.2, 0.4, 0.6]), np.array([0.1, 0.3, 0.5]), np.array([1.0, 0.0, 0.8])]
    parents = [np.array([0, 0, 2]), np.array([1, 1, 2])]
    first = [0.1, 0.5 * 0.3 + 0.5 * 0.5, 0.5 * 0.5 + 0.5 * 0.8]
    expected = [0.5 * 0.2 + 0.5 * (first[0] + first[1]) / 2, 0.4, 0.5 * 0.6 + 0.5 * first[2]]
    assert integrate(levels, parents, 0.5).tolist() == pytest.approx(expected)
    assert integrate([np.array([0.2])], [], 0.5).tolist() == [0.2]
    assert integrate([np.zeros(0)], [], 0.5).tolist() == []


def test_no_width_and_no_depth_draw_nothing() -> None:
    samples = [begun("a"), begun("b", 1, End.STOP)]
    values, usage = judged(Integrated(Table(), width=0, depth=0, alpha=0.5), samples, None)
    assert (values, usage) == ([confidence("a"), confidence("b")], Usage())


def test_finished_samples_need_no_engine_and_partial_ones_do() -> None:
    scorer = Integrated(Table(), width=2, depth=2, alpha=0.5)
    assert judged(scorer, [begun("a", 0, End.STOP)], None) == ([confidence("a")], Usage())
    assert judged(scorer, [], TreeEngine())[0] == []
    with pytest.raises(UnsupportedError, match="there is no model here"):
        judged(scorer, [begun("a")], None)

    class Straight(TreeEngine):
        capabilities = Capabilities()

    with pytest.raises(UnsupportedError, match="Straight cannot continue a text"):
        judged(scorer, [begun("a")], Straight())


def test_it_says_what_it_is() -> None:
    scorer = Integrated(Table(), width=2, depth=1, alpha=0.5)
    assert isinstance(scorer, Scorer) and scorer.judges_prefixes
    assert (scorer.name, scorer.needs) == ("table+bci(w=2,d=1,alpha=0.5)", Table.needs)
    assert scorer.key == {"of": "texts", "bci": {"width": 2, "depth": 1, "alpha": 0.5, "until": ["step", 0.0, 1]}}
    unsure = Integrated(ConstantScorer(), width=2, depth=1, alpha=0.5, until=ENTROPY_ABOVE(1.5))
    assert (unsure.name, unsure.needs) == (
        "constant+bci(w=2,d=1,alpha=0.5,until=entropy_above:1.5:1)",
        Signals(entropy=True),
    )
    others = [Integrated(Table(), width=2, depth=1, alpha=a, until=u) for a in (0.5, 0.6) for u in (STEP, TOKENS(30))]
    assert len({other.name for other in others}) == len({str(other.key) for other in others}) == 4


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"width": 2, "depth": 0}, "needs width and depth >= 1, or both 0 .* got width 2 and depth 0"),
        ({"width": 0, "depth": 1}, "got width 0 and depth 1"),
        ({"width": -1, "depth": -1}, "got width -1 and depth -1"),
        ({"alpha": 1.01}, r"needs alpha in \[0, 1\], got 1.01"),
        ({"alpha": math.nan}, "got nan"),
        ({"scorer": OracleScorer()}, "needs a scorer of partial samples, and oracle judges whole samples only"),
    ],
)
def test_what_means_nothing_is_refused_in_one_sentence(options: dict[str, Any], sentence: str) -> None:
    given = {"scorer": Table(), "width": 1, "depth": 1, "alpha": 0.5, **options}
    with pytest.raises(InputError, match=sentence) as caught:
        Integrated(given.pop("scorer"), **given)
    assert "\n" not in str(caught.value)


def test_a_scorer_that_gives_another_number_of_scores_is_refused() -> None:
    class Short(Table):
        async def score(self, problem: Problem, samples: Any, engine: Any) -> Any:
            return np.zeros(1)

    with pytest.raises(UnsupportedError, match=r"Short gave scores of shape \(1,\) for 2 samples of problem 'q'"):
        judged(Integrated(Short(), width=1, depth=1, alpha=0.5), [begun("a"), begun("b", 1)], TreeEngine())


def test_what_one_collects_is_a_sample_of_the_whole_text() -> None:
    table, prefix = Table(), begun("abc", 4)
    judged(Integrated(table, width=1, depth=2, alpha=0.5), [prefix], TreeEngine())
    [[first], [second]] = table.calls[1:]
    assert (first.text, second.text) == ("abc0", "abc00")
    assert (first.end, first.answer, first.usage, first.given) == (End.BOUNDARY, None, None, 3)
    assert second.token_ids == (7,) * 9 and len(second.trace.logprobs) == 9
    bare = replace(prefix, trace=Trace())  # a trace that is not known is not made up
    judged(Integrated(table := Table(), width=1, depth=1, alpha=0.5), [bare], TreeEngine())
    assert len(table.calls[1][0].trace.logprobs) == SEGMENT


def test_the_engine_is_asked_for_what_the_scorer_needs() -> None:
    engine = TreeEngine()
    judged(Integrated(Table(), width=2, depth=2, alpha=0.5, until=TOKENS(9)), [begun("a")], engine)
    assert all((r.signals, r.until) == (Table.needs, TOKENS(9)) for r in engine.requests)


@pytest.mark.parametrize("how", ["breaks", "mute", "cancelled"])
def test_where_one_fails_none_is_left_running_and_all_are_charged(how: str) -> None:
    engine = TreeEngine(**{"breaks": "a1" if how == "breaks" else "none", "mute": "a1"})
    if how == "mute":
        engine.breaks = ""
    metered = MeteredEngine(engine)
    scorer = Integrated(Table(), width=3, depth=1, alpha=0.5)

    async def broken() -> None:
        task = asyncio.create_task(scorer.score(ONE, [begun("a"), begun("b", 1)], metered))
        for _ in range(10):
            await asyncio.sleep(0)
        if how == "cancelled":
            task.cancel()
        wanted, said = {
            "breaks": (EngineError, "the engine broke"),
            "mute": (EngineError, "TreeEngine ended a stream without a reason"),
            "cancelled": (asyncio.CancelledError, None),
        }[how]
        with pytest.raises(wanted, match=said):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(broken())
    assert engine.open == 0
    spent = [request.meter for request in engine.requests]
    assert metered.usage.scorer_decode == sum(meter.drawn for meter in spent) > 0
    assert metered.usage.scorer_prefill == sum(meter.prompt + meter.prompt_cached for meter in spent)


@dataclass(frozen=True)
class Beams:
    """Three beams, each going on by itself from step to step."""

    name: str = "beams"
    budget: int = 3
    requires = Requirements(confidence=True, prefix_confidence=True, branching=True)

    def run(self, problem: Problem) -> Steps:
        beams = everything = list((yield Draw(3, until=STEP)))
        while beams := [beam for beam in beams if beam.end is End.BOUNDARY]:
            following: list[Sample] = []
            for beam in beams:
                following += yield Draw(1, beam, STEP)
            everything, beams = everything + following, following
        return Decision(None, tuple(everything), "done", usage=total_usage(everything))


class Noted(FakeEngine):
    """A fake engine that keeps its requests."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.requests: list[Request] = []

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        self.requests.append(request)
        async with aclosing(super().sample(request)) as stream:  # type: ignore[type-var]
            async for chunk in stream:
                yield chunk


def test_a_rollout_never_has_the_noise_of_a_beam_nor_of_another_rollout() -> None:
    engine = Noted(skill=0.5)
    problems = engine.problems(4)
    scorer = Integrated(WatchedScorer(), width=2, depth=2, alpha=0.5)
    results = asyncio.run(run_all(Beams(), problems, engine, extract=extract, scorer=scorer, options=Options()))
    for problem in problems:
        requests = [request for request in engine.requests if request.problem == problem]
        keys = [(r.index, r.attempt, len(r.prefix.token_ids) if r.prefix else 0) for r in requests]
        assert len(set(keys)) == len(keys)
        rolled = [key for key in keys if key[0] >= ROLLOUTS]
        assert 0 < len(rolled) < len(keys)
    usage = sum((r.decision.usage or Usage() for r in results), Usage())
    assert usage.delivered + usage.scorer_decode == engine.drawn
    assert usage.prompt + usage.prompt_cached + usage.scorer_prefill == engine.prompt + engine.prompt_cached
    samples = [s for r in results for s in r.decision.samples]
    assert all(s.confidence is not None and len(s.trace.watched[WATCHED]) == len(s.token_ids) for s in samples)


def test_a_rollout_is_no_look_into_the_future_of_the_beam() -> None:
    engine = FakeEngine(skill=0.5, seed=3)
    [problem] = engine.problems(1)

    async def futures() -> list[tuple[str, str, str]]:
        found = []
        for index in range(60):
            first = await collected(engine, Request(problem, index, until=STEP))
            beam = await collected(engine, Request(problem, 100 + index, first, STEP))
            same = await collected(engine, Request(problem, 100 + index, first, STEP))
            [rolled] = await MeteredEngine(engine).draw(
                problem, Draw(1, first, STEP), signals=Signals(), first=rollout(replace(first, index=index), 0, 1)
            )
            found.append((beam.text, same.text, rolled.text))
        return found

    found = asyncio.run(futures())
    assert all(beam == same for beam, same, _ in found)  # what a shared number would do
    assert 0 < sum(beam == rolled for beam, _, rolled in found) < 40  # by chance: few words follow a step


def test_the_rollout_oracle_may_be_integrated_and_grades_what_has_ended() -> None:
    engine = FakeEngine(skill=0.8, seed=1)
    [problem] = engine.problems(1)
    begin = asyncio.run(collected(engine, Request(problem, until=STEP)))
    scorer = Integrated(RolloutOracle(5, extract=extract), width=300, depth=1, alpha=0.0, until=END)
    [value], _ = judged(scorer, [begin], engine, problem)
    truth = engine.truth(problem, begin.text)
    assert abs(value - truth) <= 4 * math.sqrt(truth * (1 - truth) / 300)  # once in 16,000 seeds
    assert scorer.key["rollouts"] == 5
