"""The quality of a pool's confidences: every metric by name, with its direction, its range and an interval.

The metrics are in :mod:`evals.metrics.probability` and :mod:`evals.metrics.smooth_ece` (of probabilities) and
:mod:`evals.metrics.ranking` (of any score).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evals.metrics import probability, ranking
from evals.metrics.binning import BINS
from evals.metrics.counts import Counts, resampled
from evals.metrics.reliability import Bin, reliability_bins
from evals.metrics.scored import ScoredSamples
from evals.metrics.smooth_ece import smooth_ece
from evals.metrics.stats import bootstrap_weights, wilson_interval
from tts.errors import InputError

Floats = NDArray[np.float64]
Interval = tuple[float, float]

COVERAGES = (0.25, 0.5, 0.75)
"""Shares answered at which selective accuracy is reported."""
LEVEL = 0.95
_UNDEFINED = 0.05  # an interval is given if at most this share of the resamples leaves the metric undefined
_BANDS = 100  # coverages at which the risk-coverage curve is drawn


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of a confidence.

    Attributes:
        name: its key in JSON.
        label: its name in tables.
        better: the direction of improvement; "neither" for a metric that no scorer changes.
        low: the least possible value.
        high: the greatest possible value.
        needs_probabilities: True if it is defined for confidences in [0, 1] only.
        of: returns its value on each resample, NaN where it is not defined.
        reflect: the kind of its interval (see ``measure``): 0 for percentiles; where noise alone makes the metric grow,
            1 to reflect the values, 2 to reflect also their squares for the lower end.
        percent: True for a share that tables show in percent.
    """

    name: str
    label: str
    better: Literal["lower", "higher", "neither"]
    low: float
    high: float
    needs_probabilities: bool
    of: Callable[[Counts], Floats]
    reflect: Literal[0, 1, 2] = 0
    percent: bool = False


def _accuracy_at(coverage: float, counts: Counts) -> Floats:
    return ranking.selective_accuracy(counts, [coverage])[:, 0]


def _part(name: str, counts: Counts) -> Floats:
    return np.asarray(getattr(probability.brier_parts(counts), name))


METRICS: tuple[Metric, ...] = (
    Metric(
        "ece_equal_width",
        f"ECE ({BINS} equal-width bins)",
        "lower",
        0.0,
        1.0,
        True,
        probability.ece_equal_width,
        reflect=2,
    ),
    Metric(
        "ece_equal_mass",
        f"ECE ({BINS} equal-mass bins)",
        "lower",
        0.0,
        1.0,
        True,
        probability.ece_equal_mass,
        reflect=2,
    ),
    Metric("smooth_ece", "smooth ECE", "lower", 0.0, 1.0, True, smooth_ece, reflect=2),
    Metric("brier", "Brier score", "lower", 0.0, 1.0, True, probability.brier),
    Metric("reliability", "  reliability", "lower", 0.0, 1.0, True, partial(_part, "reliability"), reflect=1),
    Metric("resolution", "- resolution", "higher", -1.0, 1.25, True, partial(_part, "resolution"), reflect=1),
    Metric("uncertainty", "+ uncertainty", "neither", 0.0, 0.25, True, partial(_part, "uncertainty")),
    Metric("nll", "NLL (nats)", "lower", 0.0, float("inf"), True, probability.nll),
    Metric("auroc", "AUROC", "higher", 0.0, 1.0, False, ranking.auroc),
    Metric("auprc", "AUPRC", "higher", 0.0, 1.0, False, ranking.auprc),
    Metric("within_question_auroc", "within-question AUROC", "higher", 0.0, 1.0, False, ranking.within_question_auroc),
    Metric("aurc", "AURC", "lower", 0.0, 1.0, False, ranking.aurc),
    *(
        Metric(
            f"selective_accuracy_{round(100 * share)}",
            f"accuracy at {100 * share:g} % coverage, %",
            "higher",
            0.0,
            1.0,
            False,
            partial(_accuracy_at, share),
            percent=True,
        )
        for share in COVERAGES
    ),
)
"""Every metric, in the order of the tables; Brier score = reliability - resolution + uncertainty."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric's value on the samples.

    Attributes:
        metric: the metric.
        value: None where it does not apply or is not defined.
        interval: its 95 % interval, None where there is none.
        reason: the reason why the value or the interval is missing, empty where both are there.
    """

    metric: Metric
    value: float | None
    interval: Interval | None
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class RiskCoverage:
    """The risk-coverage curve with a 95 % band, and the curve of an oracle that ranks all correct samples first."""

    coverage: Floats
    risk: Floats
    low: Floats | None
    high: Floats | None
    optimal: Floats
    optimal_aurc: float


@dataclass(frozen=True, slots=True, eq=False)
class Quality:
    """The measured quality of confidences: metrics, accuracy, the reliability diagram and the risk-coverage curve."""

    accuracy: float
    accuracy_ci: Interval | None
    measured: tuple[Measured, ...]
    bins: tuple[Bin, ...]
    curve: RiskCoverage


