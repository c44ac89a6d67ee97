"""JSON Lines pools: what is read from a line, what comes back, and a sentence for everything that is wrong."""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from tests.pool.cases import left_in, pools, small_pool
from tests.support.examples import examples
from tts.errors import InputError
from tts.pool import Entry, Pool, read_jsonl, write_jsonl
from tts.types import Problem, Sample, Trace, Usage


def line(*samples: dict[str, Any], **fields: Any) -> str:
    record = {"id": "a", "question": "2+2?", "gold": "4", "samples": list(samples) or [{"answer": "4"}], **fields}
    return json.dumps({key: value for key, value in record.items() if value is not ...})


def read(tmp_path: Path, *lines: str) -> Pool:
    path = tmp_path / "p.jsonl"
    path.write_text("".join(f"{text}\n" for text in lines), encoding="utf-8")
    return read_jsonl(path)


@settings(max_examples=examples(60), deadline=None)
@given(pools(uniform=True))
def test_what_is_written_comes_back(pool: Pool) -> None:
    unscored = {s.confidence is None for e in pool.entries for s in e.samples}
    assert len(unscored) == 1
    with tempfile.TemporaryDirectory() as folder:
        for name in ("p.jsonl", "p.jsonl.gz"):
            path = Path(folder) / name
            write_jsonl(pool, path)
            again = read_jsonl(path)
            assert again.entries == pool.entries
            assert again.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
            write_jsonl(again, Path(folder) / f"again-{name}")
            assert (Path(folder) / f"again-{name}").read_bytes() == path.read_bytes()
        assert (Path(folder) / "p.jsonl.gz").read_bytes()[4:8] == bytes(4)  # no time of writing in the gzip header
        for text in (Path(folder) / "p.jsonl").read_bytes().splitlines():
            json.loads(text, parse_constant=pytest.fail)  # strict JSON: no NaN, no Infinity


def test_watched_tokens_keep_their_order(tmp_path: Path) -> None:
    sample = Sample("", "4", trace=Trace(watched={9: (0.5,), 3: (0.25,)}))
    write_jsonl(Pool("x", "", (Entry(Problem("a", "?"), (sample,), (None,)),)), tmp_path / "p.jsonl")
    assert list(read_jsonl(tmp_path / "p.jsonl").entries[0].samples[0].trace.watched) == [9, 3]


def test_a_line_becomes_an_entry(tmp_path: Path) -> None:
    full = {"answer": " 4 ", "correct": True, "text": "2+2\u2028=4", "tokens": 7, "confidence": 1, "chars": 9}
    bare = {"answer": "", "correct": False, "text": None, "tokens": None, "confidence": None}
    pool = read(tmp_path, line(full, bare, model="m", group="g", level="Level 3", points=3, task="sums"))
    assert pool.entries == (
        Entry(
            Problem("a", "2+2?", "4", "sums"),
            (
                Sample("2+2\u2028=4", " 4 ", confidence=1.0, index=0, usage=Usage(delivered=7)),
                Sample("", None, index=1),
            ),
            (True, False),
            {"model": "m", "group": "g", "level": "Level 3"},
        ),
    )
    assert pool.models == ("m",) and pool.has_confidence and not pool.has_tokens
    assert pool.path == str(tmp_path / "p.jsonl")


def test_grades_that_are_not_there(tmp_path: Path) -> None:
    graded = line({"answer": "4", "correct": True}, {"answer": ""}, {"answer": "5"}, {"answer": None, "correct": None})
    ungraded = line({"answer": "4"}, {"answer": ""}, id="b", gold=None)
    pool = read(tmp_path, graded, ungraded)
    assert pool.entries[0].correct == (True, False, None, None)
    assert pool.entries[1].correct == (None, None) and pool.entries[1].problem.gold is None


def test_confidence_may_be_any_finite_number_and_miss_on_unparsed_samples(tmp_path: Path) -> None:
    pool = read(tmp_path, line({"answer": "4", "confidence": -4.28}, {"answer": ""}, {"answer": "5", "confidence": 60}))
    assert [s.confidence for s in pool.entries[0].samples] == [-4.28, None, 60.0]
    assert pool.has_confidence
    assert not read(tmp_path, line({"answer": ""})).has_confidence


def test_blank_lines_a_bom_and_windows_line_ends_are_harmless(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + f"{line()}\r\n\r\n{line(id='b')}".encode())
    assert [entry.problem.id for entry in read_jsonl(path).entries] == ["a", "b"]


