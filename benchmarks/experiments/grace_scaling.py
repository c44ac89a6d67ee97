"""Test-time scaling with GrACE: the part of `python -m benchmarks.experiments.grace` that plays strategies.

Thresholds, temperatures and maps are fitted on the calibration split; strategies are compared on the test split, on the
same samples in the same orders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evals.comparison.difference import against
from evals.comparison.matched import ReplaySet, matched, play_fitted
from evals.comparison.regret import Regret, regret
from evals.comparison.settings import Settings
from evals.metrics.bootstrap import Bootstrap
from evals.metrics.stats import bootstrap_interval
from evals.replay.arrays import PoolArrays
from evals.replay.outcome import Outcome
from evals.replay.vectorised import Candidate, decide
from strategies.catalog import CATALOG, Method
from tts.pool import Pool
from tts.scorers.calibration.maps import CalibrationMap, fit_map

Say = Callable[[str], None]
ORDERS = 100
MARGIN = 0.005
CAUTION = 0.005
"""Accuracy above self-consistency's that a setting must show where it is chosen, so that it holds elsewhere."""
VOTES = ("self_consistency", "cisc", "grace_sc", "confidence_weighted_voting", "log_odds_vote")
STOPS = (
    "adaptive_consistency", "esc", "grace_es", "early_stopped_best_of_n", "confidence_gated_self_consistency",
    "cats_asc", "reasc", "cges", "cges_cost", "certified_self_consistency", "certified_weighted",
)  # fmt: skip
BASELINES = ("adaptive_consistency", "esc")


@dataclass(frozen=True)
class Sides:
    """One score's two splits, Platt-scaled on the first."""

    name: str
    fit: ReplaySet
    test: ReplaySet


def scaling(scores: Mapping[str, tuple[Pool, Pool]], say: Say, *, budget: int) -> None:
    """Play everything and print its tables."""
    sides = {name: sides_of(name, *scores[name], budget=budget) for name in ("mean_logprob", "grace", "stacked")}
    chosen = best_score(sides, say)
    for size in sorted({min(8, budget), budget}):
        votes(sides, size, say)
    for name in dict.fromkeys(("mean_logprob", "grace", chosen)):
        stops(sides[name], budget, say)
    cautions(sides[chosen], budget, say)
    frontier(sides[chosen], budget, say)
    certified(sides_of("grace", *scores["grace"], budget=budget, platt=False), budget, say)
    rivals(sides[chosen], budget, say)
    pruning(sides[chosen], budget, say)


def sides_of(name: str, fit: Pool, test: Pool, *, budget: int, platt: bool = True) -> Sides:
    """Both splits as arrays, their confidences Platt-scaled on the first, or as they are."""
    arrays = [PoolArrays.of(pool, answers="number") for pool in (fit, test)]
    scale = platt_of(arrays[0]) if platt else None
    return Sides(name, *(side_of(one, scale, budget=budget) for one in arrays))


def platt_of(arrays: PoolArrays) -> CalibrationMap:
    """The Platt map of all answers."""
    assert arrays.confidence is not None
    seen = arrays.labels >= 0
    return fit_map("platt", arrays.confidence[seen], arrays.sample_correct[seen])


def side_of(arrays: PoolArrays, scale: CalibrationMap | None, *, budget: int) -> ReplaySet:
    """A split with its confidences through a map, or as they are."""
    if scale is not None:
        assert arrays.confidence is not None
        parsed = arrays.labels >= 0
        values = np.full(arrays.confidence.shape, np.nan)
        values[parsed] = scale(arrays.confidence[parsed])
        arrays = replace(arrays, confidence=values)
    return ReplaySet.of(arrays, budget=budget, count=ORDERS, seed=0)


def settings(budget: int) -> Settings:
    """Settings of the comparison."""
    return Settings(budget=budget, permutations=ORDERS, margin=MARGIN)


