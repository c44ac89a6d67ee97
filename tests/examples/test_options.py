"""Word problems as multiple-choice questions: options, rows of a training, and a file of problems made into one."""

from __future__ import annotations

import json
import random
import runpy
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.tasks import TaskConfig, load_task
from tests.examples.test_word_problems import PROBLEMS, Characters, text
from word_problems.options import choice_row, letter_of, options, options_of
from word_problems.problem import decimals
from word_problems.rows import FORMS, IGNORED, RowEncoder, response
from word_problems.stories import story

ROOT = Path(__file__).resolve().parents[2]
FORM = FORMS["choices"](Characters())


@given(seed=st.integers(0, 2**32))
def test_the_right_result_stands_among_distinct_options_in_an_order_of_the_text(seed: int) -> None:
    problem = story(random.Random(seed))
    choices = options_of(problem)
    values = [Fraction(text) for text in choices.texts]
    assert len(set(values)) == 4 and min(values) >= 0 and all(decimals(value) == 0 for value in values)
    assert values["ABCD".index(letter_of(choices, problem.answer))] == problem.answer
    assert choices == options(problem.question, problem.answer, problem.steps)


@given(
    numbers=st.lists(st.decimals(0, 1000, places=2), max_size=4),
    answer=st.sampled_from(["0", "1", "2", "0.5", "0.01", "-3", "1000000", "12.25"]),
)
def test_any_number_has_options_with_no_more_decimals_than_there_are(numbers: list[object], answer: str) -> None:
    question = f"Of {' and '.join(map(str, numbers))}, how much is left?"
    values = [Fraction(text) for text in options(question, Fraction(answer)).texts]
    given = [decimals(Fraction(str(number))) or 0 for number in (*numbers, answer)]
    assert len(set(values)) == 4 and Fraction(answer) in values
    assert max(decimals(value) or 0 for value in values) <= max(given)
    assert Fraction(answer) < 0 or min(values) >= 0


def test_neither_the_place_of_the_answer_nor_its_size_is_given_away() -> None:
    rng = random.Random(0)
    problems = [problem for problem in (story(rng) for _ in range(400)) if problem.answer >= 3]
    letters, ranks = Counter[str](), Counter[int]()
    for problem in problems:
        choices = options_of(problem)
        letters[letter_of(choices, problem.answer)] += 1
        ranks[sorted(map(Fraction, choices.texts)).index(problem.answer)] += 1
    assert len(letters) == len(ranks) == 4
    for count in (*letters.values(), *ranks.values()):
        assert count / len(problems) == pytest.approx(0.25, abs=0.08)  # 3.7 standard errors


def test_distractors_are_wrong_turns_and_near_misses() -> None:
    problem = next(one for one in PROBLEMS if one.id == "p0")  # 41 - 9 = 32, 32 / 4 = 8
    seen = Counter[str]()
    for number in range(300):
        seen.update(options(f"{problem.question} {'!' * number}", problem.answer, problem.steps).texts)
    assert seen["8"] == 300
    assert {"32", "50", "28", "128", "369", "164"} <= set(seen)  # an intermediate result, and other operations
    assert {"7", "9", "10", "18"} <= set(seen)
    assert seen["32"] > 60 and min(seen["50"], seen["128"]) > 5


def test_a_training_shows_what_the_task_shows_and_writes_what_it_reads(tmp_path: Path) -> None:
    path = tmp_path / "choices.jsonl"
    rows = [choice_row(problem.id, problem.question, problem.answer, problem.steps) for problem in PROBLEMS]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    task = load_task(TaskConfig(name="jsonl", path=str(path), template="^{question}\n", system=""))
    assert task.reading == "choice flexible" and [asked.id for asked in task.problems] == [one.id for one in PROBLEMS]
    for problem, asked in zip(PROBLEMS, task.problems, strict=True):
        read, learned = FORM.texts(problem)
        assert read == task.prompt.text(asked) and f"\nA. {options_of(problem).texts[0]}\nB. " in read
        assert asked.gold == task.extract(asked, learned) and learned == response(problem)
        steps = learned.split("####")[0]
        for letter, number in zip("ABCD", options_of(problem).texts, strict=True):
            assert task.extract(asked, f"{steps}####{number}") == letter == task.extract(asked, f"{steps}####{letter}")
        assert task.extract(asked, f"{steps}####77777") is None
    row = RowEncoder(Characters(), FORM).problem(PROBLEMS[0])
    assert text(tuple(label for label in row.labels if label != IGNORED)) == FORM.texts(PROBLEMS[0])[1] + "$"


@pytest.mark.parametrize("answer", ["8", "She keeps 41 - 9 = 32, each has 32 / 4 = 8.\n#### 8"])
def test_a_file_of_problems_becomes_one_of_choices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str
) -> None:
    source, made = tmp_path / "own_test.jsonl", tmp_path / "made.jsonl"
    source.write_text("".join(json.dumps({"question": p.question, "answer": answer}) + "\n" for p in PROBLEMS[:2]))
    assert program(monkeypatch, source, made) == 0 and capsys.readouterr().out == f"{made}: 2 questions\n"
    first, second = (json.loads(line) for line in made.read_text().splitlines())
    assert (first["id"], second["id"], first["question"]) == ("own_test-0", "own_test-1", PROBLEMS[0].question)
    assert first["choices"]["ABCD".index(first["answer"])] == "8" and len(set(first["choices"])) == 4
    again = tmp_path / "again.jsonl"
    assert program(monkeypatch, source, again) == 0 and again.read_text() == made.read_text()
    assert [asked.gold for asked in load_task(TaskConfig(name="jsonl", path=str(made))).problems] == [
        first["answer"],
        second["answer"],
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            '{"question": "Q", "answer": "B", "choices": ["1", "2"]}',
            "line 1: its answer must be a decimal number, or a",
        ),
        ('{"question": "Q"}', "line 1: its answer must be a decimal number"),
        ('{"question": "Q", "answer": "1/3"}', "line 1: its answer must be a decimal number"),
        ('{"answer": "3"}', "line 1: has no question"),
        ("{", "line 1: is no JSON"),
    ],
)
def test_a_line_without_a_number_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    source = tmp_path / "own.jsonl"
    source.write_text(line)
    assert program(monkeypatch, source, tmp_path / "made.jsonl") == 2 and not (tmp_path / "made.jsonl").exists()
    error = capsys.readouterr().err
    assert error.startswith(f"error: {source}, {message}") and error.count("\n") == 1


def test_a_file_that_cannot_be_read_or_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program(monkeypatch, tmp_path / "none.jsonl", tmp_path / "made.jsonl") == 2
    assert capsys.readouterr().err == f"error: {tmp_path}/none.jsonl: no such file\n"
    source = tmp_path / "own.jsonl"
    source.write_text('{"question": "Q", "answer": "3"}')
    assert program(monkeypatch, source, tmp_path / "none" / "made.jsonl") == 2
    assert "made.jsonl cannot be written" in capsys.readouterr().err


def program(monkeypatch: pytest.MonkeyPatch, source: Path, made: Path) -> int:
    monkeypatch.setattr("sys.argv", ["make_choices.py", str(source), "--out", str(made)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "examples" / "make_choices.py"), run_name="__main__")
    return int(ended.value.code or 0)
