"""Trace scores: confidence read off the signals of the pass that drew a sample, without any further pass.

Each is one published number of the per-token signals, high where the model was sure. Those with a natural reading as a
probability are scorers as they are; the others are raw scores, to be wrapped in
:class:`~tts.scorers.base.Calibrated`. Those of GrACE read the probability of a confidence token, which only the model's
card names: live, :mod:`tts.scorers.grace` collects it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tts.boundaries import group_confidence
from tts.errors import InputError, MissingSignalError, unknown_name
from tts.models.finece import OWNER
from tts.scorers.base import BaseScorer
from tts.scorers.leco import step_scores
from tts.scorers.metered import MeteredEngine
from tts.types import End, Problem, Sample, Signals, Trace

Values = Sequence[float]
Column = Literal["logprobs", "top", "entropy", "certainty", "confidence", "steps", "values", "leco"]

TOP = 20
"""DeepConf's k: how many of the most probable tokens a token's confidence is the mean over."""
WINDOW = 32
"""Tokens in a group: a tenth of a short chain of thought, as DeepConf's 2048 are of its traces of some 20,000."""

_CALLED: dict[Column, tuple[str, str]] = {
    "logprobs": ("log-probabilities", "draw it with an engine that keeps them"),
    "top": ("top-k confidences", "draw it with `signals.top` above 0"),
    "entropy": ("entropies", "draw it with `signals.entropy`"),
    "certainty": ("self-certainties", "draw it with `signals.certainty`"),
    "confidence": ("the probability of a confidence token", "draw it with a GrACE model and scorer grace"),
    "steps": (
        "the probability of a confidence token where steps end",
        "draw it with a GrACE model and scorer {name: grace, reading: step}",
    ),
    "values": ("the probabilities of eleven value tokens", "draw it with a FineCE model and scorer finece"),
    "leco": ("log-probabilities and the tokens that end a step", "draw it with `signals.steps` and log-probabilities"),
}


@dataclass(frozen=True, slots=True)
class TraceScore:
    """One number of a sample's trace, the prefix included if it has a trace.

    Attributes:
        name: the name that users type.
        source: the paper.
        column: the signal of the trace that it reads; "confidence" is the probability of a confidence token at each
            token, or after the sample alone where that was probed; "steps" is that probability at the tokens that end
            a step and at the last one; "values" is the confidence that FineCE's value tokens give at each token;
            "leco" is LeCo's score of each step.
        measure: from that signal's values and the window to the score.
        windowed: whether the window matters.
        probability: from the score to a number in [0, 1] that reads as P(correct), or None where there is no such.
    """

    name: str
    source: str
    column: Column
    measure: Callable[[Values, int], float]
    windowed: bool = False
    probability: Callable[[float], float] | None = None

    @property
    def watches(self) -> bool:
        """True if it reads tokens that only a GrACE or FineCE model has."""
        return self.column in ("confidence", "steps", "values")

    def needs(self, top: int = TOP) -> Signals:
        """Return the signals to collect while drawing, except a confidence token; ``top`` is DeepConf's k."""
        return Signals(
            top=top if self.column == "top" else 0,
            entropy=self.column == "entropy",
            certainty=self.column == "certainty",
            logprobs=self.column in ("logprobs", "leco"),
            steps=self.column == "leco",
        )

    def raw(self, sample: Sample, *, window: int = WINDOW, token: int | None = None) -> float:
        """Return the score of one sample, a finite number.

        Args:
            sample: with the signal in its trace.
            window: tokens in a group, >= 1; a shorter sample is one group.
            token: the id of the confidence token; None takes the trace's own (``Trace.confidence``).

        Raises:
            MissingSignalError: the trace lacks the signal, or the score is not finite.
        """
        values = _values(sample, self.column, token)
        what, remedy = _CALLED[self.column]
        if not len(values):
            raise MissingSignalError(
                f"trace score {self.name} reads {what} and sample {sample.index} has none: {remedy}, "
                "or choose another score"
            )
        value = float(self.measure(values, window))
        if not math.isfinite(value):
            raise MissingSignalError(
                f"trace score {self.name} of sample {sample.index} is {value}, expected a finite number: "
                f"its {what} are broken, so draw it again"
            )
        return value


