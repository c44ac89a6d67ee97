"""The cost of a replayed strategy in money: prompt, cached and generated tokens at their prices."""

from __future__ import annotations

from evals.config import PriceConfig
from evals.replay.outcome import Outcome
from tts.errors import InputError

PER = 1_000_000
"""The number of tokens that a price is for."""


def mean_cost(outcome: Outcome, price: PriceConfig) -> float | None:
    """Return the mean cost of a question, None without prices.

    The i-th draw of a replay is charged the prompt tokens of the i-th recorded draw: a prompt is computed for the first
    draws and comes from the cache for the others, whichever samples they are.

    Args:
        outcome: of all questions.
        price: per million tokens.

    Raises:
        InputError: there are prices, and the pool counts no tokens.
    """
    if not price.given:
        return None
    if outcome.tokens is None or outcome.prompt is None or outcome.cached is None:
        raise InputError("prices need a pool that counts tokens: leave price out, or draw the pool with counts")
    generated = float(outcome.tokens.sum())
    paid = price.prompt * outcome.prompt + price.cached * outcome.cached + price.generated * generated
    return paid / outcome.decisions / PER
