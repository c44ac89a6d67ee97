"""With ``serve.pool`` the same request draws nothing twice, at the same time, later, and in another process."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.cli.cases import Tts
from tests.support.gateway import Gateway, ask, gateway, local_gateway
from tests.support.servers.calling import CallingServer, Calls, function
from tests.support.servers.plain import serving

FAKE = "engine.kind=fake"
HERE = ("engine.kind=openai", "engine.model=m", "engine.openai.concurrency=1", "task.chat=true", "budget=4", "draws=4")
WEATHER = function("weather", city="string", days="integer?")
OSLO: Calls = [("weather", {"city": "Oslo", "days": 3})]
ROME: Calls = [("weather", {"city": "Rome", "days": 3})]


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


def test_chats_verdicts_and_calls_of_tools_are_kept(tmp_path: Path, tts: Tts) -> None:
    pool = tmp_path / "kept.sqlite"
    talk = [
        {"role": "system", "content": "Count."},
        {"role": "user", "content": "What is number 1 ?"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": "What is number 2 ?"},
    ]
    tool = {"role": "user", "content": "Will it rain in Oslo?"}
    choice = {"type": "predicate", "name": "correct", "instructions": "It is right."}
    decided = {"model": "m", "questions": [choice], "input": [tool, {"role": "assistant", "content": "9"}]}
    requests: list[tuple[str, Any]] = [
        ("/v1/chat/completions", {"model": "m", "messages": talk, "seed": 1}),
        ("/v1/chat/completions", {"model": "m", "messages": [tool], "tools": [WEATHER], "tool_choice": "auto"}),
        ("/v1/chat/completions", {"model": "m", "messages": [tool], "tools": [WEATHER], "parallel_tool_calls": False}),
        ("/v1/score", {"model": "m", "question": tool["content"], "answers": ["5", "6"], "draws": 3}),
        ("/v1/decisions", decided),
    ]
    found: list[Any] = []
    script = CallingServer(OSLO, "#### 5", ROME, OSLO)
    with serving(script) as upstream:
        urls = (f"engine.openai.urls=[{upstream.url}]", "strategy=self_consistency", f"serve.pool={pool}")
        for round in range(3):
            ignore = ("tools.ignore=[days]",) if round == 2 else ()
            with local_gateway(*HERE, *urls, *ignore) as server:
                asked = len(script.seen)
                for path, body in requests:
                    status, _, answer = ask(server, "POST", path, body)
                    assert status == 200, answer
                    found.append(answer)
                drawn = len(script.seen) - asked
                # the second check of a question takes the draws of the first one, and draws what it lacks
                assert drawn == (4 + 4 + 4 + 3 + 1 if round == 0 else 0), round
    calls = [one["choices"][0]["message"].get("tool_calls") for one in found if "choices" in one]
    assert [names(one) for one in calls] == [None, ["weather"], ["weather"]] * 3
    for name in ("choices", "data", "answers"):
        first, second = ([one.get(name) for one in found[at : at + 5]] for at in (0, 5))
        assert without_ids(first) == without_ids(second)
    assert found[1]["tts"]["calls"][0]["agreement"].keys() == {"city", "days"}
    assert found[11]["tts"]["calls"][0]["agreement"].keys() == {"city"}, "what is ignored is settled anew"
    for suffix in (".jsonl", ".parquet"):
        assert tts("pool", "export", pool, tmp_path / f"all{suffix}", "--run", "2").status == 0
    line = next(line for line in (tmp_path / "all.jsonl").read_text().splitlines() if '"tools"' in line)
    assert '"calls": [{"name": "weather"' in line and '"messages": [{"role": "user"' in line


def names(calls: Any) -> list[str] | None:
    return None if calls is None else [call["function"]["name"] for call in calls]


def without_ids(value: Any) -> Any:
    """Return a reply without the ids of calls."""
    if isinstance(value, dict):
        return {name: without_ids(one) for name, one in value.items() if name != "id"}
    return [without_ids(one) for one in value] if isinstance(value, list) else value


def test_a_pool_that_is_none_keeps_the_server_from_starting(tts: Tts, tmp_path: Path) -> None:
    wrong = tmp_path / "kept.txt"
    ran = tts("serve", FAKE, "port=0", f"serve.pool={wrong}")
    assert ran.status == 2 and str(wrong) in ran.err


@pytest.mark.slow
def test_what_a_killed_server_has_drawn_is_not_drawn_again(tmp_path: Path) -> None:
    """Chats, calls of tools and verdicts: kill -9 after each answer, and in the middle of one."""
    tool = [{"role": "user", "content": "Will it rain in Oslo?"}]
    talk = [{"role": "system", "content": "Count."}, {"role": "user", "content": "What is number 2 ?"}]
    requests: list[tuple[str, Any]] = [
        ("/v1/chat/completions", {"model": "m", "messages": talk, "seed": 3}),
        ("/v1/chat/completions", {"model": "m", "messages": tool, "tools": [WEATHER], "seed": 3}),
        ("/v1/score", {"model": "m", "question": "What is 2 + 3?", "answer": "5"}),
    ]
    script = Slow(OSLO, ROME, OSLO)
    with serving(script) as upstream:
        more = (
            f"engine.openai.urls=[{upstream.url}]",
            "strategy=adaptive_consistency",
            f"serve.pool={tmp_path / 'k.db'}",
        )
        answers: dict[int, Any] = {}
        for at, (path, body) in enumerate(requests):
            with gateway(tmp_path, *HERE, *more) as server, ThreadPoolExecutor(1) as threads:
                before = script.ended
                threads.submit(lost, server, path, body)
                while script.ended < before + 2:  # of four draws
                    time.sleep(0.005)
                server.process.send_signal(signal.SIGKILL)
            with gateway(tmp_path, *HERE, *more) as server:
                begun = len(script.seen)
                status, _, answers[at] = ask(server, "POST", path, body)
                drawn = len(script.seen) - begun
                assert status == 200 and drawn <= (4 if path == "/v1/score" else 3), "a check asks for all at once"
                server.process.send_signal(signal.SIGKILL)
            with gateway(tmp_path, *HERE, *more) as server:
                begun = len(script.seen)
                status, _, again = ask(server, "POST", path, body)
                assert status == 200 and len(script.seen) == begun
                for name in ("choices", "data"):
                    assert without_ids(again.get(name)) == without_ids(answers[at].get(name))


class Slow(CallingServer):
    """Takes its time for each reply.

    Attributes:
        ended: replies that were sent to their end.
    """

    ended = 0

    def events(self, body: Any) -> Any:
        yield from super().events(body)
        time.sleep(0.2)
        self.ended += "Hello" not in body["messages"][-1]["content"]  # which asks for its features


def lost(server: Gateway, path: str, body: Any) -> None:
    """Ask a server that does not live to answer."""
    with suppress(OSError, HTTPException):
        ask(server, "POST", path, body)


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
