"""The numbers that stacking weighs: trace scores on the scale that a logistic regression adds up."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from tts.errors import InputError, MissingSignalError
from tts.scorers.trace_scores import TRACE_SCORES, TraceScore
from tts.types import Sample

CLIP = 1e-6
"""The distance of probabilities from 0 and 1 before their log-odds are taken, so that no feature outweighs the rest."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of a sample's trace: a trace score, put on the scale that a logistic regression adds up."""

    read: TraceScore
    scale: Callable[[float], float] = float
    suffix: str = ""

    @property
    def name(self) -> str:
        """The name in files and in ``features=``."""
        return f"{self.read.name}{self.suffix}"

    def of(self, sample: Sample, token: int | None) -> float:
        """The feature of one sample, finite.

        Raises:
            MissingSignalError: the trace lacks it.
        """
        try:
            return self.scale(self.read.raw(sample, token=token))
        except MissingSignalError as error:
            raise MissingSignalError(f"score stacked takes feature {self.name}: {error}") from None


def _log_odds(p: float) -> float:
    return float(logit(min(max(p, CLIP), 1 - CLIP)))


def _root(log_probability: float) -> float:
    return -math.sqrt(max(-log_probability, 0.0))


def _count(values: Sequence[float], window: int) -> float:
    return float(len(values))


def _least(values: Sequence[float], window: int) -> float:
    return min(values)


_LEAST = TraceScore("least_logprob", "the least probable token", "logprobs", _least)
_ALL = (
    Feature(TRACE_SCORES["grace"], _log_odds),
    Feature(TRACE_SCORES["grace_min"], _log_odds),
    Feature(TRACE_SCORES["grace_step"], _log_odds),
    Feature(TRACE_SCORES["mean_logprob"]),
    Feature(TRACE_SCORES["total_logprob"]),
    Feature(TraceScore("log_tokens", "length of the sample", "logprobs", _count), math.log),
    Feature(_LEAST),
    Feature(TRACE_SCORES["mean_logprob"], _root, "_root"),
    Feature(TRACE_SCORES["total_logprob"], _root, "_root"),
    Feature(_LEAST, _root, "_root"),
    Feature(TRACE_SCORES["finece"], _log_odds),
)
BY_NAME = {feature.name: feature for feature in _ALL}
LOGPROB_FEATURES = tuple(name for name in BY_NAME if "log" in name)
"""The features of any model's pass: the log-probabilities alone."""
FINECE_FEATURES = ("finece", *LOGPROB_FEATURES)
"""The features of a FineCE model's pass: log-odds of its confidence, and the log-probabilities."""
FEATURES = tuple(name for name in BY_NAME if name != "finece")
"""The features of a GrACE model's pass: log-odds of grace, grace_min and grace_step; the mean, the sum and the least
of the tokens' log-probabilities, in nats, and the negated roots of their sizes; the logarithm of the number of tokens.

The log-odds of being right fall steeply with the first tenths of a nat and slowly after them: they are far from linear
in the log-probabilities, and a stack without the roots may rank below the best of its features."""


def measure(
    samples: Sequence[Sample], features: Sequence[str] = FEATURES, *, token: int | None = None
) -> NDArray[np.float64]:
    """Features of samples, [len(samples), len(features)], finite.

    Raises:
        InputError: unknown, doubled or no features.
        MissingSignalError: a trace lacks one.
    """
    chosen = select(features)
    rows = [[feature.of(sample, token) for feature in chosen] for sample in samples]
    return np.array(rows, dtype=np.float64).reshape(len(samples), len(chosen))


def select(names: Sequence[str]) -> list[Feature]:
    """Return the features of these names.

    Raises:
        InputError: unknown, doubled or no names.
    """
    unknown = [name for name in names if name not in BY_NAME]
    if unknown or not names or len(set(names)) < len(names):
        wrong = f"{unknown[0]!r}" if unknown else f"{', '.join(names)}" or "none"
        raise InputError(f"stacking takes different features of {', '.join(BY_NAME)}, got {wrong}")
    return [BY_NAME[name] for name in names]
