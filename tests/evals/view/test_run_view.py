"""A run as the page asks for it: parts of lists, searches, questions with their neighbours, and growth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from evals.view.known import Query
from evals.view.run_view import RunView
from evals.view.sources import open_sources
from tests.evals.view.cases import POOL, STEPS, stored
from tts.errors import InputError
from tts.pool import PoolStore, write_jsonl


@pytest.fixture(params=["jsonl", "sqlite", "pool"])
def view(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunView]:
    """The same questions in memory, in a file, and in a folder with parts."""
    path = tmp_path / f"pool.{request.param}"
    if request.param == "jsonl":
        write_jsonl(POOL, path)
    else:
        stored(path)
    if request.param == "pool":
        with PoolStore.create_or_open(path) as store:
            for entry in POOL.entries:
                store.decided(entry.problem.id)
            assert store.seal() == 48
    [source] = open_sources(path)
    return RunView(source)


def ids(rows: list[dict[str, object]]) -> list[object]:
    return [row["id"] for row in rows]


def test_lists_come_in_parts_with_grades_and_decisions(view: RunView) -> None:
    names = [entry.problem.id for entry in POOL.entries]
    first = view.listed(Query(), 0, 5)
    assert ids(first["rows"]) == names[:5] and (first["next"], first["total"], first["of"]) == (5, 12, 12)
    last = view.listed(Query(), 10, 5)
    assert ids(last["rows"]) == names[10:] and last["next"] is None
    for row, entry in zip(first["rows"], POOL.entries, strict=False):
        expected = {"samples": 4, "graded": True, "right": sum(map(bool, entry.correct)), "decision": None}
        assert row == {**row, **expected, "question": entry.problem.question}
    for step in STEPS:
        view.known = view.learned(view.known, step)
    wrong = view.listed(Query(only="wrong"), 0, 100)
    assert ids(wrong["rows"]) == names[::3] and wrong["total"] == 4
    assert wrong["rows"][0]["decision"] == {"right": False, "cause": "unsolved"}


def test_a_search_reads_all_texts_in_either_case(view: RunView) -> None:
    names = {entry.problem.id: str(entry) for entry in POOL.entries}
    gold = POOL.entries[7].problem.gold
    expected = [name for name, text in names.items() if f"of {gold}." in text]
    assert ids(view.listed(Query(find=f"WORDING {gold}."), 0, 100)["rows"]) == expected
    assert view.listed(Query(find="nowhere"), 0, 100) == {**view.listed(Query(), 12, 1), "rows": []}
    found = view.listed(Query(find="synthetic-1"), 0, 2)
    assert ids(found["rows"]) == ["synthetic-1", "synthetic-10"] and found["next"] == 11


def test_a_question_has_its_samples_and_its_neighbours(view: RunView) -> None:
    keys = [row["place"] for row in view.listed(Query(), 0, 100)["rows"]]
    found = view.question(keys[3], Query())
    assert found is not None
    assert [found[key] for key in ("rank", "total", "previous", "next")] == [3, 12, keys[2], keys[4]]
    question, entry = found["question"], POOL.entries[3]
    assert [sample["text"] for sample in question["samples"]] == [sample.text for sample in entry.samples]
    assert [sample["right"] for sample in question["samples"]] == list(entry.correct) and question["decisions"] == []
    assert view.question(keys[0], Query())["previous"] is None  # type: ignore[index]
    assert view.question(10_000, Query()) is None
    for step in STEPS:
        view.known = view.learned(view.known, step)
    outside = view.question(keys[4], Query(only="wrong"))
    assert outside is not None
    assert [outside[key] for key in ("rank", "total", "previous", "next")] == [None, 4, keys[3], keys[6]]
    sought = view.question(keys[0], Query(find="synthetic-1"))
    assert sought is not None and sought["next"] == keys[1]


def test_a_run_that_grows_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "pool.sqlite"
    stored(path, questions=2)
    [source] = open_sources(path)
    view = RunView(source)
    before = view.state()
    assert (before["questions"], before["samples"], before["under_way"]) == (2, 8, None)
    with PoolStore.create_or_open(path) as store:
        entry = POOL.entries[2]
        store.add(1, entry.problem.id, entry.samples, entry.correct)
        during = view.state()
        assert (during["questions"], during["samples"], during["under_way"]) == (3, 12, 12)
        assert during["version"] != before["version"]
        assert view.listed(Query(), 2, 5)["rows"][0]["id"] == entry.problem.id
    after = view.state()
    assert after["under_way"] is None and after["version"] == during["version"]


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    path = tmp_path / "pool.sqlite"
    with pytest.raises(InputError, match="no such file"):
        open_sources(path)
    with PoolStore.create_or_open(path):
        pass
    with pytest.raises(InputError, match="holds no runs yet"):
        open_sources(path)
    stored(path)
    with pytest.raises(InputError, match="no run 7"):
        open_sources(path, [7])
    write_jsonl(POOL, tmp_path / "pool.jsonl")
    with pytest.raises(InputError, match="only SQLite pools hold runs"):
        open_sources(tmp_path / "pool.jsonl", [1])
    path.unlink()
    [source] = open_sources(tmp_path / "pool.jsonl")
    assert RunView(source).summary()["name"] == "pool.jsonl"
