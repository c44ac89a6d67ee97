"""The state of one request: its tokens, its signals, and the tokens that the cache holds."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from tts.engines.base import Meter
from tts.engines.hf.sampler import SampledTokens
from tts.engines.hf.sequence import SequenceState
from tts.types import END, End, Signals, Trace


def state(signals: Signals) -> SequenceState:
    return SequenceState(
        ids=(1, 2, 3),
        prompt_ids=(1, 2),
        limit=9,
        until=END,
        signals=signals,
        meter=Meter(),
        noise_key=0,
        send=lambda *_: None,
        fail=lambda _: None,
        watched={token: [] for token in signals.watch},
    )


DRAWN = SampledTokens(
    tokens=[7, 8],
    logprobs=[-0.5, -0.25],
    watched=[[0.1, 0.2], [0.3, 0.4]],
    columns={"top": [1.0, 2.0], "entropy": [0.5, 0.6], "certainty": [0.7, 0.8]},
)


def test_a_token_is_appended_with_the_signals_that_the_request_collects() -> None:
    full = state(Signals(watch=(5,), top=2, entropy=True, certainty=True, steps=True))
    full.append(DRAWN, 1, (4, 5), lambda token: token == 8)
    full.append(DRAWN, 0, (4, 5), lambda token: token == 8)
    assert full.newest == 7 and full.sums == [0.0, 2.0, 3.0]
    assert full.trace(0) == Trace((-0.25, -0.5), {5: (0.4, 0.2)}, (2.0, 1.0), (0.6, 0.5), (0.8, 0.7), (True, False))
    assert full.trace(1) == Trace((-0.5,), {5: (0.2,)}, (1.0,), (0.5,), (0.7,), (False,))
    plain = state(Signals())
    plain.append(DRAWN, 0, (4, 5), lambda token: True)
    assert plain.trace(0) == Trace((-0.5,)) and plain.sums == [0.0]


def test_the_context_is_everything_read_before_the_next_token() -> None:
    one = state(Signals(probe=9))
    assert one.context_ids == (1, 2, 3) and one.prefix_key == (2, (1, 2, 3))
    one.tokens += [7, 8]
    assert one.context_ids == (1, 2, 3, 7, 8) and one.prefix_key == (2, (1, 2, 3, 7))


def test_the_probe_takes_the_place_of_an_end_of_sequence_token_only() -> None:
    one = state(Signals(probe=9))
    one.tokens += [7, 8]
    one.end = End.STOP
    assert one.context_ids == (1, 2, 3, 7, 9)
    one.end = End.LENGTH
    assert one.context_ids == (1, 2, 3, 7, 8, 9)
