"""``tts config``: the keys of each command, from the schemas that check them."""

from __future__ import annotations

import dataclasses
import json

import pytest

from evals.config import RunConfig
from evals.tasks import TaskConfig
from tests.cli.cases import Tts
from tts.config import load_config
from tts.config.keys import keys

COMMANDS = ("ask", "run", "compare", "sample", "score", "train grace", "train finece", "train tiny")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_key_has_a_meaning_and_fits_a_narrow_terminal(
    tts: Tts, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    found = json.loads(tts("config", *command.split(), "--json").out)
    assert found["command"] == f"tts {command}"
    assert all(row["text"] and row["type"] for row in found["keys"])
    shown = tts("config", *command.split()).out
    assert all(f"{row['key']}=" in shown for row in found["keys"])


def test_the_defaults_are_typed_as_they_are_shown(tts: Tts) -> None:
    shown = [line.partition("  (")[0] for line in tts("config", "run").out.splitlines() if "=" in line.split("  (")[0]]
    settings = [line for line in shown if not line.startswith(" ")]
    assert len(settings) == len([key for key in keys(RunConfig) if not key.section])
    given = [line for line in settings if not line.endswith(("={}", "=[]"))]
    assert load_config(RunConfig, [], given) == RunConfig()


def test_keys_and_sections_can_be_chosen_by_short_names_and_unknown_ones_get_a_sentence(tts: Tts) -> None:
    assert tts("config", "run", "temperature").out.startswith("engine.temperature=0.8  (number)\n    ")
    assert tts("config", "run", "task").out.count("\ntask.") == len(dataclasses.fields(TaskConfig))
    assert tts("config").out.count("\n  train ") == 5
    for arguments, sentence in (
        (("run", "temprature"), "unknown key 'temprature'"),
        (("train grce",), "unknown command with a configuration 'train grce': allowed are ask,"),
    ):
        ran = tts("config", *" ".join(arguments).split())
        assert ran.status == 2 and sentence in ran.err and "did you mean" in ran.err
