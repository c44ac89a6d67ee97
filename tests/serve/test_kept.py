"""With ``serve.pool`` the same request draws nothing twice, at the same time, later, and in another process."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.cli.cases import Tts
from tests.support.gateway import Gateway, ask, gateway, local_gateway

FAKE = "engine.kind=fake"


def reply(server: Gateway, number: int, **fields: Any) -> Any:
    user = [{"role": "user", "content": f"What is number {number} ?"}]
    status, _, body = ask(server, "POST", "/v1/chat/completions", {"model": "fake", "messages": user, **fields})
    assert status == 200, body
    return body


def test_the_same_request_draws_nothing_twice(tmp_path: Path, tts: Tts) -> None:
    pool = tmp_path / "kept.sqlite"
    with local_gateway(FAKE, f"serve.pool={pool}") as server:
        engine: Any = server.models["fake"].parts.engine
        with ThreadPoolExecutor(4) as threads:
            several = list(threads.map(lambda _: reply(server, 1, seed=7), range(4)))
        drawn = engine.drawn
        assert len({one["choices"][0]["message"]["content"] for one in several}) == 1
        assert reply(server, 1, seed=7)["tts"]["votes"] == several[0]["tts"]["votes"]
        assert engine.drawn == drawn > 0
        other = reply(server, 1, seed=8)
        assert engine.drawn > drawn and other["tts"]["samples"] > 0
        drawn = engine.drawn
        more = reply(server, 1, seed=7, tts={"strategy": "self_consistency"})
        kept = several[0]["tts"]["samples"]
        assert more["tts"]["samples"] == 16 > kept  # the first ones come from the pool
        assert engine.drawn - drawn == more["tts"]["usage"]["delivered"] - several[0]["tts"]["usage"]["delivered"]
        chat = {"role": "system", "content": "Count."}, {"role": "user", "content": "What is number 1 ?"}
        status, _, _ = ask(server, "POST", "/v1/chat/completions", {"model": "fake", "messages": list(chat)})
        assert status == 200
    with local_gateway(FAKE, f"serve.pool={pool}") as server:
        drawn = server.models["fake"].parts.engine.drawn  # type: ignore[attr-defined]
        again = reply(server, 1, seed=7)
        assert again["choices"] == several[0]["choices"]
        assert server.models["fake"].parts.engine.drawn == drawn  # type: ignore[attr-defined]
    assert tts("pool", "info", pool).status == 0


def test_a_pool_that_is_none_keeps_the_server_from_starting(tts: Tts, tmp_path: Path) -> None:
    wrong = tmp_path / "kept.txt"
    ran = tts("serve", FAKE, "port=0", f"serve.pool={wrong}")
    assert ran.status == 2 and str(wrong) in ran.err


@pytest.mark.slow
def test_a_server_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    pool = f"serve.pool={tmp_path / 'kept.sqlite'}"
    answers: dict[int, Any] = {}
    for round in range(3):
        with gateway(tmp_path, FAKE, pool, "engine.token_delay_s=0.002") as server:
            for number in range(round + 2):
                found = reply(server, number)["choices"]
                assert answers.setdefault(number, found) == found
            server.process.send_signal(signal.SIGKILL)