def measure(
    samples: ScoredSamples, *, replicates: int = 2000, seed: int = 0, metrics: Sequence[Metric] = METRICS
) -> Quality:
    """Measure every metric of the samples, with 95 % intervals by resampling questions with all their samples.

    Intervals are percentiles of the resampled values. Noise alone makes calibration errors grow, once in the samples
    and again in each resample, so that percentiles would miss a small error; their percentiles are reflected about the
    value (the basic bootstrap). For means of absolute gaps the lower end is the lesser of this reflection and of the
    reflection of squares, to which noise adds the same amount both times, so that a perfect scorer's interval reaches
    0. These intervals are then stretched to contain the value and cut to the metric's range. A calibration map is not
    fitted anew to each resample. There is no interval with one question, or where more than 5 % of the resamples leave
    the metric undefined; other undefined resamples are dropped.

    Args:
        samples: The samples.
        replicates: The number of resamples, >= 1; all metrics share them.
        seed: Decides the resamples, >= 0.
        metrics: The metrics to measure.

    Returns:
        The metrics in the order given, with a reason where one does not apply.

    Raises:
        InputError: If ``replicates`` or ``seed`` is out of range.

    Source:
        Efron and Tibshirani 1993, chapter 13; clusters as in Miller 2024 (arXiv 2411.00640).
    """
    if seed < 0:
        raise InputError(f"seed must be at least 0, got {seed}")
    weights = bootstrap_weights(samples.questions, replicates, seed)
    whole = Counts.of(samples)
    shares = np.linspace(0.01, 1.0, _BANDS)
    applying = [m for m in metrics if samples.probabilities or not m.needs_probabilities]
    columns: list[list[Floats]] = [[] for _ in applying]
    accuracies, risks = [], []
    for counts in resampled(samples, np.rint(weights * samples.questions)):
        for column, metric in zip(columns, applying, strict=True):
            column.append(metric.of(counts))
        accuracies.append(counts.right.sum(axis=1) / counts.samples[:, 0])
        risks.append(1 - ranking.selective_accuracy(counts, shares))
    drawn = {m.name: np.concatenate(column) for m, column in zip(applying, columns, strict=True)}
    several = samples.questions > 1
    band = np.quantile(np.concatenate(risks), _tails(), axis=0) if several else None
    ends = np.quantile(np.concatenate(accuracies), _tails()) if several else None
    return Quality(
        accuracy=float(samples.correct.mean()),
        accuracy_ci=None if ends is None else _accuracy_interval(samples, (float(ends[0]), float(ends[1]))),
        measured=tuple(_measured(m, samples, whole, drawn.get(m.name)) for m in metrics),
        bins=tuple(reliability_bins(samples, weights)),
        curve=RiskCoverage(
            coverage=shares,
            risk=1 - ranking.selective_accuracy(whole, shares)[0],
            low=None if band is None else band[0],
            high=None if band is None else band[1],
            optimal=1 - ranking.optimal_selective_accuracy(whole, shares)[0],
            optimal_aurc=float(ranking.optimal_aurc(whole)[0]),
        ),
    )


def _accuracy_interval(samples: ScoredSamples, resampled: Interval) -> Interval:
    """Return Wilson's interval over questions where all samples are graded the same, else the bootstrap's."""
    if 0 < samples.correct.sum() < len(samples.correct):
        return resampled
    return wilson_interval(samples.questions * bool(samples.correct[0]), samples.questions)


def _measured(metric: Metric, samples: ScoredSamples, whole: Counts, drawn: Floats | None) -> Measured:
    if drawn is None:
        low, high = float(samples.confidence.min()), float(samples.confidence.max())
        return Measured(
            metric,
            None,
            None,
            f"not applicable: probabilities lie in [0, 1] and these scores span [{low:g}, {high:g}]; "
            "map them, such as with --calibrate platt",
        )
    value = float(metric.of(whole)[0])
    if np.isnan(value):
        return Measured(metric, None, None, _undefined(metric, samples))
    if samples.questions == 1:
        return Measured(metric, value, None, "an interval needs at least 2 questions")
    defined = drawn[~np.isnan(drawn)]
    if len(defined) < (1 - _UNDEFINED) * len(drawn):
        return Measured(metric, value, None, "no interval: too few questions have both a correct and a wrong sample")
    low, high = (float(end) for end in np.quantile(defined, _tails()))
    if metric.reflect:
        squared = max(0.0, 2 * value**2 - high**2) ** 0.5 if metric.reflect == 2 else value
        low, high = min(2 * value - high, squared, value), max(2 * value - low, value)
    return Measured(metric, value, (max(low, metric.low), min(high, metric.high)))


def _undefined(metric: Metric, samples: ScoredSamples) -> str:
    if samples.correct.all() or not samples.correct.any():
        return f"not defined: every sample is {'correct' if samples.correct.all() else 'wrong'}"
    return "not defined: no question has both a correct and a wrong sample"


def _tails() -> list[float]:
    return [(1 - LEVEL) / 2, (1 + LEVEL) / 2]


def as_mapping(samples: ScoredSamples, quality: Quality) -> dict[str, Any]:
    """Return the quality, ready for :func:`evals.report.comparison.to_json`; a missing value or interval is None."""
    curve = quality.curve
    return {
        "samples": len(samples.confidence),
        "questions": samples.questions,
        "left_out": dict(samples.left_out),
        "unparsed_counted_wrong": samples.unparsed,
        "accuracy": quality.accuracy,
        "accuracy_ci": quality.accuracy_ci,
        "metrics": [
            {
                "name": m.metric.name,
                "value": m.value,
                "ci": m.interval,
                "better": m.metric.better,
                "range": (m.metric.low, m.metric.high),
                "reason": m.reason or None,
            }
            for m in quality.measured
        ],
        "reliability_bins": [{name: getattr(one, name) for name in Bin.__slots__} for one in quality.bins],
        "risk_coverage": {
            "coverage": curve.coverage.tolist(),
            "risk": curve.risk.tolist(),
            "low": None if curve.low is None else curve.low.tolist(),
            "high": None if curve.high is None else curve.high.tolist(),
            "optimal": curve.optimal.tolist(),
            "optimal_aurc": curve.optimal_aurc,
        },
    }
