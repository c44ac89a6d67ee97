"""Pools that grow: samples move to parts and are the same wherever they stand."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tts.pool.entries
import tts.pool.sqlite.run_reader
import tts.pool.sqlite.store
from tests.pool.cases import pools
from tests.support.examples import examples
from tts.errors import InputError
from tts.pool import Entry, Pool, PoolStore, RunKey, read_parquet
from tts.pool.parts.indices import from_text, to_text
from tts.pool.sqlite.scores import digest_of
from tts.types import Problem, Sample, Trace


def fill(store: PoolStore, pool: Pool) -> int:
    """Add a pool's samples, some before and some after its questions are sealed; return the run."""
    run = store.open_run(RunKey(""), {})
    store.add_problems((e.problem, e.meta) for e in pool.entries)
    scorers = {label: store.open_scorer(label, {"name": label}) for label in sorted(pool.scorers)}
    for late in (False, True):
        for entry in pool.entries:
            graded = list(zip(entry.samples, entry.correct, strict=True))[late::2]
            store.add(run, entry.problem.id, [s for s, _ in graded], [grade for _, grade in graded])
            for label, scores in entry.scores.items():
                by_index = zip((sample.index for sample in entry.samples), scores, strict=True)
                store.add_scores(run, scorers[label], entry.problem.id, {i: s for i, s in by_index if s is not None})
            store.decided(entry.problem.id)
        if not late:
            store.seal()
    return run


@settings(max_examples=examples(25), deadline=None)
@given(pools(), st.booleans())
def test_a_pool_is_the_same_whole_in_parts_and_in_blocks(pool: Pool, held: bool) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(tts.pool.sqlite.run_reader, "HELD", 20_000 if held else 0)
        patch.setattr(tts.pool.entries, "BLOCK", 3)
        with (
            PoolStore.create_or_open(f"{folder}/p.sqlite") as plain,
            PoolStore.create_or_open(f"{folder}/p.pool") as grown,
        ):
            run = fill(plain, pool)
            assert fill(grown, pool) == run
            one, two = plain.to_pool(), grown.to_pool()
            assert one.sha256 == two.sha256 and list(one.entries) == list(two.entries) == list(pool.entries)
            same = {"confidence_sum": 0.0, "stepless": False}  # a sum has an order; SQL sees no lengths
            assert replace(one.facts, **same) == replace(two.facts, **same)
            assert list(plain.answers(run)) == list(grown.answers(run))
            assert plain.golds(run) == grown.golds(run)
            entry = pool.entries[-1]
            for sample in entry.samples:
                assert grown.get(run, entry.problem.id, sample.index) == sample
                with pytest.raises(InputError, match=r"holds sample .* already"):
                    grown.add(run, entry.problem.id, [sample])
            for store in (plain, grown):
                store.put_trace(run, entry.problem.id, entry.samples[0].index, Trace((-0.5,)))
                assert store.reread(run, "other", lambda _, sample: (f"{sample.index}", None)) == one.facts.samples
                assert store.reread(run, "other", lambda *_: ("9", None)) == 0
            one, two = plain.to_pool(), grown.to_pool()
            assert list(one.entries) == list(two.entries) and one.sha256 == two.sha256
            texts = [sample for one in pool.entries for sample in one.samples if sample.answer or not sample.calls]
            assert one.facts.parsed == two.facts.parsed == len(texts), "calls stay the answer that they are"
            assert two.entries[-1].samples[0].trace == Trace((-0.5,))
            assert (
                digest_of(plain._connection, run)[0]
                == plain._connection.execute("SELECT digest FROM runs").fetchone()[0]
            )


@given(st.sets(st.integers(0, 300)))
def test_indices_are_ranges(indices: set[int]) -> None:
    assert list(from_text(to_text(sorted(indices)))) == sorted(indices) if indices else True


