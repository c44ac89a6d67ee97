"""``tts answers``: what is read from pools, lines, texts and standard input, and one sentence for bad input."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.cli.cases import Tts

LINES = [
    {"text": "So the answer is \\boxed{18}. I checked it in 3 ways.", "answer": "3"},
    {"text": "16 - 7 = 9\n#### 18", "answer": "18.0"},
    {"text": "Hmm, maybe 5 or 6", "id": "q7"},
]


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "replies.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return path


def test_each_reply_has_its_answer_its_mark_and_a_stored_answer_that_differs(tts: Tts, lines: Path) -> None:
    found = json.loads(tts("answers", lines, "--format", "json").out)
    assert [(row["reply"], row["answer"], row["mark"], row["stored"]) for row in found] == [
        ("1", "18", "box", "3"),
        ("2", "18", "####", None),
        ("q7", None, "none", None),
    ]
    assert found[0]["end"] == LINES[0]["text"]


def test_the_table_counts_the_marks_and_fits_eighty_columns(
    tts: Tts, lines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = tts("answers", lines).out
    assert "3 replies read as number: box 1, #### 1, none 1; 1 differs from the stored answer\n" in out
    assert "--guess takes its last number" in out
    assert all(len(line) <= 80 for line in out.splitlines()[1:])
    out = tts("answers", lines, "guess=true", "limit=1").out
    assert "last number 1" in out and "2 more: limit=3 shows all" in out


def test_a_text_and_standard_input_are_one_reply(tts: Tts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tmp_path / "reply.txt"
    text.write_text("First (A).\nAnswer: (B)\n")
    assert "1 reply read as choice: choice 1" in tts("answers", text).out
    monkeypatch.setattr("sys.stdin", io.StringIO("It is $\\boxed{\\frac12 x}$."))
    assert "1 reply read as math: box 1" in tts("answers", "-").out


@pytest.mark.parametrize(
    ("content", "arguments", "sentence"),
    [
        ('{"answer": "5"}\n', (), 'line 1 has no field "text" with the reply'),
        ('{"text": "5"}\n[1]\n', (), 'line 2 has no field "text" with the reply'),
        ("5\n", (), "line 1 is no JSON object"),
        ("", (), "is empty"),
        ('{"text": "5"}\n', ("limit=0",), "limit must be at least 1, got 0"),
        ('{"text": "5"}\n', ("answers=mth",), "unknown kind of answers 'mth'"),
        ('{"text": "5"}\n', ("run=1",), "only SQLite pools hold runs"),
        (
            '{"id": "q", "question": "?", "gold": "5", "samples": [{"answer": "5"}]}\n',
            (),
            "holds answers without their replies",
        ),
    ],
)
def test_bad_input_is_one_sentence(
    tts: Tts, tmp_path: Path, content: str, arguments: tuple[str, ...], sentence: str
) -> None:
    path = tmp_path / "replies.jsonl"
    path.write_text(content)
    ran = tts("answers", path, *arguments)
    assert ran.status == 2 and sentence in ran.err and ran.err.count("\n") == 1


def test_a_missing_file_and_one_of_bytes_are_one_sentence(tts: Tts, tmp_path: Path) -> None:
    assert "cannot read" in tts("answers", tmp_path / "missing.txt").err
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    assert "is no text in UTF-8" in tts("answers", tmp_path / "bytes.txt").err


def test_a_pool_is_read_as_its_run_did(tts: Tts, tmp_path: Path) -> None:
    pool = tmp_path / "run.sqlite"
    ran = tts("sample", "engine.kind=fake", "task.questions=4", "samples=2", "task.extract=flexible", f"out={pool}")
    assert ran.status == 0, ran.err
    out = " ".join(tts("answers", pool).out.split())
    assert "as the run did: 8 replies read as number" in out and "differ" not in out
    assert "as the run did" not in tts("answers", pool, "--no-guess").out
