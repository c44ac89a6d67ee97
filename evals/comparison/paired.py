"""Paired replays: strategies on the same samples under the same permutations, with intervals over questions.

Accuracy, samples and tokens are means over permutations and then questions. Intervals resample questions. Parameters
are fitted on one half of the questions and scored on the other, both ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.comparison.fit import Scores, replay_on, scores_for
from evals.comparison.price import mean_cost
from evals.comparison.settings import Settings
from evals.metrics.folds import Fold, halves
from evals.metrics.stats import accuracy_interval, bootstrap_interval, bootstrap_weights
from evals.replay.arrays import PoolArrays
from evals.replay.vectorised import Candidate, Outcome, permutations
from strategies.catalog import Method
from tts.errors import InputError

Array = NDArray[Any]
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
        weights: shares of the questions in each bootstrap resample, [replicates, questions].
    """

    arrays: PoolArrays
    settings: Settings
    orders: Array
    folds: tuple[Fold, ...]
    scores: tuple[Scores, ...]
    weights: Array

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
        orders = permutations(arrays.sizes, count=settings.permutations, draws=settings.budget, seed=settings.seed)
        folds = halves(arrays.questions, settings.seed) if fitted else (Fold.score_all(arrays.questions),)
        scores = tuple(
            scores_for(arrays, fold, orders, calibrate=settings.calibrate, seed=settings.seed) for fold in folds
        )
        weights = bootstrap_weights(arrays.questions, settings.replicates, settings.seed)
        return Comparison(arrays, settings, orders, folds, scores, weights)

    def play(self, candidates: Sequence[Sequence[Candidate]]) -> list[Outcome]:
        """Replay strategies on the questions that each fold scores, and join the folds.

        Args:
            candidates: one list a fold, the same strategies in the same order.

        Returns:
            One outcome a strategy, of all questions.
        """
        parts = [
            replay_on(self.arrays, mine, self.orders, scores, fold.scored)
            for mine, scores, fold in zip(candidates, self.scores, self.folds, strict=True)
        ]
        if len(parts) == 1:
            return parts[0]
        back = np.argsort(np.concatenate([fold.scored for fold in self.folds]))

        def joined(pieces: Sequence[Array | None]) -> Any:
            return None if pieces[0] is None else np.concatenate(pieces)[back]  # type: ignore[arg-type]

        fields = Outcome.__dataclass_fields__
        return [
            Outcome(**{f: joined([getattr(o, f) for o in same]) for f in fields}) for same in zip(*parts, strict=True)
        ]

    def points(self, outcomes: Sequence[Outcome], reference: Outcome) -> list[Point]:
        """Return the accuracy and cost of each outcome, with intervals over questions.

        Args:
            outcomes: of the same questions under the same permutations.
            reference: the outcome that accuracies are paired with.
        """
        accuracy = np.stack([o.correct.mean(axis=1) for o in outcomes], axis=1)
        samples = np.stack([o.used.mean(axis=1) for o in outcomes], axis=1)
        a_low, a_high = accuracy_interval(accuracy, self.weights)
        s_low, s_high = bootstrap_interval(samples, self.weights)
        speed = self.settings.speed
        diff = accuracy - reference.correct.mean(axis=1)[:, None]
        d_low, d_high = bootstrap_interval(diff, self.weights)
        return [
            Point(
                accuracy=float(accuracy[:, i].mean()),
                accuracy_ci=(float(a_low[i]), float(a_high[i])),
                samples=float(samples[:, i].mean()),
                samples_ci=(float(s_low[i]), float(s_high[i])),
                tokens=None if o.tokens is None else float(o.tokens.mean()),
                cost=mean_cost(self.arrays, o, self.settings.price),
                seconds=None if speed is None else mean_cost(self.arrays, o, speed.price),
                accuracy_diff=float(diff[:, i].mean()),
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
