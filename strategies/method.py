"""Method: one row of the catalogue, and the grids that several rows sweep.

Grids run from the most cautious setting to the boldest, so that the most cautious of equally good ones is first.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from strategies.base import Strategy
from tts.types import Signals

Array = NDArray[Any]
Params = Mapping[str, Any]
Objective = Literal["accuracy", "cost", "tokens", "risk"]

TAUS = (0.995, 0.99, 0.98, 0.97, 0.95, 0.925, 0.9, 0.875, 0.85, 0.8, 0.75, 0.7, 0.6, 0.5)
LEVELS = (0.999, 0.995, 0.99, 0.975, 0.95, 0.925, 0.9, 0.85, 0.8, 0.7)
EPSILONS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
TEMPERATURES = (5.0, 2.0, 1.0, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02)
COSTS_PER_DRAW = (
    0.0001,
    0.0003,
    0.001,
    0.002,
    0.003,
    0.004,
    0.005,
    0.0065,
    0.008,
    0.01,
    0.0125,
    0.015,
    0.02,
    0.03,
    0.05,
    0.08,
    0.12,
)
PRIORS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
SIZES = (*range(1, 17), 20, 24, 32, 40, 48, 64)
ETAS = (90.0, 75.0, 50.0, 25.0, 10.0)
BARS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)


@dataclass(frozen=True)
class Method:
    """One row of the catalogue.

    Attributes:
        name: the name users type.
        source: where it comes from.
        summary: what it does, in one line.
        recipe: builds the strategy from a budget and parameters.
        params: default parameters.
        sweep: values each swept parameter may take, the most cautious first; "budget" sweeps a fixed size.
        fit: how the swept parameters are chosen on questions that are not scored: for the highest "accuracy", or for
            the fewest draws ("cost") or generated tokens ("tokens") that are not inferior to self-consistency, or for a
            bound on the "risk"; None keeps the defaults.
        teach: parameters read directly off labelled scores, given (confidence, correct, params).
        scores: which scores it reads: the pool's own, or those of a control.
    """

    name: str
    source: str
    summary: str
    recipe: Callable[[int, Params], Strategy]
    params: Params = field(default_factory=dict)
    sweep: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    fit: Objective | None = None
    teach: Callable[[Array, Array, Params], Params] | None = None
    scores: Literal["recorded", "oracle", "random"] = "recorded"

    def build(self, budget: int, params: Params | None = None) -> Strategy:
        """The strategy at this budget; ``params`` override the defaults."""
        given = {**self.params, **(params or {})}
        return self.recipe(min(budget, int(given.get("budget", budget))), given)

    def grid(self, budget: int) -> Iterator[dict[str, Any]]:
        """Every combination of swept values that differs at this budget, the most cautious first."""
        sweep = {k: v for k, v in self.sweep.items() if k != "budget"}
        if "budget" in self.sweep:
            sweep["budget"] = tuple(sorted({b for b in self.sweep["budget"] if b < budget} | {budget}, reverse=True))
        for values in itertools.product(*sweep.values()):
            yield dict(zip(sweep, values, strict=True))

    @property
    def needs_confidence(self) -> bool:
        """Whether the pool must hold confidences."""
        return self.scores == "recorded" and self.build(2, self.example).needs_confidence

    @property
    def branches(self) -> bool:
        """Whether it draws from prefixes, which no recorded pool can serve."""
        return self.build(2, self.example).branches

    @property
    def needs_top(self) -> bool:
        """Whether the pool must hold the top-k confidences of every token."""
        return self._needs.top > 0

    @property
    def needs_steps(self) -> bool:
        """Whether the pool must hold a watched probability of every token and where steps end."""
        return self._needs.steps

    @property
    def _needs(self) -> Signals:
        needs: Signals = getattr(self.build(2, self.example), "needs", Signals())
        return needs

    @property
    def example(self) -> Params:
        """Parameters that build it without data, for listings."""
        if self.teach is None:
            return self.params
        return {**self.params, **self.teach(np.array([0.25, 0.75]), np.array([False, True]), self.params)}
