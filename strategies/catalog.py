"""The catalogue: each published method by its own name, with its source, its parameters and the grid they are swept on.

A row is a recipe ``(budget, parameters) -> strategy``. Parameters that a paper fixes have its value; parameters it
leaves open are fitted on questions that are not scored. Grids run from the most cautious setting to the boldest, so
that the first of equally good settings is the most cautious.
"""

from __future__ import annotations

from collections.abc import Callable

from strategies import learn
from strategies.certificates import PPR, Certified, CertifiedWeighted, MajorityMartingale
from strategies.deepconf import DeepConfOffline, DeepConfOnline
from strategies.method import (
    BARS,
    COSTS_PER_DRAW,
    EPSILONS,
    ETAS,
    LEVELS,
    PRIORS,
    SIZES,
    TAUS,
    TEMPERATURES,
    Array,
    Method,
    Params,
)
from strategies.spec import unknown
from strategies.stopping import (
    Beta,
    Confident,
    Dirichlet,
    Gate,
    Never,
    Posterior,
    Reservation,
    SamplingCost,
    Share,
    StoppingRule,
    Unanimous,
)
from strategies.vote import Select, Vote
from strategies.weighting import Linear, LogOdds, SoftCount, Softmax, Uniform, Weighting
from tts.scorers.trace_scores import WINDOW

__all__ = ["CATALOG", "METHODS", "Method", "method"]


def _vote(
    name: str,
    *,
    weighting: Callable[[Params], Weighting] = lambda p: Uniform(),
    stop: Callable[[Params], tuple[StoppingRule, ...]] = lambda p: (Never(),),
    select: Select = "vote",
    prune: Callable[[Params], float | None] = lambda p: None,
) -> Callable[[int, Params], Vote]:
    def recipe(budget: int, params: Params) -> Vote:
        return Vote(name, budget, weighting(params), stop(params), select, prune(params))

    return recipe


def _teach_reasc(confidence: Array, correct: Array, params: Params) -> Params:
    gate = learn.gate_for_precision(confidence, correct, params["precision"])
    return {"gate": gate, **learn.standardisation(confidence)}


def _teach_pandora(confidence: Array, correct: Array, params: Params) -> Params:
    return {"value": learn.reservation_value(confidence, params["cost"])}


