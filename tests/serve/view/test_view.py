"""The server of a view: its token, its host names, its answers, and one sentence for what it refuses."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from evals.view.known import Query
from tests.evals.view.cases import POOL, still, stored
from tts.errors import InputError
from tts.serve.view.run import ViewServer


class Library:
    """A library of one line, which takes no second to make."""

    def text(self) -> bytes:
        return b"window.vegaEmbed = null;"

    def end(self) -> None:
        pass


class Served(NamedTuple):
    """A view that is served."""

    server: ViewServer
    path: Path

    @property
    def port(self) -> int:
        return int(re.findall(r":(\d+)/", self.server.url)[0])

    @property
    def token(self) -> str:
        return self.server.url.partition("?token=")[2]

    def ask(self, path: str, *, method: str = "GET", body: str | None = None, **headers: str) -> tuple[int, str, Any]:
        """The status, the text and the headers of an answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        found = answer.status, answer.read().decode(), answer.headers
        connection.close()
        return found

    def read(self, path: str) -> Any:
        status, text, _ = self.ask(path, authorization=f"Bearer {self.token}")
        assert status == 200, text
        return json.loads(text)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    path = tmp_path_factory.mktemp("view") / "pool.sqlite"
    stored(path)
    server = ViewServer(still(path), 0, Library())  # type: ignore[arg-type]
    yield Served(server, path)
    server.end()


def test_the_page_comes_with_its_policy_and_a_cookie_that_opens_the_rest(served: Served) -> None:
    status, html, headers = served.ask(f"/?token={served.token}")
    assert status == 200 and html.startswith("<!DOCTYPE html>\n<!-- tts view -->")
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    [nonce] = re.findall(r'<script id="library" type="text/plain" nonce="([^"]+)" data-src="library.js">', html)
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["connect-src"] == "'self'" and policy["frame-ancestors"] == "'none'"
    sources = policy["script-src"].split()
    assert sources[-1] == f"'nonce-{nonce}'" and all(one.startswith("'sha256-") for one in sources[:-1])
    assert "unsafe" not in str(policy) and served.token not in html
    cookie, *rules = headers["set-cookie"].split("; ")
    assert set(rules) == {"HttpOnly", "SameSite=Strict", "Path=/"}
    for path in ("/", "/api/state", "/api/summary", "/library.js"):
        status, _, others = served.ask(path, cookie=f"other=1; {cookie}")
        assert status == 200 and others["cache-control"] == "no-store" and "set-cookie" not in others
        assert others["x-content-type-options"] == "nosniff" and others["x-frame-options"] == "DENY"
    assert nonce not in served.ask("/", cookie=cookie)[1]


def test_without_the_token_nothing_is_given(served: Served) -> None:
    wrong = {"authorization": "Bearer nothing"}, {"cookie": f"tts_view_{served.port}=nothing"}, {"cookie": "odd;=\x01"}
    for headers in ({}, *wrong):
        for path in ("/", "/?token=", "/?token=nothing", "/library.js", "/api/summary", "/api/question?at=1", "/no"):
            status, text, found = served.ask(path, **headers)
            assert status == 403 and text.startswith("this page needs its token: open the address") and text[-1] == "\n"
            assert "set-cookie" not in found and "synthetic" not in text


def test_other_host_names_and_other_pages_get_nothing(served: Served) -> None:
    own = {"authorization": f"Bearer {served.token}"}
    for host in ("evil.example", f"evil.example:{served.port}", "127.0.0.1.evil.example", "0.0.0.0"):
        status, text, headers = served.ask(f"/?token={served.token}", host=host)
        assert (status, "set-cookie" in headers) == (403, False) and "answers for this machine alone" in text
    for host in ("localhost", f"localhost:{served.port}", "[::1]:9000", "127.0.0.1:1"):  # a tunnel has another port
        assert served.ask("/api/state", host=host, **own)[0] == 200
    for site in ("cross-site", "same-site"):
        assert served.ask("/api/state", sec_fetch_site=site, sec_fetch_dest="empty", **own)[0] == 403
        assert served.ask("/", sec_fetch_site=site, sec_fetch_dest="document", **own)[0] == 200
    assert served.ask("/api/state", sec_fetch_site="same-origin", sec_fetch_dest="empty", **own)[0] == 200


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/nothing", 404, "there is no such page here"),
        ("/api/question?at=999", 404, "there is no such question in this run"),
        ("/api/question?at=-1", 400, "at must be a whole number of at least 0"),
        ("/api/questions?count=x", 400, "count must be a whole number of at least 0"),
        ("/api/questions?run=1", 404, "run must be below 1, the number of runs here"),
        (f"/api/questions?find={'x' * 1001}", 400, "find has 1001 characters: search for at most 1000"),
    ],
)
def test_what_is_not_there_is_one_sentence(served: Served, path: str, status: int, sentence: str) -> None:
    assert served.ask(path, authorization=f"Bearer {served.token}")[:2] == (status, f"{sentence}\n")


def test_bodies_and_other_methods_are_refused(served: Served) -> None:
    own = {"authorization": f"Bearer {served.token}"}
    assert served.ask("/api/state", method="POST", body="{}", **own)[0] == 405
    assert served.ask("/api/state", method="DELETE", **own)[0] == 405
    assert served.ask("/api/state", body="x", **own)[0] == 413
    assert served.ask("/api/state", method="HEAD", **own)[:2] == (200, "")


def test_answers_are_those_of_the_run(served: Served) -> None:
    [run] = served.read("/api/summary")["runs"]
    assert run["name"] == "pool.sqlite, run 1" and run["headline"] == "12 questions with 48 samples"
    assert run["comparison"] is None and run["facts"]["tokens"] is None
    assert served.read("/api/state")["runs"] == [run["state"]]
    rows = served.read("/api/questions?from=2&count=3")["rows"]
    assert [row["id"] for row in rows] == [entry.problem.id for entry in POOL.entries[2:5]]
    found = served.read(f"/api/question?at={rows[1]['place']}&find=synthetic")
    assert found == json.loads(json.dumps(still(served.path).runs[0].question(rows[1]["place"], Query())))


def test_a_pool_that_is_gone_is_told(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "gone.sqlite"
    stored(path)
    server = ViewServer(still(path), 0, Library())  # type: ignore[arg-type]
    try:
        path.unlink()
        own = Served(server, path)
        status, text, _ = own.ask("/api/questions", authorization=f"Bearer {own.token}")
        assert (status, text) == (503, f"{path}: no such file\n")
    finally:
        server.end()


def test_a_port_that_is_taken_is_one_sentence(served: Served) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"^port {port} of 127.0.0.1 cannot be listened on .*: give --port"):
            ViewServer(still(served.path), port, Library())  # type: ignore[arg-type]
