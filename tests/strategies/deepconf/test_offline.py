"""Offline DeepConf on cases small enough to check by hand."""

from __future__ import annotations

import pytest

from strategies.deepconf import DeepConfOffline
from strategies.vote import BUDGET
from tests.strategies.deepconf.cases import (
    replayed,
    trace,
)


def test_offline_keeps_the_most_confident_and_weighs_them() -> None:
    samples = [trace("a", 1.0), trace("a", 1.1), trace("a", 1.2), trace("b", 9.0), trace("c", 4.0), trace(None, 99.0)]
    assert replayed(DeepConfOffline("x", 6, eta=100, metric="mean"), samples).answer == "b"
    decision = replayed(DeepConfOffline("x", 6, eta=40, metric="mean"), samples)
    assert (decision.answer, decision.reason, decision.vote_share) == ("b", BUDGET, pytest.approx(9 / 13))
    assert replayed(DeepConfOffline("x", 3, eta=100), samples).answer == "a"
    assert replayed(DeepConfOffline("x", 1), samples[-1:]).answer is None
