"""The encoder turns requests into tokens that fit the model, and tokens into the text of a sample."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tts.engines.base import Prefix, Request
from tts.engines.given_text import score_prefixes
from tts.engines.text import Ids, PromptEncoder
from tts.errors import InputError, UnsupportedError
from tts.prompts import Prompt
from tts.types import STEP_BELOW, Problem, Sample, Signals


class Letters:
    """A tokenizer with one token per character; 1 begins a text and is no part of it."""

    chat_template: str | None = None

    def __call__(self, text: str, *, add_special_tokens: bool = True) -> Any:
        return SimpleNamespace(input_ids=[1] * add_special_tokens + [ord(letter) for letter in text])

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        return "".join(chr(i) for i in ids if i != 1)


Q = Problem("q", "abc")


@pytest.fixture
def encoder() -> PromptEncoder:
    return PromptEncoder(Letters(), Prompt(template="{question}"), context=10, vocabulary=200)


def test_a_request_is_its_prompt_its_prefix_and_the_tokens_that_are_left(encoder: PromptEncoder) -> None:
    whole = encoder.encode_request(Request(Q), 20)
    assert (whole.prompt_ids, whole.prefix_ids, whole.limit) == ((1, 97, 98, 99), (), 6)
    assert encoder.encode_request(Request(Q), 5).limit == 5
    assert encoder.encode_request(Request(Q, signals=Signals(probe=3)), 20).limit == 5, "the probe takes a place"
    for prefix in (Sample("xy", token_ids=(120, 121)), Sample("xy")):
        found = encoder.encode_request(Request(Q, prefix=prefix), 5)
        assert (found.prefix_ids, found.limit) == ((120, 121), 3) and found.ids == (1, 97, 98, 99, 120, 121)


@pytest.mark.parametrize(
    ("request_", "most", "error", "sentence"),
    [
        (
            Request(Problem("q", "a" * 9)),
            5,
            InputError,
            "'q' has a prompt of 10 tokens and the model's context holds 10",
        ),
        (Request(Problem("q", "a" * 8), signals=Signals(probe=3)), 5, InputError, "no room for an answer and a probe"),
        (Request(Q, prefix=Sample("xyz")), 3, InputError, "a prefix of 3 tokens of problem 'q' cannot be continued"),
        (
            Request(Q, signals=Signals(watch=(200,))),
            5,
            InputError,
            "token 200 is to be watched or probed and the model",
        ),
        (Request(Q, signals=Signals(probe=-1)), 5, InputError, "token -1 is to be watched or probed"),
        (Request(Q, until=STEP_BELOW(0.5)), 5, UnsupportedError, "STEP_BELOW needs a watched token"),
    ],
)
def test_a_request_that_does_not_fit_gets_one_sentence(
    encoder: PromptEncoder, request_: Request, most: int, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        encoder.encode_request(request_, most)


def test_a_chat_prompt_needs_a_template() -> None:
    with pytest.raises(InputError, match=r"this model has no chat template: set task\.chat=false"):
        PromptEncoder(Letters(), Prompt(chat=True), context=10, vocabulary=200)


class Templated(Letters):
    """A tokenizer whose template refuses roles, as Gemma's does."""

    chat_template = "..."

    def __init__(self, refused: tuple[str, ...]) -> None:
        self.refused = refused

    def apply_chat_template(self, messages: Any, **_: Any) -> str:
        for message in messages:
            if message["role"] in self.refused:
                raise ValueError(f"{message['role']} role not supported")
        return "|".join(message["content"] for message in messages)


def test_a_template_without_a_system_role_reads_its_text_in_the_users_turn() -> None:  # c01
    prompt = Prompt(system="Add.", template="{question}", chat=True)
    gemma = PromptEncoder(Templated(("system",)), prompt, context=50, vocabulary=200)
    plain = PromptEncoder(Templated(()), prompt, context=50, vocabulary=200)
    question = Problem("q", "1+1")
    assert gemma.decode(gemma.prompt_ids(question)) == "Add.\n\n1+1"
    assert plain.decode(plain.prompt_ids(question)) == "Add.|1+1"
    none = PromptEncoder(Templated(("system", "user")), prompt, context=50, vocabulary=200)
    with pytest.raises(InputError, match=r"refuses these messages \(system role not supported\): set task\.chat=false"):
        none.prompt_ids(question)


def test_the_text_of_a_sample_begins_with_its_prefix(encoder: PromptEncoder) -> None:
    assert encoder.text((), [120, 121], "") == "xy"
    assert encoder.text((120,), [121], "x") == "xy"
    assert encoder.text((120,), [121], "X") == "Xy", "the prefix stays as it was drawn"


def test_tokens_with_a_line_break_end_a_step(encoder: PromptEncoder) -> None:
    assert encoder.is_step(10) and not encoder.is_step(97) and encoder.is_step(10)


def test_prefixes_are_scored_one_by_one_and_must_leave_room(encoder: PromptEncoder) -> None:
    async def read(ids: Ids, prefix: Prefix) -> list[float]:
        return [len(ids) / 10, ids[-1] / 1000]

    prefixes = [Prefix(Q, "x"), Prefix(Q)]
    found = asyncio.run(score_prefixes(encoder, prefixes, [3, 4], read))
    assert np.allclose(found, [[0.5, 0.12], [0.4, 0.099]])
    assert asyncio.run(score_prefixes(encoder, [], [3, 4], read)).shape == (0, 2)
    with pytest.raises(InputError, match="to score has 10 tokens with its prompt and the model's context holds 10"):
        asyncio.run(score_prefixes(encoder, [Prefix(Q, "x" * 6)], [3], read))
