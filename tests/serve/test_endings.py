"""The ends of work: clients that leave, full queues, time limits, engines that fail, faults, and the server's end."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.support.gateway import LocalGateway, ask, local_gateway

USER = [{"role": "user", "content": "What is number 3 ?"}]
SLOW = ("engine.kind=fake", "engine.token_delay_s=0.01")
"""A question takes about 3 seconds: at least 4 samples, one after another, of some 30 tokens."""


@pytest.fixture(scope="module")
def slow() -> Iterator[LocalGateway]:
    with local_gateway(*SLOW, "serve.limits.questions=2", "serve.limits.queue=1") as server:
        yield server


class Lines(logging.Handler):
    """The lines of the server's log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def log() -> Iterator[list[str]]:
    handler, logger = Lines(), logging.getLogger("tts.serve")
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield handler.lines
    logger.removeHandler(handler)
    logger.setLevel(before)


def until(true: Callable[[], bool], seconds: float = 5.0) -> float:
    """Wait until something is true, and return the seconds that it took."""
    began = time.perf_counter()
    while not true():
        assert time.perf_counter() - began < seconds
        time.sleep(0.002)
    return time.perf_counter() - began


@contextmanager
def asking(server: LocalGateway, path: str = "/v1/chat/completions", **fields: Any) -> Iterator[socket.socket]:
    """Send a request, and leave when the block ends."""
    body = json.dumps({"model": "fake", **({"messages": USER} if "chat" in path else {}), **fields})
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        )
        connection.sendall(f"{head}\r\n\r\n{body}".encode())
        yield connection


def at_rest(server: LocalGateway) -> Callable[[], bool]:
    runner, engine = server.models["fake"].parts.runner, server.models["fake"].parts.engine
    return lambda: (runner.active, runner.waiting, len(engine._rows), server.state.in_progress) == (0, 0, 0, 0)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_ends_its_draws_within_a_step(slow: LocalGateway, log: list[str], stream: bool) -> None:
    engine = slow.models["fake"].parts.engine
    with asking(slow, stream=stream) as connection:
        until(lambda: len(engine._rows) > 0)
        if stream:
            assert b"text/event-stream" in connection.recv(4096)
    assert until(at_rest(slow)) < 0.5
    until(lambda: any(" 499 " in line for line in log))


def test_a_client_that_leaves_while_its_verdict_is_drawn_ends_it_too(slow: LocalGateway) -> None:
    engine = slow.models["fake"].parts.engine
    with asking(slow, "/v1/score", question="What is number 3 ?", answer="7"):
        until(lambda: len(engine._rows) > 0)
    assert until(at_rest(slow)) < 0.5


def test_a_client_that_leaves_while_it_waits_gives_its_place_up(slow: LocalGateway) -> None:
    runner = slow.models["fake"].parts.runner
    with asking(slow), asking(slow):
        until(lambda: runner.active == 2)
        with asking(slow):
            until(lambda: runner.waiting == 1)
            status, headers, body = ask(slow, "POST", "/v1/chat/completions", {"model": "fake", "messages": USER})
            assert (status, body["error"]["code"]) == (429, "queue_full")
            assert int(headers["retry-after"]) >= 1
            streamed = ask(slow, "POST", "/v1/chat/completions", {"model": "fake", "messages": USER, "stream": True})
            assert (streamed[0], streamed[2]["error"]["code"]) == (429, "queue_full")
        until(lambda: runner.waiting == 0)
        assert runner.active == 2
    until(at_rest(slow))


def test_a_question_out_of_time_has_an_answer_or_says_that_no_sample_was_finished(slow: LocalGateway) -> None:
    def asked(seconds: float, **more: Any) -> tuple[int, dict[str, str], Any]:
        body = {"model": "fake", "messages": USER, "tts": {"time_limit_s": seconds}, **more}
        return ask(slow, "POST", "/v1/chat/completions", body)

    status, headers, body = asked(0.05)
    assert (status, body["error"]["code"], headers["x-should-retry"]) == (504, "time_limit", "false")
    status, _, body = asked(0.7)
    assert (status, body["tts"]["stopped"]) == (200, "time_limit") and body["tts"]["samples"] >= 1
    until(at_rest(slow))


def test_an_engine_that_fails_is_its_own_sentence(fake: LocalGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake.models["fake"].parts.engine, "fails", lambda request: True)
    monkeypatch.setattr("asyncio.sleep", no_pause(asyncio.sleep))
    body = {"model": "fake", "messages": USER, "tts": {"budget": 1}}
    status, headers, found = ask(fake, "POST", "/v1/chat/completions", body)
    assert (status, found["error"]["code"], headers["x-should-retry"]) == (502, "engine_failed", "false")
    assert "draw" in found["error"]["message"]


def no_pause(sleep: Any) -> Any:
    return lambda seconds, *rest: sleep(0, *rest)


@pytest.mark.parametrize("stream", [False, True])
def test_a_fault_has_an_id_and_its_text_is_nowhere(
    fake: LocalGateway, log: list[str], monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    secret = "SECRET" + " of a question"

    async def broken(*_: Any, **__: Any) -> Any:
        if stream:
            await asyncio.sleep(0.05)
        raise ZeroDivisionError(secret)

    monkeypatch.setattr(fake.models["fake"].usual, "solve_in_loop", broken)
    body = json.dumps({"model": "fake", "messages": USER, "stream": stream})
    connection = HTTPConnection("127.0.0.1", fake.port, timeout=20)
    connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json", "x-request-id": "r7"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    last = text.strip().rpartition("data: ")[2]
    error = json.loads(last)["error"]
    assert answer.status == (200 if stream else 500)
    assert (error["type"], error["code"]) == ("server_error", "internal") and "r7" in error["message"]
    assert stream or answer.headers["x-should-retry"] == "false"
    until(lambda: any("request r7 failed: ZeroDivisionError" in line for line in log))
    assert secret not in text and secret not in "".join(log)


def test_a_server_that_ends_answers_what_runs_with_what_there_is() -> None:
    with local_gateway(*SLOW) as server:
        found: list[Any] = []
        body = {"model": "fake", "messages": USER}
        threads = [
            threading.Thread(target=lambda: found.append(ask(server, "POST", "/v1/chat/completions", body)))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        until(lambda: server.state.in_progress == 3)
        server.server.end(0.8)
        until(lambda: bool(server.state.ending))
        for path, code in (("/readyz", "shutting_down"), ("/healthz", None)):
            status, headers, answer = ask(server, "GET", path)
            assert (status, answer.get("error", {}).get("code")) == (503 if code else 200, code)
        status, headers, answer = ask(server, "POST", "/v1/chat/completions", body)
        assert (status, answer["error"]["code"]) == (503, "shutting_down") and int(headers["retry-after"]) >= 1
        for thread in threads:
            thread.join()
        assert server.server.ended.wait(10)
        assert [status for status, _, _ in found] == [200] * 3
        assert {answer["tts"]["stopped"] for _, _, answer in found} == {"time_limit"}
