"""The options, checks and votes that both forms of DeepConf share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from strategies.draw_arrays import by_discovery, running
from strategies.live_evidence import LiveEvidence
from tts.errors import InputError
from tts.requirements import Requirements
from tts.scorers.trace_scores import TOP, TRACE_SCORES, WINDOW
from tts.types import Decision, Sample, Signals, total_usage

Array = NDArray[Any]
Metric = Literal["bottom10", "tail", "lowest", "mean"]


class TraceRows(Protocol):
    """The draws of many rows with the scores of their traces; arrays have shape [draws, rows]."""

    @property
    def labels(self) -> Array:
        """The answer's label, -1 if unparsed."""
        ...

    @property
    def tokens(self) -> Array | None:
        """Tokens of the whole samples; None if they are not counted."""
        ...

    def measure(self, score: str, window: int) -> Array:
        """Return the raw trace score of this name, NaN for a failed draw."""
        ...

    def spared(self, bar: Array, first: int, window: int) -> Array:
        """Return the tokens spared if draws from number ``first`` on stop below the bar [rows], -1 if not stopped."""
        ...


@dataclass(frozen=True)
class DeepConfBase:
    """Options that both forms share.

    Attributes:
        name: the strategy's name in tables.
        budget: the most draws per question, stopped traces included, >= 1.
        eta: percent of the traces that stay, in (0, 100].
        metric: the confidence of a trace that its vote is weighted by: bottom10, tail, lowest or mean.
        window: tokens in a group; the paper has 2048.
        top: k, the number of most probable tokens that a token's confidence is the mean over; the paper has 20.
    """

    name: str
    budget: int
    _: KW_ONLY
    eta: float
    metric: Metric
    window: int = WINDOW
    top: int = TOP

    def __post_init__(self) -> None:
        """Refuse options outside their ranges."""
        for key in ("budget", "window", "top"):
            if getattr(self, key) < 1:
                raise InputError(f"strategy {self.name} needs {key} >= 1, got {getattr(self, key)}")
        if not 0.0 < self.eta <= 100.0:
            raise InputError(f"strategy {self.name} needs eta in (0, 100], a percentage, got {self.eta}")
        if self.metric not in get_args(Metric):
            raise InputError(f"strategy {self.name} needs metric {', '.join(get_args(Metric))}, got {self.metric!r}")

    @property
    def requires(self) -> Requirements:
        """Top-k confidences."""
        return Requirements(signals=Signals(top=self.top))

    @property
    def trace_score(self) -> str:
        """The name of the trace score that votes are weighted by."""
        return f"deepconf_{self.metric}"

    def confidence(self, sample: Sample, metric: Metric | None = None) -> float:
        """Return the confidence of a trace, in nats, by ``metric`` or by the strategy's own."""
        return TRACE_SCORES[f"deepconf_{metric or self.metric}"].raw(sample, window=self.window)


def percentile_bar(values: Array, eta: float) -> Array:
    """Return the (100 - eta)-th percentile of each column, linearly interpolated, [rows]; NaN for an empty column.

    Args:
        values: [draws, rows], NaN for a missing value.
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


def running_scores(labels: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Return the running scores of the answers.

    Args:
        labels: [draws, rows], -1 for a draw without a vote.
        weights: the weight of each vote, [draws, rows].

    Returns:
        (scores [answers, draws, rows], labels of the answers [answers, rows], total weight [draws, rows]).
    """
    found, names = by_discovery(labels)
    scores = [running(np.add, np.where(found == k, weights, 0.0)) for k in range(len(names))]
    return np.stack(scores), names, running(np.add, weights)


def leader_after(last: Array, scores: Array, names: Array, votes: Array) -> Array:
    """Return the label that leads after draw ``last`` [rows]; a tie goes to the first to vote; -1 without votes.

    Args:
        last: index of the last draw used, [rows].
        scores: running scores, [answers, draws, rows].
        names: labels of the answers, [answers, rows].
        votes: True for each draw that votes, [draws, rows].
    """
    at = np.arange(scores.shape[2])
    seen = running(np.logical_or, votes)[last, at]
    # An answer that has not been seen scores 0, like one that voted with weight 0, which has the lower number.
    leader = scores[:, last, at].argmax(axis=0)
    return np.where(seen, names[leader, at], -1)


def decision_of(evidence: LiveEvidence, samples: Sequence[Sample], reason: str) -> Decision:
    """Return the decision for the leading answer."""
    leader = evidence.leader
    return Decision(
        answer=evidence.answer(leader),
        samples=tuple(samples),
        reason=reason,
        vote_share=evidence.vote_share(leader),
        usage=total_usage(samples),
    )
