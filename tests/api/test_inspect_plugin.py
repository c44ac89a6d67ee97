"""The plug-in for Inspect on Inspect itself: found by name in an editable installation, with usage in the log."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.pages import ROOT, blocks

pytest.importorskip("inspect_ai")

FAKE = ("-S", "kind=fake", "-S", "model=fake")


def inspect(*arguments: str) -> None:
    command = [str(Path(sys.executable).with_name("inspect")), *arguments, "--display", "plain"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def log_of(path: Path) -> Any:
    from inspect_ai.log import read_eval_log

    return read_eval_log(str(path))


def test_the_solver_answers_a_task_and_the_scorer_judges_the_old_log(tmp_path: Path) -> None:
    run = ("eval", "examples/inspect_task.py", "--solver", "tts/solve", "-S", "strategy=esc", "-S", "budget=5", *FAKE)
    inspect(*run, "-T", "questions=4", "--model", "none", "--log-dir", str(tmp_path))
    [path] = tmp_path.glob("*.eval")
    log = log_of(path)
    assert log.status == "success" and log.samples is not None and len(log.samples) == 4
    for sample in log.samples:
        assert sample.metadata["tts"]["strategy"] == "esc" and sample.metadata["tts"]["samples"] == 5
        assert sample.output.usage.output_tokens > 0
    assert log.stats.model_usage["fake"].output_tokens == sum(s.output.usage.output_tokens for s in log.samples)

    scored = tmp_path / "scored.eval"
    fake = (*FAKE, "-S", "draws=3")
    inspect("score", str(path), "--scorer", "tts/confidence", "--action", "append", *fake, "--output-file", str(scored))
    found = log_of(scored)
    [score] = [one for one in found.results.scores if one.name == "confidence"]
    assert set(score.metrics) == {"accuracy", "selective_accuracy", "coverage"}
    verdicts = [sample.scores["confidence"].metadata["tts"] for sample in found.samples]
    assert {verdict["how"] for verdict in verdicts} == {"draw(3)"} and verdicts[0]["accept"] is None


@pytest.mark.slow
def test_the_commands_of_the_page_run_as_they_stand(tmp_path: Path) -> None:
    [block] = [b for b in blocks(ROOT / "docs/agents.md") if b.heading == "In Inspect"]
    for name in ("examples", "configs"):
        (tmp_path / name).symlink_to(ROOT / name)
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "INSPECT_DISPLAY": "plain"}
    command = ["bash", "-e", "-c", block.code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    [log] = map(log_of, (tmp_path / "logs").glob("*.eval"))
    scores = {score.name: score for score in log.results.scores}
    assert set(scores["confidence"].metrics) == {"accuracy", "selective_accuracy", "coverage"}
    assert len(log.samples) == 20 and scores["match"].metrics["accuracy"].value >= 0.5
    assert all(sample.metadata["tts"]["strategy"] == "cges" for sample in log.samples)


def test_the_metadata_has_masses_where_they_are_known() -> None:
    from tts.agent.answer import Answer
    from tts.api.inspect_plugin import _facts
    from tts.types import Usage

    plain = Answer("?", "1", None, False, None, "none", None, 1.0, (), Usage(), "budget", "esc")
    masses = {"certified": True, "masses": {"1": 0.9}, "unseen_mass": 0.1}
    assert {"certified", "masses"}.isdisjoint(_facts(plain))
    assert _facts(replace(plain, **masses)).items() >= masses.items()


def test_the_names_are_those_of_the_module_however_the_package_is_installed() -> None:
    from inspect_ai._util.registry import registry_lookup

    assert registry_lookup("solver", "tts/solve") is not None
    assert registry_lookup("scorer", "tts/confidence") is not None
    assert registry_lookup("metric", "tts/selective_accuracy") is not None
