"""Bodies of the engine's kinds of requests: a draw, the probabilities of the next token, and a reading.

A body has the fields that the draw needs, with the types of OpenAI's interface, and no others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tts.boundaries import DETECTED, missing_signal
from tts.engines.base import Request
from tts.engines.exact import exactness
from tts.engines.openai.served_model import ServedModel
from tts.engines.sampling import Sampling, SamplingChange, seed_of
from tts.engines.text import Ids
from tts.errors import InputError, UnsupportedError
from tts.prompts import Prompt

SUPPRESSED_BIAS = -100
"""Logit bias of a token that is never drawn, the least that the interface takes."""
EVENT_TOKENS = 64
"""Tokens in one event of a stream that is read as a whole, if the server can send several at once: few enough that a
slow server is not taken for a dead one."""
TEXT_FIELDS: dict[str, Any] = {"include_stop_str_in_output": True, "stream_interval": EVENT_TOKENS}
"""VLLM's fields beside those of the interface, without a tokenizer."""
TOKEN_FIELDS = {**TEXT_FIELDS, "return_token_ids": True, "return_tokens_as_token_ids": True}
"""VLLM's fields beside those of the interface, with a tokenizer."""
NEUTRAL: dict[str, float] = {"top_p": 1, "top_k": -1, "min_p": 0, "repetition_penalty": 1}
"""Fields that switch off the filters of a server's or a model's defaults, where probabilities must be exact."""
TOOL_FIELDS = ("tool_choice", "parallel_tool_calls")
"""Fields of a problem that are fields of a request with tools."""
_OTHER_NAMES = {"max_tokens": ("max_completion_tokens",)}


def create(client: Any, chat: bool, body: Mapping[str, Any]) -> Any:
    """Send a request as it is; return the manager of an answer whose bytes can be read as they arrive."""
    if chat:
        return client.chat.completions.with_streaming_response.create(model="", messages=[], extra_body=body)
    return client.completions.with_streaming_response.create(model="", prompt="", extra_body=body)


