"""A server's samples have a probability as a whole where it draws what it tells, and tells the token that ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("openai")

from tests.engines.openai.cases import Body, RefusalError, Scripted, event, serving, usage
from tts.engines.base import Meter, Request
from tts.engines.openai.answers.received import Received
from tts.engines.openai.config import OpenAIConfig
from tts.engines.openai.engine import OpenAIEngine
from tts.engines.openai.tokens.exactness import trace_of
from tts.engines.sampling import Sampling, SamplingChange
from tts.engines.streaming import StreamedSample
from tts.engines.streams import collected
from tts.prompts import Prompt
from tts.types import END as END_OF_SAMPLE
from tts.types import End, Problem, Sample, Signals

EXACT = Signals(processed=True)
PLAIN = Sampling(temperature=1.0, max_tokens=50)
END = "<|im_end|>"


def reply(body: Body, tokens: list[tuple[str, str]], *, drawn: int | None = None, **delta: Any) -> Iterator[bytes]:
    """A chat's stream of tokens, each as its text and as the text that is shown of it."""
    for at, (token, shown) in enumerate(tokens):
        last = at == len(tokens) - 1
        choice: Body = {"index": 0, "delta": {"content": shown}, "finish_reason": "stop" if last else None}
        if last:
            choice["delta"] |= delta
        if body.get("logprobs"):
            choice["logprobs"] = {"content": [{"token": token, "logprob": -0.25 * (at + 1), "top_logprobs": []}]}
        yield event(choices=[choice])
    yield event(choices=[], usage=usage(len(tokens) if drawn is None else drawn))
    yield b"data: [DONE]\n\n"


WHOLE = [("Four", "Four"), (".", "."), (END, "")]


@contextmanager
def asked(
    tokens: list[tuple[str, str]], sampling: Sampling = PLAIN, *, extra: Any = None, **how: Any
) -> Iterator[tuple[OpenAIEngine, Scripted, list[str]]]:
    told: list[str] = []
    with serving() as server:
        server.meet = lambda body: reply(body, tokens, **how)
        config = OpenAIConfig(urls=[server.url], retries=0, timeout_s=5.0, extra=extra or {})
        load = {"model": "m", "prompt": Prompt(chat=True), "sampling": sampling, "seeded": False}
        yield OpenAIEngine.load(config, notify=told.append, **load), server, told


def draw(engine: OpenAIEngine, change: SamplingChange | None = None) -> Sample:
    request = Request(Problem("q", "2 + 2?"), signals=EXACT, sampling=change)
    return asyncio.run(collected(engine, request))


def test_a_sample_at_temperature_one_has_the_sum_of_its_tokens_with_the_end() -> None:
    with asked(WHOLE) as (engine, server, told):
        assert engine.capabilities.processed
        sample = draw(engine)
        body = server.seen[-1]
    assert sample.text == "Four." and sample.end is End.STOP
    assert sample.trace.processed == sample.trace.logprobs == (-0.25, -0.5, -0.75) and sample.logprob == -1.5
    assert {name: body[name] for name in ("top_p", "top_k", "min_p", "repetition_penalty", "logprobs")} == {
        "top_p": 1, "top_k": -1, "min_p": 0, "repetition_penalty": 1, "logprobs": True,
    }  # fmt: skip
    assert not any("probability as a whole" in sentence for sentence in told)


def test_fields_that_a_server_refuses_are_filters_that_it_has_not() -> None:
    def meet(body: Body) -> Iterator[bytes]:
        for name in ("top_k", "min_p", "repetition_penalty"):
            if name in body:
                raise RefusalError(400, f"Unrecognized request argument supplied: {name}")
        return reply(body, WHOLE)

    with asked(WHOLE) as (engine, server, told):
        server.meet = meet
        assert draw(engine).logprob == -1.5
    assert sum("left out" in sentence for sentence in told) == 3


