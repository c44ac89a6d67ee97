"""The streamed answer to one request, with every token charged to a meter, also those of a closed stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

from tts.engines.base import Meter
from tts.engines.openai.client import Connections
from tts.engines.openai.protocol import charge_usage, choice_text, create, token_id, token_logprobs
from tts.errors import EngineError


async def stream_choices(
    connections: Connections, body: Mapping[str, Any], meter: Meter, *, chat: bool
) -> AsyncGenerator[Any, None]:
    """Yield the choices of a streamed answer; closing the generator closes the connection.

    The meter has the usage that the server reports or, as long as it reports none, the tokens that have come in.

    Args:
        connections: lend the server.
        body: the request's body.
        meter: is charged the tokens read, found in the cache and drawn.
        chat: whether the request is chat messages.

    Raises:
        InputError: the server refuses the key or the model.
        EngineError: the server failed, or ended the sample in the middle.
    """
    before = (meter.prompt, meter.prompt_cached, meter.drawn)
    received, finished = 0, False
    async with connections.lend() as server:
        async with await create(server.client, chat, **body) as stream:
            async for event in stream:
                for choice in event.choices:
                    finished |= choice.finish_reason is not None
                    tokens = len(getattr(choice, "token_ids", None) or token_logprobs(choice))
                    received += tokens or bool(choice_text(choice))
                    meter.drawn = before[2] + received
                    yield choice
                if event.usage is not None:
                    meter.prompt, meter.prompt_cached, meter.drawn = before
                    charge_usage(meter, event.usage)
        if not finished:
            connections.balancer.mark_down(server, "it ended a sample in the middle")
            raise EngineError(f"{server.url} ended a sample in the middle")


def drawn_tokens(choice: Any, *, by_id: bool) -> Iterator[tuple[Any, Mapping[Any, float]]]:
    """Yield the tokens of a choice, each with the log-probabilities at its position; without any, {}.

    Args:
        choice: of an event.
        by_id: whether tokens are named by their ids; if not, by their texts.
    """
    found = token_logprobs(choice)
    if by_id and not found:
        yield from ((token, {}) for token in choice.token_ids or ())
    for token, logprob, beside in found:
        if by_id:
            yield token_id(token), {token_id(token): logprob, **{token_id(one): p for one, p in beside.items()}}
        else:
            yield token, {token: logprob, **beside}
