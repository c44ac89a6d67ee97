"""Pruned draws: the same decisions, draws and tokens by hand, through the driver's replay, and in columns."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.comparison.fit import choose
from evals.comparison.settings import Settings
from evals.comparison.table import compare
from evals.methods import composed, methods
from evals.metrics.folds import Fold
from evals.replay.arrays import PoolArrays
from evals.replay.traces import RecordedTraces, recorded_source
from evals.replay.vectorised import Candidate, Outcome, permutations, replay
from strategies.catalog import CATALOG
from strategies.stopping import Beta, Confident, Posterior, Reservation, SamplingCost, Share, Unanimous
from strategies.vote import BUDGET, Vote
from strategies.weighting import Linear, LogOdds, Softmax, Uniform
from tts.boundaries import cut
from tts.engines.base import Capabilities, Chunk, Request
from tts.engines.replay import ReplayEngine
from tts.errors import InputError
from tts.pool import Entry, Pool
from tts.requirements import Available, Requirements
from tts.runtime.driver import Options, run_all
from tts.scorers.base import BaseScorer
from tts.types import END, STEP_BELOW, Decision, Draw, End, Problem, Sample, Signals, Trace, Usage

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


def kept(sample: Sample, bar: float) -> int | None:
    """Read token by token: how many are drawn of a sample that is pruned, or None."""
    for n, (p, step) in enumerate(zip(sample.trace.watched.get(WATCHED, ()), sample.trace.steps, strict=True), 1):
        if step and p < bar:
            return None if n == len(sample.trace.steps) and sample.end is End.STOP else n
    return None


def pruned(sample: Sample, bar: float) -> Sample:
    n = kept(sample, bar)
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


def in_columns(pool: Pool, strategies: list[Vote], orders: Any) -> tuple[PoolArrays, list[Outcome]]:
    arrays = PoolArrays.of(pool)
    confidence = arrays.confidence if arrays.confidence is not None else np.full(arrays.labels.shape, np.nan)
    return arrays, replay(arrays, [Candidate(s) for s in strategies], orders, scores={"recorded": confidence})


@settings(max_examples=150, deadline=None)
@given(pool=pools(), strategies=st.lists(votes(), min_size=1, max_size=4), seed=st.integers(0, 9))
@pytest.mark.parametrize("path", [by_hand, through_the_driver])
def test_every_path_decides_draws_and_pays_alike(path: Any, pool: Pool, strategies: list[Vote], seed: int) -> None:
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


@settings(max_examples=200, deadline=None)
@given(drawn=st.lists(samples(), min_size=1, max_size=6), bar=BAR)
def test_what_is_spared_is_what_a_recording_is_cut_by(drawn: list[Sample], bar: float) -> None:
    spared = RecordedTraces(drawn).pruned(bar)
    for sample, left in zip(drawn, spared.tolist(), strict=True):
        n = kept(sample, bar)
        assert left == (-1 if n is None else len(sample.trace.steps) - n)
        if sample.end is not End.FAILED:
            shorter = cut(sample, STEP_BELOW(bar))
            assert (shorter.end is End.BOUNDARY) == (left >= 0)
            assert len(shorter.trace.steps) == len(sample.trace.steps) - max(left, 0)


@settings(max_examples=100, deadline=None)
@given(pool=pools(), strategy=votes(), bars=st.tuples(BAR, BAR))
def test_a_bar_of_zero_prunes_nothing_and_a_higher_bar_never_less(
    pool: Pool, strategy: Vote, bars: tuple[float, float]
) -> None:
    sizes = np.array([len(e.samples) for e in pool.entries])
    orders = permutations(sizes, count=2, draws=4, seed=0)
    _, (none, without) = in_columns(pool, [replace(strategy, prune=0.0), replace(strategy, prune=None)], orders)
    for field in ("correct", "used", "abstained", "tokens", "rule"):
        assert (getattr(none, field) == getattr(without, field)).all()
    for entry in pool.entries:
        low, high = (RecordedTraces(entry.samples).pruned(bar) for bar in sorted(bars))
        assert (low <= high).all()


# --- live ------------------------------------------------------------------------------------------------------------


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


@settings(max_examples=150, deadline=None)
@given(drawn=st.lists(samples(), min_size=4, max_size=4), strategy=votes(), lookahead=st.integers(0, 2))
def test_live_and_replayed_are_the_same(drawn: list[Sample], strategy: Vote, lookahead: int) -> None:
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
        options=Options(lookahead=lookahead),
    )
    live, recorded = asyncio.run(playing)[0].decision, through_the_driver(strategy, drawn)
    assert (live.answer, live.reason) == (recorded.answer, recorded.reason)
    assert (live.p_correct, live.vote_share) == (recorded.p_correct, recorded.vote_share)
    for mine, theirs in zip(live.samples, recorded.samples, strict=True):
        assert (mine.answer, mine.end, mine.trace.steps) == (theirs.answer, theirs.end, theirs.trace.steps)
    assert live.usage is not None and recorded.usage is not None
    assert live.usage.delivered == recorded.usage.delivered
    assert live.usage.delivered + live.usage.aborted == engine.drawn


# --- small cases and refusals ----------------------------------------------------------------------------------------


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


def test_a_sample_that_has_ended_by_itself_is_not_cut_at_its_last_token() -> None:
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
