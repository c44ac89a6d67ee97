"""``tts pool``: conversions lose nothing, targets are replaced by --force only, runs go by number."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.cases import POOL, Tts, compared
from tts.pool import PoolStore, RunKey, load_pool


@pytest.mark.slow
def test_a_tour_through_every_format_changes_no_result(tts: Tts, pool: Path, tmp_path: Path) -> None:
    def result(path: Path) -> dict[str, Any]:
        found = compared(tts, path, "--strategies", "cges,reasc,esc")
        del found["pool"]["path"], found["pool"]["sha256"]
        return found

    sqlite, parquet, packed = tmp_path / "p.sqlite", tmp_path / "p.parquet", tmp_path / "p.jsonl.gz"
    assert tts("pool", "import", pool, sqlite).out == f"{pool}: pool\nwrote {sqlite}: 12 questions, 96 samples\n"
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


def test_a_pool_of_several_runs_is_read_by_number_or_the_latest(tts: Tts, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with PoolStore.create_or_open(path) as store:
        store.add_problems((entry.problem, {}) for entry in POOL.entries)
        for model in ("one", "two"):
            run = store.open_run(RunKey(model), {})
            for entry in POOL.entries[: 6 * run]:
                store.add(run, entry.problem.id, entry.samples, entry.correct)
    said = tts("compare", path, "--strategies", "esc", "permutations=2")
    assert said.status == 0 and f"{path}: run 2, the latest of 2; others by --run" in said.err
    assert compared(tts, path, "--run", "1", "--strategies", "esc")["pool"]["questions"] == 6
    assert re.search(r"^questions +12$", tts("pool", "info", path, "--run", "2").out, flags=re.MULTILINE)


def test_info_is_a_table_of_runs_and_a_summary_or_json(tts: Tts, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with PoolStore.create_or_open(path) as store:
        store.add_problems((entry.problem, {}) for entry in POOL.entries)
        for heat in (0.5, 1.0):
            run = store.open_run(RunKey("m", sampling={"temperature": heat}), {})
            store.add(run, POOL.entries[0].problem.id, POOL.entries[0].samples, POOL.entries[0].correct)
    shown = tts("pool", "info", path, "run=1,2")
    assert shown.status == 0 and "temperature=0.5" in shown.out, shown.err
    assert re.search(r"^samples +16$", shown.out, flags=re.MULTILINE)
    found = json.loads(tts("pool", "info", path, "--json").out)
    assert [run["differs"] for run in found["runs"]] == [{"temperature": 0.5}, {"temperature": 1}]
    assert found["summary"]["runs"] == [2]


def test_a_dry_run_shows_the_first_questions_and_writes_nothing(tts: Tts, tmp_path: Path) -> None:
    rows = [
        {"id": i, "question": f"{i} + 1?", "outputs": [f"#### {i + 1}", "no idea"], "gold": i + 1} for i in range(5)
    ]
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    target = tmp_path / "p.sqlite"
    ran = tts("pool", "import", source, target, "--dry-run")
    assert ran.status == 0 and not target.exists()
    assert f"{source}: rows, 5 rows, 10 samples (question=question, text=outputs, gold=gold, id=id)\n" in ran.out
    assert "\n0, right answer 1\n  0 + 1?\n" in ran.out and "\n3, right" not in ran.out
    assert re.search(r"^ +0 1 +yes +#### +#### 1", ran.out, flags=re.MULTILINE)
    assert ran.out.endswith("answers read as number, flexible: #### 3, none 3\n2 more questions; nothing was written\n")
    ran = tts("pool", "import", source, target, "extract=strict")
    assert ran.out.endswith(f"wrote {target}: 5 questions, 10 samples, 50.0 % right\n")
    again = tts("pool", "import", source, target, "--add")
    assert (again.status, again.err) == (2, f"tts: {target}: holds these samples already, as run 1\n")


def test_an_unknown_shape_names_its_keys_and_the_options(tts: Tts, tmp_path: Path) -> None:
    source = tmp_path / "odd.jsonl"
    source.write_text('{"stem": "1 + 1?", "said": "2"}\n')
    ran = tts("pool", "import", source, tmp_path / "p.sqlite")
    assert ran.status == 2 and "the first row has stem, said: name the fields by --question, --text" in ran.err
    ran = tts("pool", "import", source, tmp_path / "p.sqlite", "--question", "stem", "text=said")
    assert ran.status == 0 and ran.out.endswith("1 question, 1 sample\n")
    assert tts("pool", "import", source).err.startswith("tts: give the files with samples, then the pool to write")
