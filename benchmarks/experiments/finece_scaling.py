"""Beams guided by FineCE: the part of `python -m benchmarks.experiments.finece` that plays strategies.

Beams that do not fork are replayed on the recorded samples, like every other strategy, under the same orders for all of
them; forks are drawn live, once a question. Settings are chosen on the calibration split.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.experiments.finece_beams import Guide, Played, drawn, replayed
from benchmarks.experiments.finece_guides import (
    fit_scale,
    oracle_confidence,
    random_confidence,
    random_guide,
    recorded_guide,
)
from benchmarks.experiments.finece_tables import (
    Row,
    Say,
    print_difference,
    print_header,
    print_row,
    row_of,
    row_of_replay,
)
from benchmarks.experiments.grace import majority
from benchmarks.experiments.grace_pools import with_scores
from benchmarks.experiments.grace_scaling import CAUTION, best_score, sides_of, tuned, written
from evals.comparison.matched import play_fitted
from evals.replay.rescore import fit_weights, rescored, stacked
from evals.tasks import TaskConfig, load_task
from strategies.beam import PrunedBeams
from strategies.catalog import CATALOG
from strategies.pruning import NoPruning, Resample
from strategies.stopping import SamplingCost
from strategies.weighting import LogOdds, Weighting
from tts.engines.config import EngineConfig
from tts.models.finece import read_card
from tts.pool import Pool
from tts.scorers.base import Calibrated, Scorer
from tts.scorers.controls import RandomScorer
from tts.scorers.finece import Finece
from tts.scorers.stacking.features import FINECE_FEATURES
from tts.scorers.stacking.stacked import StackedScorer
from tts.scorers.staged import Staged
from tts.types import STEP, Boundary

Floats = NDArray[np.float64]
FIT_ORDERS, ORDERS = 5, 20
BUDGETS = (1, 2, 4, 8)
SHAPES = ((1, 1), (1, 2), (2, 2), (2, 4), (4, 4), (4, 6), (4, 8))
"""Beams that a wave ends with, and that it begins with."""
PAUSES = {"first step": STEP, "20 tokens": Boundary("tokens", 20), "30 tokens": Boundary("tokens", 30)}
"""Boundaries at which half of the beams are pruned."""
TEMPERATURE = 0.2
"""Temperature of the resampling; not fitted."""
COSTS_PER_DRAW = (0.0001, 0.0003, 0.001, 0.002, 0.003, 0.005, 0.008, 0.0125, 0.02)


def scaling(
    fit: Pool, test: Pool, model: EngineConfig, say: Say, *, seed: int, grace: tuple[Pool, Pool], forks: bool
) -> None:
    """Play everything and print its tables; beams that fork only if ``forks``."""
    assert model.folder is not None
    card = read_card(model.folder)
    fit, test = (rescored(pool, "finece", answers="number") for pool in (fit, test))
    mine = tuple(rescored(pool, "grace", answers="number") for pool in _same(grace, (fit, test)))
    weights = fit_weights(fit, features=FINECE_FEATURES)
    stack = stacked(fit, features=FINECE_FEATURES), with_scores(test, lambda samples: weights.score(samples))
    sides = {
        "finece": sides_of("finece", fit, test, budget=16),
        "finece stack": sides_of("finece stack", *stack, budget=16, platt=False),
        "grace": sides_of("grace", mine[0], mine[1], budget=16),
    }
    chosen = best_score({name: side for name, side in sides.items() if name != "grace"}, say)
    scale = fit_scale(fit)
    ended: Scorer = Calibrated(Finece(card), scale)
    guide = recorded_guide(scale)
    if chosen == "finece stack":
        (fit, test), ended = stack, StackedScorer(weights, values=card.tokens)
        guide = recorded_guide(scale, recorded=True)
    plain = CATALOG["self_consistency"]
    _, (reference,) = play_fitted(sides["finece"].fit, sides["finece"].test, [plain], budget=16, margin=0.0)
    whole = row_of_replay("self-consistency at 16", reference)
    prior = _votes(sides, chosen, whole, say)
    _ladder(fit, test, guide, LogOdds(prior), whole, say)
    best = _fitted(fit, guide, prior, say)
    _headline(test, guide, best, whole, say)
    if forks:
        _forked(model, Calibrated(Finece(card), scale), ended, prior, (fit, test), seed, whole, say)


def _same(given: tuple[Pool, Pool], like: tuple[Pool, Pool]) -> tuple[Pool, Pool]:
    """Return pools with the questions of other pools."""
    out = []
    for pool, other in zip(given, like, strict=True):
        known = {entry.problem.id: entry for entry in pool.entries}
        out.append(replace(pool, entries=tuple(known[entry.problem.id] for entry in other.entries)))
    return out[0], out[1]


def _votes(sides: Mapping[str, Any], chosen: str, whole: Row, say: Say) -> float:
    """Print rules on whole samples for each scorer; return the prior of the chosen scorer's fitted vote."""
    say(
        "\n## Whole samples: rules with FineCE's and with GrACE's confidence of the end, settings the cheapest that are"
    )
    say(f"{100 * CAUTION:g} points above self-consistency at 16 on the calibration split")
    print_header(say)
    print_row(whole, whole, say)
    prior = 0.1
    names = ("cisc", "log_odds_vote", "grace_es", "cges_cost", "adaptive_consistency", "esc")
    for score, side in sides.items():
        methods = [tuned(CATALOG[name]) for name in names if score != "grace" or name in ("grace_es", "cges_cost")]
        params, outcomes = play_fitted(side.fit, side.test, methods, budget=16, margin=-CAUTION)
        for method, given, outcome in zip(methods, params, outcomes, strict=True):
            if score == chosen and method.name == "log_odds_vote":
                prior = float(given["prior"])
            counting = method.name in ("adaptive_consistency", "esc")
            name = method.name if counting else f"{method.name}, {score}"
            print_row(row_of_replay(name, outcome, written(given)), whole, say)
    return prior


