"""Completions and chats are read alike, and an error is one line."""

from __future__ import annotations

from types import SimpleNamespace as Object

import pytest

from tts.engines.base import Meter
from tts.engines.openai.protocol import (
    charge_usage,
    choice_text,
    error_message,
    logprobs_fields,
    prompt_fields,
    token_id,
    token_logprobs,
)


def test_completions_and_chats_have_their_own_fields() -> None:
    assert prompt_fields(False, "Hi") == {"prompt": "Hi"}
    assert prompt_fields(True, "Hi") == {"messages": [{"role": "user", "content": "Hi"}]}
    assert logprobs_fields(False, 5) == {"logprobs": 5}
    assert logprobs_fields(True, 5) == {"logprobs": True, "top_logprobs": 5}


def test_log_probabilities_of_both_are_read_alike() -> None:
    completion = Object(
        text="ab", logprobs=Object(tokens=["a", "b"], token_logprobs=[-1.0, -2.0], top_logprobs=[{"c": -3.0}, None])
    )
    expected = [("a", -1.0, {"c": -3.0}), ("b", -2.0, {})]
    assert token_logprobs(completion) == expected
    chat = Object(
        delta=Object(content="ab"),
        logprobs=Object(
            content=[
                Object(token="a", logprob=-1.0, top_logprobs=[Object(token="c", logprob=-3.0)]),
                Object(token="b", logprob=-2.0, top_logprobs=[]),
            ]
        ),
    )
    assert token_logprobs(chat) == expected
    assert (choice_text(completion), choice_text(chat)) == ("ab", "ab")


def test_a_choice_may_have_neither_text_nor_log_probabilities() -> None:
    assert token_logprobs(Object()) == [] and token_logprobs(Object(logprobs=None)) == []
    empty = Object(logprobs=Object(tokens=None, token_logprobs=None, top_logprobs=None))
    assert token_logprobs(empty) == []
    assert choice_text(Object(delta=Object(content=None))) == "" and choice_text(Object(text=None)) == ""
    assert token_id("token_id:17") == 17


def test_usage_is_added_and_cached_tokens_are_apart() -> None:
    meter = Meter(prompt=1, drawn=2)
    details = Object(cached_tokens=8)
    charge_usage(meter, Object(prompt_tokens=10, completion_tokens=3, prompt_tokens_details=details))
    assert (meter.prompt, meter.prompt_cached, meter.drawn) == (3, 8, 5)
    charge_usage(meter, Object(prompt_tokens=10, completion_tokens=None))
    assert (meter.prompt, meter.prompt_cached, meter.drawn) == (13, 8, 5)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"message": "too long.\nTraceback"}}, "too long"),
        ({"message": "busy."}, "busy"),
        ({"error": "plain text"}, "plain text"),
        (None, "of the client"),
        ({"error": {"message": "x" * 500}}, "x" * 300),
    ],
)
def test_an_error_is_the_server_s_own_line(body: object, expected: str) -> None:
    error = Exception("of the client")
    error.body = body  # type: ignore[attr-defined]
    assert error_message(error) == expected
