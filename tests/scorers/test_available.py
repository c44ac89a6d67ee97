"""The description of a live source: its scorer's abilities and its engine's."""

from __future__ import annotations

from tts.engines.base import Capabilities
from tts.models.finece import FineceCard
from tts.requirements import Available
from tts.scorers.available import live_source
from tts.scorers.controls import ConstantScorer, OracleScorer
from tts.scorers.watched import WatchedScorer
from tts.types import Signals

BLIND = Capabilities()
VALUES = FineceCard("grown", "values", tuple(range(100, 111)), "tiny")


def test_without_a_scorer_there_are_no_confidences() -> None:
    assert live_source(None) == Available("engine", confidence=False, prefix_confidence=False, watched=False)


def test_a_scorer_of_whole_samples_gives_no_confidence_of_partial_ones() -> None:
    whole, both = live_source(OracleScorer()), live_source(ConstantScorer())
    assert (whole.confidence, whole.prefix_confidence) == (True, False)
    assert (both.confidence, both.prefix_confidence) == (True, True)


def test_draws_are_pruned_by_the_one_token_that_the_scorer_watches_or_that_is_recorded() -> None:
    assert live_source(WatchedScorer()).watched
    assert live_source(ConstantScorer(), recorded=Signals(watch=(7,))).watched
    assert not live_source(ConstantScorer(), recorded=VALUES.signals()).watched
    assert live_source(WatchedScorer(), recorded=VALUES.signals()).watched


def test_an_engine_decides_on_branching_and_signals() -> None:
    found = live_source(WatchedScorer(), BLIND)
    assert (found.branching, found.signals) == (False, BLIND)
    assert live_source(WatchedScorer(), Capabilities(branch=True)).branching
