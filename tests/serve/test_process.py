"""``tts serve`` as a process: its start, its signals, its real clients, and nothing secret in all that it writes."""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.cases import Tts
from tests.support.gateway import ask, gateway

QUESTION = "Jack has 11 beads. Jack buys 8 more beads. How many beads does Jack have now?"
USER = [{"role": "user", "content": QUESTION}]
FAKE = "engine.kind=fake"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("serve.host=0.0.0.0",), "serve.host=0.0.0.0 can be reached from other machines and no keys are set: give"),
        (("serve.keys_file=nothing",), "serve.keys_file nothing cannot be read: "),
        (("serve.limits.budget=0",), "serve.limits.budget must be at least 1, got 0"),
        (("serve.port=70000",), "serve.port must be from 0 to 65535, got 70000"),
        (("serve.host=no.such.host.invalid", "serve.port=0"), "serve.host=no.such.host.invalid"),
    ],
)
def test_a_server_that_cannot_start_says_why(tts: Tts, arguments: tuple[str, ...], sentence: str) -> None:
    ran = tts("serve", FAKE, *arguments)
    assert (ran.status, ran.out) == (2, "") and f"tts: {sentence}" in ran.err, ran


def test_a_port_that_is_taken_is_one_sentence(tts: Tts) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = tts("serve", FAKE, f"port={port}")
        expected = f"tts: serve.host=127.0.0.1, serve.port={port} cannot be listened on: Address already in use\n"
        assert ran.status == 2 and ran.err.endswith(expected)


