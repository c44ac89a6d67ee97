"""Frontiers: each rule's threshold swept, so that lines of accuracy against samples are compared, not points.

A sweep shows every setting as it is: nothing was chosen, so nothing is biased. A tuned setting (the most accurate one
within a number of samples, or the cheapest one that is not inferior to self-consistency) is chosen on one half of the
questions and scored on the other, both ways. The cheapest one takes the fewest draws, or the fewest generated tokens
where the catalogue fits the method for tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.comparison.difference import Difference, against
from evals.comparison.fit import FIT_PERMUTATIONS, REFERENCE, cheapest, costs, learn_params, replay_on
from evals.comparison.paired import Comparison, Point
from evals.comparison.table import merged_params
from evals.replay.vectorised import Candidate, Outcome
from strategies.catalog import CATALOG, Method

Array = NDArray[Any]
Setting = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SweptSetting:
    """One swept setting on all questions."""

    params: Setting
    point: Point


@dataclass(frozen=True, slots=True)
class TunedSetting:
    """A setting chosen on one half and scored on the other.

    Attributes:
        target: "max_samples <= s" or "cheapest not inferior".
        params: the chosen parameters, a list of two where the folds chose differently.
        point: accuracy and cost on the halves that were not used to choose.
        difference: against self-consistency at the full budget.
    """

    target: str
    params: dict[str, Any]
    point: Point
    difference: Difference


@dataclass(frozen=True, slots=True)
class Frontier:
    """One method's sweep and its tuned settings.

    Attributes:
        name: the method.
        source: the paper it comes from.
        sweep: every setting of its grid, the most cautious first.
        within: the most accurate setting within a number of samples, (samples, setting).
        cheapest: the cheapest setting that is not inferior to self-consistency.
    """

    name: str
    source: str
    sweep: tuple[SweptSetting, ...]
    within: tuple[tuple[int, TunedSetting], ...]
    cheapest: TunedSetting


def frontiers(comparison: Comparison, methods: Sequence[Method]) -> list[Frontier]:
    """Sweep and tune every method that has a sweep.

    Args:
        comparison: with two folds, as ``Comparison.of(..., fitted=True)`` makes it.
        methods: rows of the catalogue; those without a sweep are left out.
    """
    swept = [method for method in methods if method.sweep]
    budget = comparison.settings.budget
    flat = [(method, setting) for method in swept for setting in method.grid(budget)]
    reference = Candidate(CATALOG[REFERENCE].build(budget))
    candidates = [
        [
            reference,
            *(
                Candidate(m.build(budget, {**s, **learn_params(m, comparison.arrays, scores, fold, s)}), m.scores)
                for m, s in flat
            ),
        ]
        for scores, fold in zip(comparison.scores, comparison.folds, strict=True)
    ]
    outcomes = comparison.play(candidates)
    points = comparison.points(outcomes, outcomes[0])
    fitted = [
        replay_on(comparison.arrays, of_fold, comparison.orders[:, :FIT_PERMUTATIONS], scores, fold.fit)
        for of_fold, scores, fold in zip(candidates, comparison.scores, comparison.folds, strict=True)
    ]
    floors = [float(of_fold[0].correct.mean()) - comparison.settings.margin for of_fold in fitted]
    found = []
    for method in swept:
        at = [1 + i for i, (owner, _) in enumerate(flat) if owner is method]
        tuning = _Tuning(
            comparison,
            method,
            [flat[i - 1][1] for i in at],
            outcomes[0],
            [outcomes[i] for i in at],
            [[of_fold[i] for i in at] for of_fold in fitted],
        )
        found.append(
            Frontier(
                name=method.name,
                source=method.source,
                sweep=tuple(SweptSetting(s, points[i]) for s, i in zip(tuning.grid, at, strict=True)),
                within=tuning.within(),
                cheapest=tuning.cheapest(floors),
            )
        )
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Tuning:
    """One method's settings on the questions that choose them and on those that are scored.

    Attributes:
        comparison: the comparison.
        method: the method.
        grid: its settings.
        reference: self-consistency's outcome on the scored questions.
        scored: each setting's outcome on the scored questions.
        fitted: each setting's outcome on the fitting half, one list a fold.
    """

    comparison: Comparison
    method: Method
    grid: Sequence[Setting]
    reference: Outcome
    scored: Sequence[Outcome]
    fitted: Sequence[Sequence[Outcome]]

    def within(self) -> tuple[tuple[int, TunedSetting], ...]:
        """Return the most accurate setting within each number of samples that some setting keeps to in every fold."""
        used = [np.array([o.used.mean() for o in of_fold]) for of_fold in self.fitted]
        found = []
        for most in self.comparison.settings.sizes:
            if all((u <= most).any() for u in used):
                chosen = [
                    int(np.argmax(np.where(u <= most, a, -np.inf))) for a, u in zip(self._accuracy(), used, strict=True)
                ]
                found.append((most, self._tuned(f"max_samples <= {most}", chosen)))
        return tuple(found)

    def cheapest(self, floors: Sequence[float]) -> TunedSetting:
        """Return the cheapest setting whose accuracy reaches the fold's floor, else the most accurate one."""
        spent = [costs(of_fold, tokens=self.method.objective == "tokens") for of_fold in self.fitted]
        chosen = [cheapest(a, c, floor) for a, c, floor in zip(self._accuracy(), spent, floors, strict=True)]
        return self._tuned("cheapest not inferior", chosen)

    def _accuracy(self) -> list[Array]:
        return [np.array([o.correct.mean() for o in of_fold]) for of_fold in self.fitted]

    def _tuned(self, target: str, chosen: Sequence[int]) -> TunedSetting:
        """Return the settings that the folds chose, each on the questions that its fold scores."""
        joined = self._joined([self.scored[i] for i in chosen])
        return TunedSetting(
            target=target,
            params=merged_params(self.method, [self.grid[i] for i in chosen]),
            point=self.comparison.points([joined], self.reference)[0],
            difference=against(self.comparison, [self.reference, joined], 0)[1],
        )

    def _joined(self, outcomes: Sequence[Outcome]) -> Outcome:
        joined: dict[str, Any] = {}
        for name in Outcome.__dataclass_fields__:
            parts = [getattr(outcome, name) for outcome in outcomes]
            joined[name] = None if parts[0] is None else np.empty_like(parts[0])
            for part, fold in zip(parts, self.comparison.folds, strict=True):
                if part is not None:
                    joined[name][fold.scored] = part[fold.scored]
        return Outcome(**joined)
