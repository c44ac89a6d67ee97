"""Inspect as a client: a task's questions asked as ``openai-api/tts/grace``, and the plug-in on as many."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("inspect_ai")

from tests.support.gateway import Gateway
from tests.support.pages import ROOT

TASK = ("eval", "examples/inspect_task.py", "-T", "questions=20")


def log_of(folder: Path, *arguments: str, **env: str) -> Any:
    from inspect_ai.log import read_eval_log

    command = [str(Path(sys.executable).with_name("inspect")), *TASK, *arguments, "--display", "plain"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    command += ["--log-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    [path] = folder.glob("*.eval")
    log = read_eval_log(str(path))
    assert log.status == "success" and len(log.samples) == 20
    return log


def test_twenty_problems_through_the_server(served: Gateway, tmp_path: Path) -> None:
    asked = ("--model", "openai-api/tts/grace", "--extra-body", '{"tts": {"strategy": "esc", "budget": 5}}')
    log = log_of(tmp_path, *asked, TTS_BASE_URL=served.url, TTS_API_KEY="none")
    for sample in log.samples:
        [event] = [event for event in sample.events if event.event == "model"]
        found = event.call.response["tts"]
        assert (found["strategy"], found["samples"]) == ("esc", 5)
        assert sample.output.completion.rstrip().endswith(f"#### {found['answer']}")
        assert sample.error is None
    usage = log.stats.model_usage["openai-api/tts/grace"]
    assert usage.output_tokens == sum(sample.output.usage.output_tokens for sample in log.samples) > 0


def test_an_answer_that_is_held_back_is_marked_as_a_refusal(served: Gateway) -> None:
    from inspect_ai.model import GenerateConfig, get_model

    settings = GenerateConfig(max_tokens=5, extra_body={"tts": {"on_abstain": "refuse"}})
    model = get_model("openai-api/tts/grace", base_url=served.url, api_key="none", memoize=False, config=settings)
    output = asyncio.run(model.generate("What is 3 - 3?"))
    assert output.completion.startswith("No answer could be read from")
    assert output.choices[0].stop_details.type == "refusal"


def test_twenty_problems_by_the_plug_in(tmp_path: Path) -> None:
    fake = ("-S", "kind=fake", "-S", "model=fake", "-S", "strategy=esc", "-S", "budget=5")
    log = log_of(tmp_path, "--solver", "tts/solve", *fake, "--model", "none")
    assert all(sample.metadata["tts"]["strategy"] == "esc" for sample in log.samples)
    assert log.stats.model_usage["fake"].output_tokens > 0
