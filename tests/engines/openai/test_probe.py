"""Features are detected by the run's own request, streamed; two servers share those that both have."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

openai = pytest.importorskip("openai")

from tests.engines.openai.cases import Body, RefusalError, Scripted, serving  # noqa: E402
from tts.engines.openai.client import Connections  # noqa: E402
from tts.engines.openai.config import OpenAIConfig  # noqa: E402
from tts.engines.openai.detection import detect_features  # noqa: E402
from tts.engines.openai.served_model import UNKNOWN_CONTEXT, ServerFeatures  # noqa: E402
from tts.errors import InputError  # noqa: E402


@pytest.fixture
def server() -> Iterator[Scripted]:
    with serving() as made:
        yield made


def detect(*servers: Scripted, model: str = "m", has_tokenizer: bool = True) -> ServerFeatures:
    body: dict[str, Any] = {"model": model, "prompt": "Hello", "max_tokens": 50, "stream": True, "temperature": 0.8}
    connections = Connections(OpenAIConfig(urls=[server.url for server in servers], retries=0), model=model)
    return detect_features(connections, body, chat=False, has_tokenizer=has_tokenizer)


def test_two_servers_share_the_features_of_both() -> None:
    rich = ServerFeatures(True, True, True, 20, 20, True, 512)
    poor = ServerFeatures(logprobs=True, top_logprobs=5)
    assert rich & rich == rich
    assert rich & poor == poor & rich == ServerFeatures(logprobs=True, top_logprobs=5, context=512)
    assert ServerFeatures().context == UNKNOWN_CONTEXT


def test_a_plain_server_is_sent_the_run_s_request_and_no_fields_of_others(server: Scripted) -> None:
    assert detect(server) == ServerFeatures(logprobs=True, top_logprobs=20)
    assert all(body["max_tokens"] == 50 and body["stream"] for body in server.seen)
    assert not any("return_token_ids" in body for body in server.seen) and len(server.seen) == 2


def test_a_limit_on_log_probabilities_is_found(server: Scripted) -> None:
    limit = 5

    def limited(body: Body) -> None:
        if body.get("logprobs", -1) > limit:
            raise RefusalError(400, "too many logprobs")

    server.meet = limited
    with serving() as other:
        assert detect(server, other) == ServerFeatures(logprobs=True, top_logprobs=5)
    limit = -1
    assert not detect(server).logprobs


def test_a_server_of_plain_http_that_waits_through_a_handshake_is_not_waited_for() -> None:
    """llama.cpp's server answers no TLS at all: without a limit of its own, the request's timeout passes five times."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/v1"
        connections = Connections(OpenAIConfig(urls=[url], timeout_s=0.2), model="m")
        with pytest.raises(InputError, match=r"does not answer .* if it speaks plain HTTP, write http://127"):
            detect_features(connections, {"model": "m", "prompt": "Hello"}, chat=False, has_tokenizer=False)


def test_refusals_are_one_sentence(server: Scripted) -> None:
    with pytest.raises(InputError, match=r"does not serve other: give engine\.model one of m .*does not exist"):
        detect(server, model="other")

    def refuse(body: Body) -> None:
        raise RefusalError(500, "out of order")

    server.meet = refuse
    with pytest.raises(InputError, match=r"/v1 failed \(out of order\)"):
        detect(server)
