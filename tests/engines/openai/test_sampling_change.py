"""Concurrent requests with sampling of their own reach a server as they are, and share no request with others."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

pytest.importorskip("openai")

from tests.support.servers.answering import TakesN
from tests.support.servers.plain import RefusalError, serving
from tts.engines.base import Meter, Request
from tts.engines.openai.config import OpenAIConfig
from tts.engines.openai.engine import OpenAIEngine
from tts.engines.sampling import Sampling, SamplingChange
from tts.engines.streams import collected
from tts.errors import EngineError
from tts.prompts import Prompt
from tts.types import Problem, Sample

ONE = Problem("q", "How many?", "7")
FIELDS = ("temperature", "top_p", "max_tokens")
CHANGES = {
    None: (0.5, None, 50),
    SamplingChange(temperature=0.0): (0.0, None, 50),
    SamplingChange(temperature=1.5, top_p=0.9): (1.5, 0.9, 50),
    SamplingChange(max_tokens=7): (0.5, None, 7),
}


def drawn(server: TakesN, *, n: bool, seeded: bool = False, changes: Any = CHANGES) -> tuple[list[Sample], list[Meter]]:
    """Three draws of a question for each change, all at once."""
    with serving(server) as opened:
        engine = OpenAIEngine.load(
            OpenAIConfig(urls=[f"{opened.url}/v1"], n=n),
            model="m", prompt=Prompt(), sampling=Sampling(temperature=0.5, max_tokens=50), seeded=seeded,
        )  # fmt: skip
        server.seen.clear()
        asked = [Request(ONE, index, sampling=change) for change in changes for index in range(3)]

        async def all_of_them() -> list[Sample]:
            return await asyncio.gather(*(collected(engine, request) for request in asked))

        return asyncio.run(all_of_them()), [request.meter for request in asked]


@pytest.mark.parametrize("n", [False, True])
def test_parameters_of_concurrent_requests_do_not_mix(n: bool) -> None:
    """(algorithmicsuperintelligence/optillm#304)"""
    server = TakesN()
    samples, meters = drawn(server, n=n)
    asked = Counter({expected: 3 for expected in CHANGES.values()})
    seen: Counter[Any] = Counter()
    for body in server.seen:
        seen[tuple(body.get(field) for field in FIELDS)] += body.get("n", 1)
    assert seen == asked and len(server.seen) == (4 if n else 12)
    assert {sample.text for sample in samples} == {"We add.\n#### 5"}
    assert sum(meter.drawn for meter in meters) == 5 * 12


def test_a_request_with_a_seed_of_its_own_sends_it_and_is_asked_alone() -> None:
    server = TakesN()
    drawn(server, n=True, changes=[None, SamplingChange(seed=1), SamplingChange(seed=2)])
    seeds = [body["seed"] for body in server.seen if "seed" in body]
    assert len(set(seeds)) == 6 and [body.get("n") for body in server.seen if "seed" not in body] == [3]


class Particular(TakesN):
    """Takes temperatures up to 1 and no ``stop`` of more than two texts, as it says of both."""

    def check(self, body: Any) -> None:
        if body["temperature"] > 1:
            raise RefusalError(400, {"error": {"message": "temperature must be at most 1", "param": "temperature"}})
        if len(body.get("stop", ())) > 2:
            raise RefusalError(400, {"error": {"message": "List should have at most 2 items", "param": "body.stop"}})


@pytest.mark.parametrize("n", [False, True])
def test_the_refusal_of_a_request_s_own_value_is_its_own(n: bool) -> None:
    """It is not drawn in another way than it asks for, and later requests have their fields, and ``n``."""
    server, notes = Particular(), list[str]()
    with serving(server) as opened:
        config = OpenAIConfig(urls=[f"{opened.url}/v1"], n=n)
        own: Any = {"prompt": Prompt(), "sampling": Sampling(temperature=0.5, max_tokens=50)}
        engine = OpenAIEngine.load(config, model="m", notify=notes.append, **own, seeded=False)
        changes = (
            SamplingChange(temperature=1.5),
            SamplingChange(stop=("a", "b", "c")),
            SamplingChange(temperature=0.9, stop=("a", "b")),
            None,
        )

        async def all_of_them() -> list[Any]:
            asked = [Request(ONE, index, sampling=change) for change in changes for index in range(2)]
            return await asyncio.gather(*(collected(engine, one) for one in asked), return_exceptions=True)

        found = asyncio.run(all_of_them())
        server.seen.clear()
        again = asyncio.run(collected(engine, Request(ONE, 7, sampling=changes[2])))
    assert [type(one) for one in found] == [EngineError] * 4 + [Sample] * 4
    assert "temperature must be at most 1" in str(found[0]) and "at most 2 items" in str(found[2])
    assert again.text == "We add.\n#### 5"
    assert (server.seen[0]["temperature"], server.seen[0]["stop"]) == (0.9, ["a", "b"])
    assert not [note for note in notes if "left out" in note or "takes no n" in note]


class NoTemperature(TakesN):
    """Takes no temperature at all."""

    def check(self, body: Any) -> None:
        if "temperature" in body:
            raise RefusalError(400, {"error": {"message": "Unsupported parameter", "param": "temperature"}})


def test_a_request_that_changes_what_the_server_does_not_take_is_refused() -> None:
    with pytest.raises(EngineError, match="the server takes no temperature, which this request changes"):
        drawn(NoTemperature(), n=False, changes=[SamplingChange(temperature=0.9)])
    samples, _ = drawn(NoTemperature(), n=False, changes=[None, SamplingChange(max_tokens=9)])
    assert len(samples) == 6
