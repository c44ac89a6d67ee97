"""Prices: prompt tokens by the position of a draw, generated tokens as replayed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evals.comparison.price import mean_cost
from evals.config import PriceConfig
from evals.replay.arrays import PoolArrays
from evals.replay.replay import replay
from evals.replay.synthetic import synthetic_pool
from evals.replay.vectorised import Candidate
from strategies.stopping import Unanimous
from strategies.vote import Vote
from tts.errors import InputError

ARRAYS = PoolArrays.of(synthetic_pool(questions=2, samples=3))


def test_a_replay_pays_the_prompt_of_its_first_draws_and_what_it_generates() -> None:
    prompt, cached = np.array([[100.0, 0.0, 0.0]] * 2), np.array([[0.0, 100.0, 100.0]] * 2)
    arrays = replace(ARRAYS, tokens=np.full((2, 3), 10.0), prompt=prompt, cached=cached)
    orders = np.array([[[0, 1, 2], [2, 1, 0]]] * 2)
    one, three = replay(arrays, [Candidate(Vote("v", n)) for n in (1, 3)], orders, scores={})
    price = PriceConfig(prompt=4.0, cached=1.0, generated=8.0)
    assert mean_cost(one, price) == pytest.approx((400 + 80) / 1e6)
    assert mean_cost(three, price) == pytest.approx((600 + 240) / 1e6)
    agree = Candidate(Vote("agree", 3, stop=(Unanimous(2),)))
    labels = replace(arrays, labels=np.array([[0, 0, 1], [0, 1, 0]]), class_correct=np.ones((2, 2), dtype=bool))
    (mixed,) = replay(labels, [agree], orders, scores={})
    assert mixed.used.tolist() == [2 + 3, 3 + 3]
    assert mean_cost(mixed, price) == pytest.approx(np.mean([500 + 160, *[600 + 240] * 3]) / 1e6)
    assert mean_cost(mixed, PriceConfig()) is None
    with pytest.raises(InputError, match="prices need a pool that counts tokens"):
        mean_cost(replace(mixed, prompt=None), PriceConfig(generated=1.0))


def test_a_price_is_an_amount_of_money() -> None:
    with pytest.raises(InputError, match=r"price\.cached must be at least 0, got -1"):
        PriceConfig(cached=-1.0)
