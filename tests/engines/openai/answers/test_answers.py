"""Answers are read whatever shape they have; what is null, missing or foreign raises nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts.engines.openai.answers.events import Finish, finish_meaning, read_event
from tts.engines.openai.answers.logprobs import read_tokens
from tts.engines.openai.answers.usage import Counts, read_counts
from tts.engines.openai.answers.wire import EventReader
from tts.errors import EngineError

NAMES = [
    "choices", "delta", "message", "text", "content", "usage", "logprobs", "top_logprobs", "token", "tokens", "logprob",
    "token_logprobs", "finish_reason", "index", "error", "prompt_tokens", "completion_tokens", "type", "reasoning",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.sampled_from(NAMES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6))
def test_no_event_raises(data: dict[str, Any]) -> None:
    event = read_event({"choices": [data, {"delta": data, "logprobs": data, "usage": data}], **data})
    for choice in event.choices:
        assert isinstance(choice.text, str) and all(not token.logprob > 0 for token in choice.tokens)


def feed(*pieces: bytes) -> list[Any]:
    reader = EventReader()
    return [data for piece in pieces for data in reader.feed(piece)] + list(reader.close())


def test_events_are_read_however_they_are_cut() -> None:
    stream = ': hi\r\n\r\nevent: x\r\ndata:{"a": "\u2028\u00e9"}\r\ndata: {"a":\ndata: 2}\n\ndata: [DONE]\n\n'.encode()
    expected = [{"a": "\u2028\u00e9"}, {"a": 2}]
    assert feed(stream) == expected
    assert feed(*(stream[i : i + 1] for i in range(len(stream)))) == expected
    assert feed(b'{"a":\n 1}') == [{"a": 1}] and feed(b'{"a": 1}\n{"a": 2}\n') == [{"a": 1}, {"a": 2}]
    assert feed(b'data: {"a": 1}') == [{"a": 1}] and feed(b"<html>") == []
    with pytest.raises(EngineError, match="no JSON"):
        feed(b"data: {not json}\n\n")


def test_a_token_is_its_position_and_not_its_text() -> None:
    twins = [{"token": "five", "logprob": -0.1}, {"token": "five", "logprob": -8.0}, {"token": "x", "logprob": None}]
    (token,) = read_tokens({"content": [{"token": "five", "logprob": -0.1, "top_logprobs": twins}]}, "five")
    assert (token.logprob, token.others) == (-0.1, (("five", -8.0),))
    assert [t.logprob for t in read_tokens({"tokens": ["a", "b"], "token_logprobs": [-1.0, -2.0]}, "")] == [-1.0, -2.0]


@pytest.mark.parametrize("value", [None, -9999.0, -9999, float("-inf"), float("nan"), "x", True, 3.0])
def test_what_is_no_log_probability_is_unknown(value: Any) -> None:
    (token,) = read_tokens({"content": [{"token": "a", "logprob": value}]}, "a")
    assert math.isnan(token.logprob) and token.known == []


@pytest.mark.parametrize(
    ("event", "counts"),
    [
        ({"usage": {"prompt_tokens": 9, "completion_tokens": 2}}, Counts(9, 0, 2)),
        ({"usage": {"input_tokens": 9, "output_tokens": 2, "cache_read_input_tokens": 5}}, Counts(14, 5, 2)),
        ({"usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 4}}, Counts(9, 4, 2)),
        ({"usage": {"prompt_tokens": 9, "total_tokens": 12}}, Counts(9, 0, 3)),
        ({"usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 18,
                    "completion_tokens_details": {"reasoning_tokens": 7}}}, Counts(9, 0, 9)),
        ({"usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 2}}, Counts(9, 0, 2)),
        ({"x_groq": {"usage": {"prompt_tokens": 9, "completion_tokens": 2}}}, Counts(9, 0, 2)),
        ({"choices": [{"usage": {"prompt_tokens": 9, "completion_tokens": 2}}]}, Counts(9, 0, 2)),
        ({"usage": None, "timings": {"prompt_n": 4, "cache_n": 5, "predicted_n": 2}}, Counts(9, 5, 2)),
        ({"usage": {}}, None), ({"usage": {"prompt_tokens": None}}, None), ({"usage": [1]}, None), ({}, None),
    ],
)  # fmt: skip
def test_usage_is_read_in_every_spelling(event: dict[str, Any], counts: Counts | None) -> None:
    assert read_counts(event) == counts


@pytest.mark.parametrize(
    ("reasons", "meaning"),
    [
        ("stop eos eos_token end_turn STOP stop_sequence FinishReason.STOP COMPLETE", Finish.STOP),
        ("length max_tokens MAX_TOKENS FinishReason.MAX_TOKENS model_length max_output_tokens", Finish.LENGTH),
        ("content_filter SAFETY RECITATION refusal", Finish.FILTERED),
        ("error abort", Finish.FAILED),
        ("tool_calls function_call tool_use", Finish.CALLS),
        ("banana", Finish.OTHER),
    ],
)
def test_reasons_are_read_by_meaning(reasons: str, meaning: Finish) -> None:
    assert {finish_meaning(reason) for reason in reasons.split()} == {meaning}
