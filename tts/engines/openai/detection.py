"""The detection of what all servers of a model can do, before the first draw."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_
from typing import Any, TypeVar

from tts.engines.openai.client import Connections
from tts.engines.openai.failures import address_hint
from tts.engines.openai.fleet.balancer import Server
from tts.engines.openai.probe import ServerProbe, is_listed, list_models
from tts.engines.openai.request_body import in_other_form
from tts.engines.openai.served_model import ServerFeatures
from tts.errors import EngineError, InputError, KeyRefusedError, PromptFormError

T = TypeVar("T")
NO_ANSWER = "does not answer"
"""Part of the sentences on servers without a connection."""
MOST_NAMES = 8
"""The most models of a server's list that a sentence names."""


def detect_features(
    connections: Connections, body: Mapping[str, Any], *, chat: bool, has_tokenizer: bool
) -> ServerFeatures:
    """Return the features that all servers have; those without an answer join later, if one answers.

    In a list that may change, so do those that lack the model; in one that stays, that is an error of the list.

    Args:
        connections: to the servers.
        body: the request that the run makes for a short question.
        chat: whether requests are chat messages.
        has_tokenizer: whether there is a tokenizer, so that token ids are of use.

    Raises:
        InputError: no server that answers, or one that does without the model, or refuses the key or the request.
    """
    servers = connections.balancer.servers
    probes = [ServerProbe(connections, server, chat, body) for server in servers]

    async def detect() -> list[ServerFeatures | BaseException]:
        await connections.connect()
        return await asyncio.gather(*(_detect(probe, has_tokenizer) for probe in probes), return_exceptions=True)

    found: list[ServerFeatures] = []
    silent: list[SilentServerError] = []
    refused: list[InputError] = []
    for server, outcome in zip(servers, _finished(detect()), strict=True):
        if isinstance(outcome, SilentServerError):
            silent.append(outcome)
            server.ready = server.known = False
            server.last_error, server.paused_until, server.failures = outcome.reason, 0.0, 0
        elif isinstance(outcome, ServerFeatures):
            found.append(outcome)
        elif type(outcome) is InputError and connections.watch is not None and connections.watch.changes:
            refused.append(outcome)
            server.ready = server.known = False
            server.last_error = str(outcome)
        else:
            raise outcome
    if not found:
        raise (refused or silent)[0]
    for error in silent:
        connections.tell(f"{error.url} {error.reason}: it joins once it does")
    for other in refused:
        connections.tell(f"{other}; it gets no requests until that has changed")
    features = reduce(and_, found)
    connections.dialect.keep(body)
    if connections.watch is not None:
        connections.watch.check = ServerCheck(connections, chat, body, has_tokenizer, features)
    return features


class SilentServerError(InputError):
    """No server answers at an address.

    Attributes:
        url: the address.
        reason: the words on it.
    """

    def __init__(self, sentence: str, *, url: str, reason: str) -> None:
        """Take the sentence and its parts."""
        super().__init__(sentence)
        self.url, self.reason = url, reason


@dataclass(frozen=True, slots=True)
class ServerCheck:
    """A look at one server of several: at its model and features when it joins, at its list of models later on.

    Attributes:
        connections: to the servers.
        chat: whether requests are chat messages.
        body: the request that the run makes for a short question.
        has_tokenizer: whether there is a tokenizer.
        features: those that the run uses.
    """

    connections: Connections
    chat: bool
    body: Mapping[str, Any]
    has_tokenizer: bool
    features: ServerFeatures

    async def __call__(self, server: Server) -> str:
        """Return why the server cannot serve beside the others; empty where it can.

        Raises:
            EngineError: it does not answer.
        """
        listed = await list_models(server, attempts=1, again=True)
        model = str(self.body["model"])
        if listed and not is_listed(model, listed):
            server.known = False
            if not await self._others_answer_all_the_same():
                return f"{server.url} serves {named(listed)}, and not {model}"
        if server.known:
            return ""
        try:
            features = await _detect(ServerProbe(self.connections, server, self.chat, self.body), self.has_tokenizer)
        except InputError as error:
            return str(error)
        lacking = features.lacks_of(self.features)
        return f"{server.url} cannot do what the other servers do: {lacking}" if lacking else ""

    async def _others_answer_all_the_same(self) -> bool:
        """Return whether a server with requests does not list the model either, and answers for it."""
        others = [server for server in self.connections.balancer.servers if server.ready]
        for other in others:
            with contextlib.suppress(EngineError):
                listed = await list_models(other, attempts=1)
                return bool(listed) and not is_listed(str(self.body["model"]), listed)
        return False


