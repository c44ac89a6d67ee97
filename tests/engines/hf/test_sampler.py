"""Tokens are drawn from the distribution that the sampling parameters describe; signals are those of the logits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tts.engines.hf.sampler import Sampler  # noqa: E402
from tts.engines.sampling import Sampling  # noqa: E402
from tts.types import Signals  # noqa: E402

P = (0.1, 0.4, 0.2, 0.3)
LOGITS = torch.tensor([P]).log()
NONE = Signals()


def drawn(sampling: Sampling, suppressed: tuple[int, ...] = (), n: int = 40_000) -> Any:
    """The tokens of many draws, [n]."""
    keys = [(i, 0) for i in range(n)]
    return np.array(Sampler(sampling, suppressed, "cpu").draw(LOGITS.expand(n, -1), keys, NONE, [], {}).tokens)


@pytest.mark.parametrize(
    ("sampling", "suppressed", "expected"),
    [
        (Sampling(1.0), (), dict(enumerate(P))),
        (Sampling(0.0), (), {1: 1.0}),
        (Sampling(0.0), (1,), {3: 1.0}),
        (Sampling(1.0, top_k=2), (), {1: 4 / 7, 3: 3 / 7}),
        (Sampling(1.0, top_p=0.5), (), {1: 4 / 7, 3: 3 / 7}),
        (Sampling(1.0), (1, 3), {0: 1 / 3, 2: 2 / 3}),
        (Sampling(0.5), (), {i: p * p / 0.3 for i, p in enumerate(P)}),
    ],
)
def test_shares_are_the_probabilities(
    sampling: Sampling, suppressed: tuple[int, ...], expected: dict[int, float]
) -> None:
    tokens = drawn(sampling, suppressed)
    for token in range(len(P)):
        p = expected.get(token, 0.0)
        error = (p * (1 - p) / len(tokens)) ** 0.5
        assert (tokens == token).mean() == pytest.approx(p, abs=4 * error), token  # one test in 2,000 would fail


def test_a_token_that_is_left_out_changes_the_draws_of_that_token_alone() -> None:
    every, without = drawn(Sampling(1.0)), drawn(Sampling(1.0), (1,))
    assert (without[every != 1] == every[every != 1]).all() and (without != 1).all()
    assert (drawn(Sampling(1.0, top_k=3))[every != 0] == every[every != 0]).all()


def test_signals_are_those_of_the_distribution_at_temperature_one() -> None:
    wanted = Signals(watch=(2, 0), top=2, entropy=True, certainty=True)
    one = Sampler(Sampling(0.3), (), "cpu").draw(LOGITS, [(0, 0)], wanted, [], {})
    assert one.logprobs == pytest.approx([math.log(P[one.tokens[0]])])
    assert one.watched is not None and one.watched[0] == pytest.approx([0.2, 0.1])
    assert one.columns["top"] == pytest.approx([-(math.log(0.4) + math.log(0.3)) / 2])
    assert one.columns["entropy"] == pytest.approx([-sum(p * math.log(p) for p in P)])
    assert one.columns["certainty"] == pytest.approx([-sum(math.log(p) for p in P) / 4 - math.log(4)])


def test_suppressed_tokens_are_left_out_of_every_signal_but_watched_and_probed() -> None:
    wanted = Signals(watch=(1,), top=1, entropy=True, certainty=True, probe=1)
    one = Sampler(Sampling(0.0), (1,), "cpu").draw(LOGITS, [(0, 0)], wanted, [0], {})
    rest = [p / 0.6 for i, p in enumerate(P) if i != 1]
    assert one.tokens == [3] and one.logprobs == pytest.approx([math.log(0.5)])
    assert one.watched is not None and one.watched[0] == pytest.approx([0.4])
    assert one.probed == pytest.approx({0: 0.4})
    assert one.columns["top"] == pytest.approx([-math.log(0.5)])
    assert one.columns["entropy"] == pytest.approx([-sum(p * math.log(p) for p in rest)])
    assert one.columns["certainty"] == pytest.approx([-sum(math.log(p) for p in rest) / 3 - math.log(3)])


def test_signals_that_are_not_collected_are_absent() -> None:
    one = Sampler(Sampling(), (), "cpu").draw(LOGITS, [(0, 0)], NONE, [], {})
    assert one.watched is None and one.columns == one.probed == {}
