"""Rows that draw distinct texts, from the branches that leave those drawn before; they are played live only."""

from __future__ import annotations

from strategies.mass.distinct import Distinct, Order
from strategies.method import Method, Params, Recipe

_PARAMS = {
    "share": 1.0,
    "start": 1,
    "width": 1,
    "alternatives": 20,
    "tokens": 0,
    "patience": 3,
    "least": 0.01,
    "boldness": 0.5,
    "level": 0.95,
}


def _recipe(order: Order) -> Recipe:
    def recipe(name: str, budget: int, params: Params) -> Distinct:
        return Distinct(name, budget, order, **{key: params[key] for key in _PARAMS})

    return recipe


METHODS = (
    Method(
        "distinct_best_first",
        "this framework",
        "As mass_certificate, but each draw continues from the most probable branch that no draw has taken.",
        _recipe("best_first"),
        params=_PARAMS,
    ),
    Method(
        "distinct_sampling",
        "Shi et al. 2002.09067",
        "As distinct_best_first with branches drawn in proportion to their mass: sampling without replacement.",
        _recipe("sampling"),
        params=_PARAMS,
    ),
)
