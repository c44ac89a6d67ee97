"""The JSON of a live run: when, with which versions, how fast, what failed, and the texts on request."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.cli.cases import FAKE, Tts, strict_json


def test_the_json_holds_date_versions_time_failures_and_texts(tts: Tts, tmp_path: Path) -> None:
    arguments = ("run", *FAKE, "task.questions=2", "budget=3", f"out={tmp_path / 'p.sqlite'}")
    assert tts(*arguments, "--json", tmp_path / "j.json", "--texts").status == 0
    found = strict_json(tmp_path / "j.json")
    assert found["date"].startswith("20") and found["date"].endswith("+00:00")
    assert found["versions"]["python"] == ".".join(map(str, sys.version_info[:3])) and "numpy" in found["versions"]
    assert found["seconds"] > 0 and found["tokens_drawn"] > 0 and found["tokens_per_second"] > 0
    assert found["failures"] == {"draws": 0, "of": 6, "reasons": {}} and found["config"]["budget"] == 3
    assert [len(question["samples"]) for question in found["questions"]] == [3, 3]
    assert all(sample["text"] for question in found["questions"] for sample in question["samples"])
    plain = json.loads(tts(*arguments, "--format", "json").out)
    assert "questions" not in plain and plain["tokens_drawn"] == 0


def test_texts_need_a_json(tts: Tts, tmp_path: Path) -> None:
    ran = tts("run", *FAKE, f"out={tmp_path / 'p.sqlite'}", "--texts")
    assert (ran.status, ran.err) == (
        2,
        "tts: --texts adds to the JSON of a run: give --json FILE or --format json too\n",
    )


def test_failed_draws_are_counted_with_their_reason(tts: Tts, tmp_path: Path) -> None:
    few = ("run", *FAKE, "task.questions=2", "budget=2", "strategies=[best_of_n]", "scorer.name=p_true")
    ran = tts(*few, f"out={tmp_path / 'p.sqlite'}", "--format", "json")
    failures = json.loads(ran.out)["failures"]
    assert failures["draws"] == sum(failures["reasons"].values()) == 4
