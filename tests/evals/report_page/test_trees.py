"""Trees of a report: each draw below the one that it continues, what became of it, and the decision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.report_page.document import run_report
from evals.report_page.trees import parents_of
from evals.report_page.visible_traces import LEVELS, POSITIONS, Positions, traces_of
from tests.evals.report_page.cases import FAST, HARM
from tests.evals.report_page.trees import pool_of_trees, trace
from tts.pool import load_pool
from tts.types import End, Sample, Trace

CONFIG = replace(FAST, strategies=["self_consistency"], permutations=2, replicates=10)


@pytest.fixture
def report(tmp_path: Path) -> Any:
    return run_report(load_pool(pool_of_trees(tmp_path / "p.sqlite")), CONFIG, given=True)


def test_a_question_has_the_trees_of_its_file_beside_its_samples(report: Any) -> None:
    (about,) = report.summary["trees"]
    assert (about["strategy"], about["run"], about["scorer"], about["own"]) == (f"guided {HARM[0]}", 2, "finece", False)
    assert report.summary["comparison"] is not None and len(report.questions[0]["samples"]) == 4
    assert ["trees" in question for question in report.questions] == [True, True, False]
    nodes = report.questions[0]["trees"][0]["nodes"]
    assert [(node["parent"], node["fate"], node["chosen"], node["right"]) for node in nodes] == [
        (None, "continued", False, None),
        (None, "pruned", False, None),
        (None, "forked", False, None),
        (None, "pruned", False, None),
        (0, "ended", True, True),
        (2, "ended", True, True),
        (2, "ended", False, False),
        (None, "failed", False, None),
        (None, "unfinished", False, None),
    ]
    assert [node["value"] for node in nodes] == [0.5, 0.25, 0.75, 0.125, 0.875, 0.625, 0.5, None, 0.5]
    assert [(node["tokens"], node["scorer_tokens"]) for node in nodes[3:5]] == [(2, 0), (1, 4)]
    assert [node["text"] for node in nodes[:1] + nodes[4:6]] == [f"{HARM[0]} a", HARM[0], " 4"]
    assert nodes[0]["traces"]["value"] == LEVELS[round(0.2 * 63)] + LEVELS[round(0.3 * 63)]
    assert nodes[4]["traces"]["value"] == LEVELS[round(0.9 * 63)] and nodes[4]["given"] == 2
    assert report.questions[0]["trees"][0]["decision"] == {
        "answer": "4",
        "right": True,
        "p_correct": 0.5,
        "vote_share": 0.75,
        "stopped_by": "budget",
        "tokens": 11,
        "scorer_tokens": 12,
    }


def test_a_run_of_trees_is_shown_by_itself_and_not_compared(tmp_path: Path) -> None:
    path = pool_of_trees(tmp_path / "p.sqlite", whole=False)
    found = run_report(load_pool(path), CONFIG)
    assert found.summary["trees"][0]["own"] and found.summary["comparison"] is None
    assert "no independent draws" in found.summary["missing"][0]
    assert [question["trees"][0]["nodes"][2]["fate"] for question in found.questions] == ["forked", "forked"]


def test_older_pools_have_parents_by_the_tokens_that_were_given() -> None:
    paused = Sample(end=End.BOUNDARY, token_ids=(1, 2))
    samples = [
        Sample(index=0, token_ids=(1, 2, 9)),
        replace(paused, index=1),
        Sample(index=2, token_ids=(1, 2, 3), given=2),
        Sample(index=3, token_ids=(1, 4), given=1),
        Sample(index=4, token_ids=(5, 6), given=1),
    ]
    assert parents_of(samples) == [None, None, 1, 0, None]
    assert parents_of([replace(one, parent=None if i < 4 else 2) for i, one in enumerate(samples)])[4] == 2


def test_values_of_finece_are_a_trace_with_means_and_auroc_by_position() -> None:
    assert traces_of(Sample(trace=trace(0, 10)))["value"] == "A_"
    positions = Positions()
    owners = {"finece": tuple(range(11))}
    for values, right in ((range(POSITIONS), True), ((5,) * POSITIONS, False), ((4,) * POSITIONS, False)):
        watched = trace(*(value % 11 for value in values)).watched
        positions.add(Sample(trace=Trace(watched=watched, owners=owners)), right)
    rows = [row for row in positions.mapping if row["trace"] == "value"]
    assert [row["mean"] for row in rows if row["right"]] == pytest.approx([(i % 11) / 10 for i in range(POSITIONS)])
    assert {row["samples"] for row in rows if not row["right"]} == {2}
    assert [row["auroc"] for row in rows[:7]] == [0, 0, 0, 0, 0.25, 0.75, 1]
