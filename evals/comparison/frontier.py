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

from evals.comparison.difference import Difference, uncorrected
from evals.comparison.fit import FIT_PERMUTATIONS, REFERENCE, cheapest, costs, learn_params
from evals.comparison.paired import Comparison, Point
from evals.comparison.table import merged_params
from evals.replay.outcome import Outcome
from evals.replay.replay import replay
from evals.replay.vectorised import Candidate
from strategies.catalog import CATALOG, Method

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
    played = comparison.play_folds(candidates)
    fitted = [
        replay(comparison.arrays, of_fold, comparison.orders, scores=scores, rows=fold.fit, count=FIT_PERMUTATIONS)
        for of_fold, scores, fold in zip(candidates, comparison.scores, comparison.folds, strict=True)
    ]
    floors = [of_fold[0].accuracy - comparison.settings.margin for of_fold in fitted]
    places = [[1 + i for i, (owner, _) in enumerate(flat) if owner is method] for method in swept]
    choices = [
        _choices(method, [[of_fold[i] for i in at] for of_fold in fitted], floors, comparison.settings.sizes)
        for method, at in zip(swept, places, strict=True)
    ]
    joined = [comparison.joined(same) for same in zip(*played, strict=True)]
    tuned = [
        comparison.joined([of_fold[at[i]] for of_fold, i in zip(played, choice.chosen, strict=True)])
        for at, mine in zip(places, choices, strict=True)
        for choice in mine
    ]
    points = comparison.points([*joined, *tuned], joined[0])
    compared = uncorrected(tuned, joined[0], weights=comparison.weights, margin=comparison.settings.margin)
    scored = iter(zip(points[len(joined) :], compared, strict=True))
    found = []
    for method, at, mine in zip(swept, places, choices, strict=True):
        grid = [flat[i - 1][1] for i in at]
        settings = [
            TunedSetting(c.target, merged_params(method, [grid[i] for i in c.chosen]), *next(scored)) for c in mine
        ]
        found.append(
            Frontier(
                name=method.name,
                source=method.source,
                sweep=tuple(SweptSetting(s, points[i]) for s, i in zip(grid, at, strict=True)),
                within=tuple((c.samples, s) for c, s in zip(mine, settings, strict=True) if c.samples is not None),
                cheapest=settings[-1],
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class _Choice:
    """The settings that the folds choose for one target.

    Attributes:
        target: the target, as :class:`TunedSetting` has it.
        samples: the most samples; None for the cheapest setting.
        chosen: the index of the setting, one a fold.
    """

    target: str
    samples: int | None
    chosen: tuple[int, ...]


def _choices(
    method: Method, fitted: Sequence[Sequence[Outcome]], floors: Sequence[float], sizes: Sequence[int]
) -> list[_Choice]:
    """Return the most accurate setting within each number of samples that some setting keeps to, then the cheapest.

    Args:
        method: the method.
        fitted: each setting's outcome on the fitting half, one list a fold.
        floors: the accuracy that the cheapest setting must reach, one a fold; without such a setting it is the most
            accurate one.
        sizes: the numbers of samples.
    """
    accuracy = [np.array([o.accuracy for o in of_fold]) for of_fold in fitted]
    used = [np.array([o.samples for o in of_fold]) for of_fold in fitted]
    spent = [costs(of_fold, tokens=method.objective == "tokens") for of_fold in fitted]
    found = []
    for most in sizes:
        if all((u <= most).any() for u in used):
            best = (int(np.argmax(np.where(u <= most, a, -np.inf))) for a, u in zip(accuracy, used, strict=True))
            found.append(_Choice(f"max_samples <= {most}", most, tuple(best)))
    least = (cheapest(a, c, floor) for a, c, floor in zip(accuracy, spent, floors, strict=True))
    return [*found, _Choice("cheapest not inferior", None, tuple(least))]
