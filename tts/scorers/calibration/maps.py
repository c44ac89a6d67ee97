"""Calibration maps: from a scorer's raw score to the probability that the sample is correct.

A map is fitted on (score, correct) pairs of other questions than those it is used on, is plain data, and travels as
JSON. ``platt``, ``beta`` and ``temperature`` minimise the same log loss on Platt's smoothed targets, (N+ + 1) /
(N+ + 2) for a correct sample and 1 / (N- + 2) for a wrong one, so that their optimum is finite on any data, also when
all samples are correct; ``isotonic`` uses the raw marks. Knows nothing about models or questions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import special
from scipy.special import expit

from tts.errors import InputError
from tts.logistic import EPS, Floats, fit_logistic, log_loss, logit, smoothed

MapKind = Literal["platt", "isotonic", "beta", "temperature"]


@dataclass(frozen=True, slots=True)
class CalibrationMap:
    """A fitted map from scores to probabilities of being correct.

    ``parameters`` by kind: platt (slope, intercept); isotonic (s_1 .. s_m, p_1 .. p_m), the knots; beta (a, b, c);
    temperature (T, 1.0 if the scores are probabilities, 0.0 if they are logits).
    """

    kind: MapKind
    parameters: tuple[float, ...]

    def __call__(self, scores: ArrayLike) -> Floats:
        """The probability that each sample is correct.

        Args:
            scores: Scores of the sort the map was fitted on, any shape; infinite ones are allowed where any real is.

        Returns:
            Probabilities in [1e-12, 1 - 1e-12], the same shape.

        Raises:
            InputError: If a score is NaN, or outside [0, 1] where the map was fitted on probabilities.
        """
        s = np.asarray(scores, dtype=np.float64)
        if np.isnan(s).any():
            raise InputError(
                "A calibration map needs a score for every sample, got NaN: score the sample or leave it out."
            )
        return np.asarray(np.clip(_APPLY[self.kind](self.parameters, s), EPS, 1 - EPS))

    def to_dict(self) -> dict[str, Any]:
        """The map as JSON-able data, exact: ``from_dict`` restores an equal map."""
        return {"kind": self.kind, "parameters": list(self.parameters)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CalibrationMap:
        """The map that ``to_dict`` wrote.

        Raises:
            InputError: If the kind is unknown or the parameters are not what that kind has.
        """
        kind, parameters = data.get("kind"), data.get("parameters")
        checked = _checked_kind(kind)
        real = isinstance(parameters, (list, tuple)) and all(
            isinstance(v, (int, float)) and math.isfinite(v) for v in parameters
        )
        if not real or not _fits(checked, values := tuple(float(v) for v in cast("list[float]", parameters))):
            raise InputError(f"The parameters of a {kind} map are broken, got {parameters!r:.80}: fit the map again.")
        return cls(checked, values)


def fit_map(kind: str, scores: ArrayLike, correct: ArrayLike) -> CalibrationMap:
    """The calibration map of one kind that fits the pairs best.

    - ``platt``: sigmoid(slope * s + intercept) for any real score. The slope is whatever the data say, negative where
      high scores go with wrong answers. Constant scores give slope 0. Platt 1999.
    - ``isotonic``: the non-decreasing function of least squared error, for any real score: ties are pooled first, it is
      flat on each pooled block, linear between blocks and constant outside; in sample the mean prediction of a block
      is its share of correct. Zadrozny and Elkan 2002; pool adjacent violators.
    - ``beta``: sigmoid(a ln s - b ln(1 - s) + c) with a, b >= 0, for probabilities. Kull et al. 2017 (there on raw
      targets).
    - ``temperature``: sigmoid(l / T) with T > 0, where l is logit(s) if all scores lie in [0, 1], else the score itself
      is taken to be the logit. The map remembers which. Guo et al. 2017, section 4.2 (there on raw targets).

    Args:
        kind: "platt", "isotonic", "beta" or "temperature".
        scores: One finite score per sample, shape [n], n >= 2.
        correct: Whether each sample is correct, booleans or 0 and 1, shape [n]; all alike is allowed.

    Returns:
        The map. beta and temperature move probabilities of exactly 0 or 1 inwards by 1e-12 first.

    Raises:
        InputError: If the kind is unknown, the shapes differ, n < 2, a value is not finite, a mark is neither 0 nor 1,
            or ``beta`` is asked for scores outside [0, 1].
    """
    checked = _checked_kind(kind)
    s, y = np.asarray(scores, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if s.ndim != 1 or s.shape != y.shape:
        raise InputError(
            f"Calibration needs one mark per score, got shapes {s.shape} and {y.shape}: give two lists of one length."
        )
    if len(s) < 2:
        raise InputError(f"Calibration needs at least 2 scored samples, got {len(s)}: record more samples.")
    if not np.isfinite(s).all():
        raise InputError("Calibration needs a finite score for every sample, got NaN or infinity: leave those out.")
    if not np.isin(y, (0.0, 1.0)).all():
        raise InputError("Calibration needs marks that are True or False, got other values: mark each sample.")
    return CalibrationMap(checked, _FIT[checked](s, y))


def _fit_platt(s: Floats, y: Floats) -> tuple[float, ...]:
    targets = smoothed(y)
    if np.ptp(s) == 0:
        return 0.0, _log_odds(float(targets.mean()))
    centre, scale = float(s.mean()), float(s.std())
    slope, intercept = fit_logistic(np.stack([(s - centre) / scale, np.ones_like(s)], axis=1), targets)
    return float(slope / scale), float(intercept - slope * centre / scale)


def _fit_isotonic(s: Floats, y: Floats) -> tuple[float, ...]:
    from scipy.optimize import isotonic_regression  # here, because importing it takes half a second

    knots, group = np.unique(s, return_inverse=True)
    sizes = np.bincount(group).astype(np.float64)
    means = np.bincount(group, weights=y) / sizes
    result = isotonic_regression(means, weights=sizes)
    blocks = np.asarray(result.blocks)
    edges = np.unique(np.concatenate([blocks[:-1], blocks[1:] - 1]))  # the first and the last knot of every block
    return tuple(knots[edges].tolist()) + tuple(np.asarray(result.x)[edges].tolist())


def _fit_beta(s: Floats, y: Floats) -> tuple[float, ...]:
    if s.min() < 0 or s.max() > 1:
        raise InputError(
            f"Beta calibration needs probabilities in [0, 1], got scores from {s.min():g} to {s.max():g}: "
            "use platt or isotonic for raw scores."
        )
    targets = smoothed(y)
    p = np.clip(s, EPS, 1 - EPS)
    if np.ptp(p) == 0:
        return 0.0, 0.0, _log_odds(float(targets.mean()))
    features = np.stack([np.log(p), -np.log1p(-p)], axis=1)
    centre, scale = features.mean(axis=0), features.std(axis=0)
    design = np.concatenate([(features - centre) / scale, np.ones((len(p), 1))], axis=1)
    best, best_loss = np.zeros(3), math.inf
    for free in ([0, 1, 2], [0, 2], [1, 2], [2]):  # which of a, b, c are not held at 0: the loss is convex
        theta = np.zeros(3)
        theta[free] = fit_logistic(design[:, free], targets)
        if theta[:2].min() >= 0 and (loss := log_loss(design @ theta, targets)) < best_loss:
            best, best_loss = theta, loss
    a, b = best[:2] / scale
    return float(a), float(b), float(best[2] - np.sum(best[:2] * centre / scale))


def _fit_temperature(s: Floats, y: Floats) -> tuple[float, ...]:
    probabilities = bool(s.min() >= 0 and s.max() <= 1)
    logits = logit(s) if probabilities else s
    size = float(np.sqrt(np.mean(logits**2)))
    if size == 0:
        return 1.0, float(probabilities)
    (inverse,) = fit_logistic((logits / size)[:, None], smoothed(y))
    return float(size / max(inverse, 1e-6)), float(probabilities)  # T stays positive where the data ask for T < 0


def _apply_platt(parameters: tuple[float, ...], s: Floats) -> Floats:
    slope, intercept = parameters
    with np.errstate(over="ignore"):
        return np.asarray(expit(slope * _finite(s) + intercept))


def _apply_isotonic(parameters: tuple[float, ...], s: Floats) -> Floats:
    half = len(parameters) // 2
    return np.asarray(np.interp(s, parameters[:half], parameters[half:]), dtype=np.float64)


def _apply_beta(parameters: tuple[float, ...], s: Floats) -> Floats:
    a, b, c = parameters
    p = _checked_probabilities("beta", s)
    return np.asarray(expit(a * np.log(p) - b * np.log1p(-p) + c))


def _apply_temperature(parameters: tuple[float, ...], s: Floats) -> Floats:
    temperature, probabilities = parameters
    logits = logit(_checked_probabilities("temperature", s)) if probabilities else _finite(s)
    with np.errstate(over="ignore"):
        return np.asarray(expit(logits / temperature))


_FIT: dict[MapKind, Callable[[Floats, Floats], tuple[float, ...]]] = {
    "platt": _fit_platt,
    "isotonic": _fit_isotonic,
    "beta": _fit_beta,
    "temperature": _fit_temperature,
}
_APPLY: dict[MapKind, Callable[[tuple[float, ...], Floats], Floats]] = {
    "platt": _apply_platt,
    "isotonic": _apply_isotonic,
    "beta": _apply_beta,
    "temperature": _apply_temperature,
}


def _log_odds(p: float) -> float:
    return float(special.logit(p))


def _finite(s: Floats) -> Floats:
    """Infinite scores as the largest floats, so that a slope of 0 times infinity is 0."""
    return np.clip(s, -np.finfo(np.float64).max, np.finfo(np.float64).max)


def _checked_probabilities(kind: str, s: Floats) -> Floats:
    if s.size and (s.min() < 0 or s.max() > 1):
        raise InputError(
            f"This {kind} map was fitted on probabilities, got scores from {s.min():g} to {s.max():g}: "
            "give scores in [0, 1] or fit the map on scores of this sort."
        )
    return np.clip(s, EPS, 1 - EPS)


def _checked_kind(kind: object) -> MapKind:
    if kind not in get_args(MapKind):
        raise InputError(
            f"A calibration map is one of {', '.join(get_args(MapKind))}, got {kind!r}: choose one of them."
        )
    return cast("MapKind", kind)


def _fits(kind: MapKind, values: tuple[float, ...]) -> bool:
    """Return whether a map of this kind has such parameters."""
    if kind == "isotonic":
        knots, p = values[: len(values) // 2], values[len(values) // 2 :]
        increasing = all(s < t for s, t in pairwise(knots))
        return len(knots) == len(p) > 0 and increasing and min(p) >= 0 and max(p) <= 1
    if kind == "temperature":
        return len(values) == 2 and values[0] > 0 and values[1] in (0.0, 1.0)
    return len(values) == {"platt": 2, "beta": 3}[kind]
