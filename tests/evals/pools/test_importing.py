"""Imports: files are joined, pools are added to or refused, and nothing is half-written."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from evals.pools import importing
from evals.pools.importing import gather, write
from tests.evals.pools.cases import JACK, RIGHT, TOM, WRONG, answers_of, imported, lines, log_line
from tts.errors import InputError
from tts.pool import PoolStore, load_pool, read_pool


def test_files_are_joined_by_question_and_models_are_runs(tmp_path: Path) -> None:
    one = lines(tmp_path / "one.jsonl", {"question": JACK, "text": RIGHT, "gold": "19", "model": "a"})
    two = lines(
        tmp_path / "two.jsonl",
        {"question": JACK, "text": WRONG, "model": "b"},
        {"question": TOM, "text": "7", "model": "a"},
    )
    imported(tmp_path, two, one)
    with PoolStore.read(tmp_path / "imported.sqlite") as store:
        assert [(run.key.model, run.samples, run.reading) for run in store.runs()] == [
            ("b", 1, "flexible"),
            ("a", 2, "flexible"),
        ]
        assert store.to_pool(1).entries[0].correct == (False,)
        assert [entry.problem.id for entry in store.to_pool(2).entries] == ["two-0", "two-1"]


def test_another_task_is_refused(tmp_path: Path) -> None:
    one = lines(tmp_path / "samples_a_2026-11-29T02-20-55.1.jsonl", log_line(0, JACK, "19", RIGHT))
    two = lines(tmp_path / "samples_b_2026-11-29T02-20-55.1.jsonl", log_line(0, TOM, "7", "7"))
    with pytest.raises(InputError, match=r"is of the task b, and .*import each task into a pool of its own"):
        gather([str(one), str(two)])
    other = lines(tmp_path / "other.jsonl", {"id": "a-0", "question": TOM, "text": "7"})
    with pytest.raises(InputError, match=r"question 'a-0' is another one than in .*line 1"):
        gather([str(one), str(other)])
    pool = tmp_path / "p.sqlite"
    write(gather([str(one)]), pool)
    before = read_pool(pool)
    with pytest.raises(InputError, match=r"none of its questions is in .*which holds questions of the task a"):
        write(gather([str(two)]), pool, add=True)
    with pytest.raises(InputError, match=r"question 'a-0' is another one"):
        write(gather([str(other)]), pool, add=True)
    with pytest.raises(InputError, match=r"exists already"):
        write(gather([str(one)]), pool)
    assert read_pool(pool) == before and len(PoolStore.read(pool).runs()) == 1
    with pytest.raises(InputError, match=r"does not exist, so that nothing can be added"):
        write(gather([str(one)]), tmp_path / "none.sqlite", add=True)
    assert not (tmp_path / "none.sqlite").exists()


def test_samples_are_added_once(tmp_path: Path) -> None:
    pool = tmp_path / "p.sqlite"
    one = lines(tmp_path / "one.jsonl", {"id": "q", "question": JACK, "text": RIGHT, "gold": 19})
    two = lines(tmp_path / "two.jsonl", {"question": JACK, "text": WRONG}, {"question": TOM, "text": "7"})
    write(gather([str(one)]), pool)
    added = write(gather([str(two)]), pool, add=True)
    assert list(added.runs.values()) == [2]
    found = read_pool(pool, run=2)
    assert [entry.problem.id for entry in found.entries] == ["q", "two-1"] and found.entries[0].correct == (False,)
    with pytest.raises(InputError, match="holds these samples already, as run 2"):
        write(gather([str(two)]), pool, add=True)
    assert answers_of(read_pool(pool, run=1)) == [["19"]]


def test_a_pool_is_a_source_too(tmp_path: Path) -> None:
    pool = imported(
        tmp_path, lines(tmp_path / "one.jsonl", {"question": JACK, "text": RIGHT, "gold": 19, "confidence": 0.5})
    )
    more = lines(tmp_path / "more.jsonl", {"question": JACK, "text": WRONG, "confidence": 0.25})
    (tmp_path / "again").mkdir()
    both = imported(tmp_path / "again", tmp_path / "imported.sqlite", more)
    assert both.entries[0].problem == pool.entries[0].problem and answers_of(both) == [["19", "18"]]
    assert [sample.confidence for sample in load_pool(both.path).entries[0].samples] == [0.5, 0.25]


def _apart(path: Path, *more: object) -> Path:
    """Write five rounds of samples of three questions by two models, so that samples of a question stand apart."""
    asked = [(f"{i} + 1?", i + 1, model) for i in range(3) for model in ("a", "b")]
    rows = [
        {"question": question, "text": f"#### {gold + turn % 2}", "gold": gold, "model": model}
        for turn in range(5)
        for question, gold, model in asked
    ]
    return lines(path, *rows, *more)


def test_a_pool_that_is_written_in_parts_is_that_of_one_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = _apart(tmp_path / "r.jsonl")
    whole = write(gather([str(source)]), tmp_path / "whole.sqlite")
    monkeypatch.setattr(importing, "_SAMPLES_AT_ONCE", 4)
    monkeypatch.setattr("tts.pool.sqlite.store.PART", 10)
    for name in ("parts.sqlite", "parts.pool"):
        assert write(gather([str(source)]), tmp_path / name) == whole
        with PoolStore.read(tmp_path / "whole.sqlite") as one, PoolStore.read(tmp_path / name) as other:
            assert [run.key for run in one.runs()] == [run.key for run in other.runs()]
        for run in whole.runs.values():
            one, other = (read_pool(tmp_path / file, run=run) for file in ("whole.sqlite", name))
            assert one.sha256 == other.sha256 and list(one.entries) == list(other.entries)
    assert len(list((tmp_path / "parts.pool" / "parts").iterdir())) > 1


def test_samples_are_added_all_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool, source = tmp_path / "p.sqlite", _apart(tmp_path / "r.jsonl")
    write(gather([str(source)]), pool)
    monkeypatch.setattr(importing, "_SAMPLES_AT_ONCE", 4)
    more = [{"question": "0 + 1?", "text": text, "model": model} for model, text in (("a", "2"), ("b", "\ud800"))]
    bad = _apart(tmp_path / "bad.jsonl", *more)
    with PoolStore.read(pool) as store:
        before = store.runs()
    with pytest.raises(InputError, match="question 'r-0'"):
        write(gather([str(bad)]), pool, add=True)
    with PoolStore.read(pool) as store:
        assert store.runs() == before
    with pytest.raises(InputError):
        write(gather([str(bad)]), tmp_path / "new.sqlite")
    assert not (tmp_path / "new.sqlite").exists()


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    source = _apart(tmp_path / "r.jsonl")
    samples = gather([str(source)])
    lines(source, {"question": "0 + 1?", "text": "#### 1", "gold": 1, "model": "a"})
    with pytest.raises(InputError, match="has changed while it was read"):
        write(samples, tmp_path / "p.sqlite")
    assert not (tmp_path / "p.sqlite").exists()


def test_the_memory_of_an_import_does_not_grow_with_its_file(tmp_path: Path) -> None:
    source = tmp_path / "r.jsonl"
    texts = [letter * 20_000 for letter in "abcdefgh"]
    with source.open("w") as file:
        for i in range(200):
            row = {"question": f"{i}?", "outputs": texts, "answers": [i] * 8, "gold": i}
            file.write(json.dumps(row) + "\n")
    tracemalloc.start()
    written = write(gather([str(source)]), tmp_path / "p.sqlite")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert written.right == written.samples == 1600
    assert peak < source.stat().st_size / 3
