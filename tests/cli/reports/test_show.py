"""``tts show``: one question with its samples, stops and decisions, as the report has them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.cases import POOL, Tts, changed
from tests.evals.report_page.cases import report_of
from tts.pool import write_jsonl

STRATEGIES = "strategies=self_consistency,esc,cges,first_sample"


def test_a_question_is_that_of_the_report(tts: Tts, pool: Path, tmp_path: Path) -> None:
    file = tmp_path / "q.json"
    ran = tts("show", pool, 5, STRATEGIES, "--json", file)
    assert (ran.status, ran.err) == (0, "") and ran.out.endswith(f"wrote {file}\n")
    found = json.loads(file.read_text())
    expected = report_of().questions[4]
    decisions = [{"strategy": name, **one} for name, one in zip(_names(), expected["decisions"], strict=True)]
    assert {key: found[key] for key in expected} == {**expected, "decisions": decisions}
    assert tts("show", pool, found["id"], STRATEGIES, "--json", "-").out == file.read_text()
    lines = ran.out.splitlines()
    assert lines[0] == f"{pool}: question 5 of 12, {found['id']}"
    assert f"gold: {found['gold'][0]}" in lines
    shown = [line.split() for line in lines if line.strip()[:1].isdigit() and line.split()[2] in ("right", "wrong")]
    assert [row[2] == "right" for row in shown] == list(POOL.entries[4].correct)
    assert [row[1] for row in shown] == [sample.answer for sample in POOL.entries[4].samples]
    for one in decisions:
        [after] = [line for line in lines if line.startswith("-- after") and one["strategy"] in line]
        assert f"after {one['used']} draw" in after and f"{one['strategy']} ({one['stopped_by']})" in after
        assert any(line.startswith(f"{one['strategy']} ") and f" {one['stopped_by']} " in line for line in lines)


def _names() -> list[str]:
    return STRATEGIES.partition("=")[2].split(",")


def test_a_wrong_question_is_one_sentence_with_near_ids(tts: Tts, pool: Path) -> None:
    first = POOL.entries[0].problem.id
    for name in ("0", "13", f"{first}x", "nothing"):
        ran = tts("show", pool, name)
        assert ran.status == 2 and ran.err.count("\n") == 1 and "a number from 1 to 12" in ran.err, ran.err
    assert f"near ids are {first}" in tts("show", pool, f"{first}x").err
    assert tts("show", pool, 1, "strategies=no_such").status == 2
    assert tts("show", pool, 1, "--json", pool).status == 2


def test_what_the_pool_lacks_is_said_and_the_rest_shown(tts: Tts, tmp_path: Path) -> None:
    bare = changed(
        POOL,
        lambda _, e: replace(
            e,
            problem=replace(e.problem, gold=None),
            correct=(None,) * 8,
            samples=tuple(replace(s, text="", confidence=None, usage=None) for s in e.samples),
        ),
    )
    write_jsonl(bare, tmp_path / "bare.jsonl")
    ran = tts("show", tmp_path / "bare.jsonl", 1)
    assert ran.status == 0 and "gold: not known" in ran.out
    said = " ".join(ran.out.split())
    assert "Not in the pool: grades, confidences, token counts, texts of 8 samples." in said
    assert "Strategies are not compared: samples have no grade" in said
    assert [line.split()[0] for line in ran.out.splitlines()[6:15]] == ["#", *"12345678"]


@pytest.mark.parametrize("columns", [80, 200])
def test_lines_fit_the_terminal_and_texts_are_printed_whole_on_demand(
    tts: Tts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = f"\nfirst {'日本' * 60} line\nsecond line\nthe answer is 3"
    long = changed(
        POOL, lambda _, e: replace(e, samples=tuple(replace(s, text=text, answer="日本" * 20) for s in e.samples))
    )
    write_jsonl(long, tmp_path / "long.jsonl")
    ran = tts("show", tmp_path / "long.jsonl", 1, "strategies=self_consistency")
    rows = [line for line in ran.out.splitlines() if "first 日" in line]
    assert len(rows) == 8 and "second line" not in ran.out
    assert all(sum(1 + (ord(mark) > 0x2FFF) for mark in row) <= columns for row in rows), rows
    assert ("hidden: --wide shows posterior, leader" in ran.out) is (columns == 80)
    assert "hidden" not in tts("show", tmp_path / "long.jsonl", 1, "strategies=self_consistency", "--wide").out
    whole = tts("show", tmp_path / "long.jsonl", 1, "strategies=self_consistency", "--texts").out
    assert whole.count("second line\nthe answer is 3") == 8
