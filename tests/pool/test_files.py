"""Loading by suffix, import, export, summaries; and that no write leaves anything half done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pool.cases import environment, left_in, pools, small_pool
from tests.support.examples import examples
from tts.errors import InputError, PoolLockedError
from tts.pool import (
    Entry,
    Pool,
    PoolStore,
    RunKey,
    atomic_path,
    describe,
    export_pool,
    import_pool,
    load_pool,
    read_pool,
    write_jsonl,
    write_parquet,
)
from tts.types import Problem, Sample, Usage


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "p.jsonl"
    write_jsonl(small_pool(), path)
    return path


@pytest.mark.slow
@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pools(uniform=True), st.permutations([".jsonl.gz", ".parquet", ".jsonl"]))
def test_a_tour_through_every_format_changes_nothing(tmp_path: Path, pool: Pool, suffixes: list[str]) -> None:
    write_parquet(pool, tmp_path / "start.parquet")
    current = tmp_path / "start.parquet"
    for i, suffix in enumerate(suffixes):
        stop = tmp_path / f"{i}.sqlite"
        assert import_pool(current, stop, force=True).entries == pool.entries
        assert read_pool(stop).entries == pool.entries
        current = tmp_path / f"{i}{suffix}"
        export_pool(stop, current, force=True)
        assert read_pool(current).entries == pool.entries


def test_an_unknown_suffix_names_the_allowed_ones(tmp_path: Path, source: Path) -> None:
    with pytest.raises(InputError, match=r"p\.csv: .* end in \.jsonl, \.jsonl\.gz, \.sqlite, \.db, \.pool, \.parquet$"):
        load_pool(tmp_path / "p.csv")
    with pytest.raises(InputError, match=r"p\.jsonl: the file name must end in \.sqlite, \.db, \.pool$"):
        import_pool(source, source)
    with pytest.raises(InputError, match=r"x\.db: the file name must end in \.jsonl, \.jsonl\.gz, \.parquet$"):
        export_pool(source, tmp_path / "x.db")
    with pytest.raises(InputError, match=r"run=2 was given, but only SQLite pools hold runs"):
        load_pool(source, run=2)


def test_an_existing_file_is_replaced_only_by_force(tmp_path: Path, source: Path) -> None:
    for convert, name in ((import_pool, "p.sqlite"), (export_pool, "p.parquet")):
        target = tmp_path / name
        target.write_bytes(b"precious")
        with pytest.raises(InputError, match=rf"{name} exists already: give another name, or force=True"):
            convert(source, target)
        assert target.read_bytes() == b"precious"
        convert(source, target, force=True)
        assert load_pool(target).entries == small_pool().entries


def test_an_import_does_not_pull_the_file_from_under_a_writer(tmp_path: Path, source: Path) -> None:
    with PoolStore.create_or_open(tmp_path / "p.sqlite"), pytest.raises(PoolLockedError):
        import_pool(source, tmp_path / "p.sqlite", force=True)


def test_an_import_is_not_disturbed_by_the_log_of_a_killed_writer(tmp_path: Path, source: Path) -> None:
    target = tmp_path / "p.sqlite"
    code = (
        "import os, sys; from tts.pool import *; from tts.types import *\n"
        "store = PoolStore.create_or_open(sys.argv[1]); store.add_problem(Problem('old', '?'))\n"
        "store.add(store.open_run(RunKey('old'), {}), 'old', [Sample('x' * 9999, '1')]); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, target], env=environment(), check=False)
    assert "p.sqlite-wal" in left_in(tmp_path)
    import_pool(source, target, force=True)
    assert load_pool(target).entries == small_pool().entries
    assert left_in(tmp_path) == {"p.jsonl", "p.sqlite", "p.sqlite.lock"}


def test_an_imported_pool_says_where_it_came_from_and_takes_further_runs(tmp_path: Path, source: Path) -> None:
    import_pool(source, tmp_path / "p.sqlite")
    with PoolStore.create_or_open(tmp_path / "p.sqlite") as store:
        (run,) = store.runs()
        assert run.key == RunKey("m") and run.config == {
            "imported_from": str(source),
            "sha256": load_pool(source).sha256,
        }
        second = store.open_run(RunKey("new"), {})
        store.add(second, "q1", [Sample("", "4")])
    assert load_pool(tmp_path / "p.sqlite", run=second).models == ("new",)
    export_pool(tmp_path / "p.sqlite", tmp_path / "one.jsonl", run=run.id)
    assert (tmp_path / "one.jsonl").read_bytes() == source.read_bytes()
    said: list[str] = []
    assert load_pool(tmp_path / "p.sqlite", notify=said.append).models == ("new",)
    assert said == [f"{tmp_path / 'p.sqlite'}: run 2, the latest of 2; others by --run"]


def test_a_bad_source_leaves_nothing_behind(tmp_path: Path) -> None:
    source = tmp_path / "bad.jsonl"
    source.write_text("{}\n")
    for convert, name in ((import_pool, "p.sqlite"), (export_pool, "p.parquet"), (export_pool, "p.jsonl.gz")):
        with pytest.raises(InputError, match=r"bad\.jsonl, line 1: key 'id' is missing"):
            convert(source, tmp_path / name)
    assert left_in(tmp_path) == {"bad.jsonl"}


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_the_old_file_stays(tmp_path: Path, source: Path) -> None:
    big = Entry(Problem("q", "?"), (Sample(os.urandom(300_000).hex(), "1"),), (True,))
    write_jsonl(Pool("", "", (big,)), source)
    code = (
        "import resource, sys; from tts.errors import TTSError; from tts.pool import export_pool, import_pool\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: (import_pool if sys.argv[2].endswith('sqlite') else export_pool)(*sys.argv[1:], force=True)\n"
        "except TTSError as error: print(error)"
    )
    for name in ("p.jsonl", "p.jsonl.gz", "p.parquet", "p.sqlite"):
        target = tmp_path / "out" / name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(b"precious")
        command = [sys.executable, "-c", code, str(source), str(target)]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
        assert name in done.stdout and done.stdout.count("\n") == 1 and not done.stderr
        assert target.read_bytes() == b"precious"
    assert left_in(tmp_path / "out") == {"p.jsonl", "p.jsonl.gz", "p.parquet", "p.sqlite", "p.sqlite.lock"}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_atomic_path_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "report.json"
    target.write_text("old")
    with pytest.raises(error), atomic_path(target) as temp:
        assert temp.parent == tmp_path and temp.name.endswith("report.json")
        temp.write_text("half")
        temp.with_name(temp.name + "-wal").touch()
        raise error
    assert target.read_text() == "old" and left_in(tmp_path) == {"report.json"}


def test_atomic_path_replaces_what_a_link_points_to(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to("real.json")
    with atomic_path(tmp_path / "link.json") as temp:
        temp.write_text("new")
        assert (tmp_path / "real.json").read_text() == "old"
    assert (tmp_path / "real.json").read_text() == "new" and (tmp_path / "link.json").is_symlink()
    assert left_in(tmp_path) == {"real.json", "link.json"}


def test_atomic_path_refuses_what_it_cannot_replace(tmp_path: Path) -> None:
    for path, sentence in (
        (tmp_path / "none" / "x.json", "the directory .*none does not exist"),
        (tmp_path, "it exists and is not a regular file"),
        (Path(os.devnull), "it exists and is not a regular file"),
    ):
        with pytest.raises(InputError, match=f"cannot write {path}: {sentence}"), atomic_path(path) as temp:
            temp.touch()


def test_describe_on_a_pool_worked_by_hand() -> None:
    def sample(index: int, answer: str | None, confidence: float | None, tokens: int) -> Sample:
        return Sample("", answer, confidence=confidence, index=index, usage=Usage(prompt=9, delivered=tokens))

    one = Entry(
        Problem("a", "?", "4"),
        (sample(0, "4", 0.5, 10), sample(1, "4.0", 0.75, 20), sample(2, None, None, 30), sample(3, "5", 1.0, 40)),
        (True, True, False, False),
        {"model": "m"},
    )
    two = Entry(Problem("b", "?", "1"), (sample(0, "1", 0.75, 0),), (True,), {"model": "n"})
    summary = describe(Pool("p", "0a", (one, two)))
    assert summary == {
        "path": "p",
        "sha256": "0a",
        "models": ["m", "n"],
        "questions": 2,
        "samples": 5,
        "samples_min": 1,
        "samples_max": 4,
        "parsed": 0.8,
        "accuracy": 0.75,
        "distinct_answers": 2.0,
        "has_confidence": True,
        "confidence_min": 0.5,
        "confidence_mean": 0.75,
        "confidence_max": 1.0,
        "tokens_mean": 20.0,
    }
    assert json.loads(json.dumps(summary)) == summary


def test_describe_says_none_where_there_is_nothing() -> None:
    summary = describe(Pool("p", "", (Entry(Problem("a", "?"), (Sample(),), (None,)),)))
    for key in ("accuracy", "confidence_min", "confidence_mean", "confidence_max", "tokens_mean"):
        assert summary[key] is None
    assert summary["parsed"] == 0.0 and summary["has_confidence"] is False and summary["models"] == []


def test_importing_the_package_is_light() -> None:
    code = "import sys, tts.pool; print({'numpy', 'scipy', 'pyarrow', 'torch', 'filelock'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
