"""DeepConf by brute force, and the same decisions and tokens live, through the driver's replay and in columns."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.replay.traces import RecordedTraces, ReplayedTraces
from strategies.deepconf import CONSENSUS, DeepConfOffline, DeepConfOnline, percentile_bar
from strategies.vote import BUDGET
from tts.boundaries import crossing, cut
from tts.engines.base import Capabilities, Chunk, Request
from tts.engines.replay import ReplayEngine
from tts.errors import InputError, UnsupportedError
from tts.runtime.driver import Options, run_all
from tts.scorers.trace_scores import TRACE_SCORES
from tts.strategy import Strategy
from tts.types import GROUP_BELOW, Decision, End, Problem, Sample, Signals, Trace, Usage

METRICS = ["bottom10", "tail", "lowest", "mean"]
# Few distinct values, so that ties are common, and fractions whose sums round.
TOP = st.lists(st.sampled_from([0.0, 0.1, 0.3, 1.7, 2.0, 3.3]), min_size=1, max_size=12).map(tuple)
ONE = Problem("q", "?")


@st.composite
def recordings(draw: st.DrawFn) -> list[Sample]:
    """The samples of a question: answered, unparsed, cut off at the limit, or failed."""
    samples = []
    for index in range(draw(st.integers(1, 14))):
        top, answer = draw(TOP), draw(st.sampled_from(["1", "1", "2", "3", None]))
        end = draw(st.sampled_from([End.STOP, End.STOP, End.STOP, End.LENGTH, End.FAILED]))
        if end is End.FAILED:
            samples.append(Sample(end=end, index=index, usage=Usage(prompt=4, aborted=len(top)), error="broke"))
        else:
            ids, usage = tuple(range(len(top))), Usage(prompt=4, delivered=len(top))
            samples.append(Sample("t" * len(top), answer, end, None, index, ids, Trace(top=top), usage))
    return samples


ONLINE = st.builds(
    DeepConfOnline,
    name=st.just("online"),
    budget=st.integers(1, 14),
    warmup=st.integers(1, 9),
    eta=st.sampled_from([10.0, 33.0, 50.0, 90.0, 100.0]),
    tau=st.sampled_from([0.5, 0.7, 0.95, 1.0]),
    metric=st.sampled_from(METRICS),
    window=st.integers(1, 6),
    top=st.just(3),
)
OFFLINE = st.builds(
    DeepConfOffline,
    name=st.just("offline"),
    budget=st.integers(1, 14),
    eta=st.sampled_from([10.0, 33.0, 50.0, 90.0, 100.0]),
    metric=st.sampled_from(METRICS),
    window=st.integers(1, 6),
    top=st.just(3),
)


def confidence(sample: Sample, metric: str, window: int) -> float:
    return TRACE_SCORES[f"deepconf_{metric}"].raw(sample, window=window)


def heaviest(votes: list[tuple[str, float]]) -> tuple[str | None, float, float]:
    """The answer of most weight, the first voted among equals, its weight and the whole weight."""
    weights: dict[str, float] = {}
    total = 0.0
    for answer, weight in votes:
        weights[answer] = weights.get(answer, 0.0) + weight
        total += weight
    leader = max(weights, key=lambda a: weights[a], default=None)
    return leader, weights.get(leader or "", 0.0), total


def offline_by_hand(strategy: DeepConfOffline, samples: list[Sample]) -> tuple[str | None, int, int]:
    drawn = samples[: strategy.budget]
    votes = [(s.answer, confidence(s, strategy.metric, strategy.window)) for s in drawn if s.answer is not None]
    if votes:
        bar = percentile_bar(np.array([[c] for _, c in votes]), strategy.eta)[0]
        votes = [(a, c) for a, c in votes if c >= bar]
    return heaviest(votes)[0], len(drawn), sum(s.usage.generated for s in drawn if s.usage)


def online_by_hand(strategy: DeepConfOnline, samples: list[Sample]) -> tuple[str | None, int, int]:
    window = strategy.window
    drawn = samples[: min(strategy.warmup, strategy.budget)]
    lowest = [confidence(s, "lowest", window) for s in drawn if s.end is not End.FAILED]
    bar = percentile_bar(np.array(lowest)[:, None], strategy.eta)[0] if lowest else -np.inf
    votes = [
        (s.answer, confidence(s, strategy.metric, window))
        for s in drawn
        if s.answer is not None and confidence(s, "lowest", window) >= bar
    ]
    tokens = sum(s.usage.generated for s in drawn if s.usage)
    used = len(drawn)
    while True:
        leader, lead, total = heaviest(votes)
        if (total > 0 and lead >= strategy.tau * total) or used == strategy.budget:
            return leader, used, tokens
        sample = samples[used]
        used += 1
        length = len(sample.trace.top)
        for n in range(window, length + 1):  # token by token
            if crossing(GROUP_BELOW(bar, window), sample.trace.top[:n]) is not None:
                assert sum(sample.trace.top[n - window : n]) / window < bar + 1e-9
                killed = n < length or sample.end is not End.STOP
                tokens += n
                break
        else:
            killed = False
            tokens += sample.usage.generated if sample.usage else 0
        if not killed and sample.answer is not None:
            votes.append((sample.answer, confidence(sample, strategy.metric, window)))


def replayed(strategy: Strategy, samples: list[Sample]) -> Decision:
    return asyncio.run(run_all(strategy, [ONE], ReplayEngine({"q": samples})))[0].decision


def in_columns(strategy: Any, samples: list[Sample]) -> tuple[str | None, int, float, str]:
    names = ["3", "1", "2"]  # numbered otherwise than discovered
    labels = np.array([[names.index(s.answer) if s.answer is not None else -1] for s in samples], dtype=np.int8)
    tokens = np.array([[s.usage.generated] for s in samples if s.usage], dtype=np.float64)
    rows = ReplayedTraces(
        labels, tokens, [RecordedTraces(samples)], np.zeros(1, dtype=int), np.arange(len(samples))[:, None]
    )
    label, used, rule, spent = strategy.decide(rows)
    answer = None if label[0] < 0 else names[label[0]]
    return answer, int(used[0]), float(spent[0]), BUDGET if rule[0] < 0 else CONSENSUS


@settings(max_examples=400, deadline=None)
@given(samples=recordings(), strategy=st.one_of(ONLINE, OFFLINE))
def test_every_path_is_the_definition(samples: list[Sample], strategy: Any) -> None:
    strategy = replace(strategy, budget=min(strategy.budget, len(samples)))
    by_hand = online_by_hand if isinstance(strategy, DeepConfOnline) else offline_by_hand
    answer, used, tokens = by_hand(strategy, samples)
    decision = replayed(strategy, samples)
    assert (decision.answer, len(decision.samples)) == (answer, used)
    assert decision.usage is not None and decision.usage.generated == tokens
    assert in_columns(strategy, samples) == (answer, used, tokens, decision.reason)
    assert decision.p_correct is None, "DeepConf's trace scores are not probabilities"
    assert decision.vote_share is None or 0.0 < decision.vote_share <= 1.0


@settings(deadline=None)
@given(st.lists(st.floats(0, 30), min_size=1, max_size=40), st.floats(1, 100), st.integers(0, 3))
def test_the_bar_is_numpys_percentile_of_what_is_there(values: list[float], eta: float, missing: int) -> None:
    column = np.array(values + [np.nan] * missing)[:, None]
    bar = percentile_bar(column, eta)[0]
    assert bar == pytest.approx(np.percentile(values, 100 - eta), abs=1e-9)
    assert bar <= max(values), "at least one trace stays"
    assert np.isnan(percentile_bar(np.full((3, 1), np.nan), eta)[0])


@settings(deadline=None)
@given(recordings(), st.floats(0, 4), st.integers(1, 6))
def test_what_is_spared_is_what_a_recording_is_cut_by(samples: list[Sample], bar: float, window: int) -> None:
    recorded = RecordedTraces(samples)
    for i, sample in enumerate(samples):
        shorter = cut(sample, GROUP_BELOW(bar, window))
        spared = int(recorded.spared(i, np.array(bar), window))
        assert (shorter.end is End.BOUNDARY) == (spared >= 0)
        assert len(shorter.trace.top) == len(sample.trace.top) - max(spared, 0)


# --- live ------------------------------------------------------------------------------------------------------------


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
            below = request.until.kind == "group_below" and crossing(request.until, script.trace.top[:n]) == n
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


@settings(max_examples=150, deadline=None)
@given(samples=recordings(), strategy=st.one_of(ONLINE, OFFLINE), lookahead=st.integers(0, 2))
def test_live_and_replayed_are_the_same(samples: list[Sample], strategy: Any, lookahead: int) -> None:
    samples = [s for s in samples if s.end is not End.FAILED]
    if not samples:
        return
    strategy = replace(strategy, budget=min(strategy.budget, len(samples)))
    engine = Scripted(samples)
    options = Options(lookahead=lookahead)
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


# --- small cases and refusals ----------------------------------------------------------------------------------------


def trace(answer: str | None, *top: float) -> Sample:
    return Sample("t", answer, trace=Trace(top=top), usage=Usage(delivered=len(top)))


def test_offline_keeps_the_most_confident_and_weighs_them() -> None:
    samples = [trace("a", 1.0), trace("a", 1.1), trace("a", 1.2), trace("b", 9.0), trace("c", 4.0), trace(None, 99.0)]
    assert replayed(DeepConfOffline("x", 6, eta=100, metric="mean"), samples).answer == "b"
    decision = replayed(DeepConfOffline("x", 6, eta=40, metric="mean"), samples)
    assert (decision.answer, decision.reason, decision.vote_share) == ("b", BUDGET, pytest.approx(9 / 13))
    assert replayed(DeepConfOffline("x", 3, eta=100), samples).answer == "a"
    assert replayed(DeepConfOffline("x", 1), samples[-1:]).answer is None


def test_online_stops_traces_below_the_bar_and_the_question_at_consensus() -> None:
    warm = [trace("a", 5.0, 5.0, 5.0), trace("b", 4.0, 4.0, 4.0)]
    further = [trace("b", 9.0, 3.0, 9.0), trace("a", 6.0, 6.0, 6.0), trace("a", 90.0, 90.0, 90.0), trace("b", 1.0)]
    strategy = DeepConfOnline("x", 6, warmup=2, eta=100, tau=0.9, window=1)
    decision = replayed(strategy, warm + further)
    assert [s.end for s in decision.samples] == [End.STOP, End.STOP, End.BOUNDARY, End.STOP, End.STOP]
    assert (decision.answer, decision.reason) == ("a", CONSENSUS)
    assert decision.vote_share == pytest.approx(101 / 105)
    assert decision.usage == Usage(delivered=3 + 3 + 2 + 3 + 3)
    # With eta = 10 the bar is nearly the best warm-up trace, so "b" has no vote and "a" is alone.
    assert len(replayed(replace(strategy, eta=10), warm + further).samples) == 2


def test_within_its_warmup_online_draws_whole_traces_only() -> None:
    samples = [trace("a", 5.0), trace("b", 1.0), trace("b", 1.0), trace("b", 1.0)]
    for budget in (1, 2, 4):
        decision = replayed(DeepConfOnline("x", budget, warmup=4, eta=50, tau=1.0, window=1), samples)
        assert len(decision.samples) == budget
        assert all(s.end is End.STOP for s in decision.samples)


def test_all_failed_warmups_leave_no_bar_and_nothing_is_stopped() -> None:
    samples = [Sample(end=End.FAILED, usage=Usage())] * 2 + [trace("a", 0.1, 0.01), trace("a", 0.2)]
    decision = replayed(DeepConfOnline("x", 4, warmup=2, window=1), samples)
    assert (decision.answer, len(decision.samples), decision.failed) == ("a", 3, 2)


def test_samples_without_traces_are_refused() -> None:
    for strategy in (DeepConfOffline("x", 1), DeepConfOnline("x", 1)):
        with pytest.raises(UnsupportedError, match=r"sample 0 has none: draw it with `signals.top` above 0"):
            replayed(strategy, [Sample("t", "a")])
        assert strategy.needs == Signals(top=20)
        assert isinstance(strategy, Strategy)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"budget": 0}, "budget >= 1, got 0"),
        ({"eta": 0}, r"eta in \(0, 100\], a percentage, got 0"),
        ({"eta": 101.0}, "a percentage, got 101"),
        ({"window": 0}, "window >= 1, got 0"),
        ({"top": 0}, "top >= 1, got 0"),
        ({"metric": "median"}, "metric bottom10, tail, lowest, mean, got 'median'"),
        ({"warmup": 0}, r"warmup >= 1 and tau in \(0, 1\], got 0 and 0.95"),
        ({"tau": 0.0}, r"warmup >= 1 and tau in \(0, 1\], got 8 and 0.0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(options: dict[str, Any], sentence: str) -> None:
    for kind in (DeepConfOnline, DeepConfOffline):
        if kind is DeepConfOnline or not {"warmup", "tau"} & set(options):
            with pytest.raises(InputError, match=sentence):
                kind(**{"name": "x", "budget": 4, **options})