@pytest.fixture
def grown(tmp_path: Path) -> Path:
    path = tmp_path / "p.pool"
    with PoolStore.create_or_open(path) as store:
        run = store.open_run(RunKey("m"), {})
        for name in ("a", "b"):
            store.add_problem(Problem(name, "?", "4"))
            store.add(run, name, [Sample("so 4", "4", index=i) for i in range(3)], [True] * 3)
            store.decided(name)
        assert store.seal() == 6 and store.seal() == 0
    return path


def part_of(path: Path) -> Path:
    (part,) = (path / "parts").iterdir()
    return part


def test_a_part_is_a_parquet_pool_by_itself(grown: Path) -> None:
    alone = read_parquet(part_of(grown))
    with PoolStore.read(grown) as store:
        assert [replace(entry, meta={}) for entry in store.to_pool().entries] == list(alone.entries)


def test_samples_are_sealed_when_enough_have_gathered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tts.pool.sqlite.store, "PART", 4)
    with PoolStore.create_or_open(tmp_path / "p.pool") as store:
        run = store.open_run(RunKey("m"), {})
        for name in ("a", "b", "c"):
            store.add_problem(Problem(name, "?"))
            store.add(run, name, [Sample("", "4", index=i) for i in range(2)])
            store.decided(name)
        assert len(list((tmp_path / "p.pool" / "parts").iterdir())) == 1
        assert store._connection.execute("SELECT count(*) FROM samples").fetchone() == (2,)
        assert store.missing(run, "a", 4) == [2, 3] and store.runs()[0].samples == 6


def test_a_part_that_is_missing_cut_short_or_not_listed_is_one_sentence(grown: Path, tmp_path: Path) -> None:
    part = part_of(grown)
    data = part.read_bytes()
    shutil.copy(part, part.with_name("other.parquet"))
    with PoolStore.read(grown) as store:
        assert store.unlisted() == ["parts/other.parquet"] and store.to_pool().facts.samples == 6
    part.write_bytes(data[:-9])
    for opened in (PoolStore.read, PoolStore.create_or_open):
        with pytest.raises(InputError, match=rf"p\.pool: part parts/{part.name} has {len(data) - 9} bytes and was"):
            opened(grown)
    part.unlink()
    with pytest.raises(InputError, match=rf"p\.pool: part parts/{part.name} is missing: copy the whole folder again"):
        PoolStore.read(grown)
    part.write_bytes(b"x" * len(data))
    with PoolStore.read(grown) as store, pytest.raises(InputError, match=r"part-.*\.parquet: cannot be read"):
        store.to_pool()
    (tmp_path / "empty.pool").mkdir()
    with pytest.raises(InputError, match=r"empty\.pool: no pool: it is no folder with live\.sqlite"):
        PoolStore.read(tmp_path / "empty.pool")


def test_what_a_killed_process_announced_and_did_not_list_is_removed(grown: Path) -> None:
    left = part_of(grown).with_name("part-000002-00000000.parquet")
    left.write_bytes(b"half")
    left.with_name(".tmp-part-000003.parquet").write_bytes(b"half")
    with PoolStore.create_or_open(grown) as store:
        store._connection.execute("INSERT INTO parts (id, file) VALUES (2, ?)", (left.name,))
    with PoolStore.create_or_open(grown) as store:
        assert store.to_pool().facts.samples == 6 and store.unlisted() == []
    assert [path.name[:11] for path in (grown / "parts").iterdir()] == ["part-000001"]


def test_a_failed_seal_leaves_the_samples_where_they_are(grown: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise InputError("no space left")

    with PoolStore.create_or_open(grown) as store:
        entry = Entry(Problem("c", "?"), (Sample("", "5"),), (None,))
        store.add_problem(entry.problem)
        store.add(1, "c", entry.samples)
        store.decided("c")
        monkeypatch.setattr("tts.pool.sqlite.sealing.write_part", full)
        with pytest.raises(InputError, match="no space"):
            store.seal()
        assert store.to_pool().facts.samples == 7