async def _detect(probe: ServerProbe, has_tokenizer: bool) -> ServerFeatures:
    """Return the features of one server; one whose address lacks /v1 is asked there too."""
    server = probe.server
    try:
        return await probe.features(has_tokenizer=has_tokenizer)
    except KeyRefusedError:
        raise
    except (InputError, EngineError) as error:
        if NO_ANSWER not in str(error):
            addresses = [server]
            if address_hint(server.url):
                addresses.append(probe.connections.moved(server, f"{server.url}/v1"))
                try:
                    found = await replace(probe, server=addresses[1]).features(has_tokenizer=has_tokenizer)
                except (InputError, EngineError):
                    pass
                else:
                    given = server.url
                    probe.connections.replace(server, addresses[1])
                    probe.connections.notify(f"{given} has no such route: {server.url} is asked instead")
                    return found
            if isinstance(error, InputError) or not error.again:
                await _try_other_form(probe, addresses, error)
        words = str(error).removeprefix(server.url).lstrip(": ")
        if words.startswith(NO_ANSWER):
            advice = f"start the server, or correct engine.openai.urls{address_hint(server.url)}"
            raise SilentServerError(f"{server.url} {words}: {advice}", url=server.url, reason=words) from None
        raise InputError(await _sentence(server, str(probe.body["model"]), words, error)) from None


async def _try_other_form(probe: ServerProbe, addresses: list[Server], error: Exception) -> None:
    """Ask with a text in place of chat messages, or the reverse.

    Raises:
        PromptFormError: the server takes that form.
    """
    other = replace(probe, chat=not probe.chat, body=in_other_form(probe.body))
    for server in addresses:
        try:
            await replace(other, server=server).features(has_tokenizer=False)
        except (InputError, EngineError):
            continue
        forms = ("plain text", "chat messages")
        url, words = probe.server.url, _quote(str(error).removeprefix(probe.server.url).lstrip(": "))
        raise PromptFormError(
            f"{url} does not take {forms[probe.chat]} for {probe.body['model']} ({words}), and takes "
            f"{forms[other.chat]}",
            chat=other.chat,
        ) from None


async def _sentence(server: Server, model: str, words: str, error: Exception) -> str:
    """Return the sentence on a server that answers and cannot be drawn from."""
    listed = await list_models(server)
    if listed and model not in listed:
        names = named(listed)
        return f"{server.url} does not serve {model}: give engine.model one of {names} (its words: {_quote(words)})"
    if isinstance(error, InputError):
        return str(error)
    if words.startswith(("refuses", "failed")):
        return f"{server.url} {words}{address_hint(server.url)}"
    return f"{server.url} cannot be drawn from ({words.removeprefix('the server ')}){address_hint(server.url)}"


def named(listed: Iterable[str]) -> str:
    """Return the first names of a server's list in a sentence."""
    names = [name for name in listed if name]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{', '.join(names[:MOST_NAMES])}{more}"


def _quote(words: str) -> str:
    """Return the server's own words in a sentence."""
    found = re.search(r"\((.*)\)", words)
    return found.group(1) if found is not None else words


def _finished(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of asynchronous work, inside of a running event loop too."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    outcome: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(asyncio.run(work))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return outcome[0]
