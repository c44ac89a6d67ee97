"""The numbers of a view are those of a report, step by step, and a large pool is replayed in fewer orders."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evals.config import CompareConfig
from evals.replay.synthetic import synthetic_pool
from evals.report.comparison import plain
from evals.report_page.document import run_report
from evals.view import numbers
from evals.view.decisions_file import decisions_on, scores_of
from evals.view.figures import CAUSES
from evals.view.jobs import Job, Step
from evals.view.numbers import compute
from evals.view.opened import opened
from evals.view.sources import open_sources
from tests.evals.view.cases import stored
from tts.errors import InputError
from tts.pool import PoolStore, load_pool, read_pool

SETTINGS = ("permutations=5", "replicates=100", "strategies=self_consistency,esc,first_sample")
CONFIG = CompareConfig(permutations=5, replicates=100, strategies=["self_consistency", "esc", "first_sample"])
POOL = synthetic_pool(questions=12, samples=4)


def computed(job: Job) -> list[Step]:
    steps: list[Step] = []
    compute(job, steps.append)
    return steps


def test_the_numbers_are_those_of_a_report(tmp_path: Path) -> None:
    path, kept = tmp_path / "pool.sqlite", tmp_path / "decisions.sqlite"
    stored(path, POOL)
    with PoolStore.create_or_open(path) as writing:  # as a run under way has it open: a copy is read
        del writing
        steps = computed(Job(str(path), 1, SETTINGS, str(kept), under_way=True))
    report = run_report(load_pool(path), CONFIG, given=True)
    summary = {key: value for step in steps for key, value in step.summary.items()}
    assert summary == {key: report.summary[key] for key in summary}
    assert {"comparison", "confidence", "positions", "facts", "headline", "reference", "skipped"} == set(summary)
    assert [step.doing for step in steps][-1] == "" and "replaying strategies in 5 random orders" in steps[3].doing
    [counted] = [step.counted for step in steps if step.counted is not None]
    [decided] = [step.decided for step in steps if step.decided is not None]
    assert counted.ids == tuple(q["id"] for q in report.questions)
    for at, question in enumerate(report.questions):
        assert decisions_on(str(kept), question["id"]) == json.loads(json.dumps(question["decisions"]))
        for strategy, decision in enumerate(question["decisions"]):
            assert bool(decided.right[strategy, at]) == decision["right"]
            assert CAUSES[decided.cause[strategy, at]] == decision["cause"]
        answers = {decision["answer"] for decision in question["decisions"]}
        assert bool(decided.disagree[at]) == (len(answers) > 1)
        tokens = [sample["tokens"] for sample in question["samples"]]
        assert counted.longest[at] == max(tokens)
        assert counted.unread[at] == any(sample["answer"] < 0 for sample in question["samples"])
        assert np.isclose(counted.confidence[at], np.mean([s["confidence"] for s in question["samples"]]))
    assert decisions_on(str(kept), "another") == [] == decisions_on(str(tmp_path / "none"), "another")


def test_an_asked_score_is_that_of_a_report(tmp_path: Path) -> None:
    path, kept = tmp_path / "pool.sqlite", tmp_path / "decisions.sqlite"
    stored(path, POOL)
    steps = computed(Job(str(path), 1, (*SETTINGS, "score=frequency"), str(kept)))
    report = run_report(read_pool(path), replace(CONFIG, score="frequency"), given=True)
    summary = {key: value for step in steps for key, value in step.summary.items()}
    assert summary == {key: report.summary[key] for key in summary}
    assert [step.kept for step in steps if step.counted is not None or step.decided is not None] == [True, True]
    [source] = open_sources(path)
    for key, question in zip(source.contents().keys, report.questions, strict=True):
        asked = [sample["confidence"] for sample in question["samples"]]
        assert scores_of(str(kept), question["id"]) == asked
        shown = opened(source, key, "auto", None, str(kept), scored=True)
        assert shown is not None and [sample["confidence"] for sample in shown["samples"]] == asked
        shown = plain(shown)
        assert shown["posteriors"] == question["posteriors"] and shown["decisions"] == question["decisions"]
        before = opened(source, key, "auto", None, "", scored=True)
        assert before is not None and {sample["confidence"] for sample in before["samples"]} == {None}


def test_a_large_pool_is_replayed_in_fewer_orders_unless_their_number_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbers, "DRAWS", 48 * 15)
    for settings, expected in (((), 15), (("permutations=40",), 40)):
        config = numbers._settings(Job("", None, settings, ""), POOL)
        assert config.permutations == expected


def test_settings_that_a_pool_cannot_serve_are_refused(tmp_path: Path) -> None:
    stored(tmp_path / "pool.sqlite", POOL)
    with pytest.raises(InputError, match="99"):
        computed(Job(str(tmp_path / "pool.sqlite"), 1, ("budget=99",), str(tmp_path / "d.sqlite")))
