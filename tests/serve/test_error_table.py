"""The error table: each row by raw HTTP and by the official client, with its status, code and headers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.gateway import LocalGateway, ask, local_gateway

USER = [{"role": "user", "content": "What is number 3 ?"}]
CHAT = "/v1/chat/completions"
FULL, LIMITED = "Bearer sk-first", "Bearer sk-second"


@dataclass(frozen=True)
class Row:
    """A row of the table and a request that leads to it.

    Attributes:
        status: the status.
        code: the error's code.
        fields: of the body, beside the model and the messages; None sends no body.
        error: the official client's class.
        param: the field at fault.
        method: the method.
        path: the path.
        key: the header Authorization.
        text: the body as it is, in place of the fields.
        headers: headers that the answer must have.
        more: further headers of the request.
    """

    status: int
    code: str
    fields: dict[str, Any] | None = field(default_factory=dict)
    error: str = "BadRequestError"
    param: str | None = None
    method: str = "POST"
    path: str = CHAT
    key: str = FULL
    text: str | None = None
    headers: tuple[str, ...] = ()
    more: dict[str, str] = field(default_factory=dict)


DEEP = '{"model": "fake", "messages": ' + "[" * 40 + "]" * 40 + "}"
ROWS = {
    "malformed JSON": Row(400, "invalid_json", text='{"model": '),
    "JSON of another shape": Row(400, "invalid_value", text="[1, 2]"),
    "no JSON at all": Row(
        400, "invalid_value", text="model=fake", more={"content_type": "text/plain"}, param="content-type"
    ),
    "wrong type": Row(400, "invalid_value", {"temperature": "hot"}, param="temperature"),
    "wrong range": Row(400, "invalid_value", {"tts": {"budget": 0}}, param="tts.budget"),
    "missing field": Row(400, "missing_field", text='{"model": "fake"}', param="messages"),
    "not a number": Row(400, "invalid_value", text='{"model": "fake", "messages": [], "top_p": NaN}', param="messages"),
    "unknown strategy": Row(400, "unknown_strategy", {"tts": {"strategy": "x"}}, param="tts.strategy"),
    "unknown scorer": Row(400, "unknown_scorer", {"tts": {"scorer": "x"}}, param="tts.scorer"),
    "unsupported field": Row(400, "unsupported_field", {"n": 2}, param="n"),
    "no key": Row(401, "missing_api_key", key="", error="AuthenticationError", headers=("www-authenticate",)),
    "wrong key": Row(401, "invalid_api_key", key="Bearer sk-other", error="AuthenticationError"),
    "key of another scheme": Row(401, "missing_api_key", key="Basic sk-first", error="AuthenticationError"),
    "model not allowed": Row(403, "not_allowed", key=LIMITED, error="PermissionDeniedError", param="model"),
    "unknown model": Row(404, "model_not_found", {"model": "gpt"}, error="NotFoundError", param="model"),
    "unknown path": Row(404, "unknown_url", path="/v1/nothing", error="NotFoundError"),
    "wrong method": Row(405, "method_not_allowed", None, method="GET", error="APIStatusError", headers=("allow",)),
    "large body": Row(413, "body_too_large", {"user": "x" * 5000}, error="APIStatusError"),
    "deep JSON": Row(400, "json_too_deep", text=DEEP),
    "time limit": Row(
        504, "time_limit", {"tts": {"time_limit_s": 0.0001}}, "InternalServerError", headers=("x-should-retry",)
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGateway]:
    """A server with two keys, one of which may ask another model alone."""
    file = tmp_path_factory.mktemp("keys") / "keys"
    file.write_text("# keys of the tests\nsk-first name=first\nsk-second name=second models=other questions=2\n")
    with local_gateway(
        "engine.kind=fake", "engine.token_delay_s=0.001", f"serve.keys_file={file}", "serve.limits.body_bytes=4096"
    ) as server:
        yield server


@pytest.mark.parametrize("name", ROWS)
def test_raw_http(guarded: LocalGateway, name: str) -> None:
    row = ROWS[name]
    body: Any = row.text
    if body is None and row.fields is not None:
        body = {"model": "fake", "messages": USER, **row.fields}
    headers = {"authorization": row.key} if row.key else {}
    status, answered, found = ask(guarded, row.method, row.path, body, **headers, **row.more)
    error = found["error"]
    assert (status, error["code"], error["param"]) == (row.status, row.code, row.param), error
    assert set(error) == {"message", "type", "param", "code"} and error["message"]
    assert set(row.headers) <= set(answered) and "x-request-id" in answered
    assert "sk-" not in str(found)


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.text is None])
def test_the_official_client(guarded: LocalGateway, name: str) -> None:
    openai = pytest.importorskip("openai")
    row = ROWS[name]
    with openai.OpenAI(base_url=guarded.url, api_key="none", max_retries=0) as client:
        headers = {"authorization": row.key or openai.Omit()}
        with pytest.raises(getattr(openai, row.error)) as caught:
            if row.method == "GET":
                client.get(row.path.removeprefix("/v1"), cast_to=object, options={"headers": headers})
            else:
                body = {"model": "fake", "messages": USER, **(row.fields or {})}
                client.post(row.path.removeprefix("/v1"), body=body, cast_to=object, options={"headers": headers})
    error = caught.value
    assert (error.status_code, error.code, error.param) == (row.status, row.code, row.param)
    assert error.request_id and error.body["message"] in str(error)


def test_a_key_over_its_share_waits_for_its_own_questions_alone(guarded: LocalGateway) -> None:
    from tts.serve.errors import ApiError
    from tts.serve.keys import Key

    state = guarded.state

    async def taken() -> ApiError:
        key = Key(b"x", "a key", questions=1)
        with state.question(key):
            with state.question(Key(b"y", "another", questions=1)):
                pass
            try:
                with state.question(key):
                    raise AssertionError("it has its share")
            except ApiError as error:
                found = error
        with state.question(key):
            return found

    from tts.engines.loop import LOOP

    failure = LOOP.run(taken()).failure
    assert (failure.status, failure.code) == (429, "key_limit") and int(failure.headers["retry-after"]) >= 1


def test_health_alone_needs_no_key(guarded: LocalGateway) -> None:
    assert ask(guarded, "GET", "/healthz")[0] == 200
    for path in ("/readyz", "/metrics", "/openapi.json", "/docs", "/v1/models", "/v1/nothing", "/"):
        assert ask(guarded, "GET", path)[0] == 401, path
    assert ask(guarded, "GET", "/openapi.json", authorization=FULL)[0] == 200
    [model] = ask(guarded, "GET", "/v1/models", authorization=FULL)[2]["data"]
    assert model["id"] == "fake"
    assert ask(guarded, "GET", "/v1/models", authorization=LIMITED)[2]["data"] == []


def test_the_client_asks_again_by_itself_unless_that_would_fail_again(
    guarded: LocalGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    openai = pytest.importorskip("openai")
    from tts.errors import BusyError

    solver, tries = guarded.models["fake"].usual, []

    def failing(error: Exception) -> Any:
        async def solve(*given: Any, **named: Any) -> Any:
            tries.append(error)
            if len(tries) == 1:
                raise error
            return await type(solver).solve_in_loop(solver, *given, **named)

        return solve

    with openai.OpenAI(base_url=guarded.url, api_key="sk-first", max_retries=2) as client:
        monkeypatch.setattr(solver, "solve_in_loop", failing(BusyError("full")))
        assert client.chat.completions.create(model="fake", messages=USER).tts["answer"]
        assert len(tries) == 2
        tries.clear()
        monkeypatch.setattr(solver, "solve_in_loop", failing(ZeroDivisionError()))
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(model="fake", messages=USER)
        assert len(tries) == 1
