"""Method: one row of the catalogue: a strategy by name, with its source, its parameters and the grid they are swept on.

A grid runs from the most cautious setting to the boldest, so that the most cautious of equally good settings is first.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tts.errors import unknown_name
from tts.requirements import Requirements
from tts.strategy import Strategy

Array = NDArray[Any]
Params = Mapping[str, Any]
Objective = Literal["accuracy", "cost", "tokens", "risk"]
Recipe = Callable[[str, int, Params], Strategy]


@dataclass(frozen=True)
class Method:
    """One row of the catalogue.

    Attributes:
        name: the name that users type.
        source: the paper, or "this framework".
        summary: one line for `tts strategies`.
        recipe: builds the strategy from its name, a budget and parameters.
        params: default parameters.
        sweep: the values of each swept parameter, the most cautious first; "budget" sweeps a fixed size.
        objective: how the swept parameters are chosen on questions that are not scored: for the highest "accuracy",
            for the fewest draws ("cost") or generated tokens ("tokens") that are not inferior to self-consistency, or
            for a bound on the "risk"; None keeps the defaults.
        learn: computes parameters from labelled scores, given (confidence, correct, params), arrays of shape [samples].
        scores: the scores that the strategy reads: the pool's, or those of a control.
    """

    name: str
    source: str
    summary: str
    recipe: Recipe
    params: Params = field(default_factory=dict)
    sweep: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    objective: Objective | None = None
    learn: Callable[[Array, Array, Params], Params] | None = None
    scores: Literal["recorded", "oracle", "random"] = "recorded"

    def build(self, budget: int, params: Params | None = None) -> Strategy:
        """Return the strategy at this budget; ``params`` override the defaults.

        Raises:
            InputError: a parameter that the strategy does not have.
        """
        self._check(params or {})
        merged = {**self.params, **(params or {})}
        return self.recipe(self.name, min(budget, int(merged.get("budget", budget))), merged)

    def having(self, params: Params, *, name: str) -> Method:
        """Return this row under another name with given parameters, which are neither swept nor learned.

        Raises:
            InputError: a parameter that the strategy does not have, or a value of another type.
        """
        self._check(params)
        learn, sweep = self.learn, {key: values for key, values in self.sweep.items() if key not in params}
        return replace(
            self,
            name=name,
            params={**self.params, **params},
            sweep=sweep,
            objective=self.objective if sweep else None,
            learn=None if learn is None else lambda c, y, p: {**learn(c, y, p), **params},
        )

    def _check(self, params: Params) -> None:
        if params.keys() <= self.params.keys() | self.sweep.keys() | {"budget"}:
            return
        known = {*self.example, *self.sweep, "budget"}
        for name in params:
            if name not in known:
                raise unknown_name(f"parameter of strategy {self.name}", name, sorted(known))

    def grid(self, budget: int) -> Iterator[dict[str, Any]]:
        """Yield every combination of swept values that differs at this budget, the most cautious first."""
        sweep = {k: v for k, v in self.sweep.items() if k != "budget"}
        if "budget" in self.sweep:
            sweep["budget"] = tuple(sorted({b for b in self.sweep["budget"] if b < budget} | {budget}, reverse=True))
        for values in itertools.product(*sweep.values()):
            yield dict(zip(sweep, values, strict=True))

    @property
    def requires(self) -> Requirements:
        """The requirements of its strategies; a control brings its own confidences."""
        required = self.build(2, self.example).requires
        return required if self.scores == "recorded" else replace(required, confidence=False)

    @property
    def example(self) -> Params:
        """Parameters that build the strategy without data, for listings."""
        if self.learn is None:
            return self.params
        return {**self.params, **self.learn(np.array([0.25, 0.75]), np.array([False, True]), self.params)}