SAMPLE = {"answer": "4", "correct": True}
BAD_LINES = [
    ('{"id": "a", ', r"not valid JSON at column 1\d: [A-Z]"),
    ("[" * 100_000, "maximum recursion depth exceeded"),
    ('{"n": ' + "1" * 5000 + "}", "Exceeds the limit"),
    ("[1, 2]", r"must be a JSON object, got \[1, 2\]"),
    ("null", "must be a JSON object, got null"),
    (line(id=...), "key 'id' is missing; a line needs id, question and samples"),
    (line(question=...), "key 'question' is missing"),
    (line(samples=...), "key 'samples' is missing"),
    (line(id=7), "key 'id' must be a string, got 7"),
    (line(id=""), "question '': id must not be empty"),
    (line(question=["x" * 100]), r"key 'question' must be a string, got \[\"x{55}\.\.\."),
    (line(gold=4), "key 'gold' must be a string, got 4"),
    (line(model=1), "key 'model' must be a string, got 1"),
    (line(task=1), "key 'task' must be a string, got 1"),
    (line(samples={}), "key 'samples' must be a list of objects, got {}"),
    (line(samples=[]), "key 'samples' must hold at least one sample, got an empty list"),
    (line(SAMPLE, samples=[SAMPLE, "4"]), r"key 'samples\[1\]' must be an object, got \"4\""),
    (line(SAMPLE, {"correct": True}), r"key 'samples\[1\].answer' is missing; give an empty string where no answer"),
    (line({"answer": 4}), r"key 'samples\[0\].answer' must be a string, got 4"),
    (line({"answer": "4", "text": []}), r"key 'samples\[0\].text' must be a string, got \[\]"),
    (line({"answer": "4", "correct": 1}), r"key 'samples\[0\].correct' must be true, false or null, got 1"),
    (line({"answer": "", "correct": True}), r"samples\[0\].correct must not be true where no answer could be read"),
    (line({"answer": "4", "tokens": -3}), r"key 'samples\[0\].tokens' must be a whole number from 0 .*, got -3"),
    (line({"answer": "4", "tokens": 3.5}), r"key 'samples\[0\].tokens' must be a whole number from 0 .*, got 3.5"),
    (line({"answer": "4", "tokens": 2**63}), r"key 'samples\[0\].tokens' must be a whole number"),
    (line({"answer": "4", "confidence": float("nan")}), r"samples\[0\].confidence' must be a finite number, got NaN"),
    (line({"answer": "4", "confidence": float("inf")}), r"samples\[0\].confidence' must be a finite number, got Infin"),
    (line({"answer": "4", "confidence": "0.9"}), r"samples\[0\].confidence' must be a finite number, got \"0.9\""),
    (line({"answer": "4", "confidence": True}), r"samples\[0\].confidence' must be a finite number, got true"),
    (line({"answer": "4", "confidence": 10**400}), r"samples\[0\].confidence' must be a finite number, got 1000"),
    (line({"answer": "4", "text": "\ud83d"}), r"question 'a': samples\[0\].text holds the lone surrogate '\\ud83d'"),
    (line({"answer": "4", "tts": 1}), r"key 'samples\[0\].tts' must be an object, got 1"),
    (line({"answer": "4", "tts": {"end": "x"}}), r"tts.end' must be one of stop, length, .*, got \"x\""),
    (line({"answer": "4", "tts": {"end": []}}), r"tts.end' must be one of stop, length, .*, got \[\]"),
    (line({"answer": "4", "tts": {"index": -1}}), r"tts.index' must be a whole number from 0"),
    (
        line({"answer": "4", "tts": {"index": 4}}, SAMPLE),
        r"samples\[1\].index must be greater than the one before",
    ),
    (
        line({"answer": "4", "tts": {"usage": {"delivered": 1}}}),
        "tts.usage' must have the keys prompt, prompt_cached,",
    ),
    (line({"answer": "4", "tts": {"usage": {"kept": 1}}}), "tts.usage' is of an older version: run `tts pool upgrade`"),
    (line({"answer": "4", "scores": {"a": "x"}}), "scores.a' must be a finite number"),
    (line({"answer": "4", "scores": {"a": {"read": 1}}}), "scores.a' must be a number or have the keys value, read"),
    (
        line({"answer": "4", "tts": {"token_ids": [1.5]}}),
        r"tts.token_ids' must be a list of whole numbers, got \[1",
    ),
    (line({"answer": "4", "tts": {"token_ids": [2**40]}}), "token ids must be from -2147483648 to 2147483647"),
    (line({"answer": "4", "tts": {"logprobs": ["x"]}}), "tts.logprobs' must hold numbers, 'inf', '-inf' or 'nan', got"),
    (line({"answer": "4", "tts": {"watched": {"x": []}}}), 'tts.watched\' must be keyed by token ids, got "x"'),
    (line({"answer": "4", "tts": {"watched": {"1": 0}}}), "tts.watched.1' must be a list, got 0"),
    (line({"answer": "4", "tts": {"steps": [1]}}), r"tts.steps' must be a list of true and false, got \[1\]"),
    (line({"answer": "4", "tts": {"probe": "1"}}), 'tts.probe\' must be a finite number, got "1"'),
    (line({"answer": "4", "tts": {"error": 1}}), "tts.error' must be a string, got 1"),
]


