"""Files of questions: what they may hold, and one sentence for a bad file or line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from evals.tasks import TaskConfig, load_task
from tests.evals.tasks.cases import written
from tts.errors import InputError


def test_a_compressed_file_and_the_problems_of_a_seed(tmp_path: Path, scored: str) -> None:
    packed = tmp_path / "test.jsonl.gz"
    packed.write_bytes(gzip.compress(Path(scored).read_bytes()))
    everything = load_task(TaskConfig(name="gsm8k", path=str(packed))).problems
    assert everything == load_task(TaskConfig(name="gsm8k", path=scored)).problems
    few, more, other = (
        load_task(TaskConfig(name="gsm8k", path=scored, questions=n, seed=seed)).problems
        for n, seed in ((6, 0), (12, 0), (6, 1))
    )
    assert set(few) < set(more) < set(everything)
    assert set(other) != set(few)
    assert list(more) == [p for p in everything if p in more]
    assert load_task(TaskConfig(name="gsm8k", path=scored, questions=99)).problems == everything


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "marked.jsonl").write_text('{"question": "?", "answer": "5"}\n', encoding="utf-8-sig")
    assert load_task(TaskConfig(name="jsonl", path=str(tmp_path / "marked.jsonl"))).problems[0].gold == "5"


def test_a_file_of_ones_own_may_have_ids_and_bare_golds(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "question": "?", "gold": 5},
        {"question": "!", "answer": "1,000"},
        {"question": ";", "gold": "1/2"},
    ]
    task = load_task(TaskConfig(name="jsonl", path=written(tmp_path / "own.jsonl", rows), split="mine"))
    assert [(p.id, p.gold, p.task) for p in task.problems] == [
        ("a", "5", "jsonl"),
        ("jsonl-mine-1", "1000", "jsonl"),
        ("jsonl-mine-2", "0.5", "jsonl"),
    ]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            '{"question": "?"}',
            r"bad\.jsonl, line 3: has no gold answer, and other lines have one; expected a number",
        ),
        ('{"question": "?", "answer": "well"}', r"line 3: no number can be read from its answer 'well'; expected"),
        ('{"question": "?", "answer": "5\\n####"}', r"line 3: no number can be read"),
        ('{"question": "?", "answer": true}', r"line 3: no number can be read from its answer True"),
        ('{"question": "?", "gold": [1, "one"]}', r"line 3: no number can be read from its answer 'one'"),
        ('{"question": "a \\ud800", "answer": "5"}', r"line 3: question holds the lone surrogate"),
        ('{"answer": "#### 5"}', r"line 3: has no question"),
        ('{"question": " ", "answer": "#### 5"}', r"line 3: has no question"),
        ('{"question": "?", "answer": "#### 5", "id": 7.5}', r"line 3: id must be text or an integer, got 7\.5"),
        ('{"question": "?", "answer": "#### 5", "id": "a"}', r"line 3: the id 'a' is given twice"),
        ("[1]", r"line 3: must be an object such as"),
        ("{", r"line 3: is no JSON \("),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, sentence: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(f'{{"id": "a", "question": "?", "answer": "#### 5"}}\n\n{line}\n')
    with pytest.raises(InputError, match=sentence) as caught:
        load_task(TaskConfig(name="jsonl", path=str(path)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "no such file"),
        (b"\n\n", "holds no questions"),
        (b"\xff\xfe", "is no UTF-8 text"),
        (b"\x1f\x8bhalf", "is a damaged gzip file"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    path = tmp_path / "bad.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=rf"bad\.jsonl: {sentence}"):
        load_task(TaskConfig(name="gsm8k", path=str(path)))
