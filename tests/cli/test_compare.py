"""``tts compare``: the JSON and the table it writes, for every kind of configuration and pool."""

from __future__ import annotations

import json
import os
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from strategies.catalog import CATALOG
from tests.cli.cases import FAST, POOL, ROOT, Tts, changed, compared
from tests.support.examples import slowly
from tts.pool import load_pool, write_jsonl

REPLAYED = [name for name, row in CATALOG.items() if not row.requires.branching]


def test_the_json_has_the_keys_of_the_contract(tts: Tts, pool: Path) -> None:
    found = compared(tts, pool)
    assert {key: found["pool"][key] for key in ("path", "questions", "samples_min", "samples_max")} == {
        "path": str(pool),
        "questions": 12,
        "samples_min": 8,
        "samples_max": 8,
    }
    assert found["pool"]["sha256"] == load_pool(pool).sha256
    assert (found["budget"], found["permutations"], found["seed"]) == (8, 10, 0)
    assert [row["name"] for row in found["strategies"]] == REPLAYED
    for row in found["strategies"]:
        assert set(row) >= {"name", "source", "params", "accuracy", "samples", "tokens", "abstained"}
        assert row["source"] == CATALOG[row["name"]].source
        for key in ("accuracy", "samples"):
            low, high = row[f"{key}_ci"]
            assert low <= row[key] <= high
        versus = row["vs_self_consistency"]
        assert versus["accuracy_diff_ci"][0] <= versus["accuracy_diff"] <= versus["accuracy_diff_ci"][1]
        assert 0.0 <= versus["p_value"] <= 1.0
        assert versus["samples_ratio"] == pytest.approx(row["samples"] / 8)
    assert set(found["curves"]) == {"maj", "pass", "best_of"}
    for curve in found["curves"].values():
        assert list(curve) == [str(k) for k in range(1, 9)]
        assert all(0.0 <= value <= 1.0 for value in curve.values())
    assert "frontier" not in found


def test_tuning_adds_the_frontier_of_every_strategy_that_can_be_swept(tts: Tts, pool: Path) -> None:
    found = compared(tts, pool, "--tune")
    assert [line["name"] for line in found["frontier"]] == [name for name, row in CATALOG.items() if row.sweep]
    assert all(line["sweep"] and "vs_self_consistency" in line["tuned_cheapest"] for line in found["frontier"])


def test_the_table_names_every_strategy_and_cuts_nothing(tts: Tts, pool: Path) -> None:
    out = tts("compare", pool, *FAST, "--tune").out
    assert out.startswith(f"{pool}: 12 questions, 8 samples each; budget 8, 10 permutations, seed 0\n")
    assert "…" not in out
    for name in REPLAYED:
        assert re.search(rf"^{name} +(\* )? *\d+\.\d +\[", out, flags=re.MULTILINE)
    assert "maj@k" in out and "pass@k" in out and "best-of-k" in out
    assert all(len(line) <= 120 for line in out.splitlines()[1:])


def test_regret_adds_a_table_of_what_the_json_always_says(tts: Tts, pool: Path) -> None:
    names = ("--strategies", "self_consistency,grace_es,deepconf_online")
    out = tts("compare", pool, *FAST, *names, "--regret").out
    assert "regret" not in tts("compare", pool, *FAST, *names).out
    for row in compared(tts, pool, *names)["strategies"]:
        parts = row["regret"]
        wrong = parts["unsolved"] + parts["not_selected"] + (parts["stopped_early"] or 0.0)
        assert wrong == pytest.approx(1 - row["accuracy"])
        cells = ["-" if part is None else f"{100 * part:.2f}" for part in (wrong, *parts.values())]
        assert re.search(rf"^{row['name']} +{' +'.join(cells)} *$", out, flags=re.MULTILINE)


def test_names_with_markup_mathematics_and_bytes_come_out_as_they_are(tts: Tts, tmp_path: Path) -> None:
    folder = tmp_path / "a["
    folder.mkdir()
    pool, config = folder / os.fsdecode(b"b]$\\q$:smile:\xff\xe6\x97\xa5.jsonl"), tmp_path / "c.yaml"
    write_jsonl(POOL, pool)
    name = r"[bold]_x[/y] $\q$ :smile:"
    config.write_text(json.dumps({"strategies": [{"name": name}, {"name": "_hidden", "stop": "beta"}]}))
    ran = tts("compare", pool, *FAST, "--config", config, "--json", tmp_path / "j.json", "--plot", tmp_path / "p.svg")
    assert (ran.status, ran.err) == (0, "")
    assert f"\n{name} " in ran.out and "a[/b]$\\q$:smile:" in ran.out
    found = json.loads((tmp_path / "j.json").read_text())
    assert found["pool"]["path"] == str(pool)
    assert [row["name"] for row in found["strategies"]] == ["self_consistency", name, "_hidden"]
    ElementTree.parse(tmp_path / "p.svg")


def test_composed_strategies_stand_in_table_and_json(tts: Tts, pool: Path) -> None:
    config = ROOT / "configs" / "composed.yaml"
    found = compared(tts, pool, "--config", config)
    rows = {row["name"]: row for row in found["strategies"]}
    assert list(rows) == ["self_consistency", "cges", "softmax_until_decided", "log_odds_until_sure"]
    assert rows["softmax_until_decided"]["source"] == "composed"
    assert rows["softmax_until_decided"]["params"] == {
        "weighting": {"name": "softmax", "temperature": 0.3},
        "stop": {"name": "beta", "level": 0.9},
    }
    assert rows["log_odds_until_sure"]["samples"] < 8
    out = tts("compare", pool, *FAST, "--config", config, "--verbose").out
    assert re.search(r"^softmax_until_decided +(\* )? *\d\d\.\d", out, flags=re.MULTILINE)
    assert "softmax_until_decided: weighting=softmax(temperature=0.3), stop=beta(level=0.9)" in out


