"""Online DeepConf on cases small enough to check by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strategies.deepconf import CONSENSUS, DeepConfOnline
from tests.strategies.deepconf.cases import (
    replayed,
    trace,
)
from tts.types import End, Sample, Usage


def test_online_stops_traces_below_the_bar_and_the_question_at_consensus() -> None:
    warm = [trace("a", 5.0, 5.0, 5.0), trace("b", 4.0, 4.0, 4.0)]
    further = [trace("b", 9.0, 3.0, 9.0), trace("a", 6.0, 6.0, 6.0), trace("a", 90.0, 90.0, 90.0), trace("b", 1.0)]
    strategy = DeepConfOnline("x", 6, warmup=2, eta=100, tau=0.9, window=1)
    decision = replayed(strategy, warm + further)
    assert [s.end for s in decision.samples] == [End.STOP, End.STOP, End.BOUNDARY, End.STOP, End.STOP]
    assert (decision.answer, decision.reason) == ("a", CONSENSUS)
    assert decision.vote_share == pytest.approx(101 / 105)
    assert decision.usage == Usage(delivered=3 + 3 + 2 + 3 + 3)
    # With eta = 10 the bar is nearly the best warm-up trace, so "b" has no vote and "a" is alone.
    assert len(replayed(replace(strategy, eta=10), warm + further).samples) == 2


def test_within_its_warmup_online_draws_whole_traces_only() -> None:
    samples = [trace("a", 5.0), trace("b", 1.0), trace("b", 1.0), trace("b", 1.0)]
    for budget in (1, 2, 4):
        decision = replayed(DeepConfOnline("x", budget, warmup=4, eta=50, tau=1.0, window=1), samples)
        assert len(decision.samples) == budget
        assert all(s.end is End.STOP for s in decision.samples)


def test_all_failed_warmups_leave_no_bar_and_nothing_is_stopped() -> None:
    samples = [Sample(end=End.FAILED, usage=Usage())] * 2 + [trace("a", 0.1, 0.01), trace("a", 0.2)]
    decision = replayed(DeepConfOnline("x", 4, warmup=2, window=1), samples)
    assert (decision.answer, len(decision.samples), decision.failed) == ("a", 3, 2)
