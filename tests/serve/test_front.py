"""The front of a gateway: health, the list of models, and errors of paths and methods in OpenAI's shape."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.request import urlopen

import pytest

pytest.importorskip("fastapi")

from tests.support.gateway import Gateway, LocalGateway, ask
from tts.serve.gateway import Gate


def test_health_and_models(fake: Gateway) -> None:
    assert ask(fake, "GET", "/healthz")[2] == {"status": "ok"}
    assert ask(fake, "GET", "/readyz")[2] == {"status": "ready"}
    [model] = ask(fake, "GET", "/v1/models")[2]["data"]
    assert (model["id"], model["object"], model["tts"]["budget"]) == ("fake", "model", 16)
    assert ask(fake, "GET", "/v1/models/fake")[2] == model


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "unknown_url"),
        ("GET", "/v1/models/other", 404, "model_not_found"),
        ("POST", "/healthz", 405, "method_not_allowed"),
        ("DELETE", "/v1/models", 405, "method_not_allowed"),
    ],
)
def test_unknown_paths_and_methods_have_the_shape_of_errors(
    fake: Gateway, method: str, path: str, status: int, code: str
) -> None:
    found, headers, body = ask(fake, method, path, x_request_id="mine-1")
    assert (found, body["error"]["code"]) == (status, code)
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert headers["x-request-id"] == "mine-1"


def test_a_server_without_keys_answers_for_its_own_address_alone(fake: Gateway) -> None:
    assert ask(fake, "GET", "/v1/models", host="evil.example:80")[0] == 403
    assert ask(fake, "GET", "/v1/models", host=f"localhost:{fake.port}")[0] == 200


def test_the_description_has_the_errors_that_are_sent_and_every_route(fake: Gateway) -> None:
    described = ask(fake, "GET", "/openapi.json")[2]
    paths = described["paths"]
    assert {"/v1/chat/completions", "/v1/score", "/v1/decisions", "/v1/models", "/healthz", "/metrics"} <= set(paths)
    for operations in paths.values():
        for operation in operations.values():
            assert "422" not in operation["responses"] and "default" in operation["responses"]
    assert "text/event-stream" in paths["/v1/chat/completions"]["post"]["responses"]["200"]["content"]
    assert "422" not in json.dumps(described) and "ValidationError" not in json.dumps(described)


def test_numbers_for_prometheus(fake: Gateway) -> None:
    body = {"model": "fake", "messages": [{"role": "user", "content": "What is number 5 ?"}]}
    assert ask(fake, "POST", "/v1/chat/completions", body)[0] == 200
    ask(fake, "POST", "/v1/made-up-by-a-client", {})
    with urlopen(f"{fake.root}/metrics") as answer:
        text = answer.read().decode()
    row = 'tts_requests_total{model="fake",route="/v1/chat/completions",status="200",strategy="adaptive_consistency"}'
    assert row in text and 'route="-",status="404"' in text and "made-up" not in text
    for name in (
        "tts_request_seconds_bucket",
        "tts_questions_in_progress",
        "tts_questions_queued",
        "tts_samples_total",
    ):
        assert f"{name}{{" in text
    tokens = sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("tts_tokens_total{"))
    assert tokens > 0


def test_a_route_that_has_sent_its_last_byte_is_not_cancelled(fake: LocalGateway) -> None:
    """The server reports the end of an answer as the client's leaving, and so does the client that leaves then."""
    ended: list[str] = []

    async def play(*, leaves_early: bool) -> None:
        answered = asyncio.Event()

        async def route(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x", "more_body": leaves_early})
            await asyncio.sleep(0.05)
            ended.append("whole")

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                answered.set()

        async def receive() -> Any:
            await answered.wait()
            return {"type": "http.disconnect"}

        scope = {"type": "http", "method": "GET", "path": "/healthz", "headers": []}
        await Gate(route, fake.state, {})(scope, receive, send)

    asyncio.run(play(leaves_early=True))
    assert ended == []
    asyncio.run(play(leaves_early=False))
    assert ended == ["whole"]