def _values(sample: Sample, column: Column, token: int | None) -> Values:
    """The signal of a sample's trace, empty where it was not collected."""
    trace = sample.trace
    if column == "confidence" and trace.probe is not None:
        return (trace.probe,)
    if column == "confidence" or column == "steps":
        watched = trace.confidence if token is None else trace.watched.get(token, ())
        return watched if column == "confidence" else _at_steps(watched, trace.steps)
    if column == "values":
        return value_confidence(trace)
    if column == "leco":
        return step_scores(trace.logprobs, trace.steps, ended=sample.end is End.STOP)
    values: Values = getattr(trace, column)
    if column == "logprobs" and any(map(math.isnan, values)):  # a server did not tell some of them
        return [value for value in values if not math.isnan(value)] or values
    return values


def value_confidence(trace: Trace) -> list[float]:
    """The confidence in the text before each token of a trace: the mean value under its value tokens' shares.

    Empty where the trace has no probabilities of a FineCE model's value tokens, which stand for 0, 1/10, ..., 1.

    Source:
        FineCE, arXiv 2508.12040: confidences as values 0 to 10; their expectation is ours.
    """
    values = trace.owned_by(OWNER)
    if not values or not all(values):
        return []
    found: list[float] = expectation(np.array(values).T).tolist()
    return found


