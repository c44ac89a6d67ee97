"""Compare strategies on the same samples under the same permutations, with intervals over questions.

Accuracy, samples and tokens are means over permutations and then questions. Intervals resample questions. The paired
reference is self-consistency at the full budget. Whatever is fitted is fitted on one half of the questions and scored
on the other, both ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.comparison.fit import REFERENCE, Scores, choose, replay_on, scores_for
from evals.comparison.regret import Regret, first_right, regrets_of
from evals.metrics.folds import Fold, halves
from evals.metrics.stats import (
    bootstrap_interval,
    bootstrap_ratio_interval,
    bootstrap_weights,
    holm,
    mcnemar_exact,
    non_inferior,
)
from evals.replay.arrays import PoolArrays
from evals.replay.vectorised import Candidate, Outcome, permutations
from strategies.catalog import CATALOG, Method
from tts.errors import InputError

Array = NDArray[Any]
Interval = tuple[float, float]
SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)


@dataclass(frozen=True)
class Settings:
    """How to compare.

    Attributes:
        budget: the most draws a question.
        permutations: random orders a question, common to all strategies.
        seed: decides orders, halves and bootstrap.
        calibrate: map from recorded scores to probabilities, cross-fitted; None uses them as they are.
        margin: accuracy given away that still counts as not inferior, as a fraction.
        replicates: bootstrap replicates.
    """

    budget: int
    permutations: int = 200
    seed: int = 0
    calibrate: str | None = None
    margin: float = 0.005
    replicates: int = 10_000

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        for key in ("budget", "permutations", "replicates"):
            if getattr(self, key) < 1:
                raise InputError(f"{key} must be at least 1, got {getattr(self, key)}")
        if not 0.0 <= self.margin < 1.0:
            raise InputError(f"margin must be in [0, 1) as a fraction (0.005 is half a point), got {self.margin}")


@dataclass(frozen=True)
class Point:
    """Accuracy and cost of one setting of one strategy; ``tokens`` is None where the pool does not count them."""

    accuracy: float
    accuracy_ci: Interval
    samples: float
    samples_ci: Interval
    tokens: float | None


@dataclass(frozen=True)
class Row:
    """One strategy in the table.

    Attributes:
        name: the strategy.
        source: where it comes from.
        params: its parameters; a list of two where the two folds chose differently.
        point: accuracy and cost.
        abstained: share of answers withheld because nothing was parsed.
        diff: accuracy minus the reference's, and ``diff_ci`` its interval.
        mcnemar_p: exact, on the first permutation; ``mcnemar_p_holm`` corrected over all strategies.
        samples_ratio: samples over the reference's, and ``ratio_ci`` its interval.
        tokens_ratio: generated tokens over the reference's, and ``tokens_ci`` its interval; None if none are counted.
        verdict: "reference", "better", "not worse" (within the margin), "worse" or "open".
        efficiency: the same strategy at smaller budgets, (budget, point).
        regret: what its wrong decisions are owed to.
    """

    name: str
    source: str
    params: dict[str, Any]
    point: Point
    abstained: float
    diff: float
    diff_ci: Interval
    mcnemar_p: float
    mcnemar_p_holm: float
    samples_ratio: float
    ratio_ci: Interval
    tokens_ratio: float | None
    tokens_ci: Interval | None
    verdict: str
    efficiency: tuple[tuple[int, Point], ...]
    regret: Regret


@dataclass(frozen=True)
class Comparison:
    """What is common to every comparison on one pool: orders, folds, scores and bootstrap weights."""

    arrays: PoolArrays
    settings: Settings
    orders: Array
    folds: tuple[Fold, ...]
    scores: tuple[Scores, ...]
    weights: Array

    @staticmethod
    def of(arrays: PoolArrays, settings: Settings, methods: Sequence[Method], *, fitted: bool) -> Comparison:
        """Set up; ``fitted`` splits the questions into halves, needed as soon as anything is fitted.

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
        """Play ``candidates[fold]`` on the questions that fold scores, and put the folds together."""
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

    def points(self, outcomes: Sequence[Outcome]) -> list[Point]:
        """Accuracy and cost with intervals over questions."""
        accuracy = np.stack([o.correct.mean(axis=1) for o in outcomes], axis=1)
        samples = np.stack([o.used.mean(axis=1) for o in outcomes], axis=1)
        a_low, a_high = bootstrap_interval(accuracy, self.weights)
        s_low, s_high = bootstrap_interval(samples, self.weights)
        return [
            Point(
                accuracy=float(accuracy[:, i].mean()),
                accuracy_ci=(float(a_low[i]), float(a_high[i])),
                samples=float(samples[:, i].mean()),
                samples_ci=(float(s_low[i]), float(s_high[i])),
                tokens=None if o.tokens is None else float(o.tokens.mean()),
            )
            for i, o in enumerate(outcomes)
        ]


def compare(arrays: PoolArrays, methods: Sequence[Method], settings: Settings) -> list[Row]:
    """Replay every method and compare it with self-consistency at the full budget.

    Args:
        arrays: the pool.
        methods: rows of the catalogue; the reference is added in front where it is missing.
        settings: how to compare.

    Returns:
        One row a method, in the given order.
    """
    needed = settings.calibrate is not None or any(m.objective or m.learn for m in methods)
    return table(Comparison.of(arrays, settings, methods, fitted=needed), methods)


