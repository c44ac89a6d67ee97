"""Rows that end a draw early where its running confidence is low."""

from __future__ import annotations

from strategies.catalog.recipe import vote
from strategies.method import Method
from strategies.stopping import Posterior
from strategies.weighting import Linear, LogOdds

BARS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)

METHODS = (
    Method(
        "confidence_pruned_voting",
        "this framework",
        "Weights votes by confidence; a draw ends at the first step with running confidence below a fitted bar.",
        vote(weighting=lambda p: Linear(), prune=lambda p: p["bar"]),
        params={"bar": 0.05},
        sweep={"bar": BARS},
        objective="tokens",
    ),
    Method(
        "confidence_pruned_cges",
        "this framework",
        "CGES with draws that end at the first step with running confidence below a bar; gamma and bar are fitted.",
        vote(weighting=lambda p: LogOdds(), stop=lambda p: Posterior(p["gamma"]), prune=lambda p: p["bar"]),
        params={"bar": 0.05, "gamma": 0.95},
        sweep={"bar": BARS, "gamma": (0.99, 0.95, 0.9, 0.8)},
        objective="tokens",
    ),
)
