"""The features of a server, detected by the request that a run makes, streamed, and not by the server's name.

An answer is closed after its first tokens. VLLM's own fields are sent only to servers that show its marks, and
log-probabilities are those of a stream, since some servers return them of whole answers only.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tts.engines.openai.answers.events import Choice
from tts.engines.openai.answers.logprobs import Token
from tts.engines.openai.client import DRAINING, Connections
from tts.engines.openai.failures import connection_words, error_message
from tts.engines.openai.fleet.balancer import Server
from tts.engines.openai.http_client import is_unreachable
from tts.engines.openai.output_stream import each_event, error_of
from tts.engines.openai.request_body import TOKEN_FIELDS, logprobs_fields
from tts.engines.openai.served_model import UNKNOWN_CONTEXT, ServerFeatures
from tts.errors import EngineError, InputError

TOP_LOGPROBS = (20, 5)
"""Numbers of top log-probabilities to request; the first that a server takes is used."""
REACH_PAUSE_S = 0.5
"""Seconds before a server that could not be reached is tried once more."""
ENOUGH_CHOICES = 8
"""Choices with text after which an answer is closed."""
SAME_LOGPROB = 0.1
"""Nats that two passes over the same tokens differ by at most, in low precision too."""
OPTIONAL = (("stream_options",), ("seed", "logit_bias", "top_k"), ("stream", "stream_options"))
"""Fields to try without, in turn, where a refusal names none."""

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ServerProbe:
    """Asks one server with the request of a run.

    Attributes:
        connections: to the servers.
        server: the one to ask.
        chat: whether requests are chat messages.
        body: the request that the run makes for a short question, without log-probabilities.
    """

    connections: Connections
    server: Server
    chat: bool
    body: Body

    async def features(self, *, has_tokenizer: bool) -> ServerFeatures:
        """Detect the features of the server.

        Args:
            has_tokenizer: whether there is a tokenizer, so that token ids are of use.

        Raises:
            InputError: the server refuses the key, or lacks the model.
            EngineError: any other failure.
        """
        listed = await list_models(self.server)
        context, plain = self._context(listed), await self._plain()
        self._check_name([name for name in listed if name])
        likely = context is not None or any(choice.marks for choice in plain)
        found = await self._logprobs({**TOKEN_FIELDS}) if likely else None
        rich = found is not None and any(choice.marks for choice in found[1])
        if not rich:
            found = await self._logprobs({})
        top, choices = found if found is not None else (0, [])
        ids = rich and has_tokenizer and not self.chat and any(choice.token_ids for choice in choices)
        ids = ids and await self._accepted({"prompt": [1, 2]}) is not None
        told = [token for choice in choices for token in choice.tokens]
        returned = not self.chat and not ids and bool(told) and all(token.ids for token in told)
        alternatives = max((len(token.known) for token in told), default=0)
        return ServerFeatures(
            token_ids=ids,
            named_logprobs=ids and await self._returns_named(),
            logprobs=any(not math.isnan(token.logprob) for token in told),
            top_logprobs=top if alternatives > 1 else 0,
            told_logprobs=alternatives,
            continues_ids=returned and await self._continues_ids(),
            stop_reasons=rich,
            context=context or UNKNOWN_CONTEXT,
        )

    def _context(self, listed: Mapping[str, Mapping[str, Any]]) -> int | None:
        """Return the context that the server's list of models holds; the list is a hint, so anything else is None."""
        size = listed.get(str(self.body["model"]), {}).get("max_model_len")
        return size if isinstance(size, int) and size > 0 else None

    def _check_name(self, listed: list[str]) -> None:
        """Say that a server answers for a model that is not in its list: some serve their only one under any name."""
        model = str(self.body["model"])
        if listed and not is_listed(model, listed):
            names = f"{listed[0]}{f' and {len(listed) - 1} more' if len(listed) > 1 else ''}"
            self.connections.notify(
                f"{self.server.url} lists {names}, not {model}, and answers all the same: check engine.model"
            )

    async def _plain(self) -> list[Choice]:
        """Ask with the request itself, then without optional fields where a refusal names none."""
        try:
            return await self._choices(self.body)
        except EngineError as error:
            if error.again:
                raise
            for fields in OPTIONAL:
                shorter = {name: value for name, value in self.body.items() if name not in fields}
                if len(shorter) == len(self.body):
                    continue
                try:
                    choices = await self._choices(shorter)
                except EngineError:
                    continue
                self.connections.dialect.leave_out(fields)
                self.connections.notify(f"the server refuses {', '.join(fields)}: requests go without ({error})")
                return choices
            raise

    async def _logprobs(self, more: Body) -> tuple[int, list[Choice]] | None:
        """Return the number of top log-probabilities that the server takes, and what it answers; None if none."""
        for top in TOP_LOGPROBS:
            asked = {**more, **logprobs_fields(self.chat, top)}
            if (choices := await self._accepted(asked)) is not None:
                return top, choices
        if (choices := await self._accepted({**more, **logprobs_fields(self.chat, 0)})) is not None:
            return 0, choices
        return None

    async def _returns_named(self) -> bool:
        asked = {"prompt": [1, 2], "logprobs": 1, **TOKEN_FIELDS, "logprob_token_ids": [0, 1]}
        choices = await self._accepted(asked)
        told = [token for choice in choices or () for token in choice.tokens]
        names = [{token.text, *(text for text, _ in token.others)} for token in told]
        return bool(names) and all({"token_id:0", "token_id:1"} <= one for one in names)

    async def _continues_ids(self) -> bool:
        """Return whether the server continues a text by ids as it would have gone on itself."""
        greedy = {"temperature": 0, "ignore_eos": True, **logprobs_fields(self.chat, 1)}
        whole = _returned(await self._accepted({**greedy, "max_tokens": 3}))
        if len(whole) < 3:
            return False
        rest = {"prompt": [self.body["prompt"], whole[0].ids[0]], "max_tokens": 2}
        found = _returned(await self._accepted({**greedy, **rest}))
        same = [one.ids[0] for one in found] == [one.ids[0] for one in whole[1:]]
        near = all(abs(a.logprob - b.logprob) < SAME_LOGPROB for a, b in zip(found, whole[1:], strict=False))
        return same and near

    async def _accepted(self, more: Body) -> list[Choice] | None:
        """Return what the server answers with further fields; None if it refuses them or fails at them."""
        try:
            return await self._choices({**self.body, **more}, strict=True)
        except (EngineError, InputError):
            return None

    async def _choices(self, body: Body, *, strict: bool = False) -> list[Choice]:
        """Return the first choices of an answer.

        Args:
            body: the request.
            strict: whether a refusal is final, instead of a lesson about the fields that it names.
        """
        choices: list[Choice] = []
        async with self.connections.ask(body, chat=self.chat, server=self.server, learn=not strict) as (_, objects, _):
            async for event in each_event(objects):
                if event.error is not None and not event.choices:
                    raise error_of(self.server.url, event.error)
                choices += event.choices
                if sum(bool(one.text or one.reasoning or one.tokens) for one in choices) >= ENOUGH_CHOICES:
                    return choices
        if not choices:
            raise EngineError(f"{self.server.url} answers without choices", again=False)
        return choices


