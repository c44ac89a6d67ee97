"""The first wave of a question as one request with ``n``: its draws share the prompt, and each gets one choice.

The prompt's tokens are charged to the first draw, drawn tokens to the draw that they came for. A server that refuses
``n``, or returns fewer choices, is asked for one sample at a time from then on. Usage is that of the whole request
(OpenAI, vLLM) or of each choice (llama.cpp).
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from tts.engines.base import Meter
from tts.engines.openai.answers.events import Choice
from tts.engines.openai.answers.usage import Counts
from tts.engines.openai.client import Connections
from tts.engines.openai.output_stream import UNREPORTED, Ledger, each_event, error_of, say_estimated, stream_choices
from tts.errors import EngineError, InputError

INTERVAL = "stream_interval"
"""The field in which the draws of a question may differ: tokens in an event, fewer for a draw that may be closed."""
MAX_ASKED = 1 << 16
"""The most questions to remember as asked."""
SINGLE, END = object(), object()
"""Signs in a draw's queue: ask for one sample after all; the answer has ended."""


@dataclass(eq=False)
class _Member:
    """One draw of a wave."""

    meter: Meter
    ledger: Ledger
    queue: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    received: bool = False
    finished: bool = False
    closed: bool = False


@dataclass(eq=False)
class _Wave:
    """The draws that wait for one request."""

    body: Mapping[str, Any]
    prompt: int | None
    members: list[_Member] = field(default_factory=list)
    task: asyncio.Task[None] | None = None
    failure: BaseException | None = None


class Waves:
    """Joins the draws of a question that are requested at the same time, once for each question."""

    def __init__(self, connections: Connections, *, chat: bool, count: Callable[[str], int] | None) -> None:
        """Start without a wave.

        Args:
            connections: to the servers.
            chat: whether requests are chat messages.
            count: returns a text's number of tokens; None estimates it from its length.
        """
        self._connections, self._chat, self._count = connections, chat, count
        self._open: dict[int, _Wave] = {}
        self._asked: set[int] = set()
        self._off = False

    async def stream(
        self, body: Mapping[str, Any], meter: Meter, prompt: int | None = None
    ) -> AsyncGenerator[Choice, None]:
        """Yield the choices of one draw; see :func:`~tts.engines.openai.output_stream.stream_choices`.

        Args:
            body: the request's body.
            meter: is charged the draw's tokens.
            prompt: a number that stands for the question's prompt.
        """
        same = {name: value for name, value in body.items() if name != INTERVAL}
        key = hash(json.dumps(same, sort_keys=True))
        if self._off or "seed" in body or (key in self._asked and key not in self._open):
            async with aclosing(self._single(body, meter, prompt)) as choices:
                async for choice in choices:
                    yield choice
            return
        if len(self._asked) >= MAX_ASKED:
            self._asked.clear()
        self._asked.add(key)
        wave = self._open.setdefault(key, _Wave(body, prompt))
        if INTERVAL in body and body[INTERVAL] < wave.body.get(INTERVAL, math.inf):
            wave.body = {**wave.body, INTERVAL: body[INTERVAL]}
        member = _Member(meter, Ledger(meter, body, self._count))
        wave.members.append(member)
        if wave.task is None:
            wave.task = asyncio.create_task(self._run(key, wave))
        try:
            while (item := await member.queue.get()) is not END:
                if isinstance(item, BaseException):
                    raise item
                if item is SINGLE:
                    async with aclosing(self._single(body, meter, prompt)) as choices:
                        async for choice in choices:
                            yield choice
                    if wave.failure is not None:
                        self._end_waves(len(wave.members), str(wave.failure))
                    return
                yield item
        finally:
            member.closed = True
            if all(one.closed for one in wave.members):
                wave.task.cancel()
                if self._open.get(key) is wave:
                    del self._open[key]

    def _single(self, body: Mapping[str, Any], meter: Meter, prompt: int | None) -> AsyncGenerator[Choice, None]:
        return stream_choices(self._connections, body, meter, chat=self._chat, count=self._count, prompt=prompt)

    async def _run(self, key: int, wave: _Wave) -> None:
        """Send one request for all draws that joined in this turn of the event loop, and deal out its choices."""
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self._open.pop(key, None)
        members = wave.members
        failure: BaseException | None = None
        if len(members) > 1:
            try:
                await self._dealt({**wave.body, "n": len(members)}, members, wave.prompt)
            except (EngineError, InputError) as error:
                failure = error
            except Exception as error:  # a bug: every draw shows it
                for member in members:
                    member.queue.put_nowait(error)
                return
            if failure is not None:
                wave.failure = failure  # of n, if a request without it succeeds
            elif not all(member.received or member.closed for member in members):
                self._end_waves(len(members), "it returned fewer choices")
        for member in members:
            if not member.received:
                member.queue.put_nowait(SINGLE)
            elif not member.finished:
                member.queue.put_nowait(failure or EngineError("the server ended a sample in the middle"))
            else:
                member.queue.put_nowait(END)

    def _end_waves(self, n: int, why: str) -> None:
        """Ask for one sample at a time from now on."""
        if not self._off:
            self._off = True
            self._connections.notify(f"the server takes no n={n} ({why}): one sample is asked at a time")

    async def _dealt(self, body: Mapping[str, Any], members: list[_Member], prompt: int | None) -> None:
        reports = _Reports()
        async with self._connections.ask(body, chat=self._chat, prompt=prompt) as (server, objects, reader):
            async for event in each_event(objects):
                if event.error is not None and not event.choices:
                    raise error_of(server.url, event.error)
                for choice in event.choices:
                    if 0 <= choice.index < len(members):
                        _deal(members[choice.index], choice)
                if event.usage is not None:
                    reports.add(event.usage, [choice.index for choice in event.choices])
            for member in members if reader.done else ():
                if member.received and not member.finished:
                    _deal(member, Choice(reason=UNREPORTED))
        _charge(reports, members)
        if any(member.meter.estimated for member in members):
            say_estimated(self._connections, server.url, self._count)


