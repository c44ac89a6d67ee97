"""Two runs are paired by question: counts, difference and p-value are those of their decisions."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from evals.report_page.document import RunReport
from evals.report_page.pairs import pairs_of
from tests.evals.report_page.cases import other, report_of


def test_questions_are_paired_by_id_and_text() -> None:
    first, second = report_of(), other()
    [pair] = pairs_of([first, second])
    assert (pair["first"], pair["second"]) == (0, 1) and pair["matches"] == [[i, i] for i in range(10)]
    changed = [{**q, "question": "another"} for q in second.questions]
    assert pairs_of([first, RunReport(second.summary, changed, second.places)]) == []
    assert pairs_of([first]) == [] and len(pairs_of([first, second, second])) == 3


def test_counts_are_those_of_the_decisions() -> None:
    first, second = report_of(), other()
    [pair] = pairs_of([first, second])
    assert [row["name"] for row in pair["strategies"]] == ["self_consistency", "esc"]
    names = [row["name"] for row in second.summary["comparison"]["strategies"]]
    for at, row in enumerate(pair["strategies"]):
        before = [q["decisions"][at]["right"] for q in first.questions[:10]]
        after = [q["decisions"][names.index(row["name"])]["right"] for q in second.questions]
        both = list(zip(before, after, strict=True))
        counted = [both.count(one) for one in ((True, True), (True, False), (False, True), (False, False))]
        assert [row["both"], row["first_only"], row["second_only"], row["neither"]] == counted
        assert row["difference"] == pytest.approx((counted[2] - counted[1]) / 10)
        low, high = row["difference_ci"]
        assert low <= row["difference"] <= high
        discordant = counted[1] + counted[2]
        assert row["p_value"] == pytest.approx(binomtest(counted[1], discordant).pvalue if discordant else 1.0)


def test_runs_that_cannot_be_compared_have_no_rows() -> None:
    first = report_of()
    questions = [{**q, "decisions": []} for q in first.questions]
    bare = RunReport({**first.summary, "comparison": None}, questions, first.places)
    [pair] = pairs_of([first, bare])
    assert pair["strategies"] == [] and len(pair["matches"]) == 12
