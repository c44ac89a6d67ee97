"""vLLM's sampling parameters request the signals of a draw, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engines.vllm import stub
from tts.engines.base import Request
from tts.engines.sampling import Sampling, SamplingChange, changed
from tts.engines.text import EncodedRequest
from tts.engines.vllm.sampling_params import MAX_STOP_IDS, draw_params, next_token_params
from tts.errors import UnsupportedError
from tts.types import STEP, TOKENS, Problem, Signals

ONE = Problem("q", "How many?", "7")


@pytest.fixture(autouse=True)
def vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    stub.install(monkeypatch)


def params(*, how: dict[str, Any] | None = None, **more: Any) -> Any:
    given = {
        "sampling": Sampling(temperature=0.5, top_k=4),
        "seeded": True,
        "requested": (),
        "suppressed": (),
        "ends": (0,),
        "line_ends": (5, 6),
        "stream_interval": 8,
        **(how or {}),
    }
    return draw_params(Request(ONE, **more), EncodedRequest((1, 2), (3,), 40), **given)


def test_a_draw_takes_the_sampling_and_the_room() -> None:
    found = params()
    assert (found.temperature, found.top_p, found.top_k, found.max_tokens) == (0.5, 1.0, 4, 40)
    assert found.stop_token_ids == [0] and found.stop is None and not found.detokenize
    assert found.logit_bias is None and found.stream_interval == 8
    assert params(until=TOKENS(7)).max_tokens == 7
    assert params(how={"suppressed": (9,)}).logit_bias == {9: -1e9}


def test_a_seed_is_of_one_draw() -> None:
    seeds = {params(index=index).seed for index in range(4)}
    assert len(seeds) == 4 and params(index=2).seed in seeds
    assert params(how={"seeded": False}).seed is None
    assert params(how={"sampling": Sampling(temperature=0.0)}).seed is None


def test_requests_with_parameters_of_their_own_do_not_mix() -> None:
    own = Sampling(temperature=0.5, top_p=0.9, top_k=4)
    changes = [None, SamplingChange(temperature=0.0), SamplingChange(top_p=0.3, seed=7), SamplingChange(temperature=2)]
    found = [params(how={"sampling": changed(own, change)}, sampling=change) for change in changes]
    assert [(one.temperature, one.top_p, one.top_k) for one in found] == [
        (0.5, 0.9, 4), (0.0, 0.9, 4), (0.5, 0.3, 4), (2, 0.9, 4),
    ]  # fmt: skip
    assert found[1].seed is None and found[0].seed == found[3].seed != found[2].seed
    with pytest.raises(
        UnsupportedError, match=r"seed of its own and vLLM was started without: set engine\.seeded=true"
    ):
        params(how={"seeded": False}, sampling=SamplingChange(seed=7))


def test_a_line_ends_by_its_tokens_or_if_there_are_too_many_by_its_text() -> None:
    few = params(until=STEP)
    assert few.stop_token_ids == [0, 5, 6] and few.stop is None
    many = params(until=STEP, how={"line_ends": range(5, 6 + MAX_STOP_IDS)})
    assert many.stop_token_ids == [0] and many.stop == ["\n"] and many.detokenize


def test_log_probabilities_are_requested_only_for_signals_that_need_them() -> None:
    assert not hasattr(params(), "logprobs") and not hasattr(params(), "logprob_token_ids")
    assert params(signals=Signals(logprobs=True)).logprobs == 0
    assert params(signals=Signals(top=5)).logprobs == 5
    named = params(signals=Signals(watch=(9,)), how={"requested": (9,)})
    assert named.logprob_token_ids == [9] and not hasattr(named, "logprobs")


def test_the_next_token_is_one_greedy_token() -> None:
    found = next_token_params([4, 5])
    assert (found.temperature, found.max_tokens, found.logprob_token_ids) == (0, 1, [4, 5]) and found.ignore_eos
