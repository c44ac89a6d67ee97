"""Gateways (``tts serve`` processes) in front of vLLM's server, asked by the official client."""

from __future__ import annotations

import json
import re
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tts
from benchmarks.vllm_server import VllmServer
from tests.engines.vllm.random_chat import random_chat
from tests.support.gateway import GatewayProcess, ask, gateway
from tts.models.bundled import weights

openai = pytest.importorskip("openai")
pytest.importorskip("fastapi")
pytest.importorskip("vllm", reason="vLLM is not installed here: make test-vllm")

JACK = "Jack has 11 beads. Jack buys 8 more beads. How many beads does Jack have now?"


@pytest.fixture(scope="module")
def behind() -> Iterator[VllmServer]:
    made = VllmServer("grace", "--no-enable-chunked-prefill")
    yield made
    made.kill()


@pytest.fixture(scope="module")
def front(behind: VllmServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One question at a time, so that others wait; GrACE's confidences come with the samples."""
    folder = weights("grace")
    here = (f"engine.openai.urls=[{behind.root}/v1]", f"engine.openai.tokenizer={folder}", f"scorer.card={folder}")
    more = ("scorer.name=grace", "strategy=cges", "budget=16", "serve.limits.questions=1", "serve.limits.budget=400")
    with gateway(tmp_path_factory.mktemp("front"), "engine.kind=openai", "engine.model=grace", *here, *more) as made:
        yield made


@pytest.fixture
def client(front: GatewayProcess) -> Iterator[Any]:
    with openai.OpenAI(base_url=front.url, api_key="none", max_retries=0) as made:
        yield made


def user(text: str = JACK) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def test_a_question_is_answered_with_grace_s_confidence_and_counted_as_vllm_counts(
    client: Any, behind: VllmServer
) -> None:
    before = behind.tokens()
    reply = client.chat.completions.create(model="grace", messages=user(), seed=1)
    behind.wait_idle()
    read, drawn = (now - then for now, then in zip(behind.tokens(), before, strict=True))
    usage = reply.tts["usage"]
    assert reply.tts["answer"] == "19" and "19" in reply.choices[0].message.content
    assert 1 <= reply.tts["samples"] <= 16 and 0.5 < reply.tts["p_correct"] <= 1
    assert usage["prompt"] + usage["prompt_cached"] == read and usage["delivered"] + usage["aborted"] <= drawn


def test_judged_answers_and_a_stream(client: Any, front: GatewayProcess) -> None:
    right, wrong = "11 + 8 = 19, so the beads of Jack is 19.\n#### 19", "11 - 8 = 3, so the beads of Jack is 3.\n#### 3"
    status, _, found = ask(front, "POST", "/v1/score", {"model": "grace", "question": JACK, "answers": [right, wrong]})
    verifier = tts.Verifier.open(model="grace", scorer="grace", draws=8)
    known = [verifier.score(JACK, answer).score for answer in (right, wrong)]
    tts.close()
    assert status == 200 and [verdict["score"] for verdict in found["data"]] == pytest.approx(known, abs=1e-3)
    chunks = list(client.chat.completions.create(model="grace", messages=user(), stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "#### 19" in text and chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_frees_vllm(front: GatewayProcess, behind: VllmServer, stream: bool) -> None:
    """A question of 400 draws, and one that waits behind it: both clients leave, and vLLM's counters stand still."""
    behind.wait_idle()
    before = behind.count("generation_tokens_total")
    told = {"strategy": "self_consistency", "budget": 400}
    body = json.dumps({"model": "grace", "messages": user(), "stream": stream, "temperature": 1.0, "tts": told})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{front.port}\r\nContent-Type: application/json\r\n"
    asked = f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
    with socket.create_connection(("127.0.0.1", front.port)) as running:
        running.sendall(asked)
        deadline = time.monotonic() + 30
        while not (begun := behind.count("generation_tokens_total") - before) and time.monotonic() < deadline:
            time.sleep(0.02)
        with socket.create_connection(("127.0.0.1", front.port)) as waiting:
            waiting.sendall(asked)
    assert begun
    behind.wait_idle()
    drawn = behind.count("generation_tokens_total") - before
    assert drawn < 400 * 20, "a question's 400 samples have about 35 tokens each"
    metrics = front_metrics(front)
    assert metrics["499"] >= 2
    assert ask(front, "GET", "/readyz")[0] == 200


def front_metrics(front: GatewayProcess) -> dict[str, float]:
    """Return the requests of the gateway by their status."""
    with urllib.request.urlopen(f"{front.root}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    found: dict[str, float] = {}
    for labels, value in re.findall(r"^tts_requests_total\{(.*)\} (\S+)$", text, re.MULTILINE):
        status = re.search(r'status="(\d+)"', labels)
        assert status is not None
        found[status[1]] = found.get(status[1], 0.0) + float(value)
    return found


CALL = {
    "type": "function",
    "function": {
        "name": "rain",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Oslo", "Rome"]}, "sure": {"type": "boolean"}},
            "required": ["city", "sure"],
            "additionalProperties": False,
        },
    },
}


ENDS = "aeio"
"""Texts that a model of random bytes soon writes; vLLM ends a sample before them."""


def test_votes_on_the_calls_of_a_named_tool(tmp_path: Path) -> None:
    folder = random_chat(tmp_path / "model")
    behind = VllmServer("caller", "--enable-auto-tool-choice", "--tool-call-parser", "hermes", folder=folder)
    here = ("engine.kind=openai", "engine.model=caller", f"engine.openai.urls=[{behind.root}/v1]", "task.chat=true")
    named = {"type": "function", "function": {"name": "rain"}}
    asked: Any = {"model": "caller", "messages": user(), "tools": [CALL], "tool_choice": named, "max_tokens": 300}
    try:
        with (
            gateway(tmp_path, *here, "strategy=self_consistency", "budget=8") as front,
            openai.OpenAI(base_url=front.url, api_key="none", max_retries=0) as client,
        ):
            reply = client.chat.completions.create(**asked)
            chunks = list(client.chat.completions.create(**asked, stream=True))
            ended = client.chat.completions.create(
                model="caller", messages=user(), max_tokens=300, stop=list(ENDS), seed=1
            )
    finally:
        behind.kill()
    assert not set(ENDS) & set(ended.choices[0].message.content) and ended.choices[0].finish_reason == "stop"
    [choice] = reply.choices
    [call] = choice.message.tool_calls
    assert choice.finish_reason == "tool_calls" and choice.message.content is None
    assert call.function.name == "rain" and set(json.loads(call.function.arguments)) == {"city", "sure"}
    [agreed] = reply.tts["calls"]
    votes = [vote["n"] for vote in reply.tts["votes"]]
    assert sum(votes) == reply.tts["samples"] == 8
    assert agreed["name"] == "rain"  # a sample that agrees with the call agrees with each argument
    assert all(max(votes) / 8 <= share <= 1 for share in agreed["agreement"].values())
    sent = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or ()]
    assert [(call.index, call.function.name) for call in sent] == [(0, "rain")]
    assert json.loads(sent[0].function.arguments)["city"] in ("Oslo", "Rome")
