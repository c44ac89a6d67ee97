"""DeepConf: votes weighted by the confidence of the traces, the least confident traces left out or stopped early.

Both strategies read the top-k confidences of ``sample.trace.top`` themselves; no scorer is needed. ``run`` plays one
question, live or recorded; ``decide`` plays many rows of a replay at once and comes to the same decisions.

Source:
    Fu et al., "Deep Think with Confidence", arXiv 2508.15260. The paper draws up to 512 traces of some 20,000 tokens
    with warm-ups of 16 and groups of 2048. Defaults for 16 to 32 short samples are this framework's where they say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from strategies.base import Steps
from strategies.columns import by_discovery, running
from strategies.live_evidence import LiveEvidence
from strategies.vote import BUDGET
from strategies.weighting import Uniform
from tts.errors import InputError
from tts.scorers.trace_scores import TOP, TRACE_SCORES, WINDOW
from tts.types import GROUP_BELOW, Decision, Draw, End, Problem, Sample, Signals, total_usage

Array = NDArray[Any]
Metric = Literal["bottom10", "tail", "lowest", "mean"]
CONSENSUS = "consensus"


class TraceDecisions(NamedTuple):
    """What a strategy decided on each row of a replay; every array has shape [rows].

    Attributes:
        label: the answer's label, -1 where it abstains.
        used: draws used, stopped ones included.
        rule: 0 where consensus stopped it, -1 for the budget.
        tokens: tokens of the draws used, of a stopped one those before it was stopped; None where nobody counts them.
    """

    label: Array
    used: Array
    rule: Array
    tokens: Array | None


class TraceRows(Protocol):
    """Draws of many rows with what their traces say; arrays have shape [draws, rows]."""

    @property
    def labels(self) -> Array:
        """The answer's label, -1 where unparsed."""
        ...

    @property
    def tokens(self) -> Array | None:
        """Tokens of the whole samples."""
        ...

    def measure(self, score: str, window: int) -> Array:
        """The raw trace score of this name, NaN where the draw has failed."""
        ...

    def spared(self, bar: Array, first: int, window: int) -> Array:
        """Tokens that stopping draws from number ``first`` on below the bar [rows] spares, -1 where none is stopped."""
        ...


@dataclass(frozen=True)
class DeepConfOffline:
    """Draws its budget, keeps the most confident traces and weighs their votes by confidence.

    Attributes:
        name: what tables call it.
        budget: draws a question, >= 1.
        eta: percent of the answered traces to keep, in (0, 100]; the paper keeps 10 or 90 of hundreds. Those stay whose
            confidence is at least the (100 - eta)-th percentile, linearly interpolated.
        metric: which confidence of a trace: bottom10, tail, lowest or mean.
        window: tokens in a group; the paper has 2048.
        top: k, the most probable tokens a token's confidence is the mean over; the paper has 20.
    """

    name: str
    budget: int
    eta: float = 50.0
    metric: Metric = "bottom10"
    window: int = WINDOW
    top: int = TOP
    branches: ClassVar[bool] = False
    needs_confidence: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse what means nothing."""
        _check(self.name, self.budget, self.eta, self.metric, self.window, self.top)

    @property
    def needs(self) -> Signals:
        """Top-k confidences."""
        return Signals(top=self.top)

    def run(self, problem: Problem) -> Steps:
        """Play one question; see :class:`~strategies.base.Strategy`."""
        samples = yield Draw(self.budget)
        answered = [s for s in samples if s.answer is not None]
        c = np.array([_confidence(s, self.metric, self.window) for s in answered])
        tally = LiveEvidence(Uniform())
        if len(answered):
            bar = percentile_bar(c[:, None], self.eta)[0]
            for sample, value in zip(answered, c.tolist(), strict=True):
                if value >= bar:
                    tally.add(sample, value)
        return _decision(tally, samples, BUDGET)

    def decide(self, rows: TraceRows) -> TraceDecisions:
        """Play every row of a replay; equal to ``run`` on each row's draws."""
        horizon = min(self.budget, len(rows.labels))
        labels = rows.labels[:horizon]
        c = np.where(labels >= 0, rows.measure(_score(self.metric), self.window)[:horizon], np.nan)
        with np.errstate(invalid="ignore"):
            votes = c >= percentile_bar(c, self.eta)
        scores, names, _ = _scores(np.where(votes, labels, -1), np.where(votes, c, 0.0))
        count = labels.shape[1]
        return TraceDecisions(
            label=_leader(scores, names, votes, np.full(count, horizon - 1)),
            used=np.full(count, horizon),
            rule=np.full(count, -1, dtype=np.int8),
            tokens=None if rows.tokens is None else running(np.add, rows.tokens[:horizon])[-1],
        )


