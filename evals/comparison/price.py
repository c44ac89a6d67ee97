"""The cost of a replayed strategy in money: prompt, cached and generated tokens at their prices."""

from __future__ import annotations

import numpy as np

from evals.config import PriceConfig
from evals.replay.arrays import PoolArrays
from evals.replay.vectorised import Outcome
from tts.errors import InputError

PER = 1_000_000
"""The number of tokens that a price is for."""


def mean_cost(arrays: PoolArrays, outcome: Outcome, price: PriceConfig) -> float | None:
    """Return the mean cost of a question, None without prices.

    The i-th draw of a replay is charged the prompt tokens of the i-th recorded draw: a prompt is computed for the first
    draws and comes from the cache for the others, whichever samples they are.

    Args:
        arrays: the pool.
        outcome: of all its questions.
        price: per million tokens.

    Raises:
        InputError: there are prices, and the pool counts no tokens.
    """
    if not price.given:
        return None
    if outcome.tokens is None or arrays.prompt is None or arrays.cached is None:
        raise InputError("prices need a pool that counts tokens: leave price out, or draw the pool with counts")
    prompts = np.nancumsum(price.prompt * arrays.prompt + price.cached * arrays.cached, axis=1)
    read = np.take_along_axis(prompts, outcome.used.astype(np.intp) - 1, axis=1)
    return float((read + price.generated * outcome.tokens).mean() / PER)