class _Reports:
    """The usage that a server reports in an answer of several choices: of the whole request, or of each choice."""

    def __init__(self) -> None:
        self._of_choice: dict[int, Counts] = {}
        self._apart: list[Counts] = []

    def add(self, counts: Counts, choices: Sequence[int]) -> None:
        """Take the usage of an event with these choices."""
        if len(choices) == 1:
            self._of_choice[choices[0]] = counts
        else:
            self._apart.append(counts)

    def total(self, received: int) -> Counts:
        """Return the usage of the request, the prompt once; no drawn tokens where fewer are reported than came in.

        Args:
            received: the drawn tokens that came in, or fewer.
        """
        told = self._apart or [*self._of_choice.values()]
        drawn = [counts.drawn or 0 for counts in told]
        whole = next((one for one in (max(drawn, default=0), sum(drawn)) if one >= received), None)
        prompt = max(told, key=lambda counts: counts.prompt or 0, default=Counts())
        return Counts(prompt.prompt, prompt.cached, whole)


def _deal(member: _Member, choice: Choice) -> None:
    if not member.closed:
        member.ledger.add(choice)
        member.received = True
        member.finished |= choice.reason is not None
        member.queue.put_nowait(choice)


def _charge(reports: _Reports, members: list[_Member]) -> None:
    """Charge the usage of the request: the prompt to the first draw, drawn tokens by those that came in."""
    drawn = [member.meter.drawn for member in members]
    counts = reports.total(sum(drawn))
    first = next((member for member in members if member.received), members[0])
    shares = [one * (counts.drawn or 0) // (sum(drawn) or 1) for one in drawn]
    shares[members.index(first)] += (counts.drawn or 0) - sum(shares)
    for member, share in zip(members, shares, strict=True):
        if not member.closed:
            prompt = Counts(counts.prompt, counts.cached) if member is first else Counts()
            member.ledger.report(replace(prompt, drawn=share))
            member.ledger.close(prompt=member is first)