def best_score(sides: Mapping[str, Sides], say: Say) -> str:
    """The score with which cges_cost needs the fewest samples on the calibration split."""
    say("\n## Which confidence the strategies use: cges_cost on the calibration split, its cheapest setting that is")
    say(f"{100 * CAUTION:g} points above self-consistency; beside it CISC at the full budget")
    say(f"{'confidence':16}{'samples':>8}{'accuracy':>10}{'CISC':>8}")
    found = {}
    for name, side in sides.items():
        budget = side.fit.orders.shape[2]
        methods = [CATALOG["self_consistency"], CATALOG["cges_cost"], CATALOG["cisc"]]
        _, (plain, early, vote) = play_fitted(side.fit, side.fit, methods, budget=budget, margin=-CAUTION)
        found[name] = (early.accuracy < plain.accuracy, early.samples)
        say(f"{name:16}{early.samples:8.2f}{early.accuracy:10.4f}{vote.accuracy:8.4f}")
    chosen = min(found, key=lambda name: found[name])
    say(f"chosen: {chosen}")
    return chosen


def votes(sides: Mapping[str, Sides], budget: int, say: Say) -> None:
    """Weighted votes at a fixed number of samples."""
    say(f"\n## Votes of {budget} samples, against self-consistency at {budget}")
    say(f"{'confidence':16}{'strategy':30}{'accuracy':>9}{'difference':>28}")
    methods = [CATALOG[name] for name in VOTES]
    for name, side in sides.items():
        _, outcomes = play_fitted(side.fit, side.test, methods, budget=budget, margin=MARGIN)
        compared = against(side.test.comparison(settings(budget)), outcomes, 0)
        for method, outcome, row in zip(methods, outcomes, compared, strict=True):
            if method.name == "self_consistency" and name != next(iter(sides)):
                continue
            shown = (
                "" if row.verdict == "reference" else f"{points(row.accuracy_diff, row.accuracy_diff_ci)} {row.verdict}"
            )
            weighs = "" if method.name == "self_consistency" else name
            say(f"{weighs:16}{method.name:30}{outcome.accuracy:9.4f}{shown:>34}")


def stops(side: Sides, budget: int, say: Say) -> None:
    """Stopping rules, each with the cheapest setting that is as accurate as self-consistency where it is fitted."""
    say(f"\n## Stopping early with {side.name}, against self-consistency at {budget}: the cheapest setting that is")
    say(f"{100 * CAUTION:g} points above it on the calibration split, for caution; scored on the test split")
    header = f"{'strategy':34}{'accuracy':>9}{'difference':>22}{'':>10}{'samples':>8}{'tokens':>8}"
    say(header + f"{'unsolved':>10}{'not sel.':>9}{'early':>7}{'gained':>7}  setting")
    methods = [CATALOG["self_consistency"], *(tuned(CATALOG[name]) for name in STOPS)]
    params, outcomes = play_fitted(side.fit, side.test, methods, budget=budget, margin=-CAUTION)
    compared = against(side.test.comparison(settings(budget)), outcomes, 0)
    for method, given, outcome, row in zip(methods, params, outcomes, compared, strict=True):
        line(method.name, given, outcome, row, regret(outcome), say)


def cautions(side: Sides, budget: int, say: Say) -> None:
    """The baselines and the fitted rule by how cautiously their settings are chosen."""
    say(f"\n## The same by caution ({side.name}): the cheapest setting whose accuracy on the calibration split is at")
    say(f"least that many points above self-consistency's at {budget}, else the most accurate one")
    say(f"{'points':>6} {'strategy':24}{'accuracy':>9}{'difference':>22}{'samples':>8}{'tokens':>8}  setting")
    methods = [CATALOG["self_consistency"], *(tuned(CATALOG[name]) for name in (*BASELINES, "cges_cost"))]
    for margin in (-CAUTION, 0.0, MARGIN, 2 * MARGIN):
        params, outcomes = play_fitted(side.fit, side.test, methods, budget=budget, margin=margin)
        compared = against(side.test.comparison(settings(budget)), outcomes, 0)
        for method, given, outcome, row in list(zip(methods, params, outcomes, compared, strict=True))[1:]:
            assert outcome.tokens is not None
            cost = f"{outcome.samples:8.2f}{outcome.mean_tokens:8.0f}"
            head = f"{0.0 - 100 * margin:+6.1f} {method.name:24}{outcome.accuracy:9.4f}"
            say(f"{head}{points(row.accuracy_diff, row.accuracy_diff_ci):>22}{cost}  {written(given)}")


