"""Stacking: a logistic regression on several confidences that one pass gives, fitted on questions that are not scored.

The confidence token and the log-probabilities of one sample err differently, so a weighting of both ranks better than
either. ``fit_stacked`` gives a :class:`Stacked`, plain data whose ``score`` is P(correct); :class:`StackedScorer` uses
it live.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from tts.errors import InputError
from tts.logistic import fit_logistic, smoothed
from tts.models.finece import OWNER
from tts.models.finece import read_card as read_values
from tts.models.grace import GraceCard
from tts.scorers.base import BaseScorer
from tts.scorers.calibration.calibration_file import Provenance, load_fitted, save_fitted
from tts.scorers.grace import find_card
from tts.scorers.metered import MeteredEngine
from tts.scorers.stacking.features import BY_NAME, FEATURES, measure, select
from tts.types import Problem, Sample, Signals

NAME = "stacked"
FORMAT = "tts-stacked-2"
PENALTY = 1.0
"""The penalty of squared weights: a weight of 1 per standard deviation costs half a nat of the total log loss, as
under a normal prior of variance 1. It decides where features are redundant or samples few; hundreds outweigh it."""


@dataclass(frozen=True, slots=True)
class Stacked:
    """Fitted weights: P(correct) = sigmoid(intercept + sum of weight * (feature - mean) / scale).

    Attributes:
        features: names of :data:`FEATURES`.
        means: of each feature where it was fitted.
        scales: its standard deviation there, > 0; 1 where it did not vary.
        weights: a standard deviation.
        intercept: the log-odds of a sample that is average in everything.
    """

    features: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float

    def score(self, samples: Sequence[Sample], *, token: int | None = None) -> NDArray[np.float64]:
        """P(correct) of each sample, in [0, 1], shape [len(samples)].

        Args:
            samples: with the signals in their traces.
            token: the id of the confidence token; None takes the trace's own.

        Raises:
            UnsupportedError: a trace lacks a feature.
        """
        values = (measure(samples, self.features, token=token) - np.array(self.means)) / np.array(self.scales)
        return np.asarray(expit(values @ np.array(self.weights) + self.intercept))

    def to_dict(self) -> dict[str, Any]:
        """The weights as JSON-able data, exact: ``from_dict`` restores equal ones."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Stacked:
        """The weights that ``to_dict`` wrote.

        Raises:
            InputError: a feature that this version does not know, or numbers that do not fit.
        """
        names = data.get("features")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise InputError(f"stacked weights must name their features, got {names!r:.80}: fit them again")
        chosen = select(names)
        numbers = {key: _numbers(key, data.get(key), len(chosen)) for key in ("means", "scales", "weights")}
        (intercept,) = _numbers("intercept", [data.get("intercept")], 1)
        if min(numbers["scales"]) <= 0:
            raise InputError(f"scales of stacked weights must be above 0, got {min(numbers['scales'])}: fit them again")
        return cls(tuple(names), numbers["means"], numbers["scales"], numbers["weights"], intercept)


def fit_stacked(
    samples: Sequence[Sample],
    correct: ArrayLike,
    *,
    features: Sequence[str] = FEATURES,
    penalty: float = PENALTY,
    token: int | None = None,
) -> Stacked:
    """The weights that explain best which samples are right: ridge-penalised logistic regression on scaled features.

    The total log loss plus penalty / 2 * sum of weight^2 is minimal; the intercept is not penalised. Targets are
    Platt's smoothed ones, so that it is finite where all samples are alike. Convex, so the same data give the same
    weights.

    Args:
        samples: of other questions than those that are scored later.
        correct: whether each is right, booleans, [len(samples)].
        features: names of :data:`FEATURES`, fewer for an ablation.
        penalty: >= 0; see :data:`PENALTY`.
        token: the id of the confidence token; None takes the trace's own.

    Raises:
        InputError: fewer than 2 samples, another shape, marks that are no booleans, a negative penalty, or features
            that are unknown, doubled or none.
        UnsupportedError: a trace lacks a feature.

    Source:
        Wolpert 1992, stacked generalisation; le Cessie and van Houwelingen 1992, the ridge; Platt 1999, the targets.
    """
    select(features)
    marks = np.asarray(correct)
    if marks.shape != (len(samples),) or len(samples) < 2:
        raise InputError(
            f"stacking needs at least 2 samples with a mark each, got {len(samples)} samples and marks of shape "
            f"{marks.shape}: grade more samples"
        )
    if marks.dtype != np.bool_:
        raise InputError(f"stacking needs marks that are True or False, got {marks.dtype}: grade each sample")
    if not 0.0 <= penalty < math.inf:
        raise InputError(f"stacking needs a penalty >= 0, got {penalty:g}")
    values = measure(samples, features, token=token)
    means, scales = values.mean(axis=0), values.std(axis=0)
    scales[scales < 1e-9 * np.maximum(1.0, np.abs(means))] = 1.0  # does not vary: its weight will be 0
    design = np.column_stack([(values - means) / scales, np.ones(len(samples))])
    found = fit_logistic(design, smoothed(marks.astype(np.float64)), np.array([penalty] * len(features) + [0.0]))
    return Stacked(
        tuple(features), tuple(means.tolist()), tuple(scales.tolist()), tuple(found[:-1].tolist()), float(found[-1])
    )


