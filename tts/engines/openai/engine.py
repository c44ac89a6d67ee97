"""The engine on OpenAI-compatible servers, through the official client.

The features of a server beyond OpenAI's interface are detected and not assumed: whether it returns token ids and
log-probabilities of given tokens, and whether it reports the stop string that it met. With a tokenizer, prompts are
sent as tokens and the engine does what an embedded one does. Without one, texts or chat messages are sent and whole
samples are drawn.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tts.boundaries import DETECTED
from tts.engines.base import Chunk, Meter, Prefix, Request
from tts.engines.exact import Exact, with_exactness
from tts.engines.given_text import read_given, score_prefixes
from tts.engines.openai.answers.events import Choice
from tts.engines.openai.answers.received import Received
from tts.engines.openai.client import Connections, prompt_number
from tts.engines.openai.config import OpenAIConfig
from tts.engines.openai.detection import detect_features
from tts.engines.openai.fleet.protocol import ServerCounts
from tts.engines.openai.output_stream import UNREPORTED, has_line_end, stream_choices, take_tokens
from tts.engines.openai.reported_end import reported_end
from tts.engines.openai.request_body import draw_body, logprobs_fields
from tts.engines.openai.served_model import UNKNOWN_CONTEXT, ServedModel, ServerFeatures, load_served_model
from tts.engines.openai.tokens.exactness import exactness_at, trace_of
from tts.engines.openai.tokens.given import first_token, next_token, prompt_logprobs
from tts.engines.openai.tokens.told import ToldTokens
from tts.engines.openai.waves import Waves
from tts.engines.refusing import refuse_adapter
from tts.engines.sampling import Sampling
from tts.engines.special_tokens import end_of_text
from tts.engines.streaming import StreamedSample, requested_ids, with_alternatives
from tts.engines.text import HasEncoder, Ids, PromptEncoder
from tts.errors import UnsupportedError
from tts.prompts import ONE_MESSAGE, Prompt
from tts.types import End, Problem


class OpenAIEngine(HasEncoder):
    """Implements :class:`~tts.engines.base.Engine` over HTTP.

    Attributes:
        name: the model's name at the servers.
        model: the same with the servers' features and the tokenizer.
    """

    label = "this server"
    read = read_given

    def __init__(
        self,
        connections: Connections,
        model: ServedModel,
        *,
        prompt: Prompt,
        sampling: Sampling,
        extra: Mapping[str, Any],
        seeded: bool = False,
        check_every_tokens: int = 8,
        waves: bool = False,
    ) -> None:
        """Draw from a model through connections to its servers.

        Args:
            connections: to the servers.
            model: the model at the servers.
            prompt: turns a problem into the model's input.
            sampling: how tokens are drawn.
            extra: further fields of each request's body.
            seeded: whether each request has its own seed.
            check_every_tokens: tokens in one event of a stream that may be closed in the middle, >= 1, where the
                server can send several at once; tokens that it draws past the last event are not known.
            waves: whether the first draws of a question are one request with ``n``.
        """
        self.name, self.revision, self.model, self.check_every_tokens = model.name, "", model, check_every_tokens
        self.prompt, self.sampling, self.seeded = prompt, sampling, seeded
        self._connections, self._extra = connections, extra
        self._waves = Waves(connections, chat=prompt.chat, count=model.count) if waves else None
        self._told = ToldTokens()
        self.capabilities = with_exactness(model.capabilities(chat=prompt.chat), self._exact(), sampling)

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
        notify: Callable[[str], None] = lambda sentence: None,
    ) -> Self:
        """Connect to the servers of a model and detect their features, by the request that a run makes.

        Args:
            config: the servers, and how requests are sent.
            model: the model's name at the servers.
            prompt: turns a problem into the model's input.
            sampling: how tokens are drawn.
            seeded: whether each request has its own seed.
            check_every_tokens: tokens in one event of a stream that may be closed in the middle, >= 1.
            notify: receives a sentence about each thing that the servers do otherwise than OpenAI's interface.

        Raises:
            InputError: no URL, no server, no such model there, a key that it refuses, or no such tokenizer.
        """
        connections = Connections(config, model=model, notify=notify)
        body, _ = draw_body(
            Request(Problem("probe", "Hello")),
            ServedModel(model, ServerFeatures()),
            prompt=prompt,
            sampling=sampling,
            requested=(),
            seeded=seeded,
            check_every_tokens=check_every_tokens,
            extra=config.extra,
        )
        features = detect_features(connections, body, chat=prompt.chat, has_tokenizer=config.tokenizer is not None)
        return cls(
            connections,
            load_served_model(model, features, tokenizer=config.tokenizer, prompt=prompt),
            prompt=prompt,
            sampling=sampling,
            extra=config.extra,
            seeded=seeded,
            check_every_tokens=check_every_tokens,
            waves=config.n,
        )

    def close(self) -> None:
        """Do nothing: connections end with the event loop."""

    async def connect(self) -> None:
        """Connect to the servers from the running event loop, and watch them there, where there are several."""
        await self._connections.connect()

    @property
    def servers(self) -> ServerCounts:
        """The numbers of servers."""
        return self._connections.balancer.counts

    def when_resized(self, receive: Callable[[int], None]) -> None:
        """Pass on the number of requests that the servers work on at a time, now and whenever their list changes."""
        self._connections.balancer.when_resized(receive)

    @property
    def encoder(self) -> PromptEncoder:
        """The tokenizer and the prompt; UnsupportedError without a tokenizer."""
        if self.model.encoder is None:
            raise UnsupportedError(
                "a server alone does not return the tokens of a text: give engine.openai.tokenizer, and a server that "
                "takes prompts as tokens"
            )
        return self.model.encoder

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        """Draw one sample and yield it as one chunk; closing the iterator closes the connection, which aborts it.

        Raises:
            InputError: no room to draw a token, or a refusal that holds for every request, of a key or a model.
            UnsupportedError: a boundary without the signal that it needs, or a prefix in a chat.
            EngineError: a server failed, refused too often, or refuses this request.
        """
        request = with_alternatives(request, self.capabilities.alternatives, self._connections.notify)
        signals, prefix, meter, encoder = request.signals, request.prefix, request.meter, self.model.encoder
        told = self._told if encoder is None and signals.alternatives else None
        named: PromptEncoder | ToldTokens | None = encoder or told  # the tokens by their ids
        ends = self.model.ends if told is None else told.ends
        if named is not None and (ended := named.ended(prefix, ends)) is not None:
            yield ended
            return
        if sentence := self.model.features.fewer_than(signals.top):
            self._connections.notify(sentence)
        requested = requested_ids(signals, self.model.suppressed) if self.model.features.named_logprobs else ()
        (body, limit), exact = self._body(request, requested), self._exact(request)
        is_step = named.is_step if named is not None else has_line_end
        suppressed = self.model.suppressed if requested else ()
        most = limit if told is None else UNKNOWN_CONTEXT  # the server reports whether one ends there or is cut off
        sample = StreamedSample[Any](request.until, signals, ends, most, is_step, suppressed, exact)
        received, home, end = Received(), prompt_number(request.problem), None
        alone = prefix is not None or request.turn is not None or request.attempt or signals.processed
        if self._waves is not None and not alone:
            streamed = self._waves.stream(body, meter, home)
        else:
            streamed = self._streamed(body, meter, home, join=request.until.kind == "end")
        async with aclosing(streamed) as choices:
            async for choice in choices:
                if end is None:
                    received.add(choice)
                    if told is not None:
                        told.add(choice.tokens)
                    end, beyond = take_tokens(sample, choice, by_id=named is not None)
                    meter.discarded += beyond
                    if end is End.BOUNDARY and request.until.kind in DETECTED:
                        break
                received.note_end(choice)
        if end is None:
            reason = "length" if received.reason == UNREPORTED and meter.drawn >= limit else str(received.reason)
            end = reported_end(request.until, reason, received, notify=self._connections.notify)
        whole = named is not None and (told is None or told.whole(sample, end, meter, self._connections.notify))
        trace = trace_of(sample, received, end, meter, self._connections.notify)
        ids, text = tuple(sample.tokens) if whole else (), "".join(received.texts)
        if named is not None:
            before, given = (prefix.token_ids, prefix.text) if prefix is not None else ((), "")
            text = named.text(before, ids, given)[len(given) :] + ("" if whole else text)
        if told is not None and whole:
            trace = told.followed(trace, full=end is End.LENGTH or len(ids) >= limit)
        if signals.probe is not None:
            probed = (*body["prompt"], *sample.content(end), signals.probe)
            trace = replace(trace, probe=float((await self.next_token(probed, (signals.probe,), meter, home))[0]))
        yield Chunk(
            text, ids, trace, end, "".join(received.thoughts), received.calls.calls, named is not None and not whole
        )

    async def score(
        self, prefixes: Sequence[Prefix], tokens: Sequence[int], meter: Meter, *, adapter: Path | None = None
    ) -> NDArray[Any]:
        """Return P(token | prefix) at temperature 1, shape [len(prefixes), len(tokens)]; one request for each prefix.

        Raises:
            InputError: a prefix that does not fit.
            UnsupportedError: no tokenizer, or servers that do not return the probabilities of given tokens.
            EngineError: a server failed.
        """
        refuse_adapter(adapter, "engine openai")
        return await score_prefixes(
            self.encoder,
            prefixes,
            tokens,
            lambda ids, prefix: self.next_token(ids, tokens, meter, prompt_number(prefix.problem)),
        )

    @property
    def end_id(self) -> int:
        """The token that ends a text."""
        return end_of_text(self.model.ends, self.encoder.tokenizer)

    async def prompt_logprobs(self, ids: Ids, top: int, meter: Meter) -> Sequence[Mapping[int, float]]:
        """Return the log-probabilities of the tokens of a prompt; see :func:`prompt_logprobs`."""
        return await prompt_logprobs(self._connections, self.model, ids, top, meter, extra=self._extra)

    async def first_token(self, request: Request) -> Mapping[str, float]:
        """Return the probability of each first token of a reply that the server returns, by its text.

        Raises:
            UnsupportedError: the servers return no log-probabilities of the most probable tokens.
            EngineError: a server failed.
        """
        top = self.capabilities.first_tokens
        if not top:
            raise UnsupportedError("the server does not return the most probable first tokens of a reply")
        body, _ = self._body(request)
        body = {**body, **logprobs_fields(self.prompt.chat, top)}
        return await first_token(self._streamed(body, request.meter, prompt_number(request.problem)))

    async def next_token(
        self, ids: Ids, tokens: Sequence[int], meter: Meter, prompt: int | None = None
    ) -> NDArray[np.float64]:
        """Return P(token) after these ids, shape [len(tokens)]."""
        return await next_token(self._connections, self.model, ids, tokens, meter, extra=self._extra, prompt=prompt)

    def _exact(self, request: Request | None = None) -> Exact:
        return exactness_at(self.model, self.sampling, self._extra, self._connections.dialect.refused, request)

    def _streamed(
        self, body: Mapping[str, Any], meter: Meter, prompt: int, *, join: bool = False
    ) -> AsyncGenerator[Choice, None]:
        chat, count = self.prompt.chat, self.model.count
        return stream_choices(self._connections, body, meter, chat=chat, count=count, prompt=prompt, join=join)

    def _body(self, request: Request, requested: Ids = ()) -> tuple[dict[str, Any], int]:
        if request.problem.messages and not self.prompt.chat:
            self._connections.notify(f"{self.name} {ONE_MESSAGE}")
        return draw_body(
            request,
            self.model,
            prompt=self.prompt,
            sampling=self.sampling,
            requested=requested,
            seeded=self.seeded,
            check_every_tokens=self.check_every_tokens,
            extra=self._extra,
        )
