"""A body requests the signals of a draw, and no others."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tts.engines.base import Request
from tts.engines.openai.request_body import draw_body, next_token_body
from tts.engines.openai.served_model import ServedModel, ServerFeatures
from tts.engines.sampling import Sampling, SamplingChange
from tts.engines.text import EncodedRequest
from tts.errors import InputError, UnsupportedError
from tts.prompts import Prompt
from tts.types import STEP, STEP_BELOW, TOKENS, Problem, Sample, Signals, Trace

ONE = Problem("q", "How many?", "7")
VLLM = ServerFeatures(token_ids=True, named_logprobs=True, logprobs=True, top_logprobs=20, stop_reasons=True)
PLAIN = ServedModel("m", ServerFeatures(logprobs=True, top_logprobs=5))


def with_tokens(**more: Any) -> ServedModel:
    encoder: Any = SimpleNamespace(encode_request=lambda request, limit: EncodedRequest((1, 2), (3,), limit - 1))
    return ServedModel("m", VLLM, encoder, **more)


def body(
    model: ServedModel, *, requested: tuple[int, ...] = (), change: SamplingChange | None = None, **more: Any
) -> tuple[dict[str, Any], int]:
    how = {"prompt": Prompt(), "sampling": Sampling(temperature=0.5, max_tokens=50), "seeded": False, "extra": {}}
    how |= {name: more.pop(name) for name in set(how) & set(more)}
    return draw_body(Request(ONE, sampling=change, **more), model, requested=requested, check_every_tokens=8, **how)


def test_a_plain_draw_has_the_interface_s_own_fields() -> None:
    found, limit = body(PLAIN)
    assert found == {
        "model": "m",
        "prompt": "How many?\n",
        "max_tokens": 50,
        "temperature": 0.5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert limit == 50


def test_boundaries_and_prefixes_shorten_a_draw() -> None:
    few, limit = body(PLAIN, until=TOKENS(7))
    assert (few["max_tokens"], limit) == (7, 50)
    assert body(PLAIN, until=STEP)[0]["stop"] == ["\n"]
    prefix = Sample("We ", trace=Trace((-1.0,) * 4))
    longer, limit = body(PLAIN, prefix=prefix)
    assert (longer["prompt"], longer["max_tokens"], limit) == ("How many?\nWe ", 46, 46)


def test_texts_of_a_request_end_its_sample_before_them() -> None:
    change = SamplingChange(stop=("</code>", "Observation:"))
    assert body(PLAIN, change=change)[0]["stop"] == ["</code>", "Observation:"]
    vllm = body(ServedModel("m", VLLM), change=change)[0]
    assert vllm["stop"] == ["</code>", "Observation:"] and vllm["include_stop_str_in_output"] is False
    with pytest.raises(UnsupportedError, match="a step ends at the end of its line: leave stop out"):
        body(PLAIN, change=change, until=STEP)
    with pytest.raises(InputError, match=r"stop=\['</code>', 'Observation:'\] and engine\.openai\.extra\.stop is"):
        body(PLAIN, change=change, extra={"stop": ["x"]})


def test_log_probabilities_are_requested_only_for_signals_that_need_them() -> None:
    for signals, expected in (
        (Signals(), None),
        (Signals(logprobs=True), 1),
        (Signals(top=3), 3),
        (Signals(steps=True), 1),
    ):
        assert body(PLAIN, signals=signals)[0].get("logprobs") == expected
    assert "logprobs" not in body(with_tokens(), signals=Signals(steps=True))[0]
    assert "logprobs" not in body(ServedModel("m", ServerFeatures()), signals=Signals(logprobs=True))[0]
    named = body(with_tokens(), signals=Signals(watch=(9,)), requested=(9,))[0]
    assert named["logprobs"] == 1 and named["logprob_token_ids"] == [9]


def test_a_tokenizer_sends_tokens() -> None:
    found, limit = body(with_tokens(suppressed=(9,)), seeded=True)
    assert found["prompt"] == [1, 2, 3] and limit == 49
    assert found["logit_bias"] == {"9": -100} and found["stream_options"]["continuous_usage_stats"]
    assert found["return_token_ids"] and 0 <= found["seed"] < 2**31
    assert found["seed"] == body(with_tokens(), seeded=True)[0]["seed"]
    assert found["seed"] != body(with_tokens(), seeded=True, index=1)[0]["seed"]
    assert "seed" not in body(with_tokens(), seeded=True, sampling=Sampling(temperature=0.0))[0]


def test_a_stream_that_may_be_closed_comes_in_small_events() -> None:
    watched = Signals(watch=(9,), steps=True)
    assert body(with_tokens())[0]["stream_interval"] == 64
    assert body(with_tokens(), ahead=True)[0]["stream_interval"] == 8
    below = body(with_tokens(), until=STEP_BELOW(0.5), signals=watched, requested=(9,))[0]
    assert below["stream_interval"] == 8


def test_extra_fields_go_along() -> None:
    found = body(PLAIN, extra={"priority": 3}, sampling=Sampling(top_k=4))[0]
    assert found["priority"] == 3 and found["top_k"] == 4
    sentence = r"a request asks for temperature=0\.3 and engine\.openai\.extra\.temperature is None for all of them"
    with pytest.raises(InputError, match=sentence):
        body(PLAIN, extra={"temperature": None}, change=SamplingChange(temperature=0.3))
    with pytest.raises(InputError, match=r"max_tokens=7 and engine\.openai\.extra\.max_completion_tokens is 9"):
        body(PLAIN, extra={"max_completion_tokens": 9}, change=SamplingChange(max_tokens=7, seed=3))
    renamed = body(PLAIN, extra={"max_completion_tokens": 9, "temperature": None})[0]
    assert renamed["max_completion_tokens"] == 9 and not {"max_tokens", "temperature"} & set(renamed)
    one = next_token_body(with_tokens(), (1, 2), [9, 8], extra={"priority": 3})
    assert one["max_tokens"] == 1 and one["temperature"] == 0 and one["logprobs"] == 1
    assert one["prompt"] == [1, 2] and one["logprob_token_ids"] == [9, 8]
    assert one["priority"] == 3


def test_what_a_request_cannot_have_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="needs a watched token"):
        body(PLAIN, until=STEP_BELOW(0.5))
    with pytest.raises(UnsupportedError, match=r"set task\.chat=false"):
        body(PLAIN, prefix=Sample("We "), prompt=Prompt(chat=True))
    assert body(PLAIN, prompt=Prompt(chat=True))[0]["messages"][-1]["role"] == "user"


def test_a_draw_with_tools_whose_probability_is_read_asks_vllm_for_every_token() -> None:
    tool = {"type": "function", "function": {"name": "weather"}}
    request = Request(Problem("q", "Rain?", tools=(tool,)), signals=Signals(processed=True))
    how: dict[str, Any] = {"requested": (), "seeded": False, "check_every_tokens": 8, "extra": {}}
    how |= {"prompt": Prompt(chat=True), "sampling": Sampling(temperature=1.0)}
    found, _ = draw_body(request, ServedModel("m", VLLM), **how)
    assert (found["return_token_ids"], found["logprobs"], found["top_p"], found["top_k"]) == (True, True, 1, -1)
    assert "return_token_ids" not in draw_body(request, PLAIN, **how)[0], "others have no such field"
    assert "return_token_ids" not in draw_body(replace(request, signals=Signals()), ServedModel("m", VLLM), **how)[0]
