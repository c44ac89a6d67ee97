"""What servers of OpenAI's interface are asked and what they answer, and what they can do, found out by asking."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tts.engines.base import Meter
from tts.errors import InputError, first_line

TOPS = (20, 5)
"""Numbers of top log-probabilities that servers are asked for, the first that they take."""
UNKNOWN = 1 << 20
"""A context whose size nobody tells."""


@dataclass(frozen=True, slots=True)
class ServerFeatures:
    """What a server was found to do.

    Attributes:
        ids: takes prompts as tokens, and tells the ids of what it draws.
        named: tells the probabilities of given tokens.
        top: the most top log-probabilities that it tells; 0 where it tells no log-probabilities at all.
        reasons: says which stop string it met, and leaves it in the text.
        context: tokens that its model can have, where it says so.
    """

    ids: bool = False
    named: bool = False
    top: int = 0
    reasons: bool = False
    context: int = UNKNOWN


LUMP = 64
"""Tokens an event of a stream that nobody looks into, where the server makes events of several: few enough that a slow
server is not taken for a dead one."""
WORDLESS: dict[str, Any] = {"include_stop_str_in_output": True, "stream_interval": LUMP}
EXTRA = {**WORDLESS, "return_token_ids": True, "return_tokens_as_token_ids": True}
"""VLLM's fields beside those of the interface, without a tokenizer and with one."""


def ask(client: Any, model: str, *, chat: bool, names: bool) -> ServerFeatures:
    """Find out what a server can do, by requests for one token each.

    Args:
        client: a client that waits.
        model: the model's name there.
        chat: whether chat messages are to be sent.
        names: whether there is a tokenizer, so that token ids are of use.

    Raises:
        InputError: it does not answer, does not serve the model, or refuses the key.
    """
    import openai

    def one(**more: Any) -> Any:
        return create(client, chat, model=model, max_tokens=1, temperature=0, **_asked(chat, "Hello"), **more)

    try:
        context = _context(client, model)
        if (found := _first(one, chat, extra_body=EXTRA)) is None:  # it takes nothing beyond the interface
            plain = _first(one, chat)
            if plain is None:
                one()
            return ServerFeatures(top=plain[0] if plain is not None else 0, context=context)
        top, said = found
        more = said.model_extra or {}
        ids = names and more.get("token_ids") is not None and not chat and _takes_ids(client, model)
        return ServerFeatures(
            ids=ids, named=ids and _names(client, model), top=top, reasons="stop_reason" in more, context=context
        )
    except openai.APIConnectionError as error:
        raise InputError(
            f"{client.base_url} does not answer ({first_line(error)}): start the server, or correct engine.openai.urls"
        ) from None
    except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
        raise InputError(
            f"{client.base_url} refuses the key ({error.status_code}): put a valid one into the environment variable "
            "that engine.openai.key_env names"
        ) from None
    except openai.NotFoundError as error:
        raise InputError(f"{client.base_url} has no model {model} or no such route ({sentence(error)})") from None
    except openai.APIError as error:
        raise InputError(f"{client.base_url} refuses a request for one token ({sentence(error)})") from None


def create(client: Any, chat: bool, **body: Any) -> Any:
    """What a client makes of a request's body; of an asynchronous one, a coroutine."""
    return (client.chat.completions if chat else client.completions).create(**body)


def _asked(chat: bool, text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]} if chat else {"prompt": text}


def tops(chat: bool, top: int) -> dict[str, Any]:
    """The fields that ask for so many top log-probabilities."""
    return {"logprobs": True, "top_logprobs": top} if chat else {"logprobs": top}


def _context(client: Any, model: str) -> int:
    """The model's context as the server's list of models has it.

    Raises:
        InputError: the list does not have the model.
    """
    import openai

    try:
        models = {one.id: one for one in client.models.list()}
    except openai.NotFoundError:  # a server without a list
        return UNKNOWN
    if models and model not in models:
        raise InputError(f"{client.base_url} does not serve {model}: give engine.model one of {', '.join(models)}")
    return int((models[model].model_extra or {}).get("max_model_len") or UNKNOWN) if models else UNKNOWN


def _first(one: Callable[..., Any], chat: bool, **more: Any) -> tuple[int, Any] | None:
    """How many top log-probabilities a server tells, at most as many of ``TOPS`` as it takes, and what it said.

    None where it takes no such request.
    """
    import openai

    for top in TOPS:
        try:
            said = one(**tops(chat, top), **more).choices[0]
        except openai.BadRequestError:
            continue
        return (top if logprobs(said) else 0), said
    return None


def _takes_ids(client: Any, model: str) -> bool:
    import openai

    try:
        client.completions.create(model=model, prompt=[1, 2], max_tokens=1, temperature=0)
    except openai.BadRequestError:
        return False
    return True


def _names(client: Any, model: str) -> bool:
    import openai

    try:
        said = client.completions.create(
            model=model,
            prompt=[1, 2],
            max_tokens=1,
            temperature=0,
            logprobs=1,
            extra_body={**EXTRA, "logprob_token_ids": [0, 1]},
        ).choices[0]
    except openai.BadRequestError:
        return False
    return all({"token_id:0", "token_id:1"} <= set(named) for _, _, named in logprobs(said)) and bool(logprobs(said))


def logprobs(choice: Any) -> list[tuple[str, float, dict[str, float]]]:
    """Each token of a choice, its log-probability and those of the most probable or named ones, by their texts."""
    given = getattr(choice, "logprobs", None)
    if given is None:
        return []
    if (content := getattr(given, "content", None)) is not None:
        return [(t.token, t.logprob, {one.token: one.logprob for one in t.top_logprobs}) for t in content]
    beside = getattr(given, "top_logprobs", None) or [None] * len(given.tokens or ())
    return [
        (token, logprob, dict(top or {}))
        for token, logprob, top in zip(given.tokens or (), given.token_logprobs or (), beside, strict=True)
    ]


def sentence(error: Any) -> str:
    """What a server said, without the client's wrapping."""
    given: Any = getattr(error, "body", None)
    body: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    inner = body.get("error", body)
    message = inner.get("message") if isinstance(inner, Mapping) else inner
    return str(message or first_line(error)).strip().splitlines()[0].rstrip(".")[:300]


def text_of(choice: Any) -> str:
    """The text of an event or an answer, of either interface."""
    return str((choice.delta.content if hasattr(choice, "delta") else choice.text) or "")


def charge_usage(meter: Meter, usage: Any) -> None:
    """Add what the server says that a request took."""
    details = getattr(usage, "prompt_tokens_details", None)
    cached = int(getattr(details, "cached_tokens", None) or 0)
    meter.prompt += usage.prompt_tokens - cached
    meter.prompt_cached += cached
    meter.drawn += usage.completion_tokens or 0
