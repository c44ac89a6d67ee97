"""Rows of DeepConf, which reads top-k confidences from the trace and needs no scorer."""

from __future__ import annotations

from strategies.deepconf import DeepConfOffline, DeepConfOnline
from strategies.method import Method
from tts.scorers.trace_scores import WINDOW

ETAS = (90.0, 75.0, 50.0, 25.0, 10.0)

METHODS = (
    Method(
        "deepconf_offline",
        "DeepConf 2508.15260",
        "Keeps the eta % most confident traces and weights their votes by confidence.",
        lambda name, budget, p: DeepConfOffline(name, budget, **p),
        params={"eta": 50.0, "metric": "bottom10", "window": WINDOW},
        sweep={"eta": ETAS},
    ),
    Method(
        "deepconf_online",
        "DeepConf 2508.15260",
        "Stops traces below a bar that a warm-up sets, and stops sampling once the weighted vote agrees.",
        lambda name, budget, p: DeepConfOnline(name, budget, **p),
        params={"warmup": 8, "eta": 90.0, "tau": 0.95, "metric": "lowest", "window": WINDOW},
        sweep={"eta": ETAS},
    ),
)