@pytest.mark.parametrize(("bad", "sentence"), BAD_LINES, ids=range(len(BAD_LINES)))
def test_a_bad_line_is_one_sentence_with_its_number_and_key(tmp_path: Path, bad: str, sentence: str) -> None:
    with pytest.raises(InputError, match=rf"p\.jsonl, line 3: .*{sentence}") as error:
        read(tmp_path, line(id="fine"), "", bad)
    assert "\n" not in str(error.value) and len(str(error.value)) < 300 + len(str(tmp_path))


def test_a_repeated_id_names_both_lines(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 4: key 'id' must be unique, got 'a' as on line 1$"):
        read(tmp_path, line(), line(id="b"), "", line())


@pytest.mark.parametrize("scored_first", [True, False])
def test_a_confidence_on_some_answers_only_names_both_lines(tmp_path: Path, scored_first: bool) -> None:
    scored = line({"answer": "4", "confidence": 0.5}, id="s")
    unscored = line({"answer": ""}, {"answer": "4"}, id="u")
    lines = (scored, unscored) if scored_first else (unscored, scored)
    number, other = (2, 1) if scored_first else (1, 2)
    with pytest.raises(InputError, match=rf"line {number}: key 'samples\[1\].confidence' is missing but line {other}"):
        read(tmp_path, *lines)


def test_a_confidence_on_some_answers_only_is_not_written(tmp_path: Path) -> None:
    entry = Entry(Problem("a", "?"), (Sample("", "4", confidence=0.5), Sample("", "4", index=1)), (None, None))
    with pytest.raises(InputError, match=r"question 'a' has an answer without a confidence .* write \.parquet instead"):
        write_jsonl(Pool("x", "", (entry,)), tmp_path / "p.jsonl")
    assert not left_in(tmp_path)


PACKED = gzip.compress(line().encode())
BAD_FILES = [
    ("p.jsonl", b"", "the file is empty; a pool needs at least one line"),
    ("p.jsonl", b"\n \n", "the file is empty"),
    ("p.jsonl.gz", b"", "the file is empty"),
    ("p.jsonl.gz", gzip.compress(b""), "the file is empty"),
    ("p.jsonl.gz", PACKED[:-9], "the gzip file is truncated; copy or download it again"),
    ("p.jsonl.gz", PACKED[:5], "the gzip file is truncated"),
    ("p.jsonl.gz", line().encode(), "not a valid gzip file"),
    ("p.jsonl.gz", PACKED[:20] + b"\xff\xff" + PACKED[22:], "not a valid gzip file"),
    ("p.jsonl", line().encode() + b'\n{"id": "b", "quest', "line 2: not valid JSON at column 13: Unterminated string"),
    ("p.jsonl", b'{"id": "\xff"}', "line 1: not valid UTF-8 at byte 9"),
    ("p.json", line().encode(), r"the file name must end in \.jsonl, \.jsonl\.gz$"),
]


@pytest.mark.parametrize(("name", "content", "sentence"), BAD_FILES, ids=range(len(BAD_FILES)))
def test_a_bad_file_is_one_sentence(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}[:,] .*{sentence}"):
        read_jsonl(tmp_path / name)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl\.gz: no such file"):
        read_jsonl(tmp_path / "none.jsonl.gz")
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(InputError, match=r"folder\.jsonl: cannot be read \(Is a directory\)"):
        read_jsonl(tmp_path / "folder.jsonl")


def test_a_pool_has_questions_and_an_entry_has_graded_samples() -> None:
    entry = small_pool().entries[0]
    with pytest.raises(InputError, match="x: holds no questions"):
        Pool("x", "", ())
    with pytest.raises(InputError, match="x: two questions have the id 'q1'"):
        Pool("x", "", (entry, entry))
    with pytest.raises(InputError, match="question 'q1': correct must hold one grade a sample, got 1 for 3 samples"):
        Entry(entry.problem, entry.samples, (True,))
    with pytest.raises(InputError, match="question 'q1': samples must hold at least one sample, got none"):
        Entry(entry.problem, (), ())
