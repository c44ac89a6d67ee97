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
from tts.engines.openai.served_model import ServerFeatures
from tts.errors import EngineError, InputError, KeyRefusedError

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
        if address_hint(server.url) and NO_ANSWER not in str(error):
            given, longer = server.url, probe.connections.moved(server, f"{server.url}/v1")
            try:
                found = await replace(probe, server=longer).features(has_tokenizer=has_tokenizer)
            except (InputError, EngineError):
                pass
            else:
                probe.connections.replace(server, longer)
                probe.connections.notify(f"{given} has no such route: {longer.url} is asked instead")
                return found
        raise InputError(await _sentence(server, str(probe.body["model"]), error)) from None


async def _sentence(server: Server, model: str, error: Exception) -> str:
    """Return the sentence on a server that cannot be drawn from."""
    words = str(error).removeprefix(server.url).lstrip(": ")
    if NO_ANSWER in words:
        return f"{server.url} {words}: start the server, or correct engine.openai.urls{address_hint(server.url)}"
    listed, quote = await list_models(server), re.search(r"\((.*)\)", words)
    if listed and model not in listed:
        names = [name for name in listed if name]
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        return (
            f"{server.url} does not serve {model}: give engine.model one of {', '.join(names[:MOST_NAMES])}{more} "
            f"(its words: {quote.group(1) if quote is not None else words})"
        )
    if isinstance(error, InputError):
        return str(error)
    if words.startswith(("refuses", "failed")):
        return f"{server.url} {words}{address_hint(server.url)}"
    return f"{server.url} cannot be drawn from ({words.removeprefix('the server ')}){address_hint(server.url)}"


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
