"""The streamed answer to one request, with every token charged to a meter, also those of a closed stream."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

from tts.engines.base import Meter
from tts.engines.openai.answers.events import Choice, Event, read_event
from tts.engines.openai.answers.joined import read_joined
from tts.engines.openai.answers.logprobs import token_id
from tts.engines.openai.answers.usage import Counts, estimated_tokens
from tts.engines.openai.client import Connections
from tts.engines.openai.failures import is_out_of_quota, server_words
from tts.engines.streaming import StreamedSample
from tts.errors import EngineError
from tts.types import End

UNREPORTED = "unreported"
"""The reason of an end that the server does not tell."""


class Ledger:
    """Charges one request to its meter: what the server reports, or an estimate of what it does not."""

    def __init__(self, meter: Meter, body: Mapping[str, Any], count: Callable[[str], int] | None) -> None:
        """Start with nothing charged.

        Args:
            meter: is charged the tokens read, found in the cache and drawn.
            body: the request's body, for an estimate of its prompt.
            count: returns a text's number of tokens; None estimates it from its length.
        """
        self._meter, self._body, self._count = meter, body, count
        self._before = (meter.prompt, meter.prompt_cached, meter.drawn)
        self._tokens, self._text = 0, ""
        self._reported: Counts | None = None

    def add(self, choice: Choice) -> None:
        """Charge the tokens of a choice as they come in."""
        tokens, written = len(choice.token_ids or choice.tokens), choice.written
        self._tokens += tokens or (choice.pieces if written else 0)
        self._text += written
        self._meter.drawn = self._before[2] + self._tokens

    def report(self, counts: Counts) -> None:
        """Charge what the server reports so far."""
        self._reported = counts
        if counts.prompt:
            self._meter.prompt = self._before[0] + counts.prompt - counts.cached
            self._meter.prompt_cached = self._before[1] + counts.cached
        if counts.drawn:
            self._meter.drawn = self._before[2] + counts.drawn

    def close(self, *, prompt: bool = True) -> None:
        """Estimate what the server did not report of a whole answer.

        Args:
            prompt: whether the request's prompt is charged here.
        """
        counts = self._reported or Counts()
        if prompt and not counts.prompt:
            self._meter.prompt = self._before[0] + _prompt_tokens(self._body, self._count)
            self._meter.estimated = True
        if not counts.drawn and self._text:
            self._meter.drawn = self._before[2] + max(self._tokens, estimated_tokens(self._text, self._count))
            self._meter.estimated = True


async def stream_choices(
    connections: Connections,
    body: Mapping[str, Any],
    meter: Meter,
    *,
    chat: bool,
    count: Callable[[str], int] | None = None,
    prompt: int | None = None,
    join: bool = False,
) -> AsyncGenerator[Choice, None]:
    """Yield the choices of a streamed answer; closing the generator closes the connection.

    The meter has the usage that the server reports or, as long as it reports none, the tokens that have come in. The
    last choice has a reason of the end: ``UNREPORTED`` where the server ended its answer properly and told none.

    Args:
        connections: lend the server.
        body: the request's body.
        meter: is charged the tokens read, found in the cache and drawn.
        chat: whether the request is chat messages.
        count: returns a text's number of tokens; None estimates it from its length.
        prompt: a number that stands for the question's prompt; None takes that of the request.
        join: whether choices that come together may be one; not where the place of a token among them matters.

    Raises:
        InputError: the server refuses the key or the model.
        EngineError: the server failed, or ended the sample in the middle.
    """
    ledger = Ledger(meter, body, count)
    finished, whole = False, False
    async with connections.ask(body, chat=chat, prompt=prompt) as (server, objects, reader):
        async for event in each_event(objects, join=join):
            if event.error is not None and not event.choices:
                raise error_of(server.url, event.error)
            for choice in event.choices:
                finished |= choice.reason is not None
                whole |= bool(choice.written or choice.token_ids)
                ledger.add(choice)
                yield choice
            if event.usage is not None:
                ledger.report(event.usage)
        if not finished and reader.done and whole:
            finished = True
            yield Choice(reason=UNREPORTED)
        if not finished:
            connections.balancer.mark_down(server, "it ended a sample in the middle")
            raise EngineError(f"{server.url} ended a sample in the middle")
        ledger.close()
        if meter.estimated:
            say_estimated(connections, server.url, count)


async def each_event(
    objects: AsyncIterator[Sequence[Mapping[str, Any]]], *, join: bool = False
) -> AsyncIterator[Event]:
    """Yield the events of JSON objects; with ``join`` those that come together as few events as possible."""
    async for together in objects:
        for event in read_joined(together) if join else map(read_event, together):
            yield event


def say_estimated(connections: Connections, url: str, count: Callable[[str], int] | None) -> None:
    """Say once that a server does not report all tokens."""
    means = "counted by the tokenizer" if count is not None else "estimated from the length of the texts"
    connections.notify(f"{url} does not report all tokens of a request: they are {means}")


def _prompt_tokens(body: Mapping[str, Any], count: Callable[[str], int] | None) -> int:
    """Return an estimate of a prompt's tokens; their number where the prompt, or a part of it, is tokens."""
    prompt, messages = body.get("prompt"), body.get("messages")
    if isinstance(prompt, list):
        texts = [one for one in prompt if isinstance(one, str)]
        return len(prompt) - len(texts) + sum(estimated_tokens(text, count) for text in texts)
    texts = [str(prompt)] if messages is None else [str(message.get("content") or "") for message in messages]
    texts += [json.dumps(tool) for tool in body.get("tools") or ()]
    return estimated_tokens("\n".join(texts), count)


def error_of(url: str, error: Any) -> EngineError:
    """Return the error that a server puts inside of an answer."""
    words = server_words(error)
    return EngineError(f"{url} failed ({words or 'an error without a message'})", again=not is_out_of_quota(words))


def drawn_tokens(choice: Choice, *, by_id: bool) -> Iterator[tuple[Any, Mapping[Any, float]]]:
    """Yield the tokens of a choice, each with the log-probabilities at its position; without any, {}.

    Args:
        choice: of an event.
        by_id: whether tokens are named by their ids; if not, by their texts, and the others at a position by numbers.
    """
    if by_id and not choice.tokens:
        yield from ((token, {}) for token in choice.token_ids)
    for token in choice.tokens:
        if by_id and token.ids:
            yield token.ids[0], dict(zip(token.ids, (token.logprob, *(p for _, p in token.others)), strict=True))
        elif by_id:
            others = {token_id(text): logprob for text, logprob in token.others}
            yield token_id(token.text), {**others, token_id(token.text): token.logprob}
        else:
            yield token.text, {token.text: token.logprob, **{(i,): p for i, (_, p) in enumerate(token.others)}}


def take_tokens(sample: StreamedSample[Any], choice: Choice, *, by_id: bool) -> tuple[End | None, int]:
    """Add the tokens of a choice to a sample; return why it ends with one of them, and the number behind that one.

    Args:
        sample: the sample; it has not ended.
        choice: of an event.
        by_id: whether tokens are named by their ids; if not, by their texts.
    """
    drawn = len(choice.tokens) or (len(choice.token_ids) if by_id else 0)
    before = len(sample.tokens)
    if sample.plain and not by_id:
        tokens = choice.tokens
        end = (
            sample.take_plain([token.text for token in tokens], [token.logprob for token in tokens]) if drawn else None
        )
    else:
        end = sample.take(drawn_tokens(choice, by_id=by_id))
    return end, drawn - (len(sample.tokens) - before)


def has_line_end(token: str) -> bool:
    """Return whether a token that is known by its text ends a line."""
    return "\n" in token