def test_the_example_of_all_defaults_runs(tts: Tts, pool: Path) -> None:
    assert compared(tts, pool, "--config", ROOT / "configs" / "compare.yaml") == compared(tts, pool)


def test_options_beat_overrides_beat_files_beat_defaults(tts: Tts, pool: Path, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("strategies: [esc]\nseed: 5\nbudget: 3\nmargin: 0.02\n")
    found = compared(tts, pool, "seed=6", "budget=4", "--config", config, "--budget", "6")
    assert (found["margin"], found["seed"], found["budget"]) == (0.02, 6, 6)
    assert [row["name"] for row in found["strategies"]] == ["self_consistency", "esc"]
    named = compared(tts, pool, "--config", config, "--strategies", " cges , esc ,", "--permutations", "7")
    assert [row["name"] for row in named["strategies"]] == ["self_consistency", "cges", "esc"]
    assert (named["permutations"], named["bootstrap_replicates"]) == (7, 200)


def test_questions_of_different_sizes_count_up_to_the_smallest(tts: Tts, tmp_path: Path) -> None:
    def cut(i: int, entry: Any) -> Any:
        keep = 8 if i % 2 else 5
        return replace(entry, samples=entry.samples[:keep], correct=entry.correct[:keep])

    path = tmp_path / "p.jsonl"
    write_jsonl(changed(POOL, cut), path)
    found = compared(tts, path, "--strategies", "self_consistency,cges")
    assert (found["pool"]["samples_min"], found["pool"]["samples_max"], found["budget"]) == (5, 8, 5)
    assert list(found["curves"]["maj"]) == ["1", "2", "3", "4", "5"]
    assert "5-8 samples each; budget 5" in tts("compare", path, *FAST).out
    assert "budget of at most 5" in tts("compare", path, *FAST, "--budget", "6").err


def test_a_question_without_any_answer_abstains_and_is_wrong(tts: Tts, tmp_path: Path) -> None:
    def graded(i: int, entry: Any) -> Any:
        samples = tuple(replace(s, answer=None if i < 3 else "1", confidence=0.9) for s in entry.samples)
        return replace(entry, samples=samples, correct=(i >= 3,) * len(samples))

    path = tmp_path / "p.jsonl"
    write_jsonl(changed(POOL, graded), path)
    for row in compared(tts, path)["strategies"]:
        assert (row["name"], row["accuracy"], row["abstained"]) == (row["name"], 0.75, 0.25)


def test_tokens_are_reported_where_the_pool_counts_them(tts: Tts, pool: Path, tmp_path: Path) -> None:
    rows = {row["name"]: row for row in compared(tts, pool)["strategies"]}
    drawn = [s.usage.generated for entry in POOL.entries for s in entry.samples if s.usage is not None]
    assert rows["self_consistency"]["tokens"] == pytest.approx(sum(drawn) / 12)
    assert rows["first_sample"]["tokens"] < rows["esc"]["tokens"] < rows["self_consistency"]["tokens"]
    path = tmp_path / "p.jsonl"
    bare = changed(POOL, lambda i, e: replace(e, samples=tuple(replace(s, usage=None) for s in e.samples)))
    write_jsonl(bare, path)
    assert all(row["tokens"] is None for row in compared(tts, path)["strategies"])
    assert " tokens " not in tts("compare", path, *FAST).out


def test_a_pool_without_confidences_leaves_out_what_needs_them_and_says_so(tts: Tts, tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    bare = changed(POOL, lambda i, e: replace(e, samples=tuple(replace(s, confidence=None) for s in e.samples)))
    write_jsonl(bare, path)
    found = compared(tts, path)
    assert set(found["skipped"]) == {
        name for name, row in CATALOG.items() if row.requires.confidence or row.requires.branching
    }
    assert {row["name"] for row in found["strategies"]} == set(CATALOG) - set(found["skipped"])
    assert set(found["curves"]) == {"maj", "pass"}
    said = " ".join(tts("compare", path, *FAST).out.split())
    assert "left out (needs confidences, and the pool has none: score the pool, or choose strategies" in said


@pytest.mark.parametrize("kind", ["platt", *slowly("isotonic", "temperature")])
def test_raw_scores_are_compared_once_they_are_calibrated(tts: Tts, tmp_path: Path, kind: str) -> None:
    def raw(i: int, entry: Any) -> Any:
        return replace(entry, samples=tuple(replace(s, confidence=9 * s.confidence - 4) for s in entry.samples))

    path = tmp_path / "p.jsonl"
    write_jsonl(changed(POOL, raw), path)
    found = compared(tts, path, "--calibrate", kind)
    assert found["calibrate"] == kind
    assert compared(tts, path, f"calibrate={kind}") == found


def test_the_catalogue_is_listed_with_sources_and_defaults(tts: Tts) -> None:
    out = tts("strategies").out
    for name, row in CATALOG.items():
        assert re.search(rf"^{name} +{row.source.split()[0]}", out, flags=re.MULTILINE)
    assert "…" not in out
