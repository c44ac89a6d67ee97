"""Tokens are drawn from the distribution that the sampling parameters describe; signals are those of the logits."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import pytest

torch = pytest.importorskip("torch")

from tts.engines.hf.sampler import Sampler  # noqa: E402
from tts.engines.sampling import Sampling  # noqa: E402
from tts.types import Signals  # noqa: E402

P = (0.1, 0.4, 0.2, 0.3)
LOGITS = torch.tensor([P]).log()
NONE = Signals()


def shares(sampling: Sampling, suppressed: tuple[int, ...] = ()) -> dict[int, float]:
    """The share of each token over an even grid of uniform numbers."""
    n = 2000
    noise = [(i + 0.5) / n for i in range(n)]
    drawn = Sampler(sampling, suppressed, "cpu").draw(LOGITS.expand(n, -1), noise, NONE, [])
    return {token: count / n for token, count in Counter(drawn.tokens).items()}


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
    assert shares(sampling, suppressed) == pytest.approx(expected, abs=2e-3)


def test_the_largest_uniform_number_draws_a_token_that_can_be_drawn() -> None:
    drawn = Sampler(Sampling(1.0), (3,), "cpu").draw(LOGITS, [1 - 2**-24], NONE, [])
    assert drawn.tokens == [2]


def test_signals_are_those_of_the_distribution_at_temperature_one() -> None:
    wanted = Signals(watch=(2, 0), top=2, entropy=True, certainty=True)
    drawn = Sampler(Sampling(0.3), (), "cpu").draw(LOGITS, [0.5], wanted, [])
    assert drawn.logprobs == pytest.approx([math.log(P[drawn.tokens[0]])])
    assert drawn.watched is not None and drawn.watched[0] == pytest.approx([0.2, 0.1])
    assert drawn.columns["top"] == pytest.approx([-(math.log(0.4) + math.log(0.3)) / 2])
    assert drawn.columns["entropy"] == pytest.approx([-sum(p * math.log(p) for p in P)])
    assert drawn.columns["certainty"] == pytest.approx([-sum(math.log(p) for p in P) / 4 - math.log(4)])


def test_suppressed_tokens_are_left_out_of_every_signal_but_watched_and_probed() -> None:
    wanted = Signals(watch=(1,), top=1, entropy=True, certainty=True, probe=1)
    drawn = Sampler(Sampling(0.0), (1,), "cpu").draw(LOGITS, [0.5], wanted, [0])
    rest = [p / 0.6 for i, p in enumerate(P) if i != 1]
    assert drawn.tokens == [3] and drawn.logprobs == pytest.approx([math.log(0.5)])
    assert drawn.watched is not None and drawn.watched[0] == pytest.approx([0.4])
    assert drawn.probed == pytest.approx({0: 0.4})
    assert drawn.columns["top"] == pytest.approx([-math.log(0.5)])
    assert drawn.columns["entropy"] == pytest.approx([-sum(p * math.log(p) for p in rest)])
    assert drawn.columns["certainty"] == pytest.approx([-sum(math.log(p) for p in rest) / 3 - math.log(3)])


def test_signals_that_are_not_collected_are_absent() -> None:
    drawn = Sampler(Sampling(), (), "cpu").draw(LOGITS, [0.5], NONE, [])
    assert drawn.watched is None and drawn.columns == drawn.probed == {}


def test_tokens_rise_with_the_uniform_number() -> None:
    noise = [i / 100 for i in range(100)]
    tokens = Sampler(Sampling(1.0), (), "cpu").draw(LOGITS.expand(100, -1), noise, NONE, []).tokens
    assert all(a <= b for a, b in pairwise(tokens))
