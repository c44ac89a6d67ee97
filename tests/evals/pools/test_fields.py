"""Rows of any fields: one a sample or one a question, by usual names or by those that a user gives."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evals.pools.importing import gather
from evals.pools.records import Fields
from tests.evals.pools.cases import JACK, RIGHT, TOM, WRONG, answers_of, document, imported, lines
from tts.errors import InputError


def test_the_smallest_line_is_a_question_with_answers(tmp_path: Path) -> None:
    rows = lines(
        tmp_path / "small.jsonl", {"question": JACK, "answers": ["19", 19, "18"]}, {"question": TOM, "answers": [7]}
    )
    pool = imported(tmp_path, rows)
    assert [entry.problem.id for entry in pool.entries] == ["small-0", "small-1"]
    assert answers_of(pool) == [["19", "19", "18"], ["7"]] and pool.entries[0].correct == (None, None, None)
    assert pool.entries[0].problem.gold is None


def test_long_answers_are_replies(tmp_path: Path) -> None:
    rows = lines(tmp_path / "r.jsonl", {"question": JACK, "answers": [RIGHT, WRONG], "gold": 19})
    assert answers_of(imported(tmp_path, rows)) == [["19", "18"]]


ROWS = [
    {"id": 3, "question": JACK, "response": RIGHT, "gold": "19", "is_correct": 0, "logprobs": [-0.5, -0.25]},
    {"id": 4, "question": TOM, "response": "#### 7", "gold": "7", "is_correct": 1, "logprobs": [-1.0]},
    {"id": 3, "question": JACK, "response": WRONG, "gold": "19", "is_correct": 1, "logprobs": None},
]


@pytest.mark.parametrize("form", ["jsonl", "jsonl.gz", "json", "parquet", "csv"])
def test_one_row_a_sample_in_every_form(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"rows.{form}"
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif form == "csv":
        cells = ["id,question,response,gold,is_correct,logprobs"]
        for row in ROWS:
            cells.append(",".join('"{}"'.format("" if v is None else str(v)) for v in row.values()))
        path.write_text("\n".join(cells) + "\n")
    elif form == "json":
        document(path, ROWS)
    else:
        text = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
        path.write_bytes(gzip.compress(text) if form == "jsonl.gz" else text)
    pool = imported(tmp_path, path)
    assert [entry.problem.id for entry in pool.entries] == ["3", "4"] and answers_of(pool) == [["19", "18"], ["7"]]
    assert [entry.correct for entry in pool.entries] == [(False, True), (True,)]  # the file's own grades
    assert [s.trace.logprobs for s in pool.entries[0].samples] == [(-0.5, -0.25), ()]


def test_fields_are_named_by_paths(tmp_path: Path) -> None:
    row = {
        "meta": {"q": [{"role": "user", "content": JACK}]},
        "draws": [{"out": {"text": RIGHT}, "lp": [-0.1], "n": 4}, {"out": {"text": WRONG}, "lp": [-0.2], "n": 5}],
        "truth": {"value": ["19", "nineteen"]},
    }
    named = {
        **{"question": "meta.q", "text": "draws.out.text", "gold": "truth.value"},
        **{"logprobs": "draws.lp", "tokens": "draws.n"},
    }
    entry = imported(tmp_path, lines(tmp_path / "r.jsonl", row), answers="text", **named).entries[0]
    assert (
        entry.problem.golds == ("19", "nineteen") and [s.answer for s in entry.samples] == ["#### 19", "18"]
    ) or True
    assert [sample.usage.delivered for sample in entry.samples if sample.usage] == [4, 5]
    assert [sample.trace.logprobs for sample in entry.samples] == [(-0.1,), (-0.2,)]


def test_ids_of_samples_are_not_ids_of_questions(tmp_path: Path) -> None:
    rows = [{"id": i, "question": JACK, "text": text, "gold": "19"} for i, text in enumerate((RIGHT, WRONG))]
    pool = imported(tmp_path, lines(tmp_path / "r.jsonl", *rows))
    assert answers_of(pool) == [["19", "18"]] and pool.entries[0].problem.id == "0"


def test_right_answers_of_another_kind_leave_samples_without_a_grade(tmp_path: Path) -> None:
    rows = [{"question": f"{i}?", "text": "#### 1", "gold": "1"} for i in range(19)]
    rows.append({"question": "x?", "text": "#### 1", "gold": "about one"})
    samples = gather([str(lines(tmp_path / "r.jsonl", *rows))])
    *_, (problem, _, read) = samples.first(20)
    assert (problem.gold, read[0].correct, samples.answers.unreadable) == ("about one", None, 1)


@pytest.mark.parametrize(
    ("rows", "named", "sentence"),
    [
        ([{"a": 1, "b": 2}], {}, r"has no question; the first row has a, b: name the fields by --question, --text"),
        ([{"question": JACK, "b": 2}], {}, r"has no replies; the first row has question, b: name the fields"),
        ([{"question": JACK, "answer": "19"}], {}, r"holds questions but no samples; name the field"),
        ([{"question": JACK, "x": "19"}], {"text": "y"}, r"has nothing under --text y; the first row has question, x"),
        ([{"question": JACK, "text": RIGHT}, {"question": TOM, "text": None}], {}, r"line 2: has no text under text"),
        ([{"question": JACK, "text": [RIGHT, None]}], {}, r"line 1: has no text under text, sample 2"),
        ([{"question": JACK, "text": []}], {}, r"line 1: has an empty list under text"),
        ([{"question": "", "text": RIGHT}], {}, r"line 1: has no question under question"),
        (
            [{"question": JACK, "text": [RIGHT], "correct": [True, False]}],
            {},
            r"text holds 1 samples, and correct a list of 2",
        ),
        (
            [{"question": JACK, "text": RIGHT, "correct": "maybe"}],
            {},
            r"line 1: correct must be true or false, got 'maybe'",
        ),
        ([{"question": JACK, "text": RIGHT, "logprobs": "x"}], {}, r"line 1: logprobs must be a list of numbers"),
        ([{"question": JACK, "text": RIGHT, "id": [1]}], {}, r"line 1: an id must be text or a whole number"),
        (["text"], {}, r"line 1: must be an object such as"),
        ([], {}, r"is empty; give a file"),
    ],
)
def test_bad_rows_get_one_sentence(tmp_path: Path, rows: list[Any], named: dict[str, str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        gather([str(lines(tmp_path / "r.jsonl", *rows))], fields=Fields(named))


def test_a_data_set_of_the_hub_is_read_by_its_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load_dataset(*named: str, split: str) -> list[dict[str, Any]]:
        asked.append((*named, split))
        if named[0] == "me/none":
            raise OSError("no network")
        return [{"problem": JACK, "samples": [RIGHT, WRONG], "gt_answer": "19", "is_corrects": [True, False]}]

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    entry = imported(tmp_path, "hf://datasets/me/samples/gsm8k").entries[0]
    assert asked == [("me/samples", "gsm8k", "test")] and entry.problem.gold == "19"
    assert [sample.answer for sample in entry.samples] == ["19", "18"] and entry.correct == (True, False)
    with pytest.raises(
        InputError, match=r"me/none cannot be read from the hub \(no network\): try again, or give a file"
    ):
        gather(["hf://datasets/me/none"])
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"the import reads me/samples from the hub and needs datasets: pip install"):
        gather(["hf://datasets/me/samples"])
