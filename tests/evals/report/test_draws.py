"""Sentences name what failed, what was cut off and a hopeless model, and blame no failure on the model."""

from __future__ import annotations

import json
from pathlib import Path

from evals.live.draws import DrawCounts
from evals.report.draws import draw_sentences, verdict
from tests.cli.cases import FAKE, Tts


def counts(**numbers: int) -> DrawCounts:
    given = dict.fromkeys(("draws", "right", "failed", "truncated", "truncated_right", "unread"), 0) | numbers
    return DrawCounts(**given, reasons={"HTTP 400": given["failed"]} if given["failed"] else {})


def test_where_hardly_anything_is_right_it_says_so() -> None:
    assert verdict(counts(draws=20, right=1, unread=3)) == (
        "1 of 20 right; 3 had no answer that could be read, 16 were wrong: "
        "this model hardly ever solves this task as it is asked"
    )
    assert verdict(counts(draws=20, right=2)) is None
    assert "does not solve" in str(verdict(counts(draws=20)))


def test_failures_and_cut_samples_are_not_blamed_on_the_model() -> None:
    assert draw_sentences(counts(draws=6, failed=6), 256) == ["6 of 6 draws failed: 6 x HTTP 400"]
    assert draw_sentences(counts(draws=120, right=20, truncated=67, truncated_right=1), 70) == [
        "67 of 120 samples reached engine.max_tokens=70 (1 right): raise it"
    ]


def test_ungraded_samples_have_no_verdict_and_no_right_ones() -> None:
    ungraded = DrawCounts(3, 0, 0, {}, 2, 0, 0, graded=False)
    assert draw_sentences(ungraded, 9) == ["2 of 3 samples reached engine.max_tokens=9: raise it"]


def test_the_commonest_reasons_are_told_and_the_others_counted() -> None:
    several = DrawCounts(9, 0, 9, {"a": 4, "b": 2, "c": 1, "d": 1, "e": 1}, 0, 0, 0)
    assert draw_sentences(several, 1)[0] == "9 of 9 draws failed: 4 x a; 2 x b; 1 x c; 2 for other reasons"


def test_a_run_in_which_everything_failed_says_why_and_exits_1(tts: Tts, tmp_path: Path) -> None:
    failing = ("run", *FAKE, "questions=2", "budget=2", "strategies=[best_of_n]", "scorer.name=p_true")
    ran = tts(*failing, f"out={tmp_path / 'p.sqlite'}", "--json", tmp_path / "j.json")
    assert ran.status == 1 and "tts: every draw failed: 4 of 4 draws failed: 4 x " in ran.err
    assert "this model" not in ran.out and "failed" in ran.out
    found = json.loads((tmp_path / "j.json").read_text())
    assert found["failures"]["of"] == 4 and found["strategies"][0]["failed_share"] == 1.0