def _ladder(fit: Pool, test: Pool, guide: Guide, weighting: Weighting, whole: Row, say: Say) -> None:
    """Print beams that halve their width once, guided and with controls, at several budgets."""

    def halved(budget: int, until: Boundary) -> PrunedBeams:
        return PrunedBeams(
            "halved", width=budget, start_width=2 * budget, budget=budget, pruner=NoPruning(), max_checks=1, fork=False,
            weighting=weighting, until=until,
        )  # fmt: skip

    say("\n## Beams by budget, no fork, replayed: 2 B begun, judged once, the B most confident go on, a log-odds vote;")
    say("guided by FineCE, by random numbers, the vote being FineCE's (random) or not (all random), or by one who")
    say("knows how each beam ends (oracle). Where they are judged, on the calibration split: mean accuracy and tokens")
    say("over the budgets; * the most accurate, which is taken")
    pauses = {}
    for name, until in PAUSES.items():
        found = [replayed(halved(budget, until), fit, guide, orders=FIT_ORDERS) for budget in BUDGETS]
        pauses[name] = np.mean([p.correct.mean() for p in found]), np.mean([p.tokens.mean() for p in found])
    best = max(pauses, key=lambda name: pauses[name][0])
    for name, (accuracy, tokens) in pauses.items():
        say(f"{'*' if name == best else ' '} {name:16}{accuracy:.4f}{tokens:8.0f}")
    print_header(say)
    print_row(whole, whole, say)
    for budget in BUDGETS:
        rows = {}
        judges = (
            ("finece", guide),
            ("random", random_guide(guide)),
            ("all random", random_confidence),
            ("oracle", oracle_confidence),
        )
        for name, judge in judges:
            played = replayed(halved(budget, PAUSES[best]), test, judge, orders=ORDERS)
            rows[name] = row_of(f"{budget} of {2 * budget}, {name}", played)
            print_row(rows[name], whole, say)
        votes = replace(halved(budget, PAUSES[best]), start_width=None)
        print_row(row_of(f"{budget}, none pruned, finece", replayed(votes, test, guide, orders=ORDERS)), whole, say)
        for control in ("random", "all random"):
            print_difference(f"{budget} of {2 * budget}: finece minus {control}", rows["finece"], rows[control], say)


def _fitted(fit: Pool, guide: Guide, prior: float, say: Say) -> PrunedBeams:
    """Return the cheapest beams that beat self-consistency at 16 on the calibration split by the margin."""
    goal = float(np.mean(majority(fit)))
    say(f"\n## Shapes and prices on the calibration split (self-consistency at 16: {goal:.4f}): tokens of the cheapest")
    say(f"setting that is {100 * CAUTION:g} points above it; * the one that is taken")
    found = []
    for (width, begin), price in itertools.product(SHAPES, COSTS_PER_DRAW):
        strategy = PrunedBeams(
            f"{width} of {begin}", width=width, start_width=begin, budget=16 * width // begin, pruner=NoPruning(),
            max_checks=1, fork=False, weighting=LogOdds(prior), stop=(SamplingCost(price),),
        )  # fmt: skip
        found.append((strategy, replayed(strategy, fit, guide, orders=FIT_ORDERS)))
    return _cheapest(found, goal, say)


