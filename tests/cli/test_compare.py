"""The command line: what ``tts`` writes, that the same inputs give the same bytes, and one sentence for bad input."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest

from evals.config import ANSWERS, CompareConfig
from evals.replay.synthetic import synthetic_pool
from strategies.catalog import CATALOG
from tests.cli.cases import Ran, Tts
from tts.pool import Pool, PoolStore, RunKey, load_pool, write_jsonl
from tts.scorers.calibration.maps import MapKind

ROOT = Path(__file__).resolve().parents[2]
FAST = ("permutations=10", "replicates=200")
POOL = synthetic_pool(questions=12, samples=8)


def process(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    """Start the command line in a process of its own."""
    paths = os.pathsep.join(path for path in (str(ROOT), os.environ.get("PYTHONPATH", "")) if path)
    return subprocess.Popen(
        [sys.executable, "-m", "tts.cli", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": paths},
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pool") / "pool.jsonl"
    write_jsonl(POOL, path)
    return path


def compared(tts: Tts, pool: Path, *arguments: str | Path) -> dict[str, Any]:
    """The JSON of a comparison, read strictly."""
    target = pool.parent / "strict.json"
    ran = tts("compare", pool, *FAST, *arguments, "--json", target)
    assert (ran.status, ran.err) == (0, "")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    found: dict[str, Any] = json.loads(target.read_text(), parse_constant=refuse)
    target.unlink()
    return found


def changed(pool: Pool, change: Callable[[int, Any], Any]) -> Pool:
    """The pool with each entry put through ``change(number, entry)``."""
    return replace(pool, entries=tuple(change(i, entry) for i, entry in enumerate(pool.entries)))


# --- what a comparison holds ------------------------------------------------------------------------------------------


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
    assert [row["name"] for row in found["strategies"]] == list(CATALOG)
    for row in found["strategies"]:
        assert set(row) >= {"name", "source", "params", "accuracy", "samples", "tokens", "abstained"}
        assert row["source"] == CATALOG[row["name"]].source
        for key in ("accuracy", "samples"):
            low, high = row[f"{key}_ci"]
            assert low <= row[key] <= high
        versus = row["vs_self_consistency"]
        assert versus["accuracy_diff_ci"][0] <= versus["accuracy_diff"] <= versus["accuracy_diff_ci"][1]
        assert 0.0 <= versus["mcnemar_p"] <= 1.0
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
    for name in CATALOG:
        assert re.search(rf"^{name} +[01]\.\d{{4}} \[", out, flags=re.MULTILINE)
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


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_same_inputs_and_seed_give_the_same_bytes(tts: Tts, pool: Path, tmp_path: Path, suffix: str) -> None:
    def drawn(name: str, seed: int) -> tuple[bytes, bytes]:
        json, plot = tmp_path / f"{name}.json", tmp_path / f"{name}{suffix}"
        assert tts("compare", pool, *FAST, "--tune", "--seed", str(seed), "--json", json, "--plot", plot).status == 0
        return json.read_bytes(), plot.read_bytes()

    first, again, other = drawn("a", 0), drawn("b", 0), drawn("c", 1)
    assert first == again
    assert first[0] != other[0]
    assert first[1] != other[1]
    assert {path.name for path in tmp_path.iterdir()} == {f"{n}{s}" for n in "abc" for s in (".json", suffix)}


def test_plots_are_valid_pictures(tts: Tts, pool: Path, tmp_path: Path) -> None:
    for name in ("a.png", "a.svg", "B.SVG"):
        assert tts("compare", pool, *FAST, "--plot", tmp_path / name).status == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    for name in ("a.svg", "B.SVG"):
        assert ElementTree.parse(tmp_path / name).getroot().tag == "{http://www.w3.org/2000/svg}svg"


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


# --- configuration, as the command line gives it ---------------------------------------------------------------------


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
    out = tts("compare", pool, *FAST, "--config", config).out
    assert re.search(r"^softmax_until_decided +0\.", out, flags=re.MULTILINE)
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


# --- pools of every sort ---------------------------------------------------------------------------------------------


def test_a_tour_through_every_format_changes_no_result(tts: Tts, pool: Path, tmp_path: Path) -> None:
    def result(path: Path) -> dict[str, Any]:
        found = compared(tts, path, "--strategies", "cges,reasc,esc")
        del found["pool"]["path"], found["pool"]["sha256"]
        return found

    sqlite, parquet, packed = tmp_path / "p.sqlite", tmp_path / "p.parquet", tmp_path / "p.jsonl.gz"
    assert tts("pool", "import", pool, sqlite).out == f"wrote {sqlite}: 12 questions\n"
    assert tts("pool", "export", sqlite, parquet).out == f"wrote {parquet}: 12 questions\n"
    assert tts("pool", "export", parquet, packed).status == 0
    assert result(pool) == result(sqlite) == result(parquet) == result(packed)
    assert gzip.decompress(packed.read_bytes()) == pool.read_bytes()


@pytest.mark.parametrize("command", ["import", "export", "simulate"])
def test_an_existing_target_is_replaced_by_force_only(tts: Tts, pool: Path, tmp_path: Path, command: str) -> None:
    target = tmp_path / {"import": "t.sqlite", "export": "t.parquet", "simulate": "t.jsonl"}[command]
    arguments = [target, "--questions", "2"] if command == "simulate" else [pool, target]
    target.write_text("mine")
    ran = tts("pool", command, *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(rf"tts: {target} exists already.*force.*\n", ran.err)
    assert target.read_text() == "mine"
    assert tts("pool", command, *arguments, "--force").status == 0
    assert load_pool(target).questions == (2 if command == "simulate" else 12)


def test_simulate_writes_what_its_options_say_and_info_reads_it_back(tts: Tts, tmp_path: Path) -> None:
    one, two, three = (tmp_path / f"{name}.jsonl" for name in ("one", "two", "three"))
    shape = ("--questions", "5", "--samples", "3")
    assert tts("pool", "simulate", one, *shape).out == f"wrote {one}: 5 questions, 3 samples each (simulated)\n"
    tts("pool", "simulate", two, *shape, "--seed", "0")
    tts("pool", "simulate", three, *shape, "--seed", "1")
    assert one.read_bytes() == two.read_bytes() != three.read_bytes()
    ran = tts("pool", "info", one)
    shown = {line[:20].strip(): line[21:] for line in ran.out.splitlines()}
    assert (shown["questions"], shown["samples"], shown["models"]) == ("5", "15", "simulated")
    assert (shown["path"], shown["sha256"]) == (str(one), load_pool(one).sha256)


def test_a_pool_of_several_runs_is_read_by_number(tts: Tts, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with PoolStore.create_or_open(path) as store:
        store.add_problems((entry.problem, {}) for entry in POOL.entries)
        for model in ("one", "two"):
            run = store.open_run(RunKey(model), {})
            for entry in POOL.entries[: 6 * run]:
                store.add(run, entry.problem.id, entry.samples, entry.correct)
    for command in (("compare",), ("pool", "info")):
        assert re.fullmatch(r"tts: .*holds 2 runs, name one of them by its number: .*\n", tts(*command, path).err)
    assert compared(tts, path, "--run", "1", "--strategies", "esc")["pool"]["questions"] == 6
    assert re.search(r"^questions +12$", tts("pool", "info", path, "--run", "2").out, flags=re.MULTILINE)


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
    assert set(found["skipped"]) == {name for name, row in CATALOG.items() if row.requires.confidence}
    assert {row["name"] for row in found["strategies"]} == set(CATALOG) - set(found["skipped"])
    assert set(found["curves"]) == {"maj", "pass"}
    said = " ".join(tts("compare", path, *FAST).out.split())
    assert "left out (needs confidences, and the pool has none: score the pool, or choose strategies" in said


@pytest.mark.parametrize("kind", ["platt", "isotonic", "temperature"])
def test_raw_scores_are_compared_once_they_are_calibrated(tts: Tts, tmp_path: Path, kind: str) -> None:
    def raw(i: int, entry: Any) -> Any:
        return replace(entry, samples=tuple(replace(s, confidence=9 * s.confidence - 4) for s in entry.samples))

    path = tmp_path / "p.jsonl"
    write_jsonl(changed(POOL, raw), path)
    found = compared(tts, path, "--calibrate", kind)
    assert found["calibrate"] == kind
    assert compared(tts, path, f"calibrate={kind}") == found


# --- bad input -------------------------------------------------------------------------------------------------------

LINE = json.loads('{"id": "a", "question": "?", "gold": "1", "samples": [{"answer": "1", "confidence": 0.5}]}')


def lines(*records: Any) -> str:
    return "".join(f"{record if isinstance(record, str) else json.dumps(record)}\n" for record in records)


def scored(confidence: float, name: str) -> dict[str, Any]:
    return {**LINE, "id": name, "samples": [{"answer": "1", "confidence": confidence}] * 3}


@pytest.fixture(scope="session")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one good pool and every bad one; tests may not change it."""
    folder = tmp_path_factory.mktemp("bad")
    write_jsonl(POOL, folder / "good.jsonl")
    counted = changed(POOL, lambda i, e: replace(e, samples=tuple(replace(s, confidence=None) for s in e.samples)))
    write_jsonl(counted, folder / "counted.jsonl")
    files = {
        "broken.jsonl": lines(LINE, '{"id": "b", '),
        "twice.jsonl": lines(LINE, LINE),
        "lacking.jsonl": lines({key: value for key, value in LINE.items() if key != "gold"}),
        "empty.jsonl": "",
        "nan.jsonl": lines({**LINE, "samples": [{"answer": "1", "confidence": float("nan")}]}),
        "ungraded.jsonl": lines({**LINE, "gold": None}),
        "logits.jsonl": lines(*(scored(2.5 * i, str(i)) for i in range(4))),
        "text.csv": "a,b\n",
        "broken.sqlite": "SQLite format 3\x00 and then nothing of the sort",
        "broken.parquet": "PAR1 and then nothing of the sort PAR1",
        "bare.gz": "",
        "list.yaml": "- 1\n",
        "malformed.yaml": "seed: [1\n",
        "none.yaml": "strategies: []\n",
        "doubled.yaml": "strategies: [{name: a}, {name: a, stop: beta}]\n",
        "option.yaml": "strategies: [{name: a, stop: {name: beta, levle: 0.9}}]\n",
        "range.yaml": "strategies: [{name: a, stop: {name: beta, level: 1.9}}]\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    whole = gzip.compress((folder / "good.jsonl").read_bytes())
    (folder / "cut.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    (folder / "plain.jsonl.gz").write_bytes(b"no gzip")
    with sqlite3.connect(folder / "other.db") as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    (folder / "folder.jsonl").mkdir()
    (folder / "link.json").symlink_to("good.jsonl")
    os.link(folder / "good.jsonl", folder / "hard.json")
    return folder


BAD = [
    # pools
    ("compare broken.jsonl", r"broken\.jsonl, line 2: not valid JSON at column \d+: .*"),
    ("compare twice.jsonl", r"twice\.jsonl, line 2: key 'id' must be unique, got 'a' as on line 1"),
    ("compare lacking.jsonl", r"lacking\.jsonl, line 1: key 'gold' is missing; .*"),
    ("compare empty.jsonl", r"empty\.jsonl: the file is empty; a pool needs at least one line"),
    ("compare nan.jsonl", r"nan\.jsonl, line 1: key 'samples\[0\]\.confidence' must be a finite number, got NaN"),
    ("compare ungraded.jsonl", r"ungraded\.jsonl: question 'a' has ungraded samples and no gold answer.*"),
    ("compare logits.jsonl", r".*span \[0, 7\.5\] and probabilities lie in \[0, 1\]: .*--calibrate platt.*"),
    ("compare missing.jsonl", r"missing\.jsonl: no such file"),
    ("compare folder.jsonl", r"folder\.jsonl: cannot be read \(Is a directory\)"),
    ("compare text.csv", r"text\.csv: the file name must end in \.jsonl, .*"),
    ("compare bare.gz", r"bare\.gz: the file name must end in \.jsonl, .*"),
    ("compare broken.sqlite", r"broken\.sqlite: not a SQLite file.*"),
    ("compare other.db", r"other\.db: a SQLite file, but not a pool"),
    ("compare broken.parquet", r"broken\.parquet: not a valid Parquet file \(.*\)"),
    ("compare cut.jsonl.gz", r"cut\.jsonl\.gz: the gzip file is truncated; .*"),
    ("compare plain.jsonl.gz", r"plain\.jsonl\.gz: not a valid gzip file \(.*\)"),
    ("compare good.jsonl --run 1", r"good\.jsonl: run=1 was given, but only SQLite pools hold runs"),
    ("pool info empty.jsonl", r"empty\.jsonl: the file is empty; .*"),
    ("pool import broken.jsonl new.sqlite", r"broken\.jsonl, line 2: .*"),
    ("pool import good.jsonl new.jsonl", r"new\.jsonl: the file name must end in \.sqlite, \.db"),
    ("pool import good.jsonl nowhere/new.db", r"nowhere/new\.db: the directory .* does not exist"),
    ("pool export cut.jsonl.gz new.parquet", r"cut\.jsonl\.gz: the gzip file is truncated; .*"),
    ("pool export good.jsonl new.csv", r"new\.csv: the file name must end in .*"),
    ("pool export good.jsonl nowhere/new.jsonl", r"cannot write nowhere/new\.jsonl: the directory .* does not exist"),
    ("pool export other.db new.jsonl", r"other\.db: a SQLite file, but not a pool"),
    ("pool simulate new.sqlite", r"new\.sqlite: the file name must end in \.jsonl, \.jsonl\.gz"),
    ("pool simulate nowhere/new.jsonl", r"cannot write nowhere/new\.jsonl: the directory .* does not exist"),
    ("pool simulate new.jsonl --questions 0", r"a synthetic pool needs at least 1 question and 1 sample, got 0 .*"),
    ("pool simulate new.jsonl --seed -1", r"seed must be at least 0, got -1"),
    # settings
    ("compare good.jsonl --budget 9", r"budget 9 is above the 8 samples .*: choose a budget of at most 8"),
    ("compare good.jsonl --budget 0", r"budget must be at least 1, got 0"),
    ("compare good.jsonl --permutations 0", r"permutations must be from 1 to 1000000, got 0"),
    ("compare good.jsonl --margin -0.1", r"margin must be in \[0, 1\) as a fraction .*, got -0\.1"),
    ("compare good.jsonl --margin nan", r"margin must be in \[0, 1\) as a fraction .*, got nan"),
    ("compare good.jsonl --seed -1", r"seed must be at least 0, got -1"),
    ("compare good.jsonl --answers numbr", r"unknown kind of answers 'numbr': allowed are .*; did you mean number\?"),
    ("compare good.jsonl --calibrate plat", r"unknown calibration 'plat': allowed are .*; did you mean platt\?"),
    ("compare counted.jsonl --calibrate platt", r"calibrate platt needs confidences and the pool has none: .*"),
    ("compare counted.jsonl --strategies cges", r"strategy cges needs confidences, and the pool has none: .*"),
    ("compare good.jsonl --strategies escc", r"unknown strategy 'escc': allowed are .*; did you mean esc\?"),
    ("compare good.jsonl --strategies esc,esc", r"two strategies are called esc: name each one once"),
    ("compare good.jsonl --strategies=", r"no strategy was named: .*"),
    # configuration
    ("compare good.jsonl seed", r"override 'seed' must read key=value, such as seed=1"),
    ("compare good.jsonl sead=1", r"override 'sead=1': unknown key 'sead': allowed are .*; did you mean seed\?"),
    ("compare good.jsonl seed=one", r"override 'seed=one': key 'seed' must be a whole number, got 'one'"),
    ("compare good.jsonl --config missing.yaml", r"config file missing\.yaml does not exist"),
    ("compare good.jsonl --config list.yaml", r"config file list\.yaml must hold keys and values .*"),
    ("compare good.jsonl --config malformed.yaml", r"config file malformed\.yaml cannot be read: .* at line 2.*"),
    ("compare good.jsonl --config none.yaml", r"no strategy was named: .*"),
    ("compare good.jsonl --config doubled.yaml", r"two strategies are called a: name each one once"),
    (
        "compare good.jsonl --config option.yaml",
        r"unknown option of stopping rule beta 'levle': .*did you mean level\?",
    ),
    ("compare good.jsonl --config range.yaml", r"stopping rule beta needs level in \(0, 1\), got 1\.9"),
    # outputs
    ("compare good.jsonl --plot p.pdf", r"plot p\.pdf must end in \.png or \.svg"),
    ("compare good.jsonl --plot nowhere/p.svg", r"cannot write nowhere/p\.svg: the folder .*/nowhere does not exist"),
    ("compare good.jsonl --json nowhere/j.json", r"cannot write nowhere/j\.json: the folder .* does not exist"),
    ("compare good.jsonl --json folder.jsonl", r"cannot write folder\.jsonl: it exists and is not a regular file"),
    ("compare good.jsonl --json /dev/null", r"cannot write /dev/null: it exists and is not a regular file"),
    ("compare good.jsonl --json a.svg --plot ./a.svg", r"cannot write a\.svg twice: give .* different names"),
    ("compare good.jsonl --json good.jsonl", r"cannot write good\.jsonl: it is an input of this command.*"),
    ("compare good.jsonl --json link.json", r"cannot write link\.json: it is an input of this command.*"),
    ("compare good.jsonl --json hard.json", r"cannot write hard\.json: it is an input of this command.*"),
    ("compare good.jsonl --config none.yaml --json none.yaml", r"cannot write none\.yaml: it is an input .*"),
    # usage
    ("compare", r"Missing argument 'POOL'; see `tts compare --help`"),
    ("compare good.jsonl --nope", r"No such option: --nope.*; see `tts compare --help`"),
    ("compare good.jsonl --budget eight", r"Invalid value for '--budget': .*; see `tts compare --help`"),
    ("pool info good.jsonl more", r".*unexpected extra argument.*; see `tts pool info --help`"),
    ("comprae good.jsonl", r"No such command 'comprae'.*; see `tts --help`"),
]


@pytest.mark.parametrize(("command", "sentence"), BAD, ids=[command for command, _ in BAD])
def test_bad_input_gets_one_sentence_and_nothing_is_written(
    tts: Tts, bad: Path, monkeypatch: pytest.MonkeyPatch, command: str, sentence: str
) -> None:
    def contents() -> dict[str, bytes | None]:
        return {path.name: path.read_bytes() if path.is_file() else None for path in bad.iterdir()}

    monkeypatch.chdir(bad)
    before = contents()
    ran = tts(*command.split(), *(FAST if command.startswith("compare good.jsonl") else ()))
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(rf"tts: {sentence}\n", ran.err)
    assert contents() == before


def test_neither_file_is_written_where_one_of_them_fails(
    tts: Tts, pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> Any:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("evals.report.plot.atomic_path", full)
    ran = tts("compare", pool, *FAST, "--json", tmp_path / "j.json", "--plot", tmp_path / "p.svg")
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(r"tts: .*p\.svg: No space left on device\n", ran.err)
    assert list(tmp_path.iterdir()) == []


def test_a_plot_without_matplotlib_says_what_to_install(
    tts: Tts, pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    ran = tts("compare", pool, *FAST, "--plot", tmp_path / "p.png")
    assert ran == Ran(2, "", "tts: a plot needs matplotlib: pip install 'tts-rerank[plot]'\n")
    assert tts("compare", pool, *FAST).status == 0


def test_too_little_memory_is_bad_input_and_a_bug_keeps_its_traceback(
    tts: Tts, pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(error: BaseException) -> Callable[..., None]:
        def raising(*_: object, **__: object) -> None:
            raise error

        return raising

    monkeypatch.setattr("tts.pool.load_pool", fail(MemoryError()))
    assert tts("compare", pool).err.startswith("tts: not enough memory: ask for fewer permutations")
    monkeypatch.setattr("tts.pool.load_pool", fail(KeyboardInterrupt()))
    assert tts("compare", pool) == Ran(130, "", "")
    monkeypatch.setattr("tts.pool.load_pool", fail(ZeroDivisionError("a bug")))
    with pytest.raises(ZeroDivisionError, match="a bug"):
        tts("compare", pool)


# --- help ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", ["", "compare", "strategies", "pool", "pool info", "pool import", "pool export", "pool simulate"]
)
def test_every_command_explains_itself(tts: Tts, command: str) -> None:
    ran = tts(*command.split(), "--help")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: tts {command}".rstrip())


def test_the_help_of_compare_is_true(tts: Tts) -> None:
    text = " ".join(tts("compare", "--help").out.replace("cross-\n", "cross-").split())
    defaults, (*kinds, last) = CompareConfig(), get_args(MapKind)
    for option, default in (
        ("--permutations", defaults.permutations),
        ("--seed", defaults.seed),
        ("--margin", defaults.margin),
        ("--answers", defaults.answers),
        ("--strategies", "all"),
        ("--budget", "all"),
    ):
        assert re.search(rf"{option} <\w+> [^\[]*\[default: {default}\]", text)
    assert re.search(rf"--answers <str> Kind of answers: {', '.join(ANSWERS)} ", text)
    assert f"Calibration map, cross-fitted: {', '.join(kinds)} or {last}." in text


def test_without_a_command_the_help_is_shown(tts: Tts) -> None:
    for group in ("", "pool"):
        ran = tts(*group.split())
        assert ran.status == 2
        assert (ran.out + ran.err).startswith(f"Usage: tts {group}".rstrip())


def test_the_catalogue_is_listed_with_sources_and_defaults(tts: Tts) -> None:
    out = tts("strategies").out
    for name, row in CATALOG.items():
        assert re.search(rf"^{name} +{row.source.split()[0]}", out, flags=re.MULTILINE)
    assert "…" not in out


# --- a real process --------------------------------------------------------------------------------------------------


def test_a_process_exits_with_the_status_and_writes_to_the_right_streams(pool: Path, tmp_path: Path) -> None:
    done = process("compare", pool, *FAST, "--json", tmp_path / "j.json", stdout=subprocess.PIPE)
    out, err = done.communicate()
    assert (done.returncode, err) == (0, "")
    assert out.endswith(f"wrote {tmp_path / 'j.json'}\n")
    done = process("compare", tmp_path / "no.jsonl", stdout=subprocess.PIPE)
    assert done.communicate() == ("", f"tts: {tmp_path / 'no.jsonl'}: no such file\n")
    assert done.returncode == 2


@pytest.mark.skipif(shutil.which("head") is None, reason="needs head")
def test_a_reader_that_stops_early_is_no_error_and_files_are_written_all_the_same(pool: Path, tmp_path: Path) -> None:
    target = tmp_path / "j.json"
    done = process("compare", pool, *FAST, "--json", target, stdout=subprocess.PIPE)
    first = subprocess.run(["head", "-1"], stdin=done.stdout, capture_output=True, text=True)
    assert done.stdout is not None and done.stderr is not None
    done.stdout.close()
    assert done.stderr.read() == ""
    done.stderr.close()
    assert done.wait() in (0, 1)
    assert first.stdout.startswith(f"{pool}: 12 questions")
    assert json.loads(target.read_text())["budget"] == 8


@pytest.mark.parametrize("command", ["compare", "pool info", "strategies"])
def test_a_reader_that_is_gone_ends_the_command_quietly(pool: Path, tmp_path: Path, command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    arguments = [] if command == "strategies" else [pool]
    done = process(*command.split(), *arguments, stdout=writing)
    os.close(writing)
    assert done.communicate()[1] == ""
    assert done.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", ["pool info", "strategies"])
def test_a_full_disk_behind_the_output_is_one_sentence(pool: Path, command: str) -> None:
    with open("/dev/full", "w") as full:
        done = process(*command.split(), *([] if command == "strategies" else [pool]), stdout=full)
        assert done.communicate()[1] == "tts: standard output: No space left on device\n"
    assert done.returncode == 2


def test_a_closed_output_loses_the_table_and_nothing_else(pool: Path, tmp_path: Path) -> None:
    done = process("compare", pool, *FAST, "--json", tmp_path / "j.json", preexec_fn=partial(os.close, 1))
    assert done.communicate()[1] == ""
    assert done.returncode == 0
    assert json.loads((tmp_path / "j.json").read_text())["budget"] == 8


def test_ctrl_c_ends_with_status_130_and_without_a_word(tmp_path: Path) -> None:
    fifo = tmp_path / "p.jsonl"
    os.mkfifo(fifo)
    # A shell starts what runs in the background with Ctrl-C ignored.
    unmuted = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    done = process("pool", "info", fifo, stdout=subprocess.PIPE, preexec_fn=unmuted)
    with open(fifo, "wb"):  # opens once the command reads
        done.send_signal(signal.SIGINT)
        assert done.communicate() == ("", "")
    assert done.returncode == 130