def frontier(side: Sides, budget: int, say: Say) -> None:
    """The whole sweep of a price on the test split, its prior fitted on the calibration split."""
    say(f"\n## The whole sweep of cges_cost's price ({side.name}) on the test split, against self-consistency at")
    say(f"{budget}: its prior is the one above, nothing else is chosen")
    method = CATALOG["cges_cost"]
    (given,), _ = play_fitted(side.fit, side.test, [method], budget=budget, margin=-CAUTION)
    rows = [with_defaults(method, prior=given["prior"], cost_per_draw=cost) for cost in method.sweep["cost_per_draw"]]
    methods = [CATALOG["self_consistency"], *rows]
    _, outcomes = play_fitted(side.fit, side.test, methods, budget=budget, margin=MARGIN)
    show(side, methods, [method.params for method in methods], outcomes, budget, say)


def certified(side: Sides, budget: int, say: Say) -> None:
    """GrACE-ES with a threshold that Learn then Test certifies, on confidences as they are."""
    say("\n## GrACE-ES with a certified threshold (Learn then Test): with probability 1 - delta")
    say("at most a share alpha of questions is lost that self-consistency answers. Confidences are raw: no map is")
    say("fitted on the questions that certify. `python -m benchmarks.experiments.risk` simulates the guarantee.")
    say(f"{'alpha':>6}{'delta':>6}{'tau':>7}{'lost, test':>24}{'accuracy':>9}{'samples':>8}{'tokens':>7}")
    test, plain = side.test, Candidate(CATALOG["self_consistency"].build(budget))
    orders = test.orders[np.arange(test.arrays.questions)]
    for alpha in (0.01, 0.02, 0.05):
        method = CATALOG["grace_es_ltt"]
        method = replace(method, params={**method.params, "alpha": alpha})
        (given,), (outcome,) = play_fitted(side.fit, test, [method], budget=budget, margin=MARGIN)
        certain = Candidate(method.build(budget, given), method.scores)
        reference, mine = decide(test.arrays, [plain, certain], orders, scores=test.scores)
        lost = (reference.correct & ~mine.correct).mean(axis=1)
        low, high = bootstrap_interval(lost, Bootstrap(len(lost), 2000, 0))
        tau, delta = given.get("tau", method.params["tau"]), method.params["delta"]
        shown = f"{lost.mean():.4f} [{float(low):.4f}, {float(high):.4f}]"
        tokens = np.nan if outcome.mean_tokens is None else outcome.mean_tokens
        say(f"{alpha:6.2f}{delta:6.2f}{tau:7.3f}{shown:>24}{outcome.accuracy:9.4f}{outcome.samples:8.2f}{tokens:7.0f}")


def line(name: str, given: Mapping[str, Any], outcome: Outcome, row: Mapping[str, Any], lost: Regret, say: Say) -> None:
    """One strategy."""
    tokens = np.nan if outcome.mean_tokens is None else outcome.mean_tokens
    shown = "" if row.verdict == "reference" else points(row.accuracy_diff, row.accuracy_diff_ci)
    parts = f"{lost.unsolved:10.4f}{lost.not_selected:9.4f}{lost.stopped_early or 0:7.4f}{lost.gained or 0:7.4f}"
    say(
        f"{name:34}{outcome.accuracy:9.4f}{shown:>22}{row.verdict:>10}{outcome.samples:8.2f}{tokens:8.0f}"
        f"{parts}  {written(given)}"
    )


