"""DeepConf by brute force, and the paths that play it."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
from hypothesis import strategies as st

from evals.replay.traces import RecordedTraces, ReplayedTraces
from strategies.deepconf import CONSENSUS, DeepConfOffline, DeepConfOnline, percentile_bar
from strategies.vote import BUDGET
from tts.boundaries import group_crossing
from tts.engines.replay import ReplayEngine
from tts.runtime.driver import run_all
from tts.scorers.trace_scores import TRACE_SCORES
from tts.strategy import Strategy
from tts.types import GROUP_BELOW, Decision, End, Problem, Sample, Trace, Usage

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
            if group_crossing(GROUP_BELOW(bar, window), sample.trace.top[:n]) is not None:
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


def trace(answer: str | None, *top: float) -> Sample:
    return Sample("t", answer, trace=Trace(top=top), usage=Usage(delivered=len(top)))