def logprobs_fields(chat: bool, top: int) -> dict[str, Any]:
    """Return the fields that request log-probabilities, those of the ``top`` most probable tokens among them."""
    if not chat:
        return {"logprobs": top}
    return {"logprobs": True, "top_logprobs": top} if top else {"logprobs": True}


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
        sampling: how tokens are drawn, without the request's own changes.
        requested: ids of tokens whose log-probabilities come with each drawn token.
        seeded: whether the request has its own seed.
        check_every_tokens: tokens in one event of a stream that may be closed in the middle, >= 1.
        extra: further fields of the body; they replace those of the same name, and null removes one.

    Raises:
        InputError: no room to draw a token, a watched or probed token that the model does not have, or sampling of the
            request's own that ``extra`` replaces.
        UnsupportedError: a boundary without the signal that it needs, or a prefix in a chat.
    """
    until, signals, prefix = request.until, request.signals, request.prefix
    encoder, features = model.encoder, model.features
    if (refusal := missing_signal(until, signals)) is not None:
        raise UnsupportedError(refusal)
    if prefix is not None and prompt.chat:
        raise UnsupportedError("a chat cannot be continued in the middle of an answer: set task.chat=false")
    if request.sampling is not None:
        _refuse_replaced(request.sampling, extra)
        sampling, seeded = request.sampling.over(sampling), seeded or request.sampling.seed is not None
    prefix_text, limit = prefix.text if prefix is not None else "", sampling.max_tokens
    given = prefix.token_ids if prefix is not None and encoder is None else ()
    if given and not (features.continues_ids or prefix_text):
        raise UnsupportedError("this server continues no token ids: draw whole samples, or choose another server")
    asked: dict[str, Any]
    if encoder is not None:
        encoded = encoder.encode_request(request, sampling.max_tokens)
        asked, limit = {"prompt": list(encoded.ids)}, encoded.limit
    elif prompt.chat:
        asked = {"messages": prompt.messages(request.problem)}
        if request.problem.tools:
            asked["tools"] = [*request.problem.tools]
            asked |= {name: value for name in TOOL_FIELDS if (value := getattr(request.problem, name)) is not None}
        if (turn := request.turn) is not None:
            if request.problem.tools:
                asked["tool_choice"] = "none"  # it is asked about its reply, and calls no tool
            further = (("assistant", turn.reply), ("user", turn.question.strip()))
            asked["messages"] += [{"role": role, "content": content} for role, content in further]
    else:
        further_text = "" if request.turn is None else f"{request.turn.reply}\n\n{request.turn.question.strip()}\n"
        start = prompt.text(request.problem)
        exact = bool(given) and features.continues_ids  # a text might be read as other tokens
        asked = {"prompt": [start, *given] if exact else start + prefix_text + further_text}
        limit = max(1, limit - (len(given or prefix.trace.logprobs) if prefix is not None else 0))
    # without token ids, log-probabilities are the only sign of a text's tokens
    most = max(signals.top, signals.alternatives)
    needs_logprobs = most or signals.logprobs or requested or signals.processed
    needs_logprobs = needs_logprobs or (signals.steps and encoder is None)
    body: dict[str, Any] = {
        "model": model.name,
        **asked,
        "max_tokens": min(limit, int(until.value)) if until.kind == "tokens" else limit,
        "temperature": sampling.temperature,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if sampling.top_p != 1:
        body["top_p"] = sampling.top_p
    if signals.processed and exactness(sampling) == "raw":
        body |= NEUTRAL
    if features.stop_reasons:
        body["stream_options"]["continuous_usage_stats"] = True
        body |= TOKEN_FIELDS if encoder is not None else TEXT_FIELDS
        if signals.processed and request.problem.tools:
            body["return_token_ids"] = True  # else tokens that only mark a call are left out, log-probabilities and all
        if request.ahead or until.kind in DETECTED:
            body["stream_interval"] = check_every_tokens
    if features.logprobs and needs_logprobs:
        least = 1 if requested or not features.stop_reasons else 0  # 0 means none to some servers
        body |= logprobs_fields(prompt.chat, most or (0 if prompt.chat else least))
    if requested:
        body["logprob_token_ids"] = list(requested)
    if sampling.top_k:
        body["top_k"] = sampling.top_k
    if seeded and sampling.temperature > 0:
        body["seed"] = seed_of(request.key(sampling.seed, prefix_text or given), 4)
    if model.suppressed:
        body["logit_bias"] = {str(token): SUPPRESSED_BIAS for token in model.suppressed}
    if until.kind == "step":
        body["stop"] = ["\n"]
    if request.sampling is not None and request.sampling.stop:
        if until.kind == "step":
            raise UnsupportedError("a step ends at the end of its line: leave stop out, or use whole samples")
        body["stop"] = list(request.sampling.stop)
        if features.stop_reasons:
            body["include_stop_str_in_output"] = False
    return with_extra(body, extra), limit


def _refuse_replaced(change: SamplingChange, extra: Mapping[str, Any]) -> None:
    """Refuse sampling of one request that fields of every request replace.

    Raises:
        InputError: naming the first of them.
    """
    stop = {"stop": list(change.stop)} if change.stop else {}
    for name, value in {**change.named, **stop}.items():
        fixed = next((key for key in (name, *_OTHER_NAMES.get(name, ())) if key in extra), None)
        if fixed is not None:
            raise InputError(
                f"a request asks for {name}={value} and engine.openai.extra.{fixed} is {extra[fixed]!r} for all of "
                "them: leave one of the two out"
            )


def in_other_form(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request with one message in place of a text, or a text in place of messages."""
    rest = {name: value for name, value in body.items() if name not in ("messages", "prompt")}
    if "messages" in body:
        return {**rest, "prompt": "\n\n".join(str(message["content"]) for message in body["messages"])}
    return {**rest, "messages": [{"role": "user", "content": str(body["prompt"])}]}


def with_extra(body: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body with the user's fields, which replace those of the same name; null removes one."""
    whole = {**body, **extra}
    if extra.get("max_completion_tokens") is not None:
        whole.pop("max_tokens", None)
    return {name: value for name, value in whole.items() if value is not None}


def next_token_body(model: ServedModel, ids: Ids, tokens: Sequence[int], *, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a request for one token after ``ids``, with the log-probabilities of ``tokens``."""
    own = {"model": model.name, "prompt": list(ids), "max_tokens": 1, "temperature": 0, "logprobs": 1}
    return with_extra({**own, **TOKEN_FIELDS, "logprob_token_ids": list(tokens)}, extra)


def reading_body(model: ServedModel, ids: Ids, top: int, *, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a request for the log-probabilities of ``ids`` and of the ``top`` most probable tokens.

    The server draws one token behind them.
    """
    own = {"model": model.name, "prompt": list(ids), "max_tokens": 1, "temperature": 0, "logprobs": max(1, top)}
    return with_extra({**own, **TOKEN_FIELDS, "echo": True}, extra)
