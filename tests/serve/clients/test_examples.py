"""The example programs that ask a server."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytest.importorskip("openai")

from tests.support.gateway import Gateway, gateway
from tests.support.pages import ROOT

AGENTS = ["one answer", "verify, escalate", "verify, escalate, abstain", "16 votes"]


def run(name: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", [name, *arguments])
    try:
        runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")
    except SystemExit as ended:
        assert not ended.code, ended.code


def test_decisions_tell_the_probability_of_answers_and_the_choice(
    served: Gateway, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("decisions.py", monkeypatch, "--url", served.url)
    *predicates, choice = capsys.readouterr().out.splitlines()
    assert len(predicates) == 3 and all(line.startswith("P(right) ") for line in predicates)
    assert choice.startswith(("choice   ", "no choice"))


@pytest.mark.slow
def test_the_bundled_model_decides_and_serves_the_agent_loop(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("transformers")
    with gateway(tmp_path, str(ROOT / "configs/serve/grace_agent.yaml")) as server:
        run("decisions.py", monkeypatch, "--url", server.url, "--model", "grace_agent")
        right, unlike, bare, choice = capsys.readouterr().out.splitlines()
        assert float(right.split()[1]) > 0.7 > 0.3 > float(bare.split()[1]) and "not known" in unlike
        assert bare.endswith("17") and choice.startswith("choice   19 ")
        run("agent_loop.py", monkeypatch, "--url", server.url, "--stories", "12")
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line[:26].strip() for line in lines] == AGENTS
    draws = [float(line.split()[-2]) for line in lines]
    assert draws[0] == 1.0 <= draws[1] < draws[3] == 16.0