def test_a_bad_line_of_keys_is_not_repeated(tts: Tts, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("sk-secret admin\n")
    ran = tts("serve", FAKE, f"serve.keys_file={keys}")
    assert ran.status == 2 and "line 1: behind a key stand name=TEXT" in ran.err and "sk-secret" not in ran.err


@pytest.mark.slow
def test_nothing_that_a_server_writes_holds_a_secret(tmp_path: Path) -> None:
    """Prompts, answers, keys and paths stay out of the log, the metrics, the errors, and standard output."""
    keys = tmp_path / "keys"
    keys.write_text("SECRETkey name=tests\n")
    prompt, answer, wrong, path = "SECRETprompt", "SECRETanswer", "SECRETwrong", "SECRETpath"
    own = {"authorization": "Bearer SECRETkey"}
    said = []
    with gateway(tmp_path, FAKE, f"serve.keys_file={keys}", "--log-level", "debug") as server:
        user = [{"role": "user", "content": prompt}]
        requests: list[tuple[str, Any, dict[str, str]]] = [
            ("/v1/chat/completions", {"model": "fake", "messages": user}, own),
            ("/v1/chat/completions", {"model": "fake", "messages": user, "user": prompt}, own),
            ("/v1/chat/completions", {"model": "fake", "messages": prompt}, own),
            ("/v1/chat/completions", {"model": "fake", "messages": [{"role": "user", "content": {"x": prompt}}]}, own),
            ("/v1/chat/completions", {"model": "fake", "messages": user, "n": 2}, own),
            ("/v1/chat/completions", '{"model": "fake", "messages": "SECRETprompt', own),
            ("/v1/chat/completions", {"model": "fake", "messages": user}, {"authorization": f"Bearer {wrong}"}),
            ("/v1/score", {"model": "fake", "question": prompt, "answer": answer}, own),
            ("/v1/score", {"model": "fake", "question": prompt, "answers": [answer, {"a": answer}]}, own),
            ("/v1/decisions", {"model": "fake", "input": prompt, "questions": [{"type": "score"}]}, own),
            (f"/v1/{path}?{prompt}", {"model": "fake"}, own),
        ]
        for where, body, headers in requests:
            _, answered, found = ask(server, "POST", where, body, **headers)
            said.append(f"{answered} {found}")
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", "/metrics", headers=own)
        metrics = connection.getresponse().read().decode()
        connection.close()
        assert server.stop() == 0
        out = server.process.stdout.read() if server.process.stdout else ""
    log = server.log.read_text()
    assert log.count("POST /v1/chat/completions") == 6 and 'tts_requests_total{model="fake"' in metrics
    for text in (log, metrics, out, *said[2:]):
        assert "SECRET" not in text
    with gateway(tmp_path, FAKE, "serve.log_texts=true") as server:
        ask(
            server, "POST", "/v1/chat/completions", {"model": "fake", "messages": [{"role": "user", "content": prompt}]}
        )
    assert prompt in server.log.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
def test_after_sigterm_every_connection_is_answered(tmp_path: Path, times: int) -> None:
    grace = 1.5 if times == 1 else 20  # a second signal does not wait for it
    with gateway(tmp_path, FAKE, "engine.token_delay_s=0.03", f"serve.grace_s={grace}") as server:
        found: list[Any] = []
        body = {"model": "fake", "messages": [{"role": "user", "content": "What is number 3 ?"}]}

        def asked() -> None:
            try:
                found.append(ask(server, "POST", "/v1/chat/completions", body)[0])
            except OSError:
                found.append(None)

        threads = [threading.Thread(target=asked) for _ in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        began = time.monotonic()
        for _ in range(times):
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
        if times == 1:
            assert ask(server, "GET", "/readyz")[0] == 503
        for thread in threads:
            thread.join()
        assert server.process.wait(10) == 0
        if times == 1:
            assert found == [200] * 8 and time.monotonic() - began > 1.4
        else:
            assert time.monotonic() - began < 10.0


@pytest.mark.slow
def test_the_bundled_model_by_the_official_client_curl_and_the_library(tmp_path: Path) -> None:
    openai, tts = pytest.importorskip("openai"), pytest.importorskip("tts")
    pytest.importorskip("transformers")
    with gateway(tmp_path) as server:
        client = openai.OpenAI(base_url=server.url, api_key="none")
        reply = client.chat.completions.create(model="grace", messages=USER)
        assert (reply.tts["answer"], reply.tts["accept"], reply.tts["promise"]) == ("19", True, "kept")
        raw = client.chat.completions.with_raw_response.create(model="grace", messages=USER, temperature=0.3)
        changed = raw.parse().tts
        assert raw.headers["x-request-id"] and (changed["promise"], changed["accept"]) == ("void", False)
        verdict = client.post("/score", body={"model": "grace", "question": QUESTION, "answer": "19"}, cast_to=object)
        assert verdict["data"][0]["how"] == "draw(8)" and verdict["data"][0]["calibrated"]
        turns = [*USER, {"role": "assistant", "content": "11 + 8 = 19, so the beads of Jack is 19.\n#### 19"}]
        predicate = {"type": "predicate", "name": "correct", "instructions": ""}
        choice = {"type": "choice", "instructions": "", "choices": [{"value": "19"}, {"value": "18"}]}
        right, chosen = client.decisions.create(model="grace", input=turns, questions=[predicate, choice]).answers
        assert right.probability > 0.7 and (chosen.choice, chosen.confidence > 0.7) == ("19", True)
        text, last = "", None
        for chunk in client.chat.completions.create(model="grace/cges", messages=USER, stream=True):
            text, last = text + (chunk.choices[0].delta.content or ""), chunk
        assert text == reply.choices[0].message.content and last is not None and last.tts["answer"] == "19"

        async def many() -> list[Any]:
            async with openai.AsyncOpenAI(base_url=server.url, api_key="none") as asking:
                several = (asking.chat.completions.create(model="grace", messages=USER, seed=n) for n in range(4))
                return await asyncio.gather(*several)

        assert [found.tts["answer"] for found in asyncio.run(many())] == ["19"] * 4
        body = json.dumps({"model": "grace", "messages": USER})
        command = ["curl", "-s", f"{server.url}/chat/completions", "-H", "Content-Type: application/json", "-d", body]
        assert '"answer": "19"' in subprocess.run(command, capture_output=True, text=True).stdout
        for found in (reply.usage, raw.parse().usage):
            assert found.total_tokens == found.prompt_tokens + found.completion_tokens
    solver = tts.Solver.open("configs/serve/grace.yaml")
    expected = solver.solve(QUESTION)
    assert (expected.text, expected.p_correct) == (reply.choices[0].message.content, reply.tts["p_correct"])
