"""Paired replays: strategies on the same samples under the same permutations, with intervals over questions.

Accuracy, samples and tokens are means over permutations and then questions. Intervals resample questions. Parameters
are fitted on one half of the questions and scored on the other, both ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evals.comparison.fit import scores_for
from evals.comparison.price import mean_cost
from evals.comparison.settings import Settings
from evals.metrics.bootstrap import Bootstrap
from evals.metrics.folds import Fold, halves
from evals.metrics.percentile import percentile_interval
from evals.metrics.stats import accuracy_percentiles
from evals.replay.arrays import PoolArrays
from evals.replay.orders import Orders, Permutations
from evals.replay.outcome import Outcome
from evals.replay.replay import replay
from evals.replay.scores import Scores
from evals.replay.vectorised import Candidate
from strategies.catalog import Method
from tts.errors import InputError

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Point:
    """Accuracy and cost of one setting of one strategy.

    Attributes:
        accuracy: the share of right decisions, in [0, 1].
        accuracy_ci: its 95 % interval over questions.
        samples: a question.
        samples_ci: their 95 % interval over questions.
        tokens: generated tokens a question; None where the pool does not count them.
        cost: of a question, in the currency of the prices; None without prices.
        seconds: of the machine that drew the pool, a question; None where the pool records no times.
        accuracy_diff: accuracy minus that of the reference; None where there is no reference.
        accuracy_diff_ci: its 95 % interval over questions.
    """

    accuracy: float
    accuracy_ci: Interval
    samples: float
    samples_ci: Interval
    tokens: float | None
    cost: float | None = None
    seconds: float | None = None
    accuracy_diff: float | None = None
    accuracy_diff_ci: Interval | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """The parts that every comparison on one pool shares.

    Attributes:
        arrays: the pool.
        settings: budget, replay and bootstrap.
        orders: sample indices, [questions, permutations, draws].
        folds: questions to fit on and to score; one fold that scores all of them where nothing is fitted.
        scores: the scores that strategies may read, by name, one mapping a fold.
        weights: the bootstrap over questions.
    """

    arrays: PoolArrays
    settings: Settings
    orders: Orders
    folds: tuple[Fold, ...]
    scores: tuple[Scores, ...]
    weights: Bootstrap

    @staticmethod
    def of(arrays: PoolArrays, settings: Settings, methods: Sequence[Method], *, fitted: bool) -> Comparison:
        """Return the comparison of a pool.

        Args:
            arrays: the pool.
            settings: budget, replay and bootstrap.
            methods: rows of the catalogue, which decide whether confidences must be probabilities.
            fitted: split the questions into halves; needed where a parameter or a calibration map is fitted.

        Raises:
            InputError: a budget above the pool, raw scores without calibration, a calibration without scores.
        """
        _check_confidence(arrays, settings, methods)
        orders = Permutations(arrays.sizes, count=settings.permutations, draws=settings.budget, seed=settings.seed)
        folds = halves(arrays.questions, settings.seed) if fitted else (Fold.score_all(arrays.questions),)
        scores = tuple(
            scores_for(arrays, fold, orders, calibrate=settings.calibrate, seed=settings.seed) for fold in folds
        )
        weights = Bootstrap(arrays.questions, settings.replicates, settings.seed)
        return Comparison(arrays, settings, orders, folds, scores, weights)

    def play(self, candidates: Sequence[Sequence[Candidate]]) -> list[Outcome]:
        """Replay strategies on the questions that each fold scores, and join the folds.

        Args:
            candidates: one list a fold, the same strategies in the same order.

        Returns:
            One outcome a strategy, of all questions.
        """
        return [self.joined(same) for same in zip(*self.play_folds(candidates), strict=True)]

    def play_folds(self, candidates: Sequence[Sequence[Candidate]]) -> list[list[Outcome]]:
        """Replay strategies on the questions that each fold scores; one list of outcomes a fold.

        Args:
            candidates: one list a fold.
        """
        return [
            replay(self.arrays, mine, self.orders, scores=scores, rows=fold.scored)
            for mine, scores, fold in zip(candidates, self.scores, self.folds, strict=True)
        ]

    def joined(self, parts: Sequence[Outcome]) -> Outcome:
        """Return the outcome of all questions from one outcome a fold, of the questions that it scores."""
        return Outcome.joined(parts, [fold.scored for fold in self.folds])

    def points(self, outcomes: Sequence[Outcome], reference: Outcome) -> list[Point]:
        """Return the accuracy and cost of each outcome, with intervals over questions.

        Args:
            outcomes: of the same questions under the same permutations.
            reference: the outcome that accuracies are paired with.
        """
        count, times = len(outcomes), reference.permutations
        sums = [o.correct for o in outcomes] + [reference.correct] + [o.used for o in outcomes]
        means = self.weights @ np.stack(sums, axis=1)
        right = means[:, :count]
        d_low, d_high = percentile_interval((right - means[:, [count]]) / times)
        s_low, s_high = percentile_interval(means[:, count + 1 :] / times)
        least, most = np.array([(o.correct.min(), o.correct.max()) for o in outcomes]).T / times
        a_low, a_high = accuracy_percentiles(right / times, least, most, len(reference.correct))
        speed, price = self.settings.speed, self.settings.price
        return [
            Point(
                accuracy=o.accuracy,
                accuracy_ci=(float(a_low[i]), float(a_high[i])),
                samples=o.samples,
                samples_ci=(float(s_low[i]), float(s_high[i])),
                tokens=o.mean_tokens,
                cost=mean_cost(o, price),
                seconds=None if speed is None else mean_cost(o, speed.price),
                accuracy_diff=(o.right - reference.right) / o.decisions,
                accuracy_diff_ci=(float(d_low[i]), float(d_high[i])),
            )
            for i, o in enumerate(outcomes)
        ]


def _check_confidence(arrays: PoolArrays, settings: Settings, methods: Sequence[Method]) -> None:
    if arrays.confidence is None:
        if settings.calibrate is not None:
            raise InputError(
                f"calibrate {settings.calibrate} needs confidences and the pool has none: "
                "leave it out, or score the pool"
            )
        return
    if settings.calibrate is not None or not any(method.requires.confidence for method in methods):
        return
    values = arrays.confidence[arrays.labels >= 0]
    low, high = float(values.min(initial=np.inf)), float(values.max(initial=-np.inf))
    if low < 0.0 or high > 1.0:
        raise InputError(
            f"the pool's confidences span [{low:g}, {high:g}] and probabilities lie in [0, 1]: "
            "map raw scores with --calibrate platt, isotonic or temperature"
        )
