"""Comparisons at equal accuracy: what a method costs beside baselines that are tuned to be as accurate as it is.

Settings are chosen on one side (another pool, or the other half of the questions) and scored on questions that chose
nothing, paired on the same draws under the same permutations. A baseline gets the cheapest setting of its grid that is
at least as accurate as the method where settings are chosen, so that what remains to compare is cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.comparison.fit import Fold, Scores, cheapest, choose, costs, scores_for, teach
from evals.comparison.paired import Comparison, Interval, Point, Settings, against, merged_params
from evals.metrics.stats import bootstrap_weights
from evals.replay.arrays import PoolArrays
from evals.replay.vectorised import Entrant, Outcome, permutations, replay
from strategies.catalog import Method

Array = NDArray[Any]


@dataclass(frozen=True)
class Side:
    """Questions to choose settings on, or questions to score.

    Attributes:
        arrays: the pool.
        orders: sample indices, [questions, permutations, draws].
        scores: what strategies may read, by name, as :func:`evals.comparison.fit.scores_for` gives it.
    """

    arrays: PoolArrays
    orders: Array
    scores: Scores

    @staticmethod
    def of(arrays: PoolArrays, *, budget: int, count: int, seed: int) -> Side:
        """A whole pool with its recorded confidences as they are.

        Raises:
            InputError: a budget above the pool.
        """
        orders = permutations(arrays.sizes, count=count, draws=budget, seed=seed)
        return Side(arrays, orders, scores_for(arrays, _all(arrays), orders, calibrate=None, seed=seed))

    def contest(self, settings: Settings) -> Comparison:
        """The side as a contest in which nothing is fitted, for :func:`evals.comparison.paired.against` and points."""
        everything = np.arange(self.arrays.questions)
        weights = bootstrap_weights(self.arrays.questions, settings.replicates, settings.seed)
        return Comparison(
            self.arrays, settings, self.orders, (Fold(everything[:0], everything),), (self.scores,), weights
        )

    def play(self, entrants: Sequence[Entrant]) -> list[Outcome]:
        """Play strategies on all questions."""
        return replay(self.arrays, entrants, self.orders, scores=self.scores)


@dataclass(frozen=True)
class Match:
    """A method against one baseline; differences and ratios are the method's over the baseline's, on scored questions.

    Attributes:
        method: its name, with ``params`` as they were chosen (a list of two where two folds chose differently).
        baseline: its name, with ``baseline_params``.
        reached: whether the baseline has a setting as accurate as the method where settings were chosen (in every
            fold); if not, its most accurate one plays.
        point: the method's accuracy and cost; ``baseline_point`` the baseline's.
        diff: accuracy, and ``diff_ci`` its interval over questions.
        mcnemar_p: exact, on the first permutation.
        samples_ratio: mean draws, and ``samples_ci`` its interval.
        tokens_ratio: mean generated tokens, and ``tokens_ci`` its interval; None where the pool counts none.
        verdict: of the accuracy: "better", "not worse" (within the margin), "worse" or "open".
    """

    method: str
    params: dict[str, Any]
    baseline: str
    baseline_params: dict[str, Any]
    reached: bool
    point: Point
    baseline_point: Point
    diff: float
    diff_ci: Interval
    mcnemar_p: float
    samples_ratio: float
    samples_ci: Interval
    tokens_ratio: float | None
    tokens_ci: Interval | None
    verdict: str

    def as_mapping(self) -> dict[str, Any]:
        """Everything, ready for :func:`evals.report.comparison.to_json`."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        points = {key: {f.name: getattr(plain[key], f.name) for f in fields(Point)} for key in _POINTS}
        return plain | points


_POINTS = ("point", "baseline_point")


def matched(
    fit: Side, scored: Side, method: Method, baselines: Sequence[Method], *, settings: Settings
) -> tuple[Match, ...]:
    """Compare a method with baselines tuned to its accuracy; settings chosen on one pool, scored on another.

    Args:
        fit: questions to choose on; those of ``scored`` must not be among them.
        scored: questions to score.
        method: its parameters are learned and fitted as its row says (:func:`evals.comparison.fit.choose`).
        baselines: their swept parameters are chosen to match it; one without a sweep plays its defaults.
        settings: budget, margin, bootstrap.

    Returns:
        One match a baseline, in the given order.
    """
    return _matches([fit], scored.contest(settings), method, baselines)


