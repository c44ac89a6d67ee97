"""Capabilities name the first signal that an engine cannot collect; a request's key decides its tokens."""

from __future__ import annotations

import pytest

from tts.engines.base import Capabilities, Engine, Recording, Request
from tts.engines.fake.engine import FakeEngine
from tts.engines.replay import ReplayEngine
from tts.types import Problem, Signals

EVERYTHING = Capabilities(
    watch_tokens=True, score_prefix=True, branch=True, top=5, entropy=True, certainty=True, steps=True, probe=True
)


@pytest.mark.parametrize(
    ("signals", "lacking"),
    [
        (Signals(watch=(1,)), "the probability of a watched token"),
        (Signals(top=3), "top-k confidences"),
        (Signals(entropy=True), "the entropy of each token"),
        (Signals(certainty=True), "self-certainty"),
        (Signals(steps=True), "which tokens end a step"),
        (Signals(probe=0), "the probability of a token probed after a sample"),
    ],
)
def test_a_signal_that_cannot_be_collected_is_named(signals: Signals, lacking: str) -> None:
    assert Capabilities().lacking(signals) == lacking
    assert EVERYTHING.lacking(signals) is None


def test_nothing_is_lacking_where_nothing_is_collected() -> None:
    assert Capabilities().lacking(Signals(logprobs=True)) is None


def test_the_largest_k_and_pairs_of_signals_that_exclude_each_other() -> None:
    assert EVERYTHING.lacking(Signals(top=6)) == "the 6 most probable tokens (at most 5)"
    one_kind = Capabilities(watch_tokens=True, top=5, watch_beside_top=False)
    assert one_kind.lacking(Signals(watch=(1,))) is one_kind.lacking(Signals(top=5)) is None
    assert one_kind.lacking(Signals(watch=(1,), top=5)) == "both a watched token and top-k confidences in one pass"


def test_a_key_differs_by_seed_problem_number_attempt_and_prefix() -> None:
    keys = {
        Request(Problem(name, "?"), index, attempt=attempt).key(seed, prefix)
        for name in ("a", "b") for index in (0, 1) for attempt in (0, 1) for seed in (0, 1) for prefix in (0, 1)
    }  # fmt: skip
    assert len(keys) == 32


def test_engines_and_recordings_fit_their_protocols() -> None:
    assert isinstance(FakeEngine(), Engine) and isinstance(ReplayEngine({}), Recording)
