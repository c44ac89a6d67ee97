"""Comparisons at equal accuracy: what a method costs beside baselines that are tuned to be as accurate as it is.

Settings are chosen on one set of questions and scored on another, paired on the same draws under the same permutations.
A baseline gets the cheapest setting of its grid that is at least as accurate as the method where settings are chosen,
so that only cost remains to be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.comparison.difference import Difference, uncorrected
from evals.comparison.fit import cheapest, choose, costs, learn_params, scores_for
from evals.comparison.paired import Comparison, Point
from evals.comparison.regret import with_causes
from evals.comparison.settings import Settings
from evals.metrics.bootstrap import Bootstrap
from evals.metrics.folds import Fold
from evals.replay.arrays import PoolArrays
from evals.replay.orders import Orders, Permutations
from evals.replay.outcome import Outcome
from evals.replay.replay import replay
from evals.replay.scores import Scores
from evals.replay.vectorised import Candidate
from strategies.catalog import Method

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class ReplaySet:
    """Questions to choose settings on, or questions to score, ready to be replayed.

    Attributes:
        arrays: the pool.
        orders: sample indices, [questions, permutations, draws].
        scores: the scores that strategies may read, by name, as :func:`evals.comparison.fit.scores_for` returns them.
    """

    arrays: PoolArrays
    orders: Orders
    scores: Scores

    @staticmethod
    def of(arrays: PoolArrays, *, budget: int, count: int, seed: int) -> ReplaySet:
        """Return a whole pool with its recorded confidences as they are.

        Args:
            arrays: the pool.
            budget: the most draws a question, at most the samples of the smallest question.
            count: orders a question, >= 1.
            seed: decides the orders and the random control.

        Raises:
            InputError: a budget above the pool.
        """
        orders = Permutations(arrays.sizes, count=count, draws=budget, seed=seed)
        scores = scores_for(arrays, Fold.fit_all(arrays.questions), orders, calibrate=None, seed=seed)
        return ReplaySet(arrays, orders, scores)

    @property
    def fold(self) -> Fold:
        """The fold that fits on all these questions."""
        return Fold.fit_all(self.arrays.questions)

    def comparison(self, settings: Settings) -> Comparison:
        """Return a comparison in which nothing is fitted, with points and differences of these questions."""
        questions = self.arrays.questions
        weights = Bootstrap(questions, settings.replicates, settings.seed)
        return Comparison(self.arrays, settings, self.orders, (Fold.score_all(questions),), (self.scores,), weights)

    def play(self, candidates: Sequence[Candidate]) -> list[Outcome]:
        """Replay strategies on all questions; one outcome a candidate."""
        return replay(self.arrays, candidates, self.orders, scores=self.scores)


@dataclass(frozen=True, slots=True)
class Match:
    """A method against one baseline on the scored questions.

    Attributes:
        method: its name.
        params: its parameters as they were chosen.
        baseline: the baseline's name.
        baseline_params: its parameters as they were chosen.
        reached: whether the baseline has a setting as accurate as the method where settings were chosen; if not, its
            most accurate one plays.
        point: the method's accuracy and cost.
        baseline_point: the baseline's.
        difference: the method's against the baseline's.
    """

    method: str
    params: dict[str, Any]
    baseline: str
    baseline_params: dict[str, Any]
    reached: bool
    point: Point
    baseline_point: Point
    difference: Difference

    def as_mapping(self) -> dict[str, Any]:
        """Return everything, ready for :func:`evals.report.comparison.to_json`; the difference's keys stand beside."""
        mapping = asdict(self)
        mapping.update(mapping.pop("difference"))
        return mapping


def matched(
    fit: ReplaySet, scored: ReplaySet, method: Method, baselines: Sequence[Method], *, settings: Settings
) -> tuple[Match, ...]:
    """Compare a method with baselines tuned to its accuracy; settings are chosen on one pool and scored on another.

    Args:
        fit: questions to choose on; those of ``scored`` must not be among them.
        scored: questions to score.
        method: its parameters are learned and fitted as its row states (:func:`evals.comparison.fit.choose`).
        baselines: their swept parameters are chosen to match it; one without a sweep plays its defaults.
        settings: budget, margin, bootstrap.

    Returns:
        One match a baseline, in the given order.
    """
    budget, comparison = settings.budget, scored.comparison(settings)
    (params,), (fitted,) = play_fitted(fit, fit, [method], budget=budget, margin=settings.margin)
    tuned = [_tuned(fit, baseline, fitted.accuracy, budget) for baseline in baselines]
    chosen = zip([method, *baselines], [params, *(setting for setting, _ in tuned)], strict=True)
    outcomes = scored.play([Candidate(m.build(budget, p), m.scores) for m, p in chosen])
    points = comparison.points(outcomes, outcomes[0])
    found = []
    for i, (baseline, (setting, reached)) in enumerate(zip(baselines, tuned, strict=True)):
        found.append(
            Match(
                method=method.name,
                params={**method.params, **params},
                baseline=baseline.name,
                baseline_params={**baseline.params, **setting},
                reached=reached,
                point=points[0],
                baseline_point=points[1 + i],
                difference=uncorrected(
                    [outcomes[0]], outcomes[1 + i], weights=comparison.weights, margin=settings.margin
                )[0],
            )
        )
    return tuple(found)


def play_fitted(
    fit: ReplaySet, scored: ReplaySet, methods: Sequence[Method], *, budget: int, margin: float
) -> tuple[list[dict[str, Any]], list[Outcome]]:
    """Fit every method on one pool and replay it on another.

    ``against(scored.comparison(settings), outcomes, reference)`` then compares the outcomes with any one of them.

    Args:
        fit: questions to fit on.
        scored: questions to replay.
        methods: rows of the catalogue.
        budget: the most draws a question.
        margin: accuracy below self-consistency at the full budget that still counts as equal while fitting.

    Returns:
        (params, outcomes): one of each a method; parameters beside the row's own, outcomes with the causes of wrong
        decisions.
    """
    params = choose(fit.arrays, methods, fit.orders, fit.scores, fit.fold, budget=budget, margin=margin)
    candidates = [Candidate(m.build(budget, p), m.scores) for m, p in zip(methods, params, strict=True)]
    return params, scored.play([with_causes(candidate, budget) for candidate in candidates])


def _tuned(fit: ReplaySet, baseline: Method, accuracy: float, budget: int) -> tuple[dict[str, Any], bool]:
    """Return the baseline's cheapest setting of at least this accuracy, and whether there is one.

    Costs are tokens where they are counted, else draws; without such a setting it is the most accurate one.
    """
    grid = list(baseline.grid(budget))
    learned = [learn_params(baseline, fit.arrays, fit.scores, fit.fold, setting) for setting in grid]
    settings = [{**setting, **params} for setting, params in zip(grid, learned, strict=True)]
    outcomes = fit.play([Candidate(baseline.build(budget, given), baseline.scores) for given in settings])
    reached = np.array([o.accuracy for o in outcomes])
    best = cheapest(reached, costs(outcomes, tokens=True), accuracy)
    return settings[best], bool(reached[best] >= accuracy)