def _returned(choices: Iterable[Choice] | None) -> list[Token]:
    """Return the tokens of an answer that have ids."""
    return [token for choice in choices or () for token in choice.tokens if token.ids]


def is_listed(model: str, listed: Iterable[str]) -> bool:
    """Return whether a model is in a server's list, with a tag or a folder or as a pattern too."""
    return any(model == name or name.startswith(f"{model}:") or name.endswith((f"/{model}", "*")) for name in listed)


async def list_models(server: Server, *, attempts: int = 2, again: bool = False) -> dict[str, Mapping[str, Any]]:
    """Return the server's list of models by name; empty where it has none that can be read.

    Args:
        server: the server.
        attempts: to connect, >= 1.
        again: whether the server has answered before, so that an error of a server or a proxy means that it is down.

    Raises:
        EngineError: none of the attempts found a server at this address, or it is down.
    """
    import openai

    try:
        answer = await server.client.with_options(max_retries=0).models.with_raw_response.list()
        listed = answer.http_response.json()
    except (openai.OpenAIError, ValueError, OSError) as error:
        if again and getattr(error, "status_code", 0) in DRAINING:
            raise EngineError(f"{server.url} does not answer ({error_message(error)})") from None
        if not is_unreachable(error):
            return {}
        if attempts > 1:
            await asyncio.sleep(REACH_PAUSE_S)
            return await list_models(server, attempts=attempts - 1, again=again)
        raise EngineError(f"{server.url} does not answer ({connection_words(server.url, error)})") from None
    if isinstance(listed, Mapping):
        listed = next((listed[name] for name in ("data", "models") if isinstance(listed.get(name), list)), [])
    found: dict[str, Mapping[str, Any]] = {}
    for one in listed if isinstance(listed, list) else []:
        entry = one if isinstance(one, Mapping) else {"id": one}
        found |= {str(entry[name]): entry for name in ("id", "name", "model") if isinstance(entry.get(name), str)}
    return found
