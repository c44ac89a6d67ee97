"""``tts view``: one sentence for bad input, and a process that ends on Ctrl-C."""

from __future__ import annotations

import re
import signal
import urllib.request
from importlib import util
from pathlib import Path

import pytest

from tests.cli.cases import Tts, process

pytest.importorskip("uvicorn", reason="the extra serve is not installed")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("none.sqlite",), "none.sqlite: no such file"),
        (("none.csv",), "none.csv: the file name must end in"),
        ((), "Missing argument"),
        (("POOL", "run=1"), "only SQLite pools hold runs"),
        (("POOL", "--port", "70000"), "port must be from 0 to 65535, got 70000"),
        (("POOL", "--port", "x"), "--port"),
        (("POOL", "answers=odd"), "odd"),
        (("POOL", "permutations=0"), "permutations must be from 1"),
    ],
)
def test_bad_input_is_one_sentence(tts: Tts, pool: Path, arguments: tuple[str, ...], words: str) -> None:
    ran = tts("view", *(str(pool) if one == "POOL" else one for one in arguments))
    assert (ran.status, ran.out) == (2, "") and words in ran.err and ran.err.count("\n") == 1, ran


@pytest.mark.parametrize(("package", "extra"), [("starlette", "serve"), ("vl_convert", "report")])
def test_a_missing_extra_is_named(
    tts: Tts, pool: Path, monkeypatch: pytest.MonkeyPatch, package: str, extra: str
) -> None:
    find = util.find_spec
    monkeypatch.setattr("tts.cli.servers.view.find_spec", lambda name: None if name == package else find(name))
    ran = tts("view", pool)
    expected = f"tts: `tts view` needs the package {package}: pip install 'tts-rerank[{extra}]', or in the clone"
    assert ran.status == 2 and ran.err.startswith(expected) and ran.err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal(pool: Path, number: signal.Signals) -> None:
    pytest.importorskip("vl_convert", reason="the library of the charts, vl-convert-python, is not installed")
    with process("view", pool, "--no-browser") as server:
        assert server.stdout is not None and server.stderr is not None
        url = server.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=\S{32}", url)
        with urllib.request.urlopen(url, timeout=60) as page:
            assert page.status == 200
        server.send_signal(number)
        assert server.wait(60) == 0
        assert server.stdout.read() == "Ctrl-C ends it.\nstopped\n" and server.stderr.read() == ""
