"""A refusal teaches the field that it names, in every form that servers write; a server's words are cut cleanly."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from tts.engines.openai.failures import MOST, server_words
from tts.engines.openai.refusals import Dialect

BODY = {
    "model": "m", "messages": [], "max_tokens": 512, "temperature": 0.8, "top_p": 0.9, "stream": True,
    "stream_options": {"include_usage": True}, "seed": 3, "logprobs": True, "top_logprobs": 5, "top_k": 4,
}  # fmt: skip


def refusal(content: Any, status: int = 400) -> Any:
    text = content if isinstance(content, str) else json.dumps(content)
    return SimpleNamespace(status_code=status, response=SimpleNamespace(text=text))


def said(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


@pytest.mark.parametrize(
    ("content", "left_out"),
    [
        ([said('Invalid JSON payload received. Unknown name "seed": Cannot find field.')], {"seed"}),
        (said("Unsupported value: it does not support 0.8", param="temperature"), {"temperature"}),
        (
            {"detail": [{"loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]},
            {"stream_options"},
        ),
        ({"message": "[{'type': 'extra_forbidden', 'loc': ('body', 'top_k'), 'msg': 'Extra'}]"}, {"top_k"}),
        ({"message": "azure does not support parameters: ['top_k'], for model=gpt"}, {"top_k"}),
        (said("Streaming is not supported for this model"), {"stream", "stream_options"}),
        (said("property 'logprobs' is unsupported"), {"logprobs", "top_logprobs"}),
        (said("`temperature` and `top_p` cannot both be specified"), {"top_p"}),
    ],
)
def test_a_named_field_is_left_out(content: Any, left_out: set[str]) -> None:
    notes: list[str] = []
    dialect = Dialect(notes.append)
    assert dialect.learn(refusal(content), BODY, BODY) == BODY
    assert set(BODY) - set(dialect.apply(BODY)) == left_out and len(notes) == 1
    assert "{'" not in notes[0]


def test_max_tokens_has_another_name_or_less_room() -> None:
    dialect = Dialect(lambda sentence: None)
    wants = refusal(said("'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."))
    assert dialect.learn(wants, BODY, BODY) == BODY
    sent = dialect.apply(BODY)
    assert sent["max_completion_tokens"] == 512 and "max_tokens" not in sent
    room = "maximum context length is 4096 tokens. However, you requested 4200 tokens (3688 in the messages, 512 in the"
    shorter = Dialect(lambda sentence: None).learn(refusal(said(room)), BODY, BODY)
    assert shorter is not None and shorter["max_tokens"] == 408


@pytest.mark.parametrize(
    "refused",
    [
        refusal(said("max_tokens is too large: 512. This model supports at most 256 completion tokens")),
        refusal(
            said("maximum context length is 4096 tokens. However, you requested 9000 tokens (8488 in the messages")
        ),
        refusal(said("seed"), 500),
        refusal(said("seed"), 429),
        refusal("Bad Request"),
    ],
)
def test_other_refusals_are_final(refused: Any) -> None:
    dialect = Dialect(lambda sentence: None)
    assert dialect.learn(refused, BODY, BODY) is None and dialect.apply(BODY) == BODY


def test_fields_of_the_user_are_never_left_out() -> None:
    dialect = Dialect(lambda sentence: None, fixed=["seed"])
    assert dialect.learn(refusal(said("unknown field 'seed'")), BODY, BODY) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"error": {"message": "too long.\\nTraceback"}}', "too long"),
        ('{"error": "plain text"}', "plain text"),
        ('{"detail": [{"loc": ["body", "x"], "msg": "bad"}]}', "x: bad"),
        ("[{'type': 'extra', 'loc': ('body', 'x'), 'msg': 'bad', 'input': {'a': 1}}]", "x: bad"),
        ('{"error": {"message": "Failed", "metadata": {"raw": "{\\"message\\": \\"busy\\"}"}}}', "Failed: busy"),
        ("<html><title>502 Bad\nGateway</title></html>", "an HTML page titled '502 Bad'"),
        ("a \x1b[31mred\x1b[0m text", "a red text"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_server_s_words_are_one_line(content: str, words: str) -> None:
    assert server_words(content) == words


def test_long_words_are_cut_between_words() -> None:
    found = server_words("word " * 200)
    assert len(found) <= MOST + 4 and found.endswith("word ...")


def test_a_field_that_is_refused_beside_tools_is_left_out_of_requests_with_tools_alone() -> None:
    notes: list[str] = []
    dialect, asked = Dialect(notes.append), {**BODY, "tools": [{}]}
    assert dialect.learn(refusal(said("logprobs is not supported with tools + stream")), asked, asked) == asked
    assert {"logprobs", "top_logprobs"}.isdisjoint(dialect.apply(asked)) and dialect.apply(BODY) == BODY
    assert dialect.refused == {"logprobs"} and dialect.left_out == set()
    assert notes == [
        "the server refuses logprobs=true (logprobs is not supported with tools + stream): the field is left out of "
        "requests with tools"
    ]
    assert dialect.learn(refusal(said("logprobs is not supported")), BODY, BODY) == BODY
    assert "logprobs" not in dialect.apply(BODY), "without tools, too, once they are refused there"