class StackedScorer(BaseScorer):
    """Fitted weights as a :class:`~tts.scorers.base.Scorer`; it reads what the pass that drew a sample collected.

    Attributes:
        stacked: the weights.
        needs: what to collect while drawing.
    """

    name = NAME

    def __init__(self, stacked: Stacked, card: GraceCard | None = None, values: tuple[int, ...] = ()) -> None:
        """Take the weights, and the tokens of the model's own that they read.

        Args:
            stacked: the weights.
            card: of a GrACE model.
            values: value tokens of a FineCE model.

        Raises:
            InputError: they read tokens that are not given.
        """
        read = [BY_NAME[name].read for name in stacked.features]
        self.stacked, self._token = stacked, None
        self.needs = Signals(logprobs=any(one.column == "logprobs" for one in read))
        if "finece" in stacked.features:
            if not values:
                raise InputError(f"stacked weights of {', '.join(stacked.features)} need the card of a FineCE model")
            self.needs |= Signals.watching(OWNER, values)
        elif reads_token(stacked):
            if card is None:
                raise InputError(f"stacked weights of {', '.join(stacked.features)} need the card of a GrACE model")
            self._token = card.token_id
            self.needs |= card.signals(steps=any(one.column == "steps" for one in read))
        self.key = {"weights": stacked.to_dict(), "token_id": self._token}

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """P(correct), in [0, 1], shape [len(samples)], without any pass of the engine.

        Raises:
            UnsupportedError: a sample was drawn without the signals; a text alone has no log-probabilities.
        """
        return self.stacked.score(samples, token=self._token)


def reads_token(stacked: Stacked) -> bool:
    """Return whether any feature reads tokens that only a GrACE or FineCE model has."""
    return any(BY_NAME[name].read.watches for name in stacked.features)


def open_stacked(
    *, weights: str, provenance: Provenance, card: str | None = None, folder: Path | None = None
) -> StackedScorer:
    """Build the scorer from a configuration.

    Args:
        weights: the file that ``tts calibrate --score stacked`` wrote.
        provenance: the model, prompt and sampling at hand.
        card: the directory whose grace.json (finece.json) to read; None takes the model's.
        folder: the model's local directory; None where it has none.

    Raises:
        InputError: no such file, weights of something else, or no card where they need one.
    """
    stacked = load_stacked(weights, provenance)
    if "finece" in stacked.features:
        place = Path(card).expanduser() if card is not None else folder
        return StackedScorer(stacked, values=() if place is None else read_values(place).tokens)
    return StackedScorer(stacked, find_card(NAME, card, folder) if reads_token(stacked) else None)


def save_stacked(path: str | Path, stacked: Stacked, provenance: Provenance) -> None:
    """Write a file of weights, whole or not at all.

    Raises:
        InputError: it cannot be written.
    """
    save_fitted(path, FORMAT, "stacked", stacked.to_dict(), provenance)


def load_stacked(path: str | Path, provenance: Provenance) -> Stacked:
    """Read weights for use under ``provenance``.

    Raises:
        InputError: no such file, no weights, or weights that were fitted on something else.
    """
    data = load_fitted(path, FORMAT, "stacked", provenance, wanted="file of stacked weights", by=" --score stacked")
    try:
        return Stacked.from_dict(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _numbers(key: str, values: object, count: int) -> tuple[float, ...]:
    real = isinstance(values, list) and all(type(v) in (int, float) and math.isfinite(v) for v in values)
    if not real or not isinstance(values, list) or len(values) != count:
        raise InputError(f"{key} of stacked weights must be {count} finite numbers, got {values!r:.80}: fit them again")
    return tuple(float(v) for v in values)