def _cheapest(found: Sequence[tuple[PrunedBeams, Played]], goal: float, say: Say) -> PrunedBeams:
    """Print the cheapest good strategy under each name; return the cheapest good one of all."""
    numbers = [(one, float(played.correct.mean()), float(played.tokens.mean())) for one, played in found]
    good = [one for one in numbers if one[1] >= goal + CAUTION]

    def pick(some: list[tuple[PrunedBeams, float, float]]) -> tuple[PrunedBeams, float, float]:
        mine = [one for one in some if one in good]
        return min(mine, key=lambda one: one[2]) if mine else max(some, key=lambda one: one[1])

    best = pick(numbers)
    for name in dict.fromkeys(one[0].name for one in numbers):
        mine = pick([one for one in numbers if one[0].name == name])
        mark = "*" if mine is best else " " if mine in good else "-"
        say(f"{mark} {name}: price {_price(mine[0]):g}, accuracy {mine[1]:.4f}, {mine[2]:.0f} tokens")
    say("- none of its settings is so accurate: the most accurate one")
    return best[0]


def _price(strategy: PrunedBeams) -> float:
    (rule,) = strategy.stop
    assert isinstance(rule, SamplingCost)
    return rule.cost_per_draw


def _headline(test: Pool, guide: Guide, best: PrunedBeams, whole: Row, say: Say) -> None:
    """Print the fitted beams, their controls, and the whole sweep of their price."""
    say(f"\n## The fitted beams on the test split: {best.name} a wave, price {_price(best):g}")
    print_header(say)
    print_row(whole, whole, say)
    rows = {}
    pruning = {"random": random_guide(guide)} if best.start_width != best.width else {}
    for name, judge in {
        "finece": guide,
        **pruning,
        "all random": random_confidence,
        "oracle": oracle_confidence,
    }.items():
        rows[name] = row_of(f"fitted beams, {name}", replayed(best, test, judge, orders=ORDERS))
        print_row(rows[name], whole, say)
    for control in (*pruning, "all random"):
        print_difference(f"fitted: finece minus {control}", rows["finece"], rows[control], say)
    say("the whole sweep of the price (nothing chosen):")
    for price in COSTS_PER_DRAW:
        strategy = replace(best, stop=(SamplingCost(price),))
        print_row(row_of(f"price {price:g}", replayed(strategy, test, guide, orders=ORDERS)), whole, say)


def _forked(
    model: EngineConfig,
    guide: Scorer,
    ended: Scorer,
    prior: float,
    pools: tuple[Pool, Pool],
    seed: int,
    whole: Row,
    say: Say,
) -> None:
    """Print beams that are resampled at their first steps, drawn live, once a question."""
    fit, test = pools
    goal = float(np.mean(majority(fit)))
    watching = replace(model, seed=1)  # other draws than the recorded ones
    say("\n## Beams that fork, drawn live once a question: 4 in play, resampled after each of their first 3 steps with")
    say(f"temperature {TEMPERATURE:g}, two waves. Price on the calibration split (self-consistency at 16: {goal:.4f}):")
    plain = PrunedBeams(
        "resampled", width=4, budget=8, pruner=Resample(TEMPERATURE), max_checks=3, weighting=LogOdds(prior)
    )
    stopped = [replace(plain, stop=(SamplingCost(price),)) for price in COSTS_PER_DRAW]
    task = load_task(TaskConfig(split="calibration", questions=len(fit.entries), seed=seed))
    run = drawn(plain, task, watching, Staged(guide, ended))
    best = _cheapest([(strategy, run.played(strategy)) for strategy in stopped], goal, say)
    say(f"\non the test split, by budget and with the fitted price {_price(best):g}; random guides and FineCE votes")
    print_header(say)
    print_row(whole, whole, say)
    task = load_task(TaskConfig(split="test", questions=len(test.entries), seed=seed))
    runs = {
        name: drawn(plain, task, watching, Staged(judge, ended))
        for name, judge in (("finece", guide), ("random", RandomScorer()))
    }
    playing = [(f"{budget} beams", replace(plain, budget=budget)) for budget in (4, 8)]
    for name, strategy in [*playing, ("fitted price", best)]:
        rows = {judge: row_of(f"{name}, {judge}", run.played(strategy)) for judge, run in runs.items()}
        for row in rows.values():
            print_row(row, whole, say)
        print_difference(f"{name}: finece minus random", rows["finece"], rows["random"], say)
    say("the whole sweep of the price (nothing chosen):")
    for price in COSTS_PER_DRAW:
        print_row(
            row_of(f"price {price:g}", runs["finece"].played(replace(plain, stop=(SamplingCost(price),)))), whole, say
        )
