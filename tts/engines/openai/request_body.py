"""Bodies of the engine's two kinds of requests: a draw, and the probabilities of the next token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tts.boundaries import DETECTED, missing_signal
from tts.engines.base import Request
from tts.engines.openai.protocol import TEXT_FIELDS, TOKEN_FIELDS, logprobs_fields
from tts.engines.openai.served_model import ServedModel
from tts.engines.sampling import Sampling, seed_of
from tts.engines.text import Ids
from tts.errors import UnsupportedError
from tts.prompts import Prompt

SUPPRESSED_BIAS = -100
"""Logit bias of a token that is never drawn, the least that the interface takes."""


def draw_body(
    request: Request,
    model: ServedModel,
    *,
    prompt: Prompt,
    sampling: Sampling,
    requested: Ids,
    seeded: bool,
    check_every_tokens: int,
    extra: Mapping[str, Any],
) -> tuple[dict[str, Any], int]:
    """Return the body of a request that draws one sample, and the most tokens that the sample may have.

    Args:
        request: the sample to draw.
        model: the model that draws it.
        prompt: turns a problem into the model's input.
        sampling: how tokens are drawn.
        requested: ids of tokens whose log-probabilities come with each drawn token.
        seeded: whether the request has its own seed.
        check_every_tokens: tokens in one event of a stream that may be closed in the middle, >= 1.
        extra: further fields of the body.

    Raises:
        InputError: no room to draw a token, or a watched or probed token that the model does not have.
        UnsupportedError: a boundary without the signal that it needs, or a prefix in a chat.
    """
    until, signals, prefix = request.until, request.signals, request.prefix
    encoder, features = model.encoder, model.features
    if (refusal := missing_signal(until, signals)) is not None:
        raise UnsupportedError(refusal)
    if prefix is not None and prompt.chat:
        raise UnsupportedError("a chat cannot be continued in the middle of an answer: set prompt.chat=false")
    prefix_text, limit = prefix.text if prefix is not None else "", sampling.max_tokens
    asked: dict[str, Any]
    fields: dict[str, Any] = {}
    if features.stop_reasons:
        fields |= TOKEN_FIELDS if encoder is not None else TEXT_FIELDS
        if request.ahead or until.kind in DETECTED:
            fields["stream_interval"] = check_every_tokens
    fields |= extra
    if encoder is not None:
        encoded = encoder.encode_request(request, sampling.max_tokens)
        asked, limit = {"prompt": ""}, encoded.limit
        fields["prompt"] = list(encoded.ids)  # the client would check each of them
    elif prompt.chat:
        asked = {"messages": prompt.messages(request.problem)}
    else:
        asked = {"prompt": prompt.text(request.problem) + prefix_text}
        limit = max(1, limit - (len(prefix.trace.logprobs) if prefix is not None else 0))
    # without token ids, log-probabilities are the only sign of a text's tokens
    needs_logprobs = signals.top or signals.logprobs or requested or (signals.steps and encoder is None)
    if requested:
        fields["logprob_token_ids"] = list(requested)
    body: dict[str, Any] = {
        "model": model.name,
        **asked,
        "max_tokens": min(limit, int(until.value)) if until.kind == "tokens" else limit,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if features.stop_reasons:
        body["stream_options"]["continuous_usage_stats"] = True
    if features.top_logprobs and needs_logprobs:
        body |= logprobs_fields(prompt.chat, signals.top or bool(requested))
    if sampling.top_k:
        fields["top_k"] = sampling.top_k
    if seeded and sampling.temperature > 0:
        body["seed"] = seed_of(request.key(sampling.seed, prefix_text), 4)
    if model.suppressed:
        body["logit_bias"] = {str(token): SUPPRESSED_BIAS for token in model.suppressed}
    if until.kind == "step":
        body["stop"] = ["\n"]
    return {**body, "extra_body": fields}, limit


def next_token_body(model: ServedModel, ids: Ids, tokens: Sequence[int], *, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a request for one token after ``ids``, with the log-probabilities of ``tokens``."""
    fields = {**extra, **TOKEN_FIELDS, "logprob_token_ids": list(tokens), "prompt": list(ids)}
    body = {"model": model.name, "prompt": "", "max_tokens": 1, "temperature": 0, "logprobs": 1}
    return {**body, "extra_body": fields}
