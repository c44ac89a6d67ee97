"""``tts serve`` in front of servers that are killed, come back, join and leave, all of them processes, under load."""

from __future__ import annotations

import re
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")

from tests.cli.cases import Tts
from tests.support.gateway import Gateway, ask, gateway
from tests.support.local_server import free_port
from tests.support.servers.process import ServerProcess

MODEL = ("engine.kind=openai", "engine.model=m", "task.chat=true", "strategy=self_consistency", "budget=4")


class Load:
    """Clients that ask one question after the other, each its own."""

    def __init__(self, server: Gateway, clients: int = 8) -> None:
        self._server, self._ended = server, threading.Event()
        self.statuses: list[int] = []
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        for round in range(10**6):
            if self._ended.is_set():
                return
            user = {"role": "user", "content": f"What is number {number + 100 * round} ?"}
            status, _, body = ask(self._server, "POST", "/v1/chat/completions", {"model": "m", "messages": [user]})
            self.statuses.append(status if status != 200 or body["tts"]["answer"] == "5" else 0)

    def goes_on(self, questions: int = 24) -> None:
        """Wait for further answers."""
        asked = len(self.statuses)
        until(lambda: len(self.statuses) >= asked + questions)


def until(wanted: Callable[[], Any]) -> None:
    """Wait until something holds, for a long while."""
    last = time.monotonic() + 60
    while not wanted():
        assert time.monotonic() < last
        time.sleep(0.02)


def servers(server: Gateway) -> dict[str, int]:
    """Return the numbers of servers by state, from the metrics."""
    with urllib.request.urlopen(f"{server.root}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {state: int(float(n)) for state, n in re.findall(r'tts_servers{model="m",state="(\w+)"} (\S+)', text)}


@contextmanager
def upstream(number: int) -> Iterator[list[ServerProcess]]:
    """Lend processes that are not started, and kill them at the end."""
    made = [ServerProcess(free_port(), word_s=0.005) for _ in range(number)]
    try:
        yield made
    finally:
        for one in made:
            one.kill()


@pytest.mark.slow
def test_servers_are_killed_restarted_added_and_removed_under_load(tmp_path: Path) -> None:
    file = tmp_path / "servers"
    with upstream(4) as (first, second, third, other):
        first.start()
        other.start("another")
        file.write_text(f"{first.url}\n{second.url}  # not started yet\n")
        fleet = (f"engine.openai.urls_file={file}", "engine.openai.refresh_s=0.2")
        with gateway(tmp_path, *MODEL, *fleet) as server, Load(server) as load:
            assert servers(server) == {"up": 1, "down": 1}
            load.goes_on()
            second.start()
            until(lambda: servers(server) == {"up": 2, "down": 0})
            load.goes_on()
            assert second.served > 20
            first.kill()  # in the middle of its answers
            load.goes_on()
            assert servers(server) == {"up": 1, "down": 1}
            first.start()
            until(lambda: servers(server) == {"up": 2, "down": 0})
            load.goes_on()
            assert first.served > 20
            third.start()
            file.write_text(f"{first.url}\n{second.url}\n{third.url}\n{other.url}\n")
            until(lambda: servers(server) == {"up": 3, "down": 1})
            load.goes_on()
            assert third.served > 20
            file.write_text(f"{second.url}\n{third.url}\n")
            until(lambda: servers(server) == {"up": 2, "down": 0})
            load.goes_on(8)  # first finishes what it has
            left = first.served
            file.write_text("no URL\n")
            load.goes_on()
            assert first.served == left and other.served <= 1
            until(lambda: "the servers stay as they are" in server.log.read_text())
            second.kill()
            second.start("another")
            load.goes_on()
            until(lambda: f"{second.url} serves another, and not m" in server.log.read_text())
            assert servers(server) == {"up": 1, "down": 1}
            second.kill()
            second.start("m")
            until(lambda: servers(server) == {"up": 2, "down": 0})
            load.goes_on()
        assert set(load.statuses) == {200} and len(load.statuses) > 200
        log = server.log.read_text()
        assert log.count(f"{other.url} serves another, and not m") == 1 and log.count("the servers stay as they") == 1
        assert "Traceback" not in log and log.count("has left the list") == 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "lists no server: write one URL a line"),
        ("a b", "must be URLs such as http://localhost:8000/v1, got 'a b'"),
    ],
)
def test_a_file_of_servers_that_is_wrong_at_the_start_is_one_sentence(
    tts: Tts, tmp_path: Path, content: str, sentence: str
) -> None:
    file = tmp_path / "servers"
    file.write_text(content)
    ran = tts("serve", *MODEL, f"engine.openai.urls_file={file}")
    assert ran.status == 2 and ran.err.count(f"tts: engine.openai.urls_file {file} {sentence}"), ran
