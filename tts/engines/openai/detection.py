"""The detection of what all servers of a model can do, before the first draw."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from functools import reduce
from operator import and_
from typing import Any, TypeVar

from tts.engines.openai.balancer import Server
from tts.engines.openai.client import Connections
from tts.engines.openai.failures import address_hint
from tts.engines.openai.probe import ServerProbe, list_models
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
    """Return the features that all servers have.

    Args:
        connections: to the servers.
        body: the request that the run makes for a short question.
        chat: whether requests are chat messages.
        has_tokenizer: whether there is a tokenizer, so that token ids are of use.

    Raises:
        InputError: no server, no such model there, or a key or a request that it refuses.
    """

    async def detect() -> ServerFeatures:
        probes = [ServerProbe(connections, server, chat, body) for server in connections.balancer.servers]
        return reduce(and_, [await _detect(probe, has_tokenizer) for probe in probes])

    return _finished(detect())


async def _detect(probe: ServerProbe, has_tokenizer: bool) -> ServerFeatures:
    """Return the features of one server; one whose address lacks /v1 is asked there too."""
    server = probe.server
    await probe.connections.connect()
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
        raise InputError(await _sentence(server, str(probe.body["model"]), error)) from None


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


async def _sentence(server: Server, model: str, error: Exception) -> str:
    """Return the sentence on a server that cannot be drawn from."""
    words = str(error).removeprefix(server.url).lstrip(": ")
    if NO_ANSWER in words:
        return f"{server.url} {words}: start the server, or correct engine.openai.urls{address_hint(server.url)}"
    listed = await list_models(server)
    if listed and model not in listed:
        names = [name for name in listed if name]
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        return (
            f"{server.url} does not serve {model}: give engine.model one of {', '.join(names[:MOST_NAMES])}{more} "
            f"(its words: {_quote(words)})"
        )
    if isinstance(error, InputError):
        return str(error)
    if words.startswith(("refuses", "failed")):
        return f"{server.url} {words}{address_hint(server.url)}"
    return f"{server.url} cannot be drawn from ({words.removeprefix('the server ')}){address_hint(server.url)}"


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
