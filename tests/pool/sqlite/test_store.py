"""The SQLite pool keeps every field, never overwrites, and refuses what is no pool."""

from __future__ import annotations

import math
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pool.cases import left_in, pools
from tests.pool.sqlite.cases import KEY, PROBLEM, filled
from tests.support.examples import examples
from tts.errors import InputError
from tts.pool import Pool, PoolStore, RunKey
from tts.pool.sqlite.run_reader import RunReader
from tts.pool.sqlite.scores import digest_of
from tts.types import End, Problem, Sample, Trace, Usage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pool.sqlite"


@settings(max_examples=examples(60), deadline=None)
@given(pools())
def test_every_field_of_every_sample_comes_back(pool: Pool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pool.sqlite"
        with PoolStore.create_or_open(path) as store:
            run = store.open_run(RunKey(""), {})
            store.add_problems((e.problem, e.meta) for e in pool.entries)
            scorers = {label: store.open_scorer(label, {"name": label}) for label in pool.scorers}
            for entry in reversed(pool.entries):
                store.add(run, entry.problem.id, entry.samples[::-1], entry.correct[::-1])
                for label, scores in entry.scores.items():
                    by_index = zip((sample.index for sample in entry.samples), scores, strict=True)
                    given = {index: score for index, score in by_index if score is not None}
                    store.add_scores(run, scorers[label], entry.problem.id, given)
        with PoolStore.read(path) as store:
            assert store.to_pool().entries == pool.entries


@settings(max_examples=examples(30), deadline=None)
@given(pools())
def test_a_digest_is_kept_while_rows_are_written_in_any_order(pool: Pool) -> None:
    found = set()
    with tempfile.TemporaryDirectory() as folder:
        for name, backwards in (("one", False), ("two", True)):
            with PoolStore.create_or_open(f"{folder}/{name}.db") as store:
                run = store.open_run(RunKey(""), {})
                store.add_problems((e.problem, e.meta) for e in pool.entries)
                scorers = {label: store.open_scorer(label, {"name": label}) for label in sorted(pool.scorers)}
                for entry in reversed(pool.entries) if backwards else pool.entries:
                    graded = [*zip(entry.samples, entry.correct, strict=True)]
                    for sample, grade in reversed(graded) if backwards else graded:
                        store.add(run, entry.problem.id, [sample], [grade])
                    for label, scores in entry.scores.items():
                        by_index = zip((sample.index for sample in entry.samples), scores, strict=True)
                        given = {index: score for index, score in by_index if score is not None}
                        store.add_scores(run, scorers[label], entry.problem.id, given)
                store.put_trace(run, entry.problem.id, entry.samples[0].index, Trace((-0.5,)))
                store.reread(run, "other", lambda *_: ("7", None))
                computed = digest_of(store._connection, run)
                assert computed == store._connection.execute("SELECT digest, samples FROM runs").fetchone()
                found.add(store.to_pool().sha256)
                if backwards:
                    store.reread(run, "third", lambda *_: ("8", None))
                    texts = any(not sample.calls for entry in pool.entries for sample in entry.samples)
                    assert (store.to_pool().sha256 not in found) == texts, "calls stay the answer that they are"
    assert len(found) == 1 + (len(pool.entries) > 1)


@given(st.floats(), st.floats())
@settings(max_examples=examples(30), deadline=None)
def test_traces_keep_nan_and_infinities(one: float, other: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pool = filled(Path(folder) / "p.sqlite", Sample("", "4", trace=Trace((one, other), {3: (other,), 5: ()})))
    trace = pool.entries[0].samples[0].trace
    assert np.array_equal(trace.logprobs, (one, other), equal_nan=True)
    assert list(trace.watched) == [3, 5] and np.array_equal(trace.watched[3], (other,), equal_nan=True)


def test_numpy_numbers_are_kept_as_numbers(path: Path) -> None:
    given = Sample(
        "x",
        "4",
        confidence=np.float32(0.25),  # type: ignore[arg-type]
        index=np.int64(3),  # type: ignore[arg-type]
        token_ids=tuple(np.arange(3)),
        trace=Trace(tuple(np.array([-0.5, -1.0])), steps=tuple(np.array([True, False])), probe=np.float32(0.5)),  # type: ignore[arg-type]
        usage=Usage(delivered=np.int64(7)),  # type: ignore[arg-type]
    )
    pool = filled(path, given, correct=[np.bool_(True)])  # type: ignore[list-item]
    assert pool.entries[0].samples == (
        Sample(
            "x",
            "4",
            confidence=0.25,
            index=3,
            token_ids=(0, 1, 2),
            trace=Trace((-0.5, -1.0), steps=(True, False), probe=0.5),
            usage=Usage(delivered=7),
        ),
    )
    assert pool.entries[0].correct == (True,)


def test_a_sample_is_never_overwritten_and_its_batch_not_half_kept(path: Path) -> None:
    with PoolStore.create_or_open(path) as store:
        store.add_problem(PROBLEM)
        run = store.open_run(KEY, {})
        store.add(run, "q1", [Sample("first", "1", index=1)])
        with pytest.raises(InputError, match=r"run 1 holds sample 1 of question 'q1' already; samples are never over"):
            store.add(run, "q1", [Sample("new", "2", index=0), Sample("second", "2", index=1)])
        with pytest.raises(InputError, match="holds sample 5"):
            store.add(run, "q1", [Sample("", "2", index=5), Sample("", "2", index=5)])
        assert store.missing(run, "q1", 3) == [0, 2]
        assert store.to_pool().entries[0].samples == (Sample("first", "1", index=1),)


def test_equal_keys_are_one_run_and_every_part_of_the_key_tells_runs_apart(path: Path) -> None:
    keys = [
        KEY,
        RunKey("other", "r1", "Q: {question}", {"temperature": 0.7, "n": 1}),
        RunKey("toy", "r2", "Q: {question}", {"temperature": 0.7, "n": 1}),
        RunKey("toy", "r1", "{question}", {"temperature": 0.7, "n": 1}),
        RunKey("toy", "r1", "Q: {question}", {"temperature": 0.8, "n": 1}),
    ]
    with PoolStore.create_or_open(path) as store:
        assert [store.open_run(key, {"seed": 1}) for key in keys] == [1, 2, 3, 4, 5]
        reordered = RunKey("toy", "r1", "Q: {question}", {"n": 1.0, "temperature": 0.7})
        assert store.open_run(reordered, {"seed": 2, "paths": ["a"]}) == 1
        runs = store.runs()
    assert [run.key for run in runs] == keys
    assert runs[0].config == {"seed": 2, "paths": ["a"]} and "python" in runs[0].versions


def test_the_latest_run_with_samples_is_read_where_none_is_named(path: Path) -> None:
    with PoolStore.create_or_open(path) as store:
        store.add_problem(PROBLEM, {"level": "3"})
        with pytest.raises(InputError, match="holds no samples yet"):
            store.to_pool()
        one, two = store.open_run(KEY, {}), store.open_run(RunKey("other"), {})
        store.add(two, "q1", [Sample("", "4")])
        store.open_run(RunKey("cut", sampling={"until": "group_below"}), {})
        store.open_run(KEY, {})
        assert store.to_pool() == store.to_pool(two)
        with pytest.raises(InputError, match="run 1 holds no samples yet"):
            store.to_pool(one)
        with pytest.raises(InputError, match="no run 9; it holds 1"):
            store.to_pool(9)
        assert store.to_pool(two).entries[0].meta == {"level": "3", "model": "other"}


def test_a_problem_may_be_added_again_only_unchanged(path: Path) -> None:
    with PoolStore.create_or_open(path) as store:
        store.add_problem(PROBLEM, {"level": "3"})
        store.add_problems([(PROBLEM, {"level": "3"}), Problem("q2", "?")])
        for problem, meta in [(Problem("q1", "2+2?", "5"), {"level": "3"}), (PROBLEM, {"level": "4"}), (PROBLEM, {})]:
            with pytest.raises(InputError, match="question 'q1' is there already with another text, gold"):
                store.add_problems([Problem("q3", "?"), (problem, meta)])
        with pytest.raises(InputError, match="no question 'q3'"):
            store.missing(store.open_run(KEY, {}), "q3", 1)


@pytest.mark.parametrize(
    ("sample", "correct", "sentence"),
    [
        (Sample(answer="4", confidence=math.nan), None, "confidence must be a finite number or None, got nan"),
        (Sample(answer="4", confidence=-math.inf), None, "confidence must be a finite number or None, got -inf"),
        (Sample(answer="4", index=-1), None, "index must be from 0 to"),
        (Sample(answer=""), None, "answer must not be empty"),
        (Sample(answer=None), True, "correct must not be true where no answer could be read"),
        (Sample("\ud800", "4"), None, r"text holds the lone surrogate '\\ud800'"),
        (Sample(answer="4", error="\udfff"), None, "error holds the lone surrogate"),
        (Sample(answer="4", usage=Usage(aborted=-1)), None, "usage.aborted must be a count from 0 to .*, got -1"),
        (Sample(answer="4", token_ids=(1, 2**31)), None, "token ids must be from -2147483648 to 2147483647"),
        (Sample(answer="4", trace=Trace(watched={-(2**40): ()})), None, "token ids must be"),
        (Sample(answer="4", trace=Trace(owners={"x": (3,)})), None, "owner 'x' must own watched tokens, got 3"),
        (Sample(answer="4", trace=Trace(owners={"x": ()})), None, "owner 'x' must own watched tokens, got none"),
        (Sample(answer="4", trace=Trace(probe=math.nan)), None, "probe must be a finite number or None, got nan"),
    ],
)
def test_a_field_out_of_range_is_refused_whole(path: Path, sample: Sample, correct: bool | None, sentence: str) -> None:
    with PoolStore.create_or_open(path) as store:
        store.add_problem(PROBLEM)
        run = store.open_run(KEY, {})
        with pytest.raises(InputError, match=f"question 'q1', sample {sample.index}: {sentence}"):
            store.add(run, "q1", [Sample("", "1", index=9), sample], [None, correct])
        assert store.missing(run, "q1", 10) == list(range(10))


def test_other_wrong_arguments_are_sentences(path: Path) -> None:
    with PoolStore.create_or_open(path) as store:
        store.add_problem(PROBLEM)
        run = store.open_run(KEY, {})
        with pytest.raises(InputError, match="one grade a sample, got 1 for 2 samples"):
            store.add(run, "q1", [Sample("", "1"), Sample("", "1", index=1)], [True])
        with pytest.raises(InputError, match="no question 'q9'; add it with add_problem first"):
            store.add(run, "q9", [Sample("", "1")])
        with pytest.raises(InputError, match=r"no run 4; it holds 1, which `tts pool info"):
            store.add(4, "q1", [Sample("", "1")])
        with pytest.raises(InputError, match="sampling parameter 'stop\\[0\\]' must be a JSON value, got <object"):
            store.open_run(RunKey("m", sampling={"stop": [object()]}), {})
        with pytest.raises(InputError, match="sampling parameter 'top_p' must be a JSON value, got nan"):
            store.open_run(RunKey("m", sampling={"top_p": math.nan}), {})
        with pytest.raises(InputError, match="a run's config must hold JSON values only"):
            store.open_run(KEY, {"path": path})
        with pytest.raises(InputError, match="question '': id must not be empty"):
            store.add_problem(Problem("", "?"))
        with pytest.raises(InputError, match="meta must not use the name 'gold'"):
            store.add_problem(Problem("q2", "?"), {"gold": "1"})
        with pytest.raises(InputError, match="question 'q2': meta 'level' must be a string, got 3"):
            store.add_problem(Problem("q2", "?"), {"level": 3})  # type: ignore[dict-item]


def test_a_reader_cannot_write(path: Path) -> None:
    filled(path, Sample("", "4"))
    with PoolStore.read(path) as store, pytest.raises(InputError, match="opened for reading; open it with create_or"):
        store.add(1, "q1", [Sample("", "4", index=1)])


def test_a_closed_pool_is_one_plain_file_that_reading_leaves_alone(path: Path) -> None:
    filled(path, Sample("", None, End.FAILED, error="timed out"))
    before = path.read_bytes()
    assert left_in(path.parent) == {"pool.sqlite", "pool.sqlite.lock"}
    with PoolStore.read(path) as store:
        store.to_pool()
    assert path.read_bytes() == before and left_in(path.parent) == {"pool.sqlite", "pool.sqlite.lock"}
    store.close()


def test_it_is_in_wal_mode_while_written(path: Path) -> None:
    with PoolStore.create_or_open(path), closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_pool_is_read_as_it_was_at_one_moment_while_it_is_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PoolStore.create_or_open(path) as store:
        run = store.open_run(KEY, {})
        for problem in (PROBLEM, Problem("q2", "3+3?", "6")):
            store.add_problem(problem)
            store.add(run, problem.id, [Sample("so 4", "4")])
        reader = RunReader(str(path), run)
        store.add(run, "q1", [Sample("so 5", "5", index=1)])
        assert [len(entry.samples) for entry in reader.pool().entries] == [1, 1]
        assert [len(entry.samples) for entry in RunReader(str(path), run).pool().entries] == [2, 1]
        monkeypatch.setattr("tts.pool.sqlite.run_reader.HELD", 0)
        larger = RunReader(str(path), run).pool()
        store.add(run, "q2", [Sample("so 5", "5", index=1)])
        with pytest.raises(InputError, match="while it was read"):
            larger.entries[0]
