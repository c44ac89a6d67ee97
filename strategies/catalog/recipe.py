"""The recipe that most rows share: a :class:`~strategies.vote.Vote` put together from parts."""

from __future__ import annotations

from collections.abc import Callable

from strategies.method import Params, Recipe
from strategies.stopping import Never, StoppingRule
from strategies.vote import Select, Vote
from strategies.weighting import Uniform, Weighting

PRIORS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
"""Priors of log-odds weights, for the rows that sweep them."""


def vote(
    *,
    weighting: Callable[[Params], Weighting] = lambda p: Uniform(),
    stop: Callable[[Params], StoppingRule | tuple[StoppingRule, ...]] = lambda p: Never(),
    select: Select = "vote",
    prune: Callable[[Params], float | None] = lambda p: None,
) -> Recipe:
    """Return the recipe of a vote; each part is a function of the row's parameters.

    Args:
        weighting: the weight of a vote.
        stop: one stopping rule, or several that are checked in order.
        select: "vote" for the answer with the highest score, "best" for that of the most confident sample.
        prune: the confidence below which a draw ends at a step.
    """

    def recipe(name: str, budget: int, params: Params) -> Vote:
        rules = stop(params)
        return Vote(
            name,
            budget,
            weighting(params),
            rules if isinstance(rules, tuple) else (rules,),
            select,
            prune(params),
        )

    return recipe
