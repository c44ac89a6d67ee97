"""Probabilities of given tokens at a server: of those that may follow a prompt, and of the prompt's own."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts.engines.base import Meter
from tts.engines.openai.answers.events import Choice
from tts.engines.openai.client import Connections
from tts.engines.openai.output_stream import drawn_tokens, stream_choices
from tts.engines.openai.request_body import next_token_body, reading_body
from tts.engines.openai.served_model import ServedModel
from tts.engines.text import Ids
from tts.errors import EngineError, UnsupportedError


async def next_token(
    connections: Connections,
    model: ServedModel,
    ids: Ids,
    tokens: Sequence[int],
    meter: Meter,
    *,
    extra: Mapping[str, Any],
    prompt: int | None = None,
) -> NDArray[np.float64]:
    """Return P(token) after these ids, shape [len(tokens)].

    Args:
        connections: to the servers.
        model: the model at the servers.
        ids: the tokens to read.
        tokens: those whose probabilities are wanted.
        meter: is charged the tokens read.
        extra: further fields of each request's body.
        prompt: a number that stands for the question's prompt, with which ``ids`` begin; None takes all of them.

    Raises:
        UnsupportedError: servers that do not return the probabilities of given tokens.
        EngineError: a server failed.
    """
    if not model.features.named_logprobs:
        raise UnsupportedError("the server does not return the probabilities of given tokens")
    body = next_token_body(model, ids, tokens, extra=extra)
    named: dict[str, float] = {}
    async with aclosing(stream_choices(connections, body, meter, chat=False, prompt=prompt)) as choices:
        async for choice in choices:
            for token in choice.tokens:
                named = {token.text: token.logprob, **dict(token.others)}
    try:
        return np.exp([named[f"token_id:{token}"] for token in tokens])
    except KeyError as missing:
        raise EngineError(f"the server does not tell the probability of {missing.args[0]}") from None


async def first_token(streamed: AsyncGenerator[Choice, None]) -> Mapping[str, float]:
    """Return the probability of each first token that an answer tells, by its text."""
    found: dict[str, float] = {}
    async with aclosing(streamed) as choices:
        async for choice in choices:
            if choice.tokens and not found:
                first = choice.tokens[0]
                told = [*first.others, (first.text, first.logprob)]
                found = {text: math.exp(logprob) for text, logprob in told if not math.isnan(logprob)}
    return found


async def prompt_logprobs(
    connections: Connections, model: ServedModel, ids: Ids, top: int, meter: Meter, *, extra: Mapping[str, Any]
) -> list[Mapping[int, float]]:
    """Return at each token of a prompt its log-probability and those of the ``top`` most probable ones, by id.

    Raises:
        EngineError: a server failed, or does not return them.
    """
    body = reading_body(model, ids, top, extra=extra)
    told: list[Mapping[int, float]] = []
    async with aclosing(stream_choices(connections, body, meter, chat=False)) as choices:
        async for choice in choices:
            told += [logprobs for _, logprobs in drawn_tokens(choice, by_id=True)]
    if len(told) < len(ids):
        raise EngineError("the server does not return the log-probabilities of a prompt", again=False)
    return told[: len(ids)]