def rivals(side: Sides, budget: int, say: Say) -> None:
    """Tokens beside Adaptive-Consistency and ESC that are tuned to be as accurate."""
    say(f"\n## Tokens at equal accuracy ({side.name}): each baseline's cheapest setting that is as accurate as the")
    say("strategy on the calibration split, else its most accurate one (marked -); paired on the test split")
    say(f"{'strategy':34}{'baseline':24}{'difference':>22}{'tokens':>24}{'samples':>8}")
    for name in ("grace_es", "confidence_gated_self_consistency", "reasc", "cges", "cges_cost"):
        found = matched(
            side.fit,
            side.test,
            tuned(CATALOG[name]),
            [CATALOG[baseline] for baseline in BASELINES],
            settings=replace(settings(budget), margin=0.0),
        )
        for one in found:
            diff = one.difference
            ratio, (low, high) = diff.tokens_ratio or np.nan, diff.tokens_ratio_ci or (np.nan, np.nan)
            mark = "" if one.reached else " -"
            say(
                f"{name:34}{one.baseline + mark:24}{points(diff.accuracy_diff, diff.accuracy_diff_ci):>22}"
                f"{f'{ratio:.2f} [{low:.2f}, {high:.2f}]':>24}{diff.samples_ratio:8.2f}"
            )


def pruning(side: Sides, budget: int, say: Say) -> None:
    """Draws ended in flight: by the confidence trace, and by DeepConf's groups."""
    say(f"\n## In flight ({side.name}): draws ended at a step of low confidence, against the same vote of whole draws,")
    say("and DeepConf on the same questions")
    groups: list[tuple[Method, list[Method]]] = [
        (CATALOG["grace_sc"], [CATALOG["confidence_pruned_voting"]]),
        (tuned(CATALOG["cges"]), [CATALOG["confidence_pruned_cges"]]),
        (
            CATALOG["self_consistency"],
            [
                CATALOG["deepconf_offline"],
                *(with_defaults(CATALOG["deepconf_online"], eta=eta) for eta in (90.0, 50.0, 10.0)),
            ],
        ),
    ]
    for reference, others in groups:
        methods = [reference, *others]
        params, outcomes = play_fitted(side.fit, side.test, methods, budget=budget, margin=-CAUTION)
        show(side, methods, params, outcomes, budget, say)
    say("the whole sweep of the bar, votes of all samples (nothing chosen):")
    bars = CATALOG["confidence_pruned_voting"].sweep["bar"]
    methods = [CATALOG["grace_sc"], *(with_defaults(CATALOG["confidence_pruned_voting"], bar=bar) for bar in bars)]
    plain = [replace(method, objective=None) for method in methods]
    params, outcomes = play_fitted(side.fit, side.test, plain, budget=budget, margin=MARGIN)
    show(side, plain, [method.params for method in plain], outcomes, budget, say)


def show(
    side: Sides,
    methods: Sequence[Method],
    params: Sequence[Mapping[str, Any]],
    outcomes: Sequence[Outcome],
    budget: int,
    say: Say,
) -> None:
    """Strategies with what they cost, against the first."""
    say(f"{'strategy':36}{'accuracy':>9}{'difference':>22}{'samples':>8}{'tokens':>8}{'of the vote':>24}  setting")
    compared = against(side.test.comparison(settings(budget)), outcomes, 0)
    for method, given, outcome, row in zip(methods, params, outcomes, compared, strict=True):
        assert outcome.tokens is not None
        ratio, (low, high) = row.tokens_ratio, row.tokens_ratio_ci
        reference = row.verdict == "reference"
        shown = "" if reference else points(row.accuracy_diff, row.accuracy_diff_ci)
        share = "" if reference else f"{ratio:.2f} [{low:.2f}, {high:.2f}]"
        head = f"{method.name:36}{outcome.accuracy:9.4f}{shown:>22}{outcome.samples:8.2f}"
        say(f"{head}{outcome.mean_tokens:8.0f}{share:>24}  {written({**method.params, **given})}")


def tuned(method: Method) -> Method:
    """The method with its sweep fitted for cost, where the catalogue keeps a published default."""
    return method if method.objective or not method.sweep or method.learn else replace(method, objective="cost")


def with_defaults(method: Method, **params: Any) -> Method:
    """The method with other defaults, and nothing fitted."""
    return replace(method, params={**method.params, **params}, objective=None)


def points(diff: float, interval: tuple[float, float]) -> str:
    """A difference of accuracies in points."""
    return f"{100 * diff:+.1f} [{100 * interval[0]:+.1f}, {100 * interval[1]:+.1f}]"


def written(params: Mapping[str, Any]) -> str:
    """The numbers among parameters."""
    return " ".join(f"{key}={value:g}" for key, value in params.items() if isinstance(value, int | float))
