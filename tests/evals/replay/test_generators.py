"""Replays of generators: the same decisions as in columns, for any strategy that stops or selects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evals.comparison.settings import Settings
from evals.comparison.table import compare
from evals.replay.arrays import PoolArrays
from evals.replay.synthetic import synthetic_pool
from evals.replay.vectorised import Candidate, Replayed, decide
from strategies.catalog import CATALOG, Method
from tests.evals.cases import permutations
from tts.errors import InputError
from tts.pool import Pool
from tts.strategy import BaseStrategy
from tts.types import Decision, Draw

POOL = synthetic_pool(questions=12, samples=10)


def by_generator(pool: Pool, method: Method, orders: Any, scores: dict[str, Any]) -> tuple[Replayed, Replayed]:
    """The same strategy in columns, and hidden in a class that nothing can play but as a generator."""

    class Hidden:
        def __init__(self, inner: Any) -> None:
            self.inner, self.name, self.budget = inner, inner.name, inner.budget
            self.requires = inner.requires

        def run(self, problem: Any) -> Any:
            return self.inner.run(problem)

    built = method.build(orders.shape[2], method.example)
    candidates = [Candidate(built, method.scores), Candidate(Hidden(built), method.scores)]
    mine, theirs = decide(PoolArrays.of(pool), candidates, orders, scores=scores)
    return mine, theirs


@pytest.mark.parametrize(
    "name",
    ["deepconf_offline", "deepconf_online", "esc", "best_of_n", "random", "oracle", "confidence_weighted_voting"],
)
def test_any_strategy_can_be_compared_as_a_generator(name: str) -> None:
    arrays = PoolArrays.of(POOL)
    orders = permutations(arrays.sizes, count=6, draws=10, seed=3)
    scores = {
        "recorded": arrays.confidence,
        "oracle": arrays.sample_correct.astype(float),
        "random": np.random.default_rng(0).random(orders.shape),
    }
    method = CATALOG[name]
    if name == "deepconf_online":
        method = replace(method, params={**method.params, "warmup": 4, "eta": 75.0})
    mine, theirs = by_generator(POOL, method, orders, scores)
    for field in ("correct", "used", "abstained", "tokens"):
        assert (getattr(mine, field) == getattr(theirs, field)).all(), field
    assert ((mine.rule < 0) == (theirs.rule < 0)).all()


def test_stopped_draws_cost_fewer_tokens_than_whole_ones() -> None:
    arrays = PoolArrays.of(POOL)
    orders = permutations(arrays.sizes, count=6, draws=10, seed=3)
    method = replace(CATALOG["deepconf_online"], params={**CATALOG["deepconf_online"].params, "warmup": 4, "tau": 1.0})
    mine, _ = by_generator(POOL, method, orders, {})
    drawn = arrays.tokens[np.arange(12)[:, None, None], orders]
    whole = np.take_along_axis(drawn.cumsum(axis=2), (mine.used - 1)[:, :, None].astype(int), axis=2)[:, :, 0]
    assert mine.tokens is not None
    assert (mine.tokens <= whole).all() and (mine.tokens < whole).mean() > 0.3


class LastOfTwo(BaseStrategy):
    """A strategy of its own kind."""

    name, budget = "last_of_two", 2

    def run(self, problem: Any) -> Any:
        samples = yield Draw(2)
        return Decision(samples[-1].answer, tuple(samples), "budget")


def test_a_strategy_of_ones_own_is_compared_without_more_ado() -> None:
    mine = Method("last_of_two", "own", "The second sample.", lambda name, budget, p: LastOfTwo())
    row = compare(PoolArrays.of(POOL), [mine], Settings(8, permutations=3, replicates=50))[1]
    assert (row.name, row.point.samples) == ("last_of_two", 2.0)
    stripped = replace(PoolArrays.of(POOL), recorded=None)
    with pytest.raises(InputError, match="strategy last_of_two is replayed on the samples themselves"):
        compare(stripped, [mine], Settings(8, permutations=3))
