"""``tts mcp`` as a process: its tools by the SDK's own client, and the end of its work with the call and the client."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")
pytest.importorskip("openai")

import anyio
import psutil

from tests.serve.mcp.cases import FAKE, QUESTION, SlowServer, behind, client, command, environment, wait_until
from tests.support.servers.plain import PlainServer, serving


def test_verify_and_solve_by_the_sdks_client(tmp_path: Path) -> None:
    seen: list[tuple[float, float | None, str | None]] = []

    async def note(done: float, total: float | None, message: str | None) -> None:
        seen.append((done, total, message))

    async def play() -> None:
        async with client(*FAKE, "strategy=self_consistency", "budget=6", errors=tmp_path / "err") as mcp:
            tools = {tool.name: tool for tool in (await mcp.list_tools()).tools}
            assert set(tools) == {"verify", "solve"}
            for tool in tools.values():
                assert tool.annotations is not None and tool.annotations.read_only_hint
                assert tool.annotations.destructive_hint is False and tool.output_schema is not None
                assert tool.description is not None and "64" in tool.description
            assert set(tools["solve"].input_schema["properties"]) == {"question", "model", "budget", "time_limit_s"}
            assert set(tools["verify"].input_schema["properties"]) == {"question", "answer", "model", "draws"}

            solved = await mcp.call_tool("solve", {"question": QUESTION}, progress_callback=note)
            found: Any = solved.structured_content
            assert not solved.is_error and found["samples"] == 6 and found["stopped"] == "budget"
            assert found["answer"] in found["text"] and found["strategy"] == "self_consistency"
            assert json.loads(solved.content[0].text) == found, "clients without structured output read the same"
            assert seen == [(float(at), 6.0, f"{at} of at most 6 samples") for at in range(1, 7)]
            again: Any = (await mcp.call_tool("solve", {"question": QUESTION})).structured_content
            assert {**again, "usage": 0} == {**found, "usage": 0}, "the same question draws the same samples"
            fewer: Any = (await mcp.call_tool("solve", {"question": QUESTION, "budget": 2})).structured_content
            assert fewer["samples"] == 2

            seen.clear()
            right: Any = (
                await mcp.call_tool(
                    "verify", {"question": QUESTION, "answer": found["answer"], "draws": 3}, progress_callback=note
                )
            ).structured_content
            assert (right["how"], right["answer"], right["promise"]) == ("draw(3)", found["answer"], "none")
            assert 0.0 < right["score"] < 1.0 and right["accept"] is None and len(seen) == 3
            none: Any = (await mcp.call_tool("verify", {"question": QUESTION, "answer": "no idea"})).structured_content
            assert none["score"] is None and none["answer"] is None and none["reason"]

            for name, given, sentence in (
                ("solve", {"question": " "}, "a question must be text, got nothing"),
                ("solve", {"question": QUESTION, "budget": 65}, "budget must be from 1 to 64, got 65"),
                ("solve", {"question": QUESTION, "budget": 0}, "budget must be from 1 to 64, got 0"),
                (
                    "solve",
                    {"question": QUESTION, "time_limit_s": 0},
                    "time_limit_s must be above 0 and at most 120, got 0",
                ),
                ("verify", {"question": QUESTION, "answer": "7", "draws": -1}, "draws must be from 0 to 64, got -1"),
            ):
                refused = await mcp.call_tool(name, given)
                assert refused.is_error and refused.content[0].text == f"Error executing tool {name}: {sentence}"
            for given in ({}, {"question": 3}):
                refused = await mcp.call_tool("solve", given)
                assert refused.is_error and "question" in refused.content[0].text

    asyncio.run(play())
    assert "Traceback" not in (tmp_path / "err").read_text()


@pytest.mark.slow
def test_an_engine_that_fails_is_one_sentence(tmp_path: Path) -> None:
    class Fails(SlowServer):
        def events(self, body: Any) -> Any:
            yield from super().events(body) if QUESTION not in str(body) else [{"error": {"message": "out of order"}}]

    async def play(url: str) -> None:
        async with client(*behind(url), errors=tmp_path / "err") as mcp:
            failed = await mcp.call_tool("solve", {"question": QUESTION})
            assert failed.is_error and "every draw failed" in failed.content[0].text
            assert "out of order" in failed.content[0].text

    with serving(Fails()) as server:
        asyncio.run(play(server.url))
    assert "Traceback" not in (tmp_path / "err").read_text()


@pytest.mark.slow
def test_cancelling_a_call_and_leaving_free_its_rows(tmp_path: Path) -> None:
    slow = SlowServer()

    async def play(url: str) -> None:
        async with client(*behind(url), errors=tmp_path / "err") as mcp:
            for name, given in (("solve", {}), ("verify", {"answer": "7"})):
                with anyio.move_on_after(30) as scope:
                    async with anyio.create_task_group() as calls:
                        calls.start_soon(mcp.call_tool, name, {"question": QUESTION, **given})
                        await anyio.to_thread.run_sync(lambda: wait_until(lambda: slow.open > 0))
                        calls.cancel_scope.cancel()
                assert not scope.cancelled_caught
                await anyio.to_thread.run_sync(lambda: wait_until(lambda: slow.open == 0, 3.0))
            late = await mcp.call_tool("solve", {"question": QUESTION, "time_limit_s": 0.2})
            assert late.is_error and "time limit" in late.content[0].text, "the server answers as before"
            async with anyio.create_task_group() as calls:
                calls.start_soon(mcp.call_tool, "solve", {"question": QUESTION})
                await anyio.to_thread.run_sync(lambda: wait_until(lambda: slow.open > 0))
                calls.cancel_scope.cancel()

    with serving(slow) as server:
        asyncio.run(play(server.url))
        wait_until(lambda: slow.open == 0, 3.0)
    assert "Traceback" not in (tmp_path / "err").read_text()


def raw(*arguments: str, folder: Path, folders: tuple[Path, ...] = ()) -> subprocess.Popen[str]:
    """Start a server without the SDK's client."""
    with (folder / "err").open("w") as err:
        return subprocess.Popen(
            command(*arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
            env={**os.environ, **environment(*folders)},
        )


def send(process: subprocess.Popen[str], method: str, *, id: int | None = None, **params: Any) -> None:
    assert process.stdin is not None
    message = {"jsonrpc": "2.0", "method": method, "params": params, **({} if id is None else {"id": id})}
    process.stdin.write(json.dumps(message) + "\n")
    process.stdin.flush()


def shake_hands(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    client_info = {"name": "raw", "version": "1"}
    send(process, "initialize", id=0, protocolVersion="2025-06-18", capabilities={}, clientInfo=client_info)
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    send(process, "notifications/initialized")
    return answer


NOISY = """
import os, sys, warnings
from tts.engines.fake.engine import FakeEngine
from tts.engines.fake.kind import KIND as FAKE

def shout():
    print("print"); print("flushed", flush=True); os.write(1, b"written\\n")
    os.system("echo a child"); warnings.warn("a warning")

class Noisy(FakeEngine):
    async def sample(self, request):
        shout()
        async for chunk in super().sample(request):
            yield chunk

class Kind(type(FAKE)):
    def load(self, config, prompt, notify):
        shout()
        return Noisy()

KIND = Kind()
"""


def test_standard_output_has_messages_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)
    noisy = ("engine.kind=noisy:KIND", "engine.model=fake", "budget=3")
    with raw(*noisy, folder=tmp_path, folders=(tmp_path,)) as process:
        assert shake_hands(process)["result"]["serverInfo"]["name"] == "tts"
        send(process, "tools/call", id=1, name="solve", arguments={"question": QUESTION})
        assert process.stdout is not None and process.stdin is not None
        first = process.stdout.readline()
        process.stdin.write("no json\n")
        process.stdin.close()
        lines = [first, *process.stdout.readlines()]
        assert process.wait(20) == 0
    messages = [json.loads(line) for line in lines]
    assert all(message["jsonrpc"] == "2.0" for message in messages)
    [answer] = [message for message in messages if message.get("id") == 1]
    assert answer["result"]["structuredContent"]["samples"] == 3
    err = (tmp_path / "err").read_text()
    assert all(noise in err for noise in ("print", "flushed", "written", "a child", "a warning"))


@pytest.mark.slow
def test_closing_the_stream_in_a_call_ends_the_process_and_its_draws(tmp_path: Path) -> None:
    slow = SlowServer()
    with serving(slow) as server, raw(*behind(server.url), folder=tmp_path) as process:
        shake_hands(process)
        send(process, "tools/call", id=1, name="solve", arguments={"question": QUESTION})
        wait_until(lambda: slow.open > 0)
        assert process.stdin is not None
        process.stdin.close()
        wait_until(lambda: slow.open == 0, 3.0)
        assert process.wait(10) == 0
    assert "Traceback" not in (tmp_path / "err").read_text()


CLIENT = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tests.serve.mcp.cases import behind, client

async def play():
    async with client(*behind(sys.argv[2]), errors=Path(sys.argv[3])) as mcp:
        await mcp.call_tool("solve", {"question": "What is number 3 ?"})

asyncio.run(play())
"""


@pytest.mark.slow
def test_killing_the_client_frees_its_rows_and_ends_the_server(tmp_path: Path) -> None:
    slow, root = SlowServer(), str(Path(__file__).resolve().parents[3])
    with serving(slow) as server:
        killed = subprocess.Popen([sys.executable, "-c", CLIENT, root, server.url, str(tmp_path / "err")])
        wait_until(lambda: slow.open > 0, 30.0)
        [orphan] = psutil.Process(killed.pid).children()
        killed.kill()
        killed.wait()
        wait_until(lambda: slow.open == 0, 5.0)
        orphan.wait(10)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once(tmp_path: Path, number: signal.Signals) -> None:
    with raw(*FAKE, folder=tmp_path) as process:
        shake_hands(process)
        process.send_signal(number)
        assert process.wait(5) == 128 + number
    assert "Traceback" not in (tmp_path / "err").read_text()


@pytest.mark.slow
def test_several_models_and_a_pool_that_keeps_their_draws(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(f"engine: {{kind: openai, model: m, max_tokens: {ord(name)}}}\n")
    files = [str(tmp_path / f"{name}.yaml") for name in "ab"]
    pool, script = tmp_path / "kept.sqlite", PlainServer()

    async def play(url: str) -> None:
        urls = (f"engine.openai.urls=[{url}]", "task.chat=true", "budget=4", f"serve.pool={pool}")
        async with client(*files, *urls, errors=tmp_path / "err") as mcp:
            tools = {tool.name: tool.input_schema["properties"] for tool in (await mcp.list_tools()).tools}
            assert tools["solve"]["model"]["enum"] == tools["verify"]["model"]["enum"] == ["a", "b", None]
            for more in ({}, {"model": "b"}):
                assert not (await mcp.call_tool("solve", {"question": QUESTION, **more})).is_error
                assert not (await mcp.call_tool("verify", {"question": QUESTION, "answer": "7", **more})).is_error
            refused = await mcp.call_tool("solve", {"question": QUESTION, "model": "c"})
            assert refused.is_error and "there is no model 'c' here: this server has a, b" in refused.content[0].text

    with serving(script) as upstream:
        for _ in range(2):
            before = len(drawn(script))
            asyncio.run(play(upstream.url))
            by = {limit: sum(body["max_tokens"] == limit for body in drawn(script)[before:]) for limit in b"ab"}
            assert all(by.values()) if not before else not any(by.values()), "then everything comes from the pool"


def drawn(script: PlainServer) -> list[Any]:
    """Return the draws of the question that a server was asked for."""
    return [body for body in script.seen if QUESTION in body["messages"][-1]["content"]]


@pytest.mark.slow
def test_the_bundled_model_over_stdio(tmp_path: Path) -> None:
    question = "Jack has 11 beads. Jack buys 8 more beads. How many beads does Jack have now?"
    working = "11 + 8 = 19, so the beads of Jack is 19.\n#### 19"

    async def play() -> None:
        async with client(errors=tmp_path / "err") as mcp:
            solved: Any = (await mcp.call_tool("solve", {"question": question})).structured_content
            assert solved["answer"] == "19" and solved["calibrated"] and solved["promise"] == "kept"
            assert solved["note"] is None
            strange: Any = (await mcp.call_tool("solve", {"question": "Who painted Guernica?"})).structured_content
            assert "no token for these words of the question" in strange["note"] and "Guernica" in strange["note"]
            read: Any = (await mcp.call_tool("verify", {"question": question, "answer": working})).structured_content
            assert read["how"] == "read" and read["p_correct"] is not None, read

    asyncio.run(play())
