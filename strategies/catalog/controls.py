"""Controls: rows with scores that are perfect, or that carry no information."""

from __future__ import annotations

from strategies.catalog.recipe import vote
from strategies.method import Method
from strategies.stopping import Reservation

METHODS = (
    Method(
        "oracle",
        "control",
        "Stops at the first right sample, as with a perfect scorer.",
        vote(stop=lambda p: Reservation(1.0), select="best"),
        scores="oracle",
    ),
    Method(
        "random",
        "control",
        "Best-of-N with random scores.",
        vote(select="best"),
        scores="random",
    ),
)
