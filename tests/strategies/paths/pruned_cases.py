"""Pruned draws to test with: samples, pools and strategies to draw from, and three paths that play them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from evals.replay.arrays import PoolArrays
from evals.replay.vectorised import Candidate, Replayed, decide
from strategies.stopping import Beta, Confident, Posterior, Reservation, SamplingCost, Share, Unanimous
from strategies.vote import Vote
from strategies.weighting import Linear, LogOdds, Softmax, Uniform
from tts.engines.replay import ReplayEngine
from tts.pool import Entry, Pool
from tts.runtime.driver import run_all
from tts.types import END, STEP_BELOW, Decision, End, Problem, Sample, Trace, Usage

WATCHED, OTHER = 344, 7
BAR = st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.5, 1.0])
# Few distinct values, so that many meet a bar exactly.
TOKEN = st.tuples(st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.3, 0.6, 1.0]), st.booleans())
CONFIDENCE = st.one_of(st.sampled_from([0.0, 0.3, 0.7, 0.95, 1.0]), st.floats(0.0, 1.0))


@st.composite
def samples(draw: st.DrawFn, index: int = 0) -> Sample:
    """One sample: answered, unparsed, cut off at the limit, or failed."""
    tokens = draw(st.lists(TOKEN, min_size=1, max_size=8))
    end = draw(st.sampled_from([End.STOP, End.STOP, End.STOP, End.LENGTH, End.FAILED]))
    if end is End.FAILED:
        return Sample(end=end, index=index, usage=Usage(prompt=4, aborted=len(tokens)), error="broke")
    watched, steps = zip(*tokens, strict=True)
    trace = Trace(watched={WATCHED: watched, OTHER: (0.0,) * len(tokens)}, steps=steps)
    usage = Usage(prompt=4, delivered=len(tokens), scorer_decode=draw(st.integers(0, 2)))
    answer = draw(st.sampled_from(["1", "1", "2", "3", None]))
    ids = tuple(range(len(tokens)))
    return Sample("t" * len(tokens), answer, end, draw(CONFIDENCE), index, ids, trace, usage)


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    """Some questions with some samples each."""
    entries = []
    for q in range(draw(st.integers(1, 3))):
        drawn = tuple(draw(samples(i)) for i in range(draw(st.integers(4, 8))))
        entries.append(Entry(Problem(f"q{q}", "?", "1"), drawn, tuple(s.answer == "1" for s in drawn), {}))
    return Pool("memory", "0" * 64, tuple(entries))


def votes() -> st.SearchStrategy[Vote]:
    """Pruned strategies over weightings, rules and selections."""
    level = st.sampled_from([0.6, 0.9, 0.95])

    def family(weightings: Any, rules: Any) -> st.SearchStrategy[Vote]:
        return st.builds(
            Vote,
            name=st.just("pruned"),
            budget=st.integers(1, 4),
            weighting=weightings,
            stop=st.lists(rules, max_size=2).map(tuple),
            select=st.sampled_from(["vote", "best"]),
            prune=BAR,
        )

    free = st.one_of(st.builds(Confident, level), st.builds(Reservation, level), st.builds(Unanimous, st.just(2)))
    share = st.one_of(st.builds(Beta, level), st.builds(Share, level))
    return st.one_of(
        family(st.sampled_from([Uniform(), Linear(), Softmax(0.2)]), st.one_of(free, share)),
        family(
            st.sampled_from([LogOdds(), LogOdds(0.2)]),
            st.one_of(free, st.builds(Posterior, level), st.builds(SamplingCost, level)),
        ),
    )


def tokens_drawn(sample: Sample, bar: float) -> int | None:
    """Read token by token: how many are drawn of a sample that is pruned, or None."""
    for n, (p, step) in enumerate(zip(sample.trace.watched.get(WATCHED, ()), sample.trace.steps, strict=True), 1):
        if step and p < bar:
            return None if n == len(sample.trace.steps) and sample.end is End.STOP else n
    return None


def pruned(sample: Sample, bar: float) -> Sample:
    n = tokens_drawn(sample, bar)
    if n is None or sample.usage is None:
        return sample
    return replace(sample, answer=None, end=End.BOUNDARY, usage=replace(sample.usage, delivered=n))


def by_hand(strategy: Vote, recorded: list[Sample]) -> Decision:
    """Play the generator on samples that were pruned here."""
    steps, at = strategy.run(Problem("q", "?")), 0
    try:
        draw = next(steps)
        while True:
            assert draw.until == (END if strategy.prune is None else STEP_BELOW(strategy.prune))
            taken = recorded[at : at + draw.n]
            at += draw.n
            draw = steps.send([pruned(s, draw.until.value) for s in taken])
    except StopIteration as stop:
        decision: Decision = stop.value
        return decision


def through_the_driver(strategy: Vote, recorded: list[Sample]) -> Decision:
    return asyncio.run(run_all(strategy, [Problem("q", "?")], ReplayEngine({"q": recorded})))[0].decision


def in_columns(pool: Pool, strategies: list[Vote], orders: Any) -> tuple[PoolArrays, list[Replayed]]:
    arrays = PoolArrays.of(pool)
    confidence = arrays.confidence if arrays.confidence is not None else np.full(arrays.labels.shape, np.nan)
    return arrays, decide(arrays, [Candidate(s) for s in strategies], orders, scores={"recorded": confidence})
