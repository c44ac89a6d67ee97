"""Reasoning-pruning perplexity consistency (RPC): the vote by mass without improbable texts.

Source:
    Zhou et al., "A Theoretical Study on Bridging Internal Probability and Self-Consistency for LLM Reasoning", arXiv
    2510.15444 and 2502.00511, with the constants of the published code (github.com/WNJXYK/RPC, ``compute_rpc.py``).
    There a text that was drawn twice takes part in the fit twice; here each distinct text does once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma

from strategies.draw_arrays import DrawArrays
from strategies.live_evidence import LiveEvidence
from strategies.mass.seen import SeenMass
from strategies.vote import BUDGET, Decisions
from strategies.weighting import Mass, Weighting
from tts.errors import InputError
from tts.requirements import Requirements
from tts.strategy import TIME_LIMIT, Steps, TimeUp
from tts.types import Decision, Draw, Problem, Signals, total_usage

Array = NDArray[Any]
LEAST_PATHS = 10
"""The fewest distinct probabilities that the mixture of five parameters is fitted on; with fewer nothing is pruned."""
_START = (0.5, 1.0, 1.0, 1.5, 2.0)
_BOUNDS = ((0.2, 0.8), *((0.01, None),) * 4)


class WeibullMixture(NamedTuple):
    """A mixture of two Weibull distributions.

    Attributes:
        weight: of the first component, in [0.2, 0.8].
        shape: of the first component, > 0.
        scale: of the first component, > 0.
        other_shape: of the second component.
        other_scale: of the second component.
    """

    weight: float
    shape: float
    scale: float
    other_shape: float
    other_scale: float

    def densities(self, values: Array) -> tuple[Array, Array]:
        """Return the weighted density of both components at positive values."""
        first = self.weight * _density(values, self.shape, self.scale)
        return first, (1.0 - self.weight) * _density(values, self.other_shape, self.other_scale)

    @property
    def first_is_high(self) -> bool:
        """True if the first component has the larger mean, or both have the same."""
        return bool(_mean(self.shape, self.scale) >= _mean(self.other_shape, self.other_scale))


def fit_mixture(probabilities: tuple[float, ...]) -> WeibullMixture | None:
    """Return the mixture of greatest likelihood within the published code's bounds, from its starting point.

    Args:
        probabilities: of the distinct texts, > 0, sorted: their order moves the end of the search a little.

    Returns:
        None where there are fewer distinct ones than :data:`LEAST_PATHS`, or the fit fails.
    """
    if len(set(probabilities)) < LEAST_PATHS:
        return None
    from scipy.optimize import minimize  # takes a while to import

    data = np.array(probabilities)

    def loss(parameters: Array) -> float:
        first, second = WeibullMixture(*parameters).densities(data)
        return float(-np.log(first + second).sum())

    with np.errstate(all="ignore"):
        found = minimize(loss, _START, bounds=_BOUNDS)
    if not (np.isfinite(found.fun) and np.isfinite(found.x).all()):
        return None
    return WeibullMixture(*map(float, found.x))


@lru_cache(maxsize=1 << 14)
def pruned_paths(probabilities: tuple[float, ...]) -> frozenset[float]:
    """Return the probabilities of the texts that are pruned.

    A text is pruned if it rather belongs to the mixture's component of lower mean and its probability is below the mean
    of all.

    Args:
        probabilities: of the distinct texts, > 0, sorted.
    """
    mixture = fit_mixture(probabilities)
    if mixture is None:
        return frozenset()
    values = np.array(probabilities)
    with np.errstate(all="ignore"):
        high, low = mixture.densities(values)
        if not mixture.first_is_high:
            high, low = low, high
        pruned = (high < low) & (values < values.mean())
    return frozenset(values[pruned].tolist())


@dataclass(frozen=True)
class RPC:
    """The vote by mass over a fixed number of draws, improbable texts left out.

    Draws whose probability is not known have no vote. Texts without an answer take part in the pruning.

    Attributes:
        name: the strategy's name in tables.
        budget: the number of draws, >= 1.
        weighting: that of its votes before pruning.
        needs_mass: it reads masses.
        prune: it stops no draw.
    """

    name: str
    budget: int
    weighting: ClassVar[Weighting] = Mass()
    needs_mass: ClassVar[bool] = True
    prune: ClassVar[None] = None

    def __post_init__(self) -> None:
        """Refuse an empty budget."""
        if self.budget < 1:
            raise InputError(f"strategy {self.name} needs budget >= 1, got {self.budget}")

    @property
    def requires(self) -> Requirements:
        """The probabilities of texts."""
        return Requirements(signals=Signals(processed=True))

    def run(self, problem: Problem) -> Steps:
        """Play one question; see :class:`~tts.strategy.Strategy`."""
        evidence, seen, reason = LiveEvidence(self.weighting), SeenMass(), BUDGET
        try:
            samples = yield Draw(self.budget)
        except TimeUp as up:
            samples, reason = [*up.samples], TIME_LIMIT
        for sample in samples:
            evidence.add(sample)
        added = [seen.add(sample, label) for sample, label in zip(evidence.samples, evidence.labels, strict=True)]
        masses = _masses_of_kept(evidence.labels, added)
        label, total = _leader(masses), sum(masses)
        return Decision(
            answer=evidence.answer(label),
            samples=tuple(evidence.samples),
            reason=reason,
            vote_share=min(masses[label] / total, 1.0) if total > 0.0 else None,
            usage=total_usage(evidence.samples),
            **evidence.mass_facts(label),
        )

    def decide(self, draws: DrawArrays) -> Decisions:
        """Play every row of a replay; equal to ``run`` on each row's draws.

        Args:
            draws: the draws; those beyond the budget are ignored.

        Returns:
            One decision per row.
        """
        horizon = min(self.budget, draws.n_draws)
        masses = np.zeros(draws.labels.shape) if draws.mass is None else draws.mass
        rows = zip(draws.labels[:horizon].T.tolist(), masses[:horizon].T.tolist(), strict=True)
        label = np.array([_leader(_masses_of_kept(*row)) for row in rows], dtype=np.int16)
        used = np.full(draws.n_rows, horizon, dtype=np.intp)
        return Decisions(label, used, np.full(draws.n_rows, -1, dtype=np.int8))


def _masses_of_kept(labels: Sequence[int], added: Sequence[float]) -> list[float]:
    """Return the mass of each answer from the distinct texts that pruning keeps, by label.

    Args:
        labels: of each draw, numbered by discovery, -1 without an answer.
        added: the mass that each draw adds.
    """
    masses = [0.0] * (max(labels, default=-1) + 1)
    pruned = pruned_paths(tuple(sorted(mass for mass in added if mass > 0.0)))
    for label, mass in zip(labels, added, strict=True):
        if label >= 0 and mass not in pruned:
            masses[label] += mass
    return masses


def _leader(masses: Sequence[float]) -> int:
    """Return the label of the largest mass, the answer seen first among equal ones; -1 without an answer."""
    return max(range(len(masses)), key=masses.__getitem__, default=-1)


def _density(values: Array, shape: float, scale: float) -> Array:
    ratio = values / scale
    return (shape / scale) * ratio ** (shape - 1.0) * np.exp(-(ratio**shape))


def _mean(shape: float, scale: float) -> float:
    return float(scale * gamma(1.0 + 1.0 / shape))
