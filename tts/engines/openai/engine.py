"""The OpenAI engine: any server that speaks OpenAI's HTTP interface, through the official client.

What a server can do beyond that is found out by asking it, not by its name: whether it tells token ids, names
probabilities of given tokens, says which stop string it met. With a tokenizer at hand, prompts are sent as tokens, and
the engine does what an embedded one does; without, texts and chat messages are sent, and it draws whole samples.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tts.engines.base import Capabilities, Chunk, Meter, Prefix, Request, lacking
from tts.engines.ending import LOOKS
from tts.engines.openai.client import Connections
from tts.engines.openai.config import OpenAIConfig
from tts.engines.openai.protocol import (
    EXTRA,
    WORDLESS,
    ServerFeatures,
    charge_usage,
    create,
    logprobs,
    text_of,
    tops,
)
from tts.engines.sampling import Sampling, seed_of
from tts.engines.special_tokens import end_ids, suppressed_ids
from tts.engines.streaming import StreamedSample, requested_ids
from tts.engines.text import Ids, PromptEncoder, score_prefixes
from tts.errors import EngineError, InputError, UnsupportedError, first_line
from tts.prompts import Prompt
from tts.types import End, Problem

NEVER = -100
"""The logit bias of a token that is never drawn, the least that the interface takes."""


def _breaks(token: str) -> bool:
    """Whether a token that is known by its text ends a line."""
    return "\n" in token


def _tokenizer(name: str, prompt: Prompt, context: int) -> tuple[PromptEncoder, Ids, frozenset[int]]:
    """The encoder, the ids of suppressed tokens and of those that end a sample, of a model that a server has.

    Raises:
        InputError: no such tokenizer.
    """
    from transformers import AutoTokenizer, GenerationConfig

    folder = Path(name).expanduser()
    source = str(folder) if folder.is_dir() else name
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
    except (OSError, ValueError) as error:
        raise InputError(
            f"engine.openai.tokenizer {name} cannot be loaded ({first_line(error)}): give a model's directory, or its "
            "name on the hub"
        ) from None
    try:
        said = GenerationConfig.from_pretrained(source)
    except OSError:  # a model may come without
        said = GenerationConfig()  # type: ignore[no-untyped-call]
    vocabulary = len(tokenizer)
    encoder = PromptEncoder(tokenizer, prompt, context=context, vocabulary=vocabulary, name=name)
    return encoder, suppressed_ids(said.suppress_tokens, vocabulary), end_ids(said.eos_token_id, tokenizer)


def _id(token: str) -> int:
    return int(token.removeprefix("token_id:"))


class OpenAIEngine:
    """Implements :class:`~tts.engines.base.Engine` over HTTP.

    Attributes:
        name: the model's name at the servers.
        can: what they were found to do.
        encoder: the tokenizer and the prompt; None without a tokenizer.
    """

    def __init__(
        self,
        connections: Connections,
        *,
        model: str,
        prompt: Prompt,
        sampling: Sampling,
        can: ServerFeatures,
        extra: Mapping[str, Any],
        encoder: PromptEncoder | None = None,
        suppressed: Ids = (),
        ends: frozenset[int] = frozenset(),
        seeded: bool = False,
        check_every_tokens: int = 8,
    ) -> None:
        """Take what is known of the servers.

        Args:
            connections: to them.
            model: the model's name there.
            prompt: from a problem to what the model reads.
            sampling: how tokens are drawn.
            can: what they were found to do.
            extra: further fields of each request's body.
            encoder: the tokenizer and the prompt.
            suppressed: ids of tokens that are never drawn.
            ends: ids of the tokens that end a sample.
            seeded: whether each request has a seed of its own.
            check_every_tokens: tokens in one event of a stream that may be closed in the middle, >= 1, where the
                server can send several at once; tokens that it draws past the last event are not known.
        """
        self.name, self.revision = model, ""
        self.prompt, self.sampling, self.can = prompt, sampling, can
        self.encoder, self.seeded, self.check_every_tokens = encoder, seeded, check_every_tokens
        self._suppressed, self._ends = suppressed, ends
        self._connections, self._extra = connections, extra
        self.capabilities = Capabilities(
            watch_tokens=can.named,
            score_prefix=can.named,
            branch=can.reasons and not prompt.chat,
            top=0 if suppressed else can.top,
            steps=can.top > 0,
            probe=can.named,
            watch_beside_top=False,
        )

    @classmethod
    def load(
        cls,
        config: OpenAIConfig,
        *,
        model: str,
        prompt: Prompt,
        sampling: Sampling,
        seeded: bool,
        check_every_tokens: int = 8,
    ) -> Self:
        """Ask the servers what they can do.

        Raises:
            InputError: no URL, no server, no such model there, a key that it refuses, or no such tokenizer.
        """
        connections = Connections(config, model=model)
        can = connections.can(chat=prompt.chat)
        encoder, suppressed, ends = None, tuple[int, ...](), frozenset[int]()
        if can.ids and config.tokenizer is not None:
            encoder, suppressed, ends = _tokenizer(config.tokenizer, prompt, can.context)

        return cls(
            connections,
            model=model,
            prompt=prompt,
            sampling=sampling,
            can=can,
            extra=config.extra,
            encoder=encoder,
            suppressed=suppressed,
            ends=ends,
            seeded=seeded,
            check_every_tokens=check_every_tokens,
        )

    def close(self) -> None:
        """Nothing to give up: connections end with the event loop."""

    def encode(self, text: str) -> Ids:
        """The token ids of a text, without special tokens.

        Raises:
            UnsupportedError: there is no tokenizer.
        """
        return self._words().encode(text)

    def prompt_ids(self, problem: Problem) -> Ids:
        """The token ids of a problem's prompt, special tokens included.

        Raises:
            UnsupportedError: there is no tokenizer.
        """
        return self._words().prompt_ids(problem)

    def _words(self) -> PromptEncoder:
        if self.encoder is None:
            raise UnsupportedError(
                "a server alone does not tell the tokens of a text: give engine.openai.tokenizer, and a server that "
                "takes prompts as tokens"
            )
        return self.encoder

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        """Draw one sample and send it as one chunk; closing the iterator closes the connection, which aborts it.

        Raises:
            InputError: no room to draw a token, or what the servers refuse for good, such as a key or a model.
            UnsupportedError: a boundary without the signal it looks at, or a prefix in a chat.
            EngineError: a server failed, was refused too often, or refuses this request.
        """
        body, streamed, begun = self._plan(request)
        end: End | None = None
        text: list[str] = []
        reason, stop = None, None
        async with aclosing(self._events(body, request.meter)) as events:  # type: ignore[type-var]
            async for choice in events:
                known, said = len(streamed.tokens), list(self._said(choice))
                if end is None:
                    text.append(text_of(choice))
                    end = streamed.take(said)
                    request.meter.discarded += len(said) - (len(streamed.tokens) - known)
                    if end is End.BOUNDARY and request.until.kind in LOOKS:
                        break
                if choice.finish_reason is not None:
                    reason, stop = choice.finish_reason, (choice.model_extra or {}).get("stop_reason")
        end = end or self._end(request, reason, stop)
        ids: Ids = ()
        new = "".join(text)
        if self.encoder is not None:
            ids, before = tuple(streamed.tokens), request.prefix.token_ids if request.prefix is not None else ()
            new = self.encoder.text(before, ids, begun)[len(begun) :]
        if request.signals.probe is not None:
            asked = (*body["extra_body"]["prompt"], *streamed.said(end), request.signals.probe)
            streamed.probe = float((await self._next(asked, (request.signals.probe,), request.meter))[0])
        yield Chunk(new, ids, streamed.trace, end)

    async def score(self, prefixes: Sequence[Prefix], tokens: Sequence[int], meter: Meter) -> NDArray[Any]:
        """P(token | prefix) at temperature 1, shape [len(prefixes), len(tokens)]; one request for one token each.

        Raises:
            InputError: a prefix that does not fit.
            UnsupportedError: no tokenizer, or servers that do not tell the probabilities of given tokens.
            EngineError: a server failed.
        """
        return await score_prefixes(self._words(), prefixes, tokens, lambda ids: self._next(ids, tokens, meter))

    def _plan(self, request: Request) -> tuple[dict[str, Any], StreamedSample[Any], str]:
        """The body of a request, what takes its answer, and the text that it goes on from."""
        how, until, signals, prefix = self.sampling, request.until, request.signals, request.prefix
        if (refusal := lacking(until, signals)) is not None:
            raise UnsupportedError(refusal)
        if prefix is not None and self.prompt.chat:
            raise UnsupportedError("a chat cannot be continued in the middle of an answer: set prompt.chat=false")
        begun, limit = prefix.text if prefix is not None else "", how.max_tokens
        asked: dict[str, Any]
        extra: dict[str, Any] = {}
        if self.can.reasons:
            extra |= EXTRA if self.encoder is not None else WORDLESS
            if request.ahead or until.kind in LOOKS:
                extra["stream_interval"] = self.check_every_tokens
        extra |= self._extra
        if self.encoder is not None:
            encoded = self.encoder.encode_request(request, how.max_tokens)
            asked, limit = {"prompt": ""}, encoded.limit
            extra["prompt"] = list(encoded.ids)  # the client would look at each of them
        elif self.prompt.chat:
            asked = {"messages": self.prompt.messages(request.problem)}
        else:
            asked = {"prompt": self.prompt.text(request.problem) + begun}
            limit = max(1, limit - (len(prefix.trace.logprobs) if prefix is not None else 0))
        columns = requested_ids(signals, self._suppressed) if self.can.named else ()
        # where tokens have no ids, their log-probabilities alone show them
        told = signals.top or signals.logprobs or columns or (signals.steps and self.encoder is None)
        if columns:
            extra["logprob_token_ids"] = list(columns)
        body = {
            "model": self.name,
            **asked,
            "max_tokens": min(limit, int(until.value)) if until.kind == "tokens" else limit,
            "temperature": how.temperature,
            "top_p": how.top_p,
            "stream": True,
            "stream_options": {"include_usage": True, **({"continuous_usage_stats": True} if self.can.reasons else {})},
            **(tops(self.prompt.chat, signals.top or bool(columns)) if self.can.top and told else {}),
        }
        if how.top_k:
            extra["top_k"] = how.top_k
        if self.seeded and how.temperature > 0:
            body["seed"] = seed_of(request.key(how.seed, begun), 4)
        if self._suppressed:
            body["logit_bias"] = {str(token): NEVER for token in self._suppressed}
        if until.kind == "step":
            body["stop"] = ["\n"]
        step = self.encoder.is_step if self.encoder is not None else _breaks
        ends = self._ends if self.encoder is not None else frozenset[int]()
        suppressed = self._suppressed if columns else ()
        return {**body, "extra_body": extra}, StreamedSample[Any](until, signals, ends, limit, step, suppressed), begun

    def _said(self, choice: Any) -> Iterator[tuple[Any, Mapping[Any, float]]]:
        """The tokens of an event, each with the log-probabilities that came with it."""
        told = logprobs(choice)
        if self.encoder is not None and not told:
            yield from ((token, {}) for token in choice.token_ids or ())
        for token, logprob, beside in told:
            if self.encoder is not None:
                yield _id(token), {_id(token): logprob, **{_id(one): value for one, value in beside.items()}}
            else:
                yield token, {token: logprob, **beside}

    def _end(self, request: Request, reason: str | None, stop: Any) -> End:
        """Why a sample ended of which only the server can say."""
        kind = request.until.kind
        if reason == "stop":
            return End.BOUNDARY if kind == "step" and stop is not None else End.STOP
        if reason == "length":
            return End.BOUNDARY if kind == "tokens" else End.LENGTH
        raise EngineError(f"the server ended a sample with {reason!r}, which is neither stop nor length")

    async def _next(self, ids: Ids, tokens: Sequence[int], meter: Meter) -> NDArray[np.float64]:
        """P(token) after these ids, shape [len(tokens)]."""
        if not self.can.named:
            raise UnsupportedError("the server does not tell the probabilities of given tokens")
        body = {"model": self.name, "prompt": "", "max_tokens": 1, "temperature": 0, "logprobs": 1}
        extra = {**self._extra, **EXTRA, "logprob_token_ids": list(tokens), "prompt": list(ids)}
        async with self._connections.one() as server:
            answer = await server.client.completions.create(**body, extra_body=extra)
        charge_usage(meter, answer.usage)
        ((_, _, named),) = logprobs(answer.choices[0])
        return np.exp([named[f"token_id:{token}"] for token in tokens])

    async def _events(self, body: dict[str, Any], meter: Meter) -> AsyncIterator[Any]:
        """The choices of a streamed answer; the meter has what the server said it drew, or what came in of it."""
        before = (meter.prompt, meter.prompt_cached, meter.drawn)
        came = 0
        async with self._connections.one() as server:
            finished = False
            async with await create(server.client, self.prompt.chat, **body) as stream:
                async for event in stream:
                    for choice in event.choices:
                        finished |= choice.finish_reason is not None
                        came += len(getattr(choice, "token_ids", None) or logprobs(choice)) or bool(text_of(choice))
                        meter.drawn = before[2] + came
                        yield choice
                    if event.usage is not None:
                        meter.prompt, meter.prompt_cached, meter.drawn = before
                        charge_usage(meter, event.usage)
            if not finished:
                self._connections.servers.missed(server, "it ended a sample in the middle")
                raise EngineError(f"{server.url} ended a sample in the middle")