@dataclass(frozen=True)
class DeepConfOnline:
    """Learns a bar from whole warm-up traces, then stops each further trace as soon as a group falls below it.

    The bar is the (100 - eta)-th percentile of the lowest group confidences of the warm-up. Warm-up traces below it and
    traces that were stopped do not vote; votes weigh the trace's confidence. After the warm-up and after each further
    trace it stops where the leading answer has a share of at least ``tau`` of all weight. With a budget of at most
    ``warmup`` it draws whole traces only.

    Attributes:
        name: what tables call it.
        budget: the most draws a question, warm-up and stopped traces included, >= 1.
        warmup: whole traces before the bar is known, >= 1; the paper has 16 of up to 512.
        eta: percent of the warm-up traces that stay above the bar, in (0, 100]: 90 is DeepConf-high, 10 DeepConf-low,
            which needs a large warm-up: of 8 traces it leaves one.
        tau: consensus, in (0, 1].
        metric: which confidence of a trace its vote weighs: bottom10, tail, lowest or mean.
        window: tokens in a group; the paper has 2048.
        top: k, the most probable tokens a token's confidence is the mean over; the paper has 20.
    """

    name: str
    budget: int
    warmup: int = 8
    eta: float = 90.0
    tau: float = 0.95
    metric: Metric = "lowest"
    window: int = WINDOW
    top: int = TOP
    branches: ClassVar[bool] = False
    needs_confidence: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse what means nothing."""
        _check(self.name, self.budget, self.eta, self.metric, self.window, self.top)
        if self.warmup < 1 or not 0.0 < self.tau <= 1.0:
            raise InputError(
                f"strategy {self.name} needs warmup >= 1 and tau in (0, 1], got {self.warmup} and {self.tau}"
            )

    @property
    def needs(self) -> Signals:
        """Top-k confidences."""
        return Signals(top=self.top)

    def run(self, problem: Problem) -> Steps:
        """Play one question; see :class:`~strategies.base.Strategy`."""
        samples = yield Draw(min(self.warmup, self.budget))
        lowest = [np.nan if s.end is End.FAILED else _confidence(s, "lowest", self.window) for s in samples]
        bar = float(percentile_bar(np.array(lowest)[:, None], self.eta)[0])
        tally = LiveEvidence(Uniform())
        for sample, value in zip(samples, lowest, strict=True):
            if sample.answer is not None and value >= bar:
                tally.add(sample, _confidence(sample, self.metric, self.window))
        # Where every warm-up trace failed there is no bar, and nothing is stopped.
        further = Draw(1, until=GROUP_BELOW(bar if bar == bar else -np.inf, self.window))
        while not self._consensus(tally):
            if len(samples) >= self.budget:
                return _decision(tally, samples, BUDGET)
            (sample,) = yield further
            samples = [*samples, sample]
            if sample.answer is not None and sample.end is not End.BOUNDARY:
                tally.add(sample, _confidence(sample, self.metric, self.window))
        return _decision(tally, samples, CONSENSUS)

    def _consensus(self, tally: LiveEvidence) -> bool:
        return bool(tally.total > 0 and tally.lead >= self.tau * tally.total)

    def decide(self, rows: TraceRows) -> TraceDecisions:
        """Play every row of a replay; equal to ``run`` on each row's draws."""
        horizon = min(self.budget, len(rows.labels))
        first = min(self.warmup, horizon)
        labels, spent = rows.labels[:horizon], None if rows.tokens is None else rows.tokens[:horizon]
        lowest = rows.measure("deepconf_lowest", self.window)[:first]
        bar = percentile_bar(lowest, self.eta)
        votes = labels >= 0
        with np.errstate(invalid="ignore"):
            votes[:first] &= lowest >= bar
        if first < horizon:
            spared = rows.spared(np.where(np.isnan(bar), -np.inf, bar), first, self.window)[: horizon - first]
            votes[first:] &= spared < 0
            if spent is not None:
                spent = np.concatenate([spent[:first], spent[first:] - np.maximum(spared, 0)])
        c = rows.measure(_score(self.metric), self.window)[:horizon]
        scores, names, total = _scores(np.where(votes, labels, -1), np.where(votes, c, 0.0))
        agreed = (total > 0) & (scores.max(axis=0) >= self.tau * total)
        agreed[: first - 1] = False
        stopped = agreed.any(axis=0)
        last = np.where(stopped, agreed.argmax(axis=0), horizon - 1)
        return TraceDecisions(
            label=_leader(scores, names, votes, last),
            used=last + 1,
            rule=np.where(stopped, 0, -1).astype(np.int8),
            tokens=None if spent is None else np.take_along_axis(running(np.add, spent), last[None], axis=0)[0],
        )


