"""MCP over HTTP, at /mcp of a gateway: the SDK's own client, of both kinds of protocol, and the gate in front of it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")
pytest.importorskip("fastapi")
pytest.importorskip("openai")

import anyio
import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from tests.serve.mcp.cases import FAKE, QUESTION, SlowServer, behind, command, environment, wait_until
from tests.support.gateway import Gateway, LocalGateway, ask, local_gateway
from tests.support.servers.plain import serving

MODES = ["auto", "legacy"]
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {}}
ACCEPT = "application/json, text/event-stream"


@pytest.mark.parametrize("mode", MODES)
def test_verify_and_solve_over_http(fake: LocalGateway, mode: str) -> None:
    seen: list[float] = []

    async def note(done: float, total: float | None, message: str | None) -> None:
        seen.append(done)

    async def play() -> None:
        async with Client(f"{fake.root}/mcp", mode=mode) as mcp:
            assert {tool.name for tool in (await mcp.list_tools()).tools} == {"verify", "solve"}
            solved = await mcp.call_tool("solve", {"question": QUESTION}, progress_callback=note)
            found: Any = solved.structured_content
            assert not solved.is_error and found["answer"] and seen == [*range(1, found["samples"] + 1)]
            assert [found[name] for name in ("certified", "masses", "unseen_mass")] == [None] * 3
            judged: Any = (await mcp.call_tool("verify", {"question": QUESTION, "answer": "7"})).structured_content
            assert judged["how"] == "draw(8)"
            refused = await mcp.call_tool("solve", {"question": ""})
            assert refused.is_error and refused.content[0].text.endswith("a question must be text, got nothing")

    asyncio.run(play())
    assert fake.state.in_progress == 0
    assert 'tts_requests_total{model="fake",route="/mcp",status="200"' in _metrics(fake)


def _metrics(server: Gateway) -> str:
    return httpx2.get(f"{server.root}/metrics").text


def test_cancelling_a_call_and_leaving_free_its_rows() -> None:
    slow = SlowServer()

    async def play(url: str, mode: str) -> None:
        async with Client(url, mode=mode) as mcp:
            for given in ({}, {"answer": "7"}):
                async with anyio.create_task_group() as calls:
                    name = "verify" if given else "solve"
                    calls.start_soon(mcp.call_tool, name, {"question": QUESTION, **given})
                    await anyio.to_thread.run_sync(lambda: wait_until(lambda: slow.open > 0))
                    calls.cancel_scope.cancel()
                await anyio.to_thread.run_sync(lambda: wait_until(lambda: slow.open == 0, 3.0))

    with serving(slow) as upstream, local_gateway(*behind(upstream.url)) as server:
        for mode in MODES:
            asyncio.run(play(f"{server.root}/mcp", mode))
            assert server.state.in_progress == 0
        leave_in_a_call(f"{server.root}/mcp", slow)
        wait_until(lambda: server.state.in_progress == 0, 3.0)


def leave_in_a_call(url: str, slow: SlowServer) -> None:
    """Close the connection of a call in a session, without a word."""
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
    call = {"name": "solve", "arguments": {"question": QUESTION}}
    with httpx2.Client(headers={"accept": ACCEPT}) as http:
        opened = http.post(url, json={"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello})
        http.headers["mcp-session-id"] = opened.headers["mcp-session-id"]
        http.post(url, json={"jsonrpc": "2.0", "method": "notifications/initialized"})
        with http.stream("POST", url, json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}):
            wait_until(lambda: slow.open > 0)
        wait_until(lambda: slow.open == 0, 3.0)


def test_keys_are_those_of_the_gateway(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("sk-one name=one\nsk-two name=two models=other\n")

    async def play(url: str, key: str) -> Any:
        http = httpx2.AsyncClient(headers={"authorization": f"Bearer {key}"})
        async with http, Client(streamable_http_client(url, http_client=http)) as mcp:
            return await mcp.call_tool("solve", {"question": QUESTION})

    with local_gateway("engine.kind=fake", f"serve.keys_file={keys}") as server:
        for key, code in ((None, "missing_api_key"), ("Bearer sk-three", "invalid_api_key")):
            given = {} if key is None else {"authorization": key}
            status, _, body = ask(server, "POST", "/mcp", PING, accept=ACCEPT, **given)
            assert (status, body["error"]["code"]) == (401, code)
        assert not asyncio.run(play(f"{server.root}/mcp", "sk-one")).is_error
        refused = asyncio.run(play(f"{server.root}/mcp", "sk-two"))
        assert refused.is_error and "the key may not ask model fake" in refused.content[0].text


def test_a_call_names_its_model_which_its_key_may_ask(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("sk-one name=one models=b\n")
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("engine: {kind: fake, model: fake}\n")

    async def play(url: str) -> list[Any]:
        http = httpx2.AsyncClient(headers={"authorization": "Bearer sk-one"})
        async with http, Client(streamable_http_client(url, http_client=http)) as mcp:
            shown = {tool.name: tool.input_schema["properties"]["model"] for tool in (await mcp.list_tools()).tools}
            assert all(one["enum"] == ["a", "b", None] for one in shown.values())
            asked = {"question": QUESTION}
            named: list[dict[str, Any]] = [{"model": "b"}, {"model": "a"}, {}, {"model": "x"}]
            found = [await mcp.call_tool("solve", {**asked, **more}) for more in named]
            return [*found, await mcp.call_tool("verify", {**asked, "answer": "7", "model": "b"})]

    files = [str(tmp_path / f"{name}.yaml") for name in "ab"]
    with local_gateway(*files, f"serve.keys_file={tmp_path / 'keys'}") as server:
        allowed, other, usual, unknown, judged = asyncio.run(play(f"{server.root}/mcp"))
        samples = server.state.metrics.text().decode()
    assert not allowed.is_error and not judged.is_error
    for refused in (other, usual):
        assert refused.is_error and "the key may not ask model a" in refused.content[0].text
    assert unknown.is_error and "there is no model 'x' here: this server has a, b" in unknown.content[0].text
    assert 'tts_samples_total{model="b"}' in samples and 'tts_samples_total{model="a"}' not in samples


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"host": "evil.example"}, "host_not_allowed"),
        ({"host": "127.0.0.1.evil.example:80"}, "host_not_allowed"),
        ({"origin": "https://evil.example"}, "origin_not_allowed"),
        ({"origin": "null"}, "origin_not_allowed"),
        ({"origin": "http://localhost.evil.example"}, "origin_not_allowed"),
    ],
)
def test_foreign_hosts_and_origins_are_refused(fake: Gateway, headers: dict[str, str], code: str) -> None:
    status, _, body = ask(fake, "POST", "/mcp", PING, accept=ACCEPT, **headers)
    assert (status, body["error"]["code"]) == (403, code)
    own = {"host": f"localhost:{fake.port}", "origin": "http://localhost:3000", "mcp_protocol_version": "2025-06-18"}
    assert ask(fake, "POST", "/mcp", PING, accept=ACCEPT, **own)[0] != 403


def test_the_limits_of_bodies_hold(fake: Gateway) -> None:
    assert ask(fake, "POST", "/mcp", {**PING, "params": {"x": "x" * (1 << 20)}}, accept=ACCEPT)[0] == 413
    assert ask(fake, "POST", "/mcp", '{"a":' * 40 + "1" + "}" * 40, accept=ACCEPT)[0] == 400


def test_without_the_sdk_a_gateway_has_no_such_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts.serve.mcp.http.find_spec", lambda name: None)
    with local_gateway("engine.kind=fake") as server:
        status, _, body = ask(server, "POST", "/mcp", PING, accept=ACCEPT)
        assert status == 404 and "install 'tts-rerank[mcp]'" in body["error"]["message"]


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_a_process_of_tts_mcp_over_http_answers_and_ends_with_its_sessions(tmp_path: Path, mode: str) -> None:
    async def play(url: str) -> None:
        async with Client(url, mode=mode) as mcp:
            assert not (await mcp.call_tool("solve", {"question": QUESTION})).is_error
            process.send_signal(signal.SIGTERM)
            await anyio.to_thread.run_sync(lambda: process.wait(10))

    with (tmp_path / "err").open("w") as err:
        process = subprocess.Popen(
            command("--http", *FAKE, "serve.port=0"),
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
            env={**os.environ, **environment()},
        )
    with process:
        assert process.stdout is not None
        found = re.fullmatch(r"serving fake on (http://\S+)/v1\n", process.stdout.readline())
        assert found is not None
        asyncio.run(play(f"{found[1]}/mcp"))
    log = (tmp_path / "err").read_text()
    assert process.returncode == 0 and "Traceback" not in log and "destroyed" not in log, log
