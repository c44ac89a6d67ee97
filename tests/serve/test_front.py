"""The front of a gateway: health, the list of models, and errors of paths and methods in OpenAI's shape."""

from __future__ import annotations

import pytest

from tests.support.gateway import Gateway, ask


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
