"""Prices: prompt tokens by the position of a draw, generated tokens as replayed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evals.comparison.price import mean_cost
from evals.config import PriceConfig
from evals.replay.arrays import PoolArrays
from evals.replay.synthetic import synthetic_pool
from evals.replay.vectorised import Outcome
from tts.errors import InputError

ARRAYS = PoolArrays.of(synthetic_pool(questions=2, samples=3))


def test_a_replay_pays_the_prompt_of_its_first_draws_and_what_it_generates() -> None:
    used = np.array([[1, 3], [2, 2]], dtype=np.int16)
    empty = np.zeros((2, 2), dtype=bool)
    outcome = Outcome(correct=empty, used=used, abstained=empty, tokens=used * 10.0, rule=empty)
    prompt, cached = np.array([[100.0, 0.0, 0.0]] * 2), np.array([[0.0, 100.0, 100.0]] * 2)
    arrays = replace(ARRAYS, prompt=prompt, cached=cached)
    cost = mean_cost(arrays, outcome, PriceConfig(prompt=4.0, cached=1.0, generated=8.0))
    assert cost == pytest.approx(np.mean([400 + 80, 600 + 240, 500 + 160, 500 + 160]) / 1e6)
    assert mean_cost(arrays, outcome, PriceConfig()) is None
    with pytest.raises(InputError, match="prices need a pool that counts tokens"):
        mean_cost(replace(arrays, prompt=None), outcome, PriceConfig(generated=1.0))


def test_a_price_is_an_amount_of_money() -> None:
    with pytest.raises(InputError, match=r"price\.cached must be at least 0, got -1"):
        PriceConfig(cached=-1.0)
