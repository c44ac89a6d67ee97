"""Status 400 for what a request asks and cannot have, 502 for a fault of the server behind."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("openai")

from tests.support.gateway import LocalGateway, ask, local_gateway
from tests.support.servers.plain import Body, PlainServer, RefusalError, serving

CHAT = "/v1/chat/completions"
HERE = ("engine.kind=openai", "engine.model=m", "task.chat=true", "engine.openai.retries=0", "budget=2")


class Refusing(PlainServer):
    """Refuses questions with a status of their own."""

    def check(self, body: Body) -> None:
        for status in (400, 404, 413, 422, 500):
            if f"status {status}" in str(body["messages"]):
                raise RefusalError(status, "maximum context length is 10 tokens" if status < 500 else "out of order")


def asked(server: Any, path: str = CHAT, model: str = "m", **fields: Any) -> tuple[int, Any]:
    status, _, body = ask(server, "POST", path, {"model": model, **fields})
    return status, body["error"]


@pytest.mark.parametrize(
    ("refused", "status", "code"),
    [
        (400, 400, "refused"),
        (413, 400, "refused"),
        (422, 400, "refused"),
        (404, 502, "engine_failed"),
        (500, 502, "engine_failed"),
    ],
)
def test_what_a_server_refuses_is_a_fault_of_the_request(refused: int, status: int, code: str) -> None:
    user = [{"role": "user", "content": f"status {refused}"}]
    with serving(Refusing()) as upstream, local_gateway(*HERE, f"engine.openai.urls=[{upstream.url}]") as server:
        found, error = asked(server, messages=user)
        assert (found, error["code"]) == (status, code)
        assert ("context length" if refused < 500 else "out of order") in error["message"]
        found, error = asked(server, "/v1/score", question=user[0]["content"], answer="5")
        assert (found, error["code"]) == (status, code)


def test_a_scorer_that_reads_nothing_here_is_a_fault_of_the_request(fake: LocalGateway) -> None:
    user = [{"role": "user", "content": "What is number 3 ?"}]
    found, error = asked(fake, model="fake", messages=user, tts={"scorer": "p_true"})
    assert (found, error["code"], error["param"]) == (400, "unsupported", "tts.scorer")
    assert error["message"].startswith(
        "scorer p_true can read nothing in the replies of model fake (engine.kind=fake; every"
    )
    assert error["message"].endswith("choose another one, or leave tts.scorer out")
    with local_gateway("engine.kind=fake", "scorer.name=p_true") as server:
        found, error = asked(server, model="fake", messages=user)
        assert (found, error["code"]) == (502, "engine_failed"), "the configuration's own scorer"
