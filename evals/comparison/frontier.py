"""Frontiers: each rule's threshold swept, so that whole accuracy-versus-samples lines are compared, not one point each.

A sweep shows every setting as it is: nothing was chosen, so nothing is biased. Where a setting is chosen (the most
accurate within so many samples, or the cheapest that is not inferior to self-consistency) it is chosen on one half of
the questions and scored on the other, both ways. The cheapest takes the fewest draws, or the fewest generated tokens
where the catalogue fits the method for these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.comparison.fit import FIT_PERMUTATIONS, REFERENCE, cheapest, costs, replay_on, teach
from evals.comparison.paired import SIZES, Comparison, Point, against, merged_params
from evals.replay.vectorised import Candidate, Outcome
from strategies.catalog import CATALOG, Method

Array = NDArray[Any]


@dataclass(frozen=True)
class Setting:
    """One swept setting on all questions."""

    params: dict[str, Any]
    point: Point


@dataclass(frozen=True)
class Tuned:
    """A setting chosen on one half and scored on the other.

    Attributes:
        target: "max_samples <= s" or "cheapest not inferior".
        params: the chosen parameters, a list of two where the folds chose differently.
        point: accuracy and cost on the halves that were not used to choose.
        comparison: the paired comparison with self-consistency at the full budget.
    """

    target: str
    params: dict[str, Any]
    point: Point
    comparison: dict[str, Any]


@dataclass(frozen=True)
class Frontier:
    """One method's sweep and what tuning makes of it."""

    name: str
    source: str
    sweep: tuple[Setting, ...]
    within: tuple[tuple[int, Tuned], ...]
    cheapest: Tuned


def frontiers(comparison: Comparison, methods: Sequence[Method]) -> list[Frontier]:
    """Sweep and tune every method that has something to sweep.

    Args:
        comparison: with two folds, as ``Comparison.of(..., fitted=True)`` makes it.
        methods: rows of the catalogue; those without a grid are left out.
    """
    swept = [m for m in methods if m.sweep]
    budget = comparison.settings.budget
    grids = [list(m.grid(budget)) for m in swept]
    lessons = [
        [teach(m, comparison.arrays, scores, fold, s) for m, g in zip(swept, grids, strict=True) for s in g]
        for scores, fold in zip(comparison.scores, comparison.folds, strict=True)
    ]
    flat = [(m, s) for m, g in zip(swept, grids, strict=True) for s in g]
    reference = Candidate(CATALOG[REFERENCE].build(budget))
    candidates = [
        [reference, *(Candidate(m.build(budget, {**s, **x}), m.scores) for (m, s), x in zip(flat, mine, strict=True))]
        for mine in lessons
    ]
    outcomes = comparison.play(candidates)
    points = comparison.points(outcomes)
    rehearsals = [
        replay_on(comparison.arrays, mine, comparison.orders[:, :FIT_PERMUTATIONS], scores, fold.fit)
        for mine, scores, fold in zip(candidates, comparison.scores, comparison.folds, strict=True)
    ]
    caps = [b for b in SIZES if b < budget] + [budget]
    found, at = [], 1
    for method, grid in zip(swept, grids, strict=True):
        mine = slice(at, at + len(grid))
        at += len(grid)

        def tuned(target: str, picks: list[int], method=method, grid=grid, mine=mine) -> Tuned:  # type: ignore[no-untyped-def]
            joined = _join(comparison, outcomes[mine], picks)
            return Tuned(
                target=target,
                params=merged_params(method, [grid[i] for i in picks]),
                point=comparison.points([joined])[0],
                comparison=against(comparison, [outcomes[0], joined], 0)[1],
            )

        def seen(attribute: str, mine: slice = mine) -> list[Array]:
            return [np.array([getattr(o, attribute).mean() for o in r[mine]]) for r in rehearsals]

        accuracy, used = seen("correct"), seen("used")
        cost = [costs(r[mine], tokens=method.objective == "tokens") for r in rehearsals]
        floors = [float(r[0].correct.mean()) - comparison.settings.margin for r in rehearsals]
        found.append(
            Frontier(
                name=method.name,
                source=method.source,
                sweep=tuple(Setting(s, p) for s, p in zip(grid, points[mine], strict=True)),
                within=tuple(
                    (
                        cap,
                        tuned(
                            f"max_samples <= {cap}", [_within(a, u, cap) for a, u in zip(accuracy, used, strict=True)]
                        ),
                    )
                    for cap in caps
                    if all((u <= cap).any() for u in used)
                ),
                cheapest=tuned(
                    "cheapest not inferior",
                    [cheapest(a, c, floor) for a, c, floor in zip(accuracy, cost, floors, strict=True)],
                ),
            )
        )
    return found


def _within(accuracy: Array, used: Array, cap: float) -> int:
    """The most accurate setting whose mean draws stay within the cap."""
    return int(np.argmax(np.where(used <= cap, accuracy, -np.inf)))


def _join(comparison: Comparison, outcomes: Sequence[Outcome], picks: Sequence[int]) -> Outcome:
    """One outcome from the settings each fold chose, each on the questions that fold scores."""
    chosen = [outcomes[i] for i in picks]
    joined: dict[str, Any] = {}
    for name in Outcome.__dataclass_fields__:
        parts = [getattr(o, name) for o in chosen]
        if parts[0] is None:
            joined[name] = None
            continue
        joined[name] = np.empty_like(parts[0])
        for part, fold in zip(parts, comparison.folds, strict=True):
            joined[name][fold.scored] = part[fold.scored]
    return Outcome(**joined)
