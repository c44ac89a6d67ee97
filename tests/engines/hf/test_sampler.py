"""Tokens are drawn from the distribution that the sampling parameters describe; signals are those of the logits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tts.engines.hf import sampler  # noqa: E402
from tts.engines.hf.filters import Parameters, filtered  # noqa: E402
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


@pytest.mark.parametrize("top_k", [0, 40])
def test_top_p_keeps_what_a_sorted_distribution_keeps(top_k: int) -> None:
    torch.manual_seed(0)
    scales, shares = torch.tensor([0.1, 1.0, 4.0, 20.0]), (0.3, 0.9, 1.0)  # from flat to certain
    logits = (torch.randn(12, 3_000) * scales.repeat(3)[:, None]).contiguous()
    rows = [Sampling(1.0, top_p=share, top_k=top_k) for share in shares for _ in scales]
    kept = filtered(logits.softmax(-1), Parameters.of(rows, "cpu"))
    for row, sampling in enumerate(rows):
        order = sorted(range(3_000), key=lambda token: -logits[row, token])[: top_k or None]
        before, expected = 0.0, set()
        for token in order:
            if sampling.top_p < 1 and before >= sampling.top_p:
                break
            expected.add(token)
            before += float(logits[row].softmax(-1)[token])
        found = set(kept[row].nonzero()[:, 0].tolist())
        possible = {token for token in expected if logits[row].softmax(-1)[token] > 0}
        assert len(found ^ possible) <= 1, sampling  # the last one may be decided by rounding


def test_draws_and_signals_do_not_depend_on_the_rows_worked_on_together(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    logits, keys = torch.randn(7, 700).bfloat16(), [(row, 3) for row in range(7)]
    wanted = Signals(watch=(2,), top=5, entropy=True, certainty=True)
    changed = {2: Sampling(0.0), 4: Sampling(1.0, top_p=0.4)}
    drawn = []
    for size in (1, 2_000, 1 << 20):
        monkeypatch.setattr(sampler, "CHUNK", size)
        drawn.append(Sampler(Sampling(0.8), (9,), "cpu").draw(logits, keys, wanted, [1], changed))
        tokens = torch.arange(7)
        read = Sampler(Sampling(0.8), (9,), "cpu").read(logits, tokens, wanted)
        assert read["entropy"].tolist() == drawn[-1].columns["entropy"]
    assert drawn[0] == drawn[1] == drawn[2]


@pytest.mark.parametrize("how", [Sampling(0.7), Sampling(0.7, top_p=0.8, top_k=30), Sampling(0.0)])
def test_rows_of_a_slot_are_drawn_as_rows_of_their_own(how: Sampling, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    logits, sources = torch.randn(7, 1000) * 3, [0, 0, 0, 1, 3, 3, 5, 6, 6]
    wanted = Signals(watch=(10, 11), top=20, entropy=True, certainty=True, processed=True, alternatives=5)
    keys = [(row, 4) for row in range(9)]
    monkeypatch.setattr(sampler, "CHUNK", 3000)
    drawer = Sampler(how, (12,), "cpu")
    shared = drawer.draw(logits, keys, wanted, [], {}, sources)
    assert shared == drawer.draw(logits[torch.tensor(sources)], keys, wanted, [], {})
    assert len(set(shared.tokens)) > 3
