"""DeepConf makes the same decisions by brute force, live, through the driver's replay and in columns."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.replay.traces import RecordedTraces
from strategies.deepconf import DeepConfOnline
from tests.strategies.cases import sizes
from tests.strategies.deepconf.cases import (
    OFFLINE,
    ONE,
    ONLINE,
    in_columns,
    offline_by_hand,
    online_by_hand,
    recordings,
    replayed,
)
from tts.boundaries import group_crossing, truncate
from tts.engines.base import Capabilities, Chunk, Request
from tts.runtime.driver import Options, run_all
from tts.types import GROUP_BELOW, End, Problem, Sample, Signals, Trace


@sizes(quick=40, full=400)
def test_every_path_is_the_definition(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(samples=recordings(), strategy=st.one_of(ONLINE, OFFLINE))
    def check(samples: list[Sample], strategy: Any) -> None:
        strategy = replace(strategy, budget=min(strategy.budget, len(samples)))
        by_hand = online_by_hand if isinstance(strategy, DeepConfOnline) else offline_by_hand
        answer, used, tokens = by_hand(strategy, samples)
        decision = replayed(strategy, samples)
        assert (decision.answer, len(decision.samples)) == (answer, used)
        assert decision.usage is not None and decision.usage.generated == tokens
        assert in_columns(strategy, samples) == (answer, used, tokens, decision.reason)
        assert decision.p_correct is None, "DeepConf's trace scores are not probabilities"
        assert decision.vote_share is None or 0.0 < decision.vote_share <= 1.0

    check()


@sizes(quick=25, full=100)
def test_what_is_spared_is_what_a_recording_is_cut_by(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(recordings(), st.floats(0, 4), st.integers(1, 6))
    def check(samples: list[Sample], bar: float, window: int) -> None:
        recorded = RecordedTraces(samples)
        for i, sample in enumerate(samples):
            shorter = truncate(sample, GROUP_BELOW(bar, window))
            spared = int(recorded.spared(i, np.array(bar), window))
            assert (shorter.end is End.BOUNDARY) == (spared >= 0)
            assert len(shorter.trace.top) == len(sample.trace.top) - max(spared, 0)

    check()


@dataclass
class Scripted:
    """An engine that draws given samples token by token and stops them at a group boundary."""

    samples: list[Sample]
    capabilities = Capabilities(top=3)

    def __post_init__(self) -> None:
        self.drawn = 0

    async def sample(self, request: Request) -> Any:
        assert request.signals == Signals(top=3)
        script = self.samples[request.index]
        request.meter.prompt += 4
        for n, value in enumerate(script.trace.top, 1):
            await asyncio.sleep(0)
            self.drawn += 1
            request.meter.drawn += 1
            end = script.end if n == len(script.trace.top) else None
            below = request.until.kind == "group_below" and group_crossing(request.until, script.trace.top[:n]) == n
            if below and end is not End.STOP:
                end = End.BOUNDARY
            text = f"= {script.answer}" if end in (End.STOP, End.LENGTH) and script.answer else "t"
            yield Chunk(text, (n,), Trace(top=(value,)), end)
            if end is not None:
                return

    async def score(self, *_: Any) -> Any:
        raise NotImplementedError

    def encode(self, text: str) -> tuple[int, ...]:
        raise NotImplementedError


def read(problem: Problem, text: str) -> str | None:
    return text.split("= ")[1] if "= " in text else None


@sizes(quick=20, full=150)
def test_live_and_replayed_are_the_same(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(samples=recordings(), strategy=st.one_of(ONLINE, OFFLINE), lookahead=st.integers(0, 2))
    def check(samples: list[Sample], strategy: Any, lookahead: int) -> None:
        samples = [s for s in samples if s.end is not End.FAILED]
        if not samples:
            return
        strategy = replace(strategy, budget=min(strategy.budget, len(samples)))
        engine = Scripted(samples)
        options = Options(lookahead=lookahead, read_truncated=True)
        (live,) = asyncio.run(run_all(strategy, [ONE], engine, extract=read, options=options))  # type: ignore[arg-type]
        recorded = replayed(strategy, samples)
        assert (live.decision.answer, live.decision.reason) == (recorded.answer, recorded.reason)
        assert live.decision.vote_share == recorded.vote_share
        for mine, theirs in zip(live.decision.samples, recorded.samples, strict=True):
            assert (mine.answer, mine.end, mine.trace.top) == (theirs.answer, theirs.end, theirs.trace.top)
        usage = live.decision.usage
        assert usage is not None and recorded.usage is not None
        assert usage.delivered == recorded.usage.delivered
        assert usage.delivered + usage.aborted == engine.drawn
        assert lookahead or usage == recorded.usage

    check()