def table(comparison: Comparison, methods: Sequence[Method]) -> list[Row]:
    """Like :func:`compare`, on a comparison that is already set up (for these methods) and may serve frontiers too."""
    arrays, settings = comparison.arrays, comparison.settings
    if all(m.name != REFERENCE for m in methods):
        methods = [CATALOG[REFERENCE], *methods]
    params = [
        choose(arrays, methods, comparison.orders, scores, fold, budget=settings.budget, margin=settings.margin)
        for scores, fold in zip(comparison.scores, comparison.folds, strict=True)
    ]
    sizes = [b for b in SIZES if b < settings.budget] + [settings.budget]
    candidates = [
        [Candidate(m.build(b, p), m.scores) for m, p in zip(methods, mine, strict=True) for b in sizes]
        for mine in params
    ]
    outcomes = comparison.play(candidates)
    points = comparison.points(outcomes)
    full = slice(len(sizes) - 1, None, len(sizes))
    comparisons = against(comparison, outcomes[full], [m.name for m in methods].index(REFERENCE))
    regrets = regrets_of(
        [mine[full] for mine in candidates],
        outcomes[full],
        play=comparison.play,
        first=first_right(arrays, comparison.orders),
        budget=settings.budget,
    )
    rows = []
    for i, method in enumerate(methods):
        line = points[i * len(sizes) : (i + 1) * len(sizes)]
        rows.append(
            Row(
                name=method.name,
                source=method.source,
                params=merged_params(method, [mine[i] for mine in params]),
                point=line[-1],
                abstained=float(outcomes[full][i].abstained.mean()),
                efficiency=tuple(zip(sizes, line, strict=True)),
                regret=regrets[i],
                **comparisons[i],
            )
        )
    return rows


def against(comparison: Comparison, outcomes: Sequence[Outcome], reference: int) -> list[dict[str, Any]]:
    """The paired comparison of each outcome with the reference's: fields of :class:`Row`."""
    base = outcomes[reference]
    diff = np.stack([o.correct.mean(axis=1) - base.correct.mean(axis=1) for o in outcomes], axis=1)
    d_low, d_high = bootstrap_interval(diff, comparison.weights)
    p = np.array([mcnemar_exact(o.correct[:, 0], base.correct[:, 0]) for o in outcomes])
    others = [i for i in range(len(outcomes)) if i != reference]
    p_holm = np.ones(len(outcomes))
    if others:
        p_holm[others] = holm(p[others])
    compared = []
    for i in range(len(outcomes)):
        samples, samples_ci = _ratio(outcomes[i].used, base.used, comparison.weights)
        tokens, tokens_ci = _tokens_ratio(outcomes[i], base, comparison.weights)
        low, high = float(d_low[i]), float(d_high[i])
        compared.append(
            {
                "diff": float(diff[:, i].mean()),
                "diff_ci": (low, high),
                "mcnemar_p": float(p[i]),
                "mcnemar_p_holm": float(p_holm[i]),
                "samples_ratio": samples,
                "ratio_ci": samples_ci,
                "tokens_ratio": tokens,
                "tokens_ci": tokens_ci,
                "verdict": "reference" if i == reference else verdict(low, high, comparison.settings.margin),
            }
        )
    return compared


def _ratio(spent: Array, base: Array, weights: Array) -> tuple[float, Interval]:
    """Mean of ``spent`` over that of ``base``, both [questions, permutations], with its paired interval."""
    low, high = bootstrap_ratio_interval(spent.mean(axis=1), base.mean(axis=1), weights)
    return float(spent.mean() / base.mean()), (float(low), float(high))


def _tokens_ratio(outcome: Outcome, base: Outcome, weights: Array) -> tuple[float | None, Interval | None]:
    """The ratio of generated tokens; None where the pool counts none, or a question has none to divide by."""
    if outcome.tokens is None or base.tokens is None or not (base.tokens.mean(axis=1) > 0).all():
        return None, None
    return _ratio(outcome.tokens, base.tokens, weights)


def verdict(low: float, high: float, margin: float) -> str:
    """In a word, what the interval of the paired difference says."""
    if low > 0:
        return "better"
    if non_inferior(low, margin):
        return "not worse"
    return "worse" if high < 0 else "open"


def merged_params(method: Method, chosen: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Parameters as the folds use them: one value where they agree, else a list of both."""
    keys = dict.fromkeys([*method.params, *(k for c in chosen for k in c)])
    out = {}
    for key in keys:
        values = [c.get(key, method.params.get(key)) for c in chosen]
        out[key] = values[0] if all(v == values[0] for v in values) else list(values)
    return out


def _check_confidence(arrays: PoolArrays, settings: Settings, methods: Sequence[Method]) -> None:
    if arrays.confidence is None:
        if settings.calibrate is not None:
            raise InputError(
                f"calibrate {settings.calibrate} needs confidences and the pool has none: "
                "leave it out, or score the pool"
            )
        return
    if settings.calibrate is not None or not any(method.needs_confidence for method in methods):
        return
    values = arrays.confidence[arrays.labels >= 0]
    low, high = float(values.min(initial=np.inf)), float(values.max(initial=-np.inf))
    if low < 0.0 or high > 1.0:
        raise InputError(
            f"the pool's confidences span [{low:g}, {high:g}] and probabilities lie in [0, 1]: "
            "map raw scores with --calibrate platt, isotonic or temperature"
        )
