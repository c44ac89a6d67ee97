"""Pruned draws: the same decisions, draws and tokens by hand, through the driver's replay, in columns and live."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.replay.traces import RecordedTraces
from strategies.vote import BUDGET, Vote
from strategies.weighting import Linear
from tests.evals.cases import permutations
from tests.strategies.cases import sizes
from tests.strategies.paths.pruned_cases import (
    BAR,
    WATCHED,
    by_hand,
    in_columns,
    pools,
    samples,
    through_the_driver,
    tokens_drawn,
    votes,
)
from tts.boundaries import truncate
from tts.engines.base import Capabilities, Chunk, Request
from tts.pool import Pool
from tts.runtime.driver import Options, run_all
from tts.scorers.base import BaseScorer
from tts.types import STEP_BELOW, End, Problem, Sample, Signals, Trace, Usage


@pytest.mark.parametrize("path", [by_hand, through_the_driver])
@sizes(quick=12, full=150)
def test_every_path_decides_draws_and_pays_alike(path: Any, examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(pool=pools(), strategies=st.lists(votes(), min_size=1, max_size=4), seed=st.integers(0, 9))
    def check(pool: Pool, strategies: list[Vote], seed: int) -> None:
        sizes = np.array([len(e.samples) for e in pool.entries])
        orders = permutations(sizes, count=3, draws=4, seed=seed)
        mixed = [*strategies, Vote("whole", 4, Linear()), *strategies]  # bars come, go and come again
        _, outcomes = in_columns(pool, mixed, orders)
        for strategy, outcome in zip(mixed, outcomes, strict=True):
            for q, p in np.ndindex(*orders.shape[:2]):
                decision = path(strategy, [pool.entries[q].samples[i] for i in orders[q, p]])
                assert outcome.used[q, p] == len(decision.samples)
                assert outcome.abstained[q, p] == (decision.answer is None)
                assert outcome.correct[q, p] == (decision.answer == "1")
                assert outcome.tokens is not None and decision.usage is not None
                assert outcome.tokens[q, p] == decision.usage.generated
                rule = outcome.rule[q, p]
                assert decision.reason == (BUDGET if rule < 0 else strategy.stop[rule].name)

    check()


@sizes(quick=40, full=200)
def test_what_is_spared_is_what_a_recording_is_cut_by(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(drawn=st.lists(samples(), min_size=1, max_size=6), bar=BAR)
    def check(drawn: list[Sample], bar: float) -> None:
        spared = RecordedTraces(drawn).pruned(bar)
        for sample, left in zip(drawn, spared.tolist(), strict=True):
            n = tokens_drawn(sample, bar)
            assert left == (-1 if n is None else len(sample.trace.steps) - n)
            if sample.end is not End.FAILED:
                shorter = truncate(sample, STEP_BELOW(bar))
                assert (shorter.end is End.BOUNDARY) == (left >= 0)
                assert len(shorter.trace.steps) == len(sample.trace.steps) - max(left, 0)

    check()


@sizes(quick=15, full=100)
def test_a_bar_of_zero_prunes_nothing_and_a_higher_bar_never_less(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(pool=pools(), strategy=votes(), bars=st.tuples(BAR, BAR))
    def check(pool: Pool, strategy: Vote, bars: tuple[float, float]) -> None:
        sizes = np.array([len(e.samples) for e in pool.entries])
        orders = permutations(sizes, count=2, draws=4, seed=0)
        _, (none, without) = in_columns(pool, [replace(strategy, prune=0.0), replace(strategy, prune=None)], orders)
        for field in ("correct", "used", "abstained", "tokens", "rule"):
            assert (getattr(none, field) == getattr(without, field)).all()
        for entry in pool.entries:
            low, high = (RecordedTraces(entry.samples).pruned(bar) for bar in sorted(bars))
            assert (low <= high).all()

    check()


@dataclass
class Scripted:
    """An engine that draws given samples token by token and stops them at the first step below a bar."""

    samples: list[Sample]
    capabilities = Capabilities(watch_tokens=True, steps=True)

    def __post_init__(self) -> None:
        self.drawn = 0

    async def sample(self, request: Request) -> Any:
        assert request.signals == Signals(watch=(WATCHED,), steps=True)
        assert request.until.kind == "step_below"
        script = self.samples[request.index]
        for n, (p, step) in enumerate(zip(script.trace.watched[WATCHED], script.trace.steps, strict=True), 1):
            await asyncio.sleep(0)
            self.drawn += 1
            request.meter.drawn += 1
            end = script.end if n == len(script.trace.steps) else None
            if step and p < request.until.value and end is not End.STOP:
                end = End.BOUNDARY
            text = f"= {script.answer}" if end in (End.STOP, End.LENGTH) and script.answer else "t"
            yield Chunk(text, (n,), Trace(watched={WATCHED: (p,)}, steps=(step,)), end)
            if end is not None:
                return

    async def score(self, *_: Any) -> Any:
        raise NotImplementedError

    def encode(self, text: str) -> tuple[int, ...]:
        raise NotImplementedError


class Watching(BaseScorer):
    """Judges a sample by the watched probability at its last token."""

    needs = Signals(watch=(WATCHED,))

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: Any) -> Any:
        return np.array([s.trace.watched[WATCHED][-1] for s in samples])


@sizes(quick=15, full=150)
def test_live_and_replayed_are_the_same(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(drawn=st.lists(samples(), min_size=4, max_size=4), strategy=votes(), lookahead=st.integers(0, 2))
    def check(drawn: list[Sample], strategy: Vote, lookahead: int) -> None:
        drawn = [
            replace(s, confidence=s.trace.watched[WATCHED][-1], usage=Usage(delivered=len(s.trace.steps)))
            for s in drawn
            if s.end is not End.FAILED
        ]
        if not drawn:
            return
        strategy = replace(strategy, budget=min(strategy.budget, len(drawn)))
        engine: Any = Scripted(drawn)
        playing = run_all(
            strategy,
            [Problem("q", "?")],
            engine,
            extract=lambda problem, text: text.split("= ")[1] if "= " in text else None,
            scorer=Watching(),
            options=Options(lookahead=lookahead, read_truncated=True),
        )
        live, recorded = asyncio.run(playing)[0].decision, through_the_driver(strategy, drawn)
        assert (live.answer, live.reason) == (recorded.answer, recorded.reason)
        assert (live.p_correct, live.vote_share) == (recorded.p_correct, recorded.vote_share)
        for mine, theirs in zip(live.samples, recorded.samples, strict=True):
            assert (mine.answer, mine.end, mine.trace.steps) == (theirs.answer, theirs.end, theirs.trace.steps)
        assert live.usage is not None and recorded.usage is not None
        assert live.usage.delivered == recorded.usage.delivered
        assert live.usage.delivered + live.usage.aborted == engine.drawn

    check()