DeepConf = DeepConfOffline | DeepConfOnline


def percentile_bar(values: Array, eta: float) -> Array:
    """The (100 - eta)-th percentile of each column, linearly interpolated, shape [rows]; NaN where a column has none.

    Args:
        values: [draws, rows], NaN where there is none.
        eta: in (0, 100].
    """
    ranked = np.sort(values, axis=0)  # NaN last
    count = len(values) - np.isnan(values).sum(axis=0)
    place = np.maximum(count - 1, 0) * (100.0 - eta) / 100.0
    below = np.floor(place).astype(np.intp)
    low = np.take_along_axis(ranked, below[None], axis=0)[0]
    high = np.take_along_axis(ranked, np.minimum(below + 1, np.maximum(count - 1, 0))[None], axis=0)[0]
    bar: Array = np.minimum(low + (high - low) * (place - below), high)
    return bar


def _scores(labels: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Scores so far [answers, draws, rows], names of the answers [answers, rows], total weight so far [draws, rows]."""
    found, names = by_discovery(labels)
    scores = [running(np.add, np.where(found == k, weights, 0.0)) for k in range(len(names))]
    return np.stack(scores), names, running(np.add, weights)


def _leader(scores: Array, names: Array, votes: Array, last: Array) -> Array:
    """The label that leads after draw ``last`` [rows]; of equal ones that which voted first; -1 without votes."""
    at = np.arange(scores.shape[2])
    seen = running(np.logical_or, votes)[last, at]
    # An answer that is yet to come scores 0, like one that voted with weight 0, which has the lower number.
    leader = scores[:, last, at].argmax(axis=0)
    return np.where(seen, names[leader, at], -1)


def _score(metric: Metric) -> str:
    return f"deepconf_{metric}"


def _confidence(sample: Sample, metric: Metric, window: int) -> float:
    return TRACE_SCORES[_score(metric)].raw(sample, window=window)


def _decision(tally: LiveEvidence, samples: Sequence[Sample], reason: str) -> Decision:
    leader = tally.leader
    return Decision(
        answer=tally.answer(leader),
        samples=tuple(samples),
        reason=reason,
        vote_share=tally.vote_share(leader),
        usage=total_usage(samples),
    )


def _check(name: str, budget: int, eta: float, metric: str, window: int, top: int) -> None:
    for key, value in (("budget", budget), ("window", window), ("top", top)):
        if value < 1:
            raise InputError(f"strategy {name} needs {key} >= 1, got {value}")
    if not 0.0 < eta <= 100.0:
        raise InputError(f"strategy {name} needs eta in (0, 100], a percentage, got {eta}")
    if metric not in get_args(Metric):
        raise InputError(f"strategy {name} needs metric {', '.join(get_args(Metric))}, got {metric!r}")
