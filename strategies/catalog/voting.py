"""Rows that draw a fixed number of samples: baselines, votes by confidence, and best-of-N."""

from __future__ import annotations

from strategies.catalog.recipe import PRIORS, vote
from strategies.method import Method
from strategies.vote import Vote
from strategies.weighting import Linear, LogOdds, Softmax

SIZES = (*range(1, 17), 20, 24, 32, 40, 48, 64)

METHODS = (
    Method(
        "first_sample",
        "baseline",
        "Returns the answer of the first sample.",
        lambda name, budget, p: Vote(name, 1),
    ),
    Method(
        "self_consistency",
        "Wang et al. 2203.11171",
        "Returns the most frequent answer of all samples.",
        vote(),
        sweep={"budget": SIZES},
    ),
    Method(
        "confidence_weighted_voting",
        "this framework",
        "Weights votes by confidence; the weighting (linear, softmax or log-odds) is fitted.",
        vote(weighting=lambda p: p["weighting"]),
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
        objective="accuracy",
    ),
    Method(
        "best_of_n",
        "baseline",
        "Returns the answer of the most confident sample.",
        vote(select="best"),
        sweep={"budget": SIZES},
    ),
    Method(
        "grace_sc",
        "GrACE 2509.09438",
        "Weights votes by confidence.",
        vote(weighting=lambda p: Linear()),
        sweep={"budget": SIZES},
    ),
    Method(
        "cisc",
        "CISC 2502.06233",
        "Weights votes by softmax(confidence / T); T is fitted.",
        vote(weighting=lambda p: Softmax(p["temperature"])),
        params={"temperature": 1.0},
        sweep={"temperature": (5.0, 2.0, 1.0, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02)},
        objective="accuracy",
    ),
    Method(
        "log_odds_vote",
        "Kuang et al. 2510.13918",
        "Weights votes by logit(confidence) - logit(prior), which may be negative; the prior is fitted.",
        vote(weighting=lambda p: LogOdds(p["prior"])),
        params={"prior": 0.5},
        sweep={"prior": PRIORS},
        objective="accuracy",
    ),
)
