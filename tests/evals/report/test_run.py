"""The report of a live run: rows are means over problems, and a hopeless model is named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from evals.live.plan import PlannedStrategy
from evals.live.runner import Played
from evals.report.output import write_json
from evals.report.run import mass_sentences, run_rows
from evals.report.run_table import run_table
from strategies.catalog import CATALOG
from tests.cli.cases import strict_json
from tts.runtime.driver import Result
from tts.types import Decision, End, Problem, Sample, Usage


def result(number: int, *, answer: str | None = "1", p_correct: float | None = 0.5, tokens: int | None = 10) -> Result:
    """A decision on question ``number`` after one sample."""
    usage = None if tokens is None else Usage(delivered=tokens)
    sample = Sample(answer=answer, end=End.STOP, usage=usage)
    decision = Decision(answer, (sample,), "budget", p_correct=p_correct, vote_share=1.0, usage=usage)
    return Result(Problem(f"q{number}", "?", "1"), decision)


def row(results: Sequence[Result], right: Sequence[bool]) -> dict[str, object]:
    """The row of one strategy with these results."""
    method = CATALOG["first_sample"]
    [found] = run_rows([Played(PlannedStrategy(method, {}, method.build(1)), results, right)], margin=0.005, seed=0)
    return {name: getattr(found, name) for name in found.__slots__ if name != "accuracy_ci"} | {
        "inside": found.accuracy_ci[0] <= found.accuracy <= found.accuracy_ci[1]
    }


def test_a_row_holds_means_over_problems() -> None:
    found = row([result(0), result(1, p_correct=0.7, tokens=30)], [True, False])
    assert (found["name"], found["accuracy"], found["samples"], found["tokens"]) == ("first_sample", 0.5, 1.0, 20.0)
    assert found["p_correct"] == pytest.approx(0.6)
    assert (found["vote_share"], found["reasons"], found["abstained"], found["inside"]) == (1.0, {"budget": 2}, 0, True)


def test_a_mean_of_unknown_values_is_unknown_and_an_abstention_has_no_estimate() -> None:
    found = row([result(0, tokens=None), result(1, answer=None, p_correct=None)], [True, False])
    assert (found["tokens"], found["p_correct"], found["abstained"]) == (None, 0.5, 1)


def test_certified_decisions_are_counted_and_those_that_votes_made() -> None:
    gated = CATALOG["mass_gated"]
    sure = Decision("1", (), "mass_certificate", certified=True, masses={"1": 0.9}, unseen_mass=0.1)
    little = Decision("1", (), "budget", certified=False, masses={"1": 0.0}, unseen_mass=1.0)
    results = [Result(Problem(f"q{at}", "?", "1"), one) for at, one in enumerate((sure, little, sure))]
    played = [Played(PlannedStrategy(gated, {}, gated.build(4)), results, [True] * 3, asides=["why"])]
    assert run_rows(played, margin=0.005, seed=0)[0].certified == 2
    [sentence] = mass_sentences(played)
    assert (
        sentence
        == "mass_gated: 2 of 3 decisions certified, 0.40 of the mass unseen on average; 1 question by votes: why"
    )
    assert row([result(0)], [True])["certified"] is None


def test_json_is_written_whole_and_a_name_that_is_not_utf_8_becomes_an_escape(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"path": "\udcff", "value": 1.5})
    assert strict_json(tmp_path / "a.json")["value"] == 1.5
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_the_mean_of_a_graded_metric_stands_beside_the_accuracy() -> None:
    method = CATALOG["first_sample"]
    played = Played(PlannedStrategy(method, {}, method.build(1)), [result(0), result(1)], [True, False], [0.8, 0.2])
    rows = run_rows([played], margin=0.005, seed=0)
    assert (rows[0].accuracy, rows[0].reward) == (0.5, 0.5)
    assert rows[0].reward_ci == (pytest.approx(0.2), pytest.approx(0.8))
    table = run_table(rows, metric="F1")
    assert "| F1, % | 95 % interval of F1 |" in table.to_markdown() and table.records[0]["reward"] == 0.5