METHODS: tuple[Method, ...] = (
    Method(
        "first_sample",
        "baseline",
        "The first sample's answer.",
        lambda budget, p: Vote("first_sample", 1),
    ),
    Method(
        "self_consistency",
        "Wang et al. 2203.11171",
        "The most frequent answer of all samples.",
        _vote("self_consistency"),
        sweep={"budget": SIZES},
    ),
    Method(
        "confidence_weighted_voting",
        "this framework",
        "Weighted vote; the weighting (linear, softmax or log-odds) fitted.",
        _vote("confidence_weighted_voting", weighting=lambda p: p["weighting"]),
        params={"weighting": Linear()},
        sweep={
            "weighting": (
                Softmax(2.0),
                Linear(),
                *(Softmax(t) for t in (0.5, 0.2, 0.1, 0.05)),
                LogOdds(),
                *(LogOdds(prior) for prior in PRIORS),
            )
        },
        fit="accuracy",
    ),
    Method(
        "early_stopped_best_of_n",
        "this framework",
        "Best-of-N that stops at the first sample whose confidence reaches a fitted value.",
        _vote("early_stopped_best_of_n", stop=lambda p: (Reservation(p["value"]),), select="best"),
        params={"value": 0.9},
        sweep={"value": TAUS},
        fit="cost",
    ),
    Method(
        "confidence_gated_self_consistency",
        "this framework",
        "Stops on one sample over the gate, else once the confidence-weighted vote is decided; both fitted.",
        _vote(
            "confidence_gated_self_consistency",
            weighting=lambda p: Linear(),
            stop=lambda p: (Confident(p["gate"]), Beta(p["level"])),
        ),
        params={"gate": 0.95, "level": 0.95},
        sweep={"gate": (1.0, 0.99, 0.97, 0.95, 0.9, 0.85, 0.8, 0.7), "level": (0.99, 0.95, 0.9, 0.8)},
        fit="cost",
    ),
    Method(
        "confidence_pruned_voting",
        "this framework",
        "Votes weighted by confidence; a draw ends at the first step whose running confidence is below a fitted bar.",
        _vote("confidence_pruned_voting", weighting=lambda p: Linear(), prune=lambda p: p["bar"]),
        params={"bar": 0.05},
        sweep={"bar": BARS},
        fit="tokens",
    ),
    Method(
        "confidence_pruned_cges",
        "this framework",
        "CGES whose draws end at the first step with running confidence below a bar; gamma and bar fitted.",
        _vote(
            "confidence_pruned_cges",
            weighting=lambda p: LogOdds(),
            stop=lambda p: (Posterior(p["gamma"]),),
            prune=lambda p: p["bar"],
        ),
        params={"bar": 0.05, "gamma": 0.95},
        sweep={"bar": BARS, "gamma": (0.99, 0.95, 0.9, 0.8)},
        fit="tokens",
    ),
    Method(
        "best_of_n",
        "baseline",
        "The answer of the most confident sample.",
        _vote("best_of_n", select="best"),
        sweep={"budget": SIZES},
    ),
    Method(
        "grace_sc",
        "GrACE 2509.09438",
        "Votes weighted by confidence.",
        _vote("grace_sc", weighting=lambda p: Linear()),
        sweep={"budget": SIZES},
    ),
    Method(
        "grace_es",
        "GrACE 2509.09438",
        "Returns the first sample with confidence over tau (fitted), else votes weighted by confidence.",
        _vote("grace_es", weighting=lambda p: Linear(), stop=lambda p: (Confident(p["tau"]),)),
        params={"tau": 0.7},
        sweep={"tau": TAUS},
        fit="cost",
    ),
    Method(
        "grace_es_ltt",
        "GrACE 2509.09438 + Learn then Test 2110.01052",
        "GrACE-ES whose tau is certified to lose at most alpha against self-consistency; at tau = 1 it is that.",
        _vote(
            "grace_es_ltt",
            weighting=lambda p: Linear() if p["tau"] < 1.0 else Uniform(),
            stop=lambda p: (Confident(p["tau"]),),
        ),
        params={"tau": 1.0, "alpha": 0.02, "delta": 0.1},
        sweep={"tau": (1.0, *TAUS)},
        fit="risk",
    ),
    Method(
        "cisc",
        "CISC 2502.06233",
        "Votes weighted by softmax(confidence / T), T fitted.",
        _vote("cisc", weighting=lambda p: Softmax(p["temperature"])),
        params={"temperature": 1.0},
        sweep={"temperature": TEMPERATURES},
        fit="accuracy",
    ),
    Method(
        "log_odds_vote",
        "Kuang et al. 2510.13918",
        "Votes weighted by logit(confidence) - logit(prior), prior fitted; weights may be negative.",
        _vote("log_odds_vote", weighting=lambda p: LogOdds(p["prior"])),
        params={"prior": 0.5},
        sweep={"prior": PRIORS},
        fit="accuracy",
    ),
    Method(
        "adaptive_consistency",
        "Aggarwal et al. 2305.11860",
        "Stops once P(leader beats runner-up) reaches the level, Beta rule.",
        _vote("adaptive_consistency", stop=lambda p: (Beta(p["level"]),)),
        params={"level": 0.95},
        sweep={"level": LEVELS},
    ),
    Method(
        "adaptive_consistency_dirichlet",
        "Aggarwal et al. 2305.11860",
        "Stops once P(leader is the most probable answer) reaches the level, exact Dirichlet rule.",
        _vote("adaptive_consistency_dirichlet", stop=lambda p: (Dirichlet(p["level"]),)),
        params={"level": 0.95},
        sweep={"level": LEVELS},
    ),
    Method(
        "esc",
        "ESC 2401.10480",
        "Stops at the first unanimous window.",
        _vote("esc", stop=lambda p: (Unanimous(p["window"]),)),
        params={"window": 5},
        sweep={"window": (8, 7, 6, 5, 4, 3, 2)},
    ),
    Method(
        "cats_asc",
        "Self-Calibration 2503.00031",
        "Stops once the leader's share of all confidence reaches tau (fitted), from the second sample on.",
        _vote("cats_asc", weighting=lambda p: Linear(), stop=lambda p: (Share(p["tau"]),)),
        params={"tau": 0.8},
        sweep={"tau": (1.0, *TAUS)},
        fit="cost",
    ),
    Method(
        "reasc",
        "ReASC 2601.02970",
        "Accepts a first sample over a learned gate, else stops by the Beta rule on soft counts.",
        _vote(
            "reasc",
            weighting=lambda p: SoftCount(p["strength"], p["mean"], p["scale"]),
            stop=lambda p: (Gate(p["gate"]), Beta(p["level"])),
        ),
        params={"strength": 0.7, "level": 0.95, "precision": 0.9},
        sweep={"level": LEVELS},
        teach=_teach_reasc,
    ),
    Method(
        "cges",
        "CGES 2511.02603",
        "Bayesian vote; stops once the leader's posterior reaches gamma.",
        _vote("cges", weighting=lambda p: LogOdds(), stop=lambda p: (Posterior(p["gamma"]),)),
        params={"gamma": 0.95},
        sweep={"gamma": (0.9999, *LEVELS, 0.6)},
    ),
    Method(
        "cges_cost",
        "after CGES 2511.02603, Kuang et al. 2510.13918",
        "CGES with a fixed prior; stops once P(wrong) is below a cost that rises with the draws; both fitted.",
        _vote("cges_cost", weighting=lambda p: LogOdds(p["prior"]), stop=lambda p: (SamplingCost(p["cost_per_draw"]),)),
        params={"prior": 0.05, "cost_per_draw": 0.005},
        sweep={"cost_per_draw": COSTS_PER_DRAW, "prior": PRIORS[::-1]},
        fit="cost",
    ),
    Method(
        "ppr_1v1",
        "Jain et al. 2109.05047",
        "Certifies the mode: prior-posterior ratio of leader against runner-up; categories assumed known.",
        _vote("ppr_1v1", stop=lambda p: (PPR(p["delta"], p["categories"]),)),
        params={"delta": 0.05, "categories": 10},
        sweep={"delta": EPSILONS},
    ),
    Method(
        "martingale_majority",
        "Cordero-Encinar & Duncan 2510.17472",
        "Certifies the majority: two e-processes, leader against runner-up and against all others.",
        _vote("martingale_majority", stop=lambda p: (MajorityMartingale(p["epsilon"]),)),
        params={"epsilon": 0.05},
        sweep={"epsilon": EPSILONS},
    ),
    Method(
        "certified_self_consistency",
        "after CITE 2605.05873",
        "Certifies the mode among unknown answers: data-driven intersection-union rule.",
        _vote("certified_self_consistency", stop=lambda p: (Certified(p["epsilon"]),)),
        params={"epsilon": 0.05},
        sweep={"epsilon": EPSILONS},
    ),
    Method(
        "certified_weighted",
        "after CITE 2605.05873",
        "Certifies the confidence-weighted mode by betting.",
        _vote("certified_weighted", weighting=lambda p: Linear(), stop=lambda p: (CertifiedWeighted(p["epsilon"]),)),
        params={"epsilon": 0.05},
        sweep={"epsilon": EPSILONS},
    ),
    Method(
        "pandora",
        "Kalayci et al. 2510.01394",
        "Best-of-N that stops at the reservation value for a cost a draw, scores' distribution learned.",
        _vote("pandora", stop=lambda p: (Reservation(p["value"]),), select="best"),
        params={"cost": 0.01},
        sweep={"cost": (0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)},
        teach=_teach_pandora,
    ),
    Method(
        "deepconf_offline",
        "DeepConf 2508.15260",
        "Keeps the eta % most confident traces and weighs their votes by it.",
        lambda budget, p: DeepConfOffline("deepconf_offline", budget, **p),
        params={"eta": 50.0, "metric": "bottom10", "window": WINDOW},
        sweep={"eta": ETAS},
    ),
    Method(
        "deepconf_online",
        "DeepConf 2508.15260",
        "Stops traces that fall below a bar learned on a warm-up, and all once the weighted vote agrees.",
        lambda budget, p: DeepConfOnline("deepconf_online", budget, **p),
        params={"warmup": 8, "eta": 90.0, "tau": 0.95, "metric": "lowest", "window": WINDOW},
        sweep={"eta": ETAS},
    ),
    Method(
        "oracle",
        "control",
        "Stops at the first right sample: what a perfect scorer would do.",
        _vote("oracle", stop=lambda p: (Reservation(1.0),), select="best"),
        scores="oracle",
    ),
    Method(
        "random",
        "control",
        "Best-of-N with scores that know nothing.",
        _vote("random", select="best"),
        scores="random",
    ),
)

CATALOG: dict[str, Method] = {method.name: method for method in METHODS}


def method(name: str) -> Method:
    """The catalogue's row of this name.

    Raises:
        InputError: no such row; the sentence lists all names.
    """
    if name not in CATALOG:
        raise unknown("strategy", name, CATALOG)
    return CATALOG[name]