def matched_folds(contest: Comparison, method: Method, baselines: Sequence[Method]) -> tuple[Match, ...]:
    """Like :func:`matched` within one pool: chosen on one half, scored on the other, both ways.

    Args:
        contest: with two folds, as ``Comparison.of(..., fitted=True)`` makes it for all these methods.
        method: see :func:`matched`.
        baselines: see :func:`matched`.
    """
    sides = [
        Side(
            contest.arrays.subset(fold.fit),
            contest.orders[fold.fit],
            {name: None if values is None else values[fold.fit] for name, values in scores.items()},
        )
        for fold, scores in zip(contest.folds, contest.scores, strict=True)
    ]
    return _matches(sides, contest, method, baselines)


def play_fitted(
    fit: Side, scored: Side, methods: Sequence[Method], *, budget: int, margin: float
) -> tuple[list[dict[str, Any]], list[Outcome]]:
    """Fit every method on one pool and replay it on another.

    ``against(scored.contest(settings), outcomes, reference)`` then compares the outcomes with any one of them.

    Args:
        fit: questions to fit on.
        scored: questions to replay.
        methods: rows of the catalogue.
        budget: the most draws a question.
        margin: accuracy below self-consistency at the full budget that still counts as equal while fitting.

    Returns:
        (params, outcomes): one of each a method; parameters beside the row's own.
    """
    params = choose(fit.arrays, methods, fit.orders, fit.scores, _all(fit.arrays), budget=budget, margin=margin)
    entrants = [Entrant(m.build(budget, p), m.scores) for m, p in zip(methods, params, strict=True)]
    return params, scored.play(entrants)


def _matches(
    sides: Sequence[Side], contest: Comparison, method: Method, baselines: Sequence[Method]
) -> tuple[Match, ...]:
    budget, margin = contest.settings.budget, contest.settings.margin
    params: list[dict[str, Any]] = []
    tuned: list[list[tuple[dict[str, Any], bool]]] = []
    for side in sides:
        (mine,), (rehearsal,) = play_fitted(side, side, [method], budget=budget, margin=margin)
        params.append(mine)
        tuned.append([_tuned(side, b, float(rehearsal.correct.mean()), budget) for b in baselines])
    outcomes = contest.play(
        [
            [
                Entrant(m.build(budget, p), m.scores)
                for m, p in zip([method, *baselines], [mine, *(given for given, _ in theirs)], strict=True)
            ]
            for mine, theirs in zip(params, tuned, strict=True)
        ]
    )
    points = contest.points(outcomes)
    found = []
    for i, baseline in enumerate(baselines):
        compared = against(contest, [outcomes[1 + i], outcomes[0]], 0)[1]
        found.append(
            Match(
                method=method.name,
                params=merged_params(method, params),
                baseline=baseline.name,
                baseline_params=merged_params(baseline, [theirs[i][0] for theirs in tuned]),
                reached=all(theirs[i][1] for theirs in tuned),
                point=points[0],
                baseline_point=points[1 + i],
                diff=compared["diff"],
                diff_ci=compared["diff_ci"],
                mcnemar_p=compared["mcnemar_p"],
                samples_ratio=compared["samples_ratio"],
                samples_ci=compared["ratio_ci"],
                tokens_ratio=compared["tokens_ratio"],
                tokens_ci=compared["tokens_ci"],
                verdict=compared["verdict"],
            )
        )
    return tuple(found)


def _tuned(side: Side, baseline: Method, accuracy: float, budget: int) -> tuple[dict[str, Any], bool]:
    """The baseline's cheapest setting that is at least so accurate, in tokens where they are counted, else in draws."""
    grid = list(baseline.grid(budget))
    taught = [
        teach(replace(baseline, params={**baseline.params, **setting}), side.arrays, side.scores, _all(side.arrays))
        for setting in grid
    ]
    settings = [{**setting, **lesson} for setting, lesson in zip(grid, taught, strict=True)]
    outcomes = side.play([Entrant(baseline.build(budget, given), baseline.scores) for given in settings])
    reached = np.array([o.correct.mean() for o in outcomes])
    best = cheapest(reached, costs(outcomes, tokens=True), accuracy)
    return settings[best], bool(reached[best] >= accuracy)


def _all(arrays: PoolArrays) -> Fold:
    """Everything to fit on, nothing to score."""
    return Fold(np.arange(arrays.questions), np.arange(0))
