"""Rows that stop sampling early, by votes, by confidences or by both; certified ones have a module of their own."""

from __future__ import annotations

from strategies import learn
from strategies.catalog.recipe import PRIORS, vote
from strategies.method import Array, Method, Params
from strategies.stopping import (
    Beta,
    Confident,
    Dirichlet,
    Gate,
    Posterior,
    Reservation,
    SamplingCost,
    Share,
    Unanimous,
)
from strategies.weighting import Linear, LogOdds, SoftCount, Uniform

TAUS = (0.995, 0.99, 0.98, 0.97, 0.95, 0.925, 0.9, 0.875, 0.85, 0.8, 0.75, 0.7, 0.6, 0.5)
LEVELS = (0.999, 0.995, 0.99, 0.975, 0.95, 0.925, 0.9, 0.85, 0.8, 0.7)
COSTS_PER_DRAW = (
    *(0.0001, 0.0003, 0.001, 0.002, 0.003, 0.004, 0.005, 0.0065, 0.008),
    *(0.01, 0.0125, 0.015, 0.02, 0.03, 0.05, 0.08, 0.12),
)


def _learn_reasc(confidence: Array, correct: Array, params: Params) -> Params:
    gate = learn.gate_for_precision(confidence, correct, params["precision"])
    return {"gate": gate, **learn.standardisation(confidence)}


def _learn_pandora(confidence: Array, correct: Array, params: Params) -> Params:
    return {"value": learn.reservation_value(confidence, params["cost"])}


METHODS = (
    Method(
        "early_stopped_best_of_n",
        "this framework",
        "Best-of-N that stops at the first sample with at least a fitted confidence.",
        vote(stop=lambda p: Reservation(p["value"]), select="best"),
        params={"value": 0.9},
        sweep={"value": TAUS},
        objective="cost",
    ),
    Method(
        "pandora",
        "Kalayci et al. 2510.01394",
        "Best-of-N that stops at the reservation value for a cost per draw; the distribution of scores is learned.",
        vote(stop=lambda p: Reservation(p["value"]), select="best"),
        params={"cost": 0.01},
        sweep={"cost": (0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)},
        learn=_learn_pandora,
    ),
    Method(
        "grace_es",
        "GrACE 2509.09438",
        "Returns the first sample with confidence over tau (fitted), else weights votes by confidence.",
        vote(weighting=lambda p: Linear(), stop=lambda p: Confident(p["tau"])),
        params={"tau": 0.7},
        sweep={"tau": TAUS},
        objective="cost",
    ),
    Method(
        "grace_es_ltt",
        "GrACE 2509.09438 + Learn then Test 2110.01052",
        "GrACE-ES with a tau that is certified to lose at most alpha against self-consistency, which is tau = 1.",
        vote(
            weighting=lambda p: Linear() if p["tau"] < 1.0 else Uniform(),
            stop=lambda p: Confident(p["tau"]),
        ),
        params={"tau": 1.0, "alpha": 0.02, "delta": 0.1},
        sweep={"tau": (1.0, *TAUS)},
        objective="risk",
    ),
    Method(
        "confidence_gated_self_consistency",
        "this framework",
        "Stops on one sample over the gate, else once the confidence-weighted vote is decided; both are fitted.",
        vote(weighting=lambda p: Linear(), stop=lambda p: (Confident(p["gate"]), Beta(p["level"]))),
        params={"gate": 0.95, "level": 0.95},
        sweep={"gate": (1.0, 0.99, 0.97, 0.95, 0.9, 0.85, 0.8, 0.7), "level": (0.99, 0.95, 0.9, 0.8)},
        objective="cost",
    ),
    Method(
        "adaptive_consistency",
        "Aggarwal et al. 2305.11860",
        "Stops once P(leader beats runner-up) reaches the level, by the Beta rule.",
        vote(stop=lambda p: Beta(p["level"])),
        params={"level": 0.95},
        sweep={"level": LEVELS},
    ),
    Method(
        "adaptive_consistency_dirichlet",
        "Aggarwal et al. 2305.11860",
        "Stops once P(leader is the most probable answer) reaches the level, by the exact Dirichlet rule.",
        vote(stop=lambda p: Dirichlet(p["level"])),
        params={"level": 0.95},
        sweep={"level": LEVELS},
    ),
    Method(
        "esc",
        "ESC 2401.10480",
        "Stops at the first unanimous window.",
        vote(stop=lambda p: Unanimous(p["window"])),
        params={"window": 5},
        sweep={"window": (8, 7, 6, 5, 4, 3, 2)},
    ),
    Method(
        "cats_asc",
        "Self-Calibration 2503.00031",
        "Stops once the leader's share of all confidence reaches tau (fitted), from the second sample on.",
        vote(weighting=lambda p: Linear(), stop=lambda p: Share(p["tau"])),
        params={"tau": 0.8},
        sweep={"tau": (1.0, *TAUS)},
        objective="cost",
    ),
    Method(
        "reasc",
        "ReASC 2601.02970",
        "Accepts a first sample over a learned gate, else stops by the Beta rule on soft counts.",
        vote(
            weighting=lambda p: SoftCount(p["strength"], p["mean"], p["scale"]),
            stop=lambda p: (Gate(p["gate"]), Beta(p["level"])),
        ),
        params={"strength": 0.7, "level": 0.95, "precision": 0.9},
        sweep={"level": LEVELS},
        learn=_learn_reasc,
    ),
    Method(
        "cges",
        "CGES 2511.02603",
        "Bayesian vote that stops once the leader's posterior reaches gamma.",
        vote(weighting=lambda p: LogOdds(), stop=lambda p: Posterior(p["gamma"])),
        params={"gamma": 0.95},
        sweep={"gamma": (0.9999, *LEVELS, 0.6)},
    ),
    Method(
        "cges_cost",
        "after CGES 2511.02603, Kuang et al. 2510.13918",
        "CGES with a fixed prior; stops once P(wrong) is below a cost that rises with the draws; both are fitted.",
        vote(weighting=lambda p: LogOdds(p["prior"]), stop=lambda p: SamplingCost(p["cost_per_draw"])),
        params={"prior": 0.05, "cost_per_draw": 0.005},
        sweep={"cost_per_draw": COSTS_PER_DRAW, "prior": PRIORS[::-1]},
        objective="cost",
    ),
)
