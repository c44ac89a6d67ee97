"""The features of a server, detected by requests for one token each and not by the server's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tts.engines.openai.protocol import (
    TOKEN_FIELDS,
    create,
    error_message,
    logprobs_fields,
    prompt_fields,
    token_logprobs,
)
from tts.errors import InputError, first_line

TOP_LOGPROBS = (20, 5)
"""Numbers of top log-probabilities to request; the first that a server takes is used."""
UNKNOWN_CONTEXT = 1 << 20
"""Context of a model whose server does not report one, in tokens."""


@dataclass(frozen=True, slots=True)
class ServerFeatures:
    """The features of a server beyond drawing text.

    Attributes:
        token_ids: takes prompts as tokens, and returns the ids of the tokens that it draws.
        named_logprobs: returns the log-probabilities of given tokens.
        top_logprobs: the most top log-probabilities that it returns; 0 if it returns no log-probabilities at all.
        stop_reasons: reports the stop string that it met, and leaves it in the text.
        context: the context of its model in tokens, if it reports one.
    """

    token_ids: bool = False
    named_logprobs: bool = False
    top_logprobs: int = 0
    stop_reasons: bool = False
    context: int = UNKNOWN_CONTEXT

    def __and__(self, other: ServerFeatures) -> ServerFeatures:
        """Return the features that both servers have."""
        return ServerFeatures(
            token_ids=self.token_ids and other.token_ids,
            named_logprobs=self.named_logprobs and other.named_logprobs,
            top_logprobs=min(self.top_logprobs, other.top_logprobs),
            stop_reasons=self.stop_reasons and other.stop_reasons,
            context=min(self.context, other.context),
        )


def detect_features(client: Any, model: str, *, chat: bool, has_tokenizer: bool) -> ServerFeatures:
    """Detect the features of a server by requests for one token each.

    Args:
        client: a synchronous client of the server.
        model: the model's name at the server.
        chat: whether requests are chat messages.
        has_tokenizer: whether there is a tokenizer, so that token ids are of use.

    Raises:
        InputError: the server does not answer, does not serve the model, or refuses the key.
    """
    import openai

    def draw_one(**more: Any) -> Any:
        return create(client, chat, model=model, max_tokens=1, temperature=0, **prompt_fields(chat, "Hello"), **more)

    try:
        context = _context(client, model)
        found = _most_logprobs(draw_one, chat, extra_body=TOKEN_FIELDS)
        if found is None:  # it takes no fields beyond the interface
            plain = _most_logprobs(draw_one, chat)
            if plain is None:
                draw_one()
            return ServerFeatures(top_logprobs=plain[0] if plain is not None else 0, context=context)
        top, choice = found
        fields = choice.model_extra or {}
        ids = has_tokenizer and fields.get("token_ids") is not None and not chat and _takes_ids(client, model)
        return ServerFeatures(
            token_ids=ids,
            named_logprobs=ids and _returns_named(client, model),
            top_logprobs=top,
            stop_reasons="stop_reason" in fields,
            context=context,
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
        raise InputError(f"{client.base_url} has no model {model} or no such route ({error_message(error)})") from None
    except openai.APIError as error:
        raise InputError(f"{client.base_url} refuses a request for one token ({error_message(error)})") from None


def _context(client: Any, model: str) -> int:
    """Return the model's context from the server's list of models.

    Raises:
        InputError: the list does not have the model.
    """
    import openai

    try:
        models = {one.id: one for one in client.models.list()}
    except openai.NotFoundError:  # a server without a list
        return UNKNOWN_CONTEXT
    if models and model not in models:
        raise InputError(f"{client.base_url} does not serve {model}: give engine.model one of {', '.join(models)}")
    return int((models[model].model_extra or {}).get("max_model_len") or UNKNOWN_CONTEXT) if models else UNKNOWN_CONTEXT


def _most_logprobs(draw_one: Callable[..., Any], chat: bool, **more: Any) -> tuple[int, Any] | None:
    """Return the number of top log-probabilities that a server returns, and its answer's first choice.

    Returns:
        The first of ``TOP_LOGPROBS`` that the server takes, 0 if it takes one and returns none; None if it takes none.
    """
    import openai

    for top in TOP_LOGPROBS:
        try:
            choice = draw_one(**logprobs_fields(chat, top), **more).choices[0]
        except openai.BadRequestError:
            continue
        return (top if token_logprobs(choice) else 0), choice
    return None


def _takes_ids(client: Any, model: str) -> bool:
    import openai

    try:
        client.completions.create(model=model, prompt=[1, 2], max_tokens=1, temperature=0)
    except openai.BadRequestError:
        return False
    return True


def _returns_named(client: Any, model: str) -> bool:
    import openai

    try:
        choice = client.completions.create(
            model=model,
            prompt=[1, 2],
            max_tokens=1,
            temperature=0,
            logprobs=1,
            extra_body={**TOKEN_FIELDS, "logprob_token_ids": [0, 1]},
        ).choices[0]
    except openai.BadRequestError:
        return False
    found = token_logprobs(choice)
    return bool(found) and all({"token_id:0", "token_id:1"} <= set(named) for _, _, named in found)