def expectation(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the confidence by value tokens: the mean value under their probabilities, shape [...].

    Args:
        probabilities: of the tokens for 0, 1/10, ..., 1, not all 0, shape [..., 11]; they need not add up to 1.
    """
    with np.errstate(invalid="ignore"):  # all 0 has no mean: NaN, which is no confidence
        shares = probabilities / probabilities.sum(-1, keepdims=True)
    return np.asarray(shares @ np.linspace(0, 1, probabilities.shape[-1]))


def _at_steps(watched: Values, steps: Sequence[bool]) -> Values:
    """The watched values at the tokens that end a step and at the last one; none where either was not collected."""
    if len(watched) != len(steps):
        return ()
    last = len(steps) - 1
    return [value for i, (value, ends) in enumerate(zip(watched, steps, strict=True)) if ends or i == last]


def _last(values: Values, window: int) -> float:
    return values[-1]


def _least(values: Values, window: int) -> float:
    return min(values)


def _last_step(values: Values, window: int) -> float:
    return values[-2] if len(values) > 1 else values[-1]


def _mean(values: Values, window: int) -> float:
    return float(np.mean(values))


def _total(values: Values, window: int) -> float:
    return float(np.sum(values))


def _negated_mean(values: Values, window: int) -> float:
    return -float(np.mean(values))


def _bottom10(values: Values, window: int) -> float:
    groups = np.sort(group_confidence(values, window))
    return float(groups[: max(1, len(groups) // 10)].mean())


def _tail(values: Values, window: int) -> float:
    return float(np.mean(values[-window:]))


def _lowest(values: Values, window: int) -> float:
    return float(group_confidence(values, window).min())


def _exp(logprob: float) -> float:
    return math.exp(min(logprob, 0.0))


def _itself(probability: float) -> float:
    return probability


_ALL = (
    TraceScore("mean_logprob", "geometric mean of token probabilities", "logprobs", _mean, probability=_exp),
    TraceScore("total_logprob", "probability of the sample", "logprobs", _total, probability=_exp),
    TraceScore("entropy", "mean token entropy, negated", "entropy", _negated_mean),
    TraceScore("self_certainty", "Kang et al. 2502.18581", "certainty", _mean),
    TraceScore("deepconf_mean", "DeepConf 2508.15260, average trace confidence", "top", _mean),
    TraceScore("deepconf_bottom10", "DeepConf 2508.15260, lowest tenth of groups", "top", _bottom10, windowed=True),
    TraceScore("deepconf_tail", "DeepConf 2508.15260, last tokens", "top", _tail, windowed=True),
    TraceScore("deepconf_lowest", "DeepConf 2508.15260, lowest group", "top", _lowest, windowed=True),
    TraceScore("leco", "LeCo 2403.19094, least of all steps", "leco", _least),
    TraceScore("grace", "GrACE 2509.09438, at the end", "confidence", _last, probability=_itself),
    TraceScore("grace_min", "GrACE 2509.09438, least of all steps", "steps", _least, probability=_itself),
    TraceScore("grace_step", "GrACE 2509.09438, last step", "steps", _last_step, probability=_itself),
    TraceScore("grace_mean", "GrACE 2509.09438, mean of all steps", "steps", _mean, probability=_itself),
    TraceScore("finece", "FineCE 2508.12040, at the end", "values", _last, probability=_itself),
)
TRACE_SCORES: dict[str, TraceScore] = {score.name: score for score in _ALL}
"""By name, in nats: mean_logprob = mean log p(token), total_logprob = its sum, entropy = -mean H, self_certainty = mean
KL(uniform || p). With C the confidence of a token: deepconf_mean = mean C, deepconf_tail = mean C of the last
``window`` tokens; of the means over ``window`` consecutive tokens, deepconf_lowest is the least one and
deepconf_bottom10 the mean of the lowest tenth, rounded down but at least one. leco = the least score of a step, see
:func:`~tts.scorers.leco.step_scores`: LeCo returns to that step. It has no scale.

With c the probability of the confidence token in the distribution that drew a token: grace = c of the last token (where
it was probed after the sample, that number instead). Over the tokens that end a step and the last one, grace_min = min
c, grace_mean = mean c, and grace_step = c of the last of them before the last token, or of that where it is the only
one. A trace without step ends has no such number: the least c of all tokens would be another score by the same name.

finece = the expectation over value tokens in the distribution that drew the last token."""

SIGNAL_SCORES = tuple(name for name, score in TRACE_SCORES.items() if not score.watches)
"""Names of the trace scores that any model can be drawn with."""


class TraceScorer(BaseScorer):
    """A trace score as a :class:`~tts.scorers.base.Scorer`; ``raw`` gives the score as it is."""

    def __init__(self, score: str, *, window: int = WINDOW, top: int = TOP) -> None:
        """Choose a score.

        Args:
            score: a name of :data:`SIGNAL_SCORES`.
            window: tokens in a group, >= 1, for the scores that look at groups.
            top: DeepConf's k, >= 1 and at most the vocabulary; an engine that cannot collect that many is refused.

        Raises:
            InputError: an unknown name, one that reads a confidence token, or a number below 1.
        """
        if score not in SIGNAL_SCORES:
            raise unknown_name("trace score", score, SIGNAL_SCORES)
        if window < 1 or top < 1:
            raise InputError(f"trace score {score} needs window and top of at least 1, got {window} and {top}")
        self.trace_score, self.window, self.needs = TRACE_SCORES[score], window, TRACE_SCORES[score].needs(top)
        self.name = scorer_name(score, window)

    async def raw(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """The raw scores, shape [len(samples)].

        Raises:
            MissingSignalError: a sample's trace lacks the signal.
        """
        return np.array([self.trace_score.raw(s, window=self.window) for s in samples], dtype=np.float64)

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """The scores as probabilities where that is natural, else raw, which the driver refuses: calibrate those.

        Raises:
            MissingSignalError: a sample's trace lacks the signal.
        """
        raw, probability = await self.raw(problem, samples, engine), self.trace_score.probability
        return raw if probability is None else np.array([probability(v) for v in raw.tolist()], dtype=np.float64)


TRACE_SCORERS: dict[str, Callable[..., TraceScorer]] = {name: partial(TraceScorer, name) for name in SIGNAL_SCORES}
"""Builders of the scorers of :data:`SIGNAL_SCORES`, by name."""


def scorer_name(score: str, window: int = WINDOW) -> str:
    """The name that stands for exactly one way to score, such as "deepconf_tail(window=32)" or "grace(reading=min)"."""
    if score not in TRACE_SCORES:
        return score
    if TRACE_SCORES[score].column == "steps":
        return f"grace(reading={score.removeprefix('grace_')})"
    return f"{score}(window={window})" if TRACE_SCORES[score].windowed else score
