"""Requests that are wrong in any way get an error of the table, and never status 500."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Iterator

import pytest

from benchmarks.serve.faults import Faults
from tests.support.examples import examples
from tests.support.gateway import LocalGateway, ask, local_gateway


@pytest.fixture(scope="module")
def small() -> Iterator[LocalGateway]:
    with local_gateway("engine.kind=fake", "scorer=watched", "budget=4", "draws=3", "serve.limits.budget=8") as server:
        yield server


@pytest.mark.parametrize("seed", [1])
def test_no_request_is_a_fault_of_the_server(small: LocalGateway, seed: int) -> None:
    faults, seen = Faults(seed), Counter[int]()
    connection = http.client.HTTPConnection("127.0.0.1", small.port, timeout=30)
    for _ in range(examples(5000)):
        path, body = faults.request()
        connection.request("POST", path, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        seen[answer.status] += 1
        assert answer.status in (200, 400, 404, 502, 504) and b'"internal"' not in text, (path, body, text)
        if answer.status != 200:
            assert set(json.loads(text)["error"]) == {"message", "type", "param", "code"}
    connection.close()
    assert seen[200] > 20 and seen[400] > 100
    assert ask(small, "GET", "/readyz")[0] == 200