@pytest.mark.parametrize(
    ("tokens", "how"),
    [
        (WHOLE[:2], {}),  # without the end
        ([("Four", "Four"), (".", ".")], {"drawn": 3}),
        (WHOLE, {"reasoning_content": "thoughts that are not told", "drawn": 9}),
        ([("Four", "Four"), ("\\xe2", ""), (".", "\u2026")], {}),  # texts that do not spell the sample
        (WHOLE, {"drawn": 9}),  # thoughts that are not shown
        ([("Four", "Four"), (END, "")], {"reasoning_content": "thoughts that are neither told nor counted"}),
    ],
)
def test_a_sample_without_its_end_token_has_none_and_one_sentence_says_so(tokens: Any, how: Any) -> None:
    with asked(tokens, **how) as (engine, _, told):
        samples = [draw(engine) for _ in range(2)]
    assert all(sample.logprob is None and sample.trace.processed == () for sample in samples)
    assert all(len(sample.trace.logprobs) == len(tokens) for sample in samples)
    assert sum("the one that ends a sample among them" in sentence for sentence in told) == 1


def test_thoughts_count_where_the_server_tells_them() -> None:
    tokens = [("<think>", ""), ("Two", ""), (" twos", ""), ("</think>", ""), ("Fo", "Fo"), ("ur", "ur"), (END, "")]
    with asked(tokens, reasoning_content="Two twos") as (engine, _, _told):
        sample = draw(engine)
    assert sample.reasoning == "Two twos" and sample.logprob == pytest.approx(-0.25 * sum(range(1, 8)))


def test_calls_count_where_the_server_tells_as_many_tokens_as_it_drew() -> None:
    call = {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "add", "arguments": "{}"}}]}
    tokens = [("<tool_call>", ""), ("add{}", ""), (END, "")]
    for drawn, logprob in ((3, -1.5), (7, None)):
        with asked(tokens, drawn=drawn, **call) as (engine, _, _told):
            sample = draw(engine)
        assert len(sample.calls) == 1 and sample.logprob == logprob


@pytest.mark.parametrize(
    ("sampling", "extra"),
    [
        (Sampling(temperature=0.7), {}),
        (Sampling(temperature=1.0, top_p=0.9), {}),
        (Sampling(temperature=1.0, top_k=5), {}),
        (PLAIN, {"min_p": 0.1}),
        (PLAIN, {"temperature": 0.7}),
        (PLAIN, {"top_p": None}),
        (PLAIN, {"repetition_penalty": 1.1}),
        (PLAIN, {"stop": ["Four"]}),
        (PLAIN, {"some_filter_of_its_own": 3}),
    ],
)
def test_the_ability_is_missing_where_a_server_draws_from_another_distribution(sampling: Sampling, extra: Any) -> None:
    with asked(WHOLE, sampling, extra=extra) as (engine, _, told):
        assert "the log-probability of each token under" in str(engine.capabilities.lacking(EXACT))
        assert draw(engine).logprob is None and draw(engine).logprob is None
    assert sum("samples drawn in another way have no probability as a whole" in one for one in told) == 1


@pytest.mark.parametrize("extra", [{"user": "me"}, {"top_p": 1, "presence_penalty": 0, "seed": None}])
def test_fields_that_filter_nothing_leave_it(extra: Any) -> None:
    with asked(WHOLE, extra=extra) as (engine, _, _told):
        assert engine.capabilities.processed and draw(engine).logprob == -1.5


def test_a_request_of_its_own_sampling_is_judged_by_itself() -> None:
    with asked(WHOLE) as (engine, _, _told):
        assert draw(engine, SamplingChange(temperature=0.5)).logprob is None
        assert draw(engine, SamplingChange(stop=("x",))).logprob is None
        assert draw(engine, SamplingChange(temperature=0.0)).logprob == 0.0
        assert draw(engine, SamplingChange(seed=3)).logprob == -1.5


def test_at_temperature_zero_there_is_one_text() -> None:
    with asked(WHOLE[:2], Sampling(temperature=0.0, top_p=0.5)) as (engine, server, told):
        assert engine.capabilities.processed and draw(engine).logprob == 0.0
        assert "min_p" not in server.seen[-1]
    assert not any("as a whole" in sentence for sentence in told)


@pytest.mark.parametrize(("tokens", "whole"), [([3, 4, 0], True), ([3, 4, 4], False), ([], False)])
def test_a_sample_of_token_ids_ends_with_an_end_token(tokens: list[int], whole: bool) -> None:
    told: list[str] = []
    sample = StreamedSample[int](END_OF_SAMPLE, EXACT, {0}, 50, lambda token: False, exact="raw")
    sample.take((token, {token: -0.5}) for token in tokens)
    trace = trace_of(sample, Received(), End.STOP, Meter(), told.append)
    assert trace.processed == ((-0.5,) * 3 if whole else ()) and len(told) == (not whole)
