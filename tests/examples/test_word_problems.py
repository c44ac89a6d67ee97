"""Word problems as training data: renumbering, drills, the held-out fold, rows and batches."""

from __future__ import annotations

import json
import random
import re
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.data import data_file
from tts.errors import InputError
from word_problems.annotated import read_annotated
from word_problems.drills import drill, drill_share
from word_problems.problem import (
    OPERATIONS,
    Step,
    WorkedProblem,
    decimals,
    read_problems,
    spelled,
    split,
    text_of,
    without_numbers,
)
from word_problems.renumber import renumbered, template, with_copies
from word_problems.rows import FORMS, IGNORED, Bare, Mixture, RowEncoder, cut, make_batches, response

SOURCES = {
    "Ann has 41 beads and loses 9. She shares the rest among 4 friends. How many has each?": "41-9=32 32/4=8",
    "A book has 120 pages. Bob reads 15 a day. In how many days is he done?": "120/15=8",
    "Cy buys 3 apples for 0.25 dollars each and pays 2.50 dollars. What is his change?": "3*0.25=0.75 2.5-0.75=1.75",
    "Dee saves 60 dollars at 4 %. What is the interest?": "60*4=240 240*0.01=2.4",
    "Ed has 7 cards, and twice as many at home. How many are at home?": "7*2=14",
}


def steps(text: str) -> tuple[Step, ...]:
    found = [re.fullmatch(r"(.+?)([-+*/])(.+)=(.+)", one) for one in text.split()]
    return tuple(Step(Fraction(m[1]), m[2], Fraction(m[3]), Fraction(m[4])) for m in found if m)


PROBLEMS = tuple(WorkedProblem(f"p{i}", question, steps(text)) for i, (question, text) in enumerate(SOURCES.items()))


class Characters:
    """A tokenizer whose tokens are characters."""

    bos_token, eos_token_id = "^", ord("$")

    def __call__(self, text: str, add_special_tokens: bool = True) -> SimpleNamespace:
        return SimpleNamespace(input_ids=[ord(character) for character in text])


ENCODER = RowEncoder(Characters(), Bare(Characters()))


def text(ids: tuple[int, ...]) -> str:
    return "".join(map(chr, ids))


def check(new: WorkedProblem, old: WorkedProblem) -> None:
    """The steps follow, and each result is positive, whole and tied as the original's is."""
    assert len(new.steps) == len(old.steps)
    for step, original in zip(new.steps, old.steps, strict=True):
        assert OPERATIONS[step.operation](step.left, step.right) == step.result
        assert step.operation == original.operation
        assert (step.result > 0) == (original.result > 0)
        assert decimals(step.result) == 0 if decimals(original.result) == 0 else decimals(step.result) is not None
    number = r"\d+(?:\.\d+)?"
    assert re.sub(number, "#", new.question) == re.sub(number, "#", old.question)
    before, after = ([Fraction(n) for n in re.findall(number, p.question)] for p in (old, new))
    values = dict(zip(before, after, strict=True))
    for i, (step, original) in enumerate(zip(new.steps, old.steps, strict=True)):
        values = {s.result: t.result for s, t in zip(old.steps[:i], new.steps[:i], strict=True)} | values
        for one, other in ((original.left, step.left), (original.right, step.right)):
            assert values.get(one, one) == other


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.id)
@given(seed=st.integers(0, 2**32))
def test_a_renumbered_problem_is_solved_by_its_steps(problem: WorkedProblem, seed: int) -> None:
    found = template(problem)
    assert found is not None
    new = renumbered(found, random.Random(seed))
    assert new is not None
    check(new, problem)
    for old, drawn in zip(*(re.findall(r"\d+(?:\.\d+)?", p.question) for p in (problem, new)), strict=True):
        if old not in found.dividends:
            assert len(drawn) == len(old)
    assert new == renumbered(found, random.Random(seed))


@pytest.mark.parametrize(
    ("question", "worked"),
    [
        ("Ann has 5 decks at 2 dollars and sells all but 3.", "5-3=2 2*2=4"),  # 2 is a result and a number of the text
        ("Bob pays 0.1667 and 0.1666.", "0.1667+0.1666=0.3334"),  # rounded
        ("Cy pays 25 % of 80.", "80*0.25=20"),  # 0.25 is 25 in another form
        ("Dee counts to -4 and 3.", "-4+3=-1"),
        ("Ed has a few.", "2+3=5"),
        ("Fay is 2nd of 20.", "20-2=18"),
    ],
)
def test_a_problem_whose_operands_are_not_certain_has_no_template(question: str, worked: str) -> None:
    assert template(WorkedProblem("p", question, steps(worked))) is None


def test_the_problems_of_the_data_folder_renumber() -> None:
    problems = read_problems(str(data_file("mawps_asdiv_train.jsonl.gz")))
    templates = [found for problem in problems if (found := template(problem))]
    assert len(templates) > 0.9 * len(problems)
    rng = random.Random(0)
    drawn = [(found.problem, renumbered(found, rng)) for found in templates]
    assert sum(new is None for _, new in drawn) < 20
    for old, new in drawn:
        if new is not None:
            check(new, old)


@given(st.decimals(-10_000, 10_000, places=4))
def test_a_number_is_spelled_as_short_as_it_can_be(number: object) -> None:
    value = Fraction(str(number))
    assert Fraction(spelled(value)) == value and not re.search(r"\.0*$|\.\d*0$|^-0$", spelled(value))


@given(st.integers(0, 2**32))
def test_a_drill_is_exact_and_positive_or_zero(seed: int) -> None:
    step = drill(random.Random(seed), lambda: PROBLEMS[0].steps[0])
    assert OPERATIONS[step.operation](step.left, step.right) == step.result >= 0 and decimals(step.result) == 0


def test_drills_fall_linearly_until_half_time() -> None:
    assert [round(drill_share(x), 3) for x in (0, 0.125, 0.25, 0.5, 0.75, 1)] == [0.45, 0.4, 0.35, 0.25, 0.25, 0.25]


def test_the_held_out_fold_is_the_same_in_any_order_and_shares_no_text() -> None:
    twins = tuple(WorkedProblem(f"q{i}", f"Ann has {i} Beads, and 2 more.", steps(f"{i}+2={i + 2}")) for i in range(9))
    again = tuple(WorkedProblem(f"r{i}", f"ann has {i} beads and 2 more", steps(f"{i}+2={i + 2}")) for i in range(9))
    problems = PROBLEMS + twins + again
    found = split(problems, 8)
    assert found == split(problems[::-1], 8) and len(found.held_out) == 8
    texts = {text_of(problem.question) for problem in found.held_out}
    assert texts.isdisjoint(text_of(problem.question) for problem in found.training)
    assert found.far <= found.clean <= {problem.id for problem in found.held_out}
    assert all(problem.id in found.far for problem in found.held_out if problem in PROBLEMS)
    with pytest.raises(InputError, match="leave none to train on"):
        split(problems, len(problems))


def test_no_held_out_text_is_in_a_row() -> None:
    """Small numbers, so that renumbering would make held-out problems of others all the time."""
    problems = [
        WorkedProblem(f"q{i}", f"Ann has {i} beads, and 2 more.", steps(f"{i}+2={i + 2}")) for i in range(3, 10)
    ]
    found = split(problems, 3)
    batches = make_batches(found, ENCODER, batches=60, tokens=2000, seed=0)
    asked = [text(row.ids).split("\n")[0] for batch in batches for row in batch if chr(row.ids[0]) == "^"]
    assert len(asked) > 400 and len(set(asked)) > len(found.training)
    texts = {text_of(problem.question) for problem in found.held_out}
    assert texts.isdisjoint(map(text_of, asked))


def test_problems_that_are_set_aside_are_neither_learned_nor_held_out() -> None:
    """In no text, whatever its numbers."""
    problems = [
        WorkedProblem(
            f"{name}{i}", f"{name.title()} has {i} beads, and {i + 40} more.", steps(f"{i}+{i + 40}={2 * i + 40}")
        )
        for name in ("ann", "bob", "cy", "dee", "ed", "flo", "gus", "hal", "ida", "jo")
        for i in range(3, 7)
    ] + list(PROBLEMS)
    found = split(problems, 8, aside=0.3)
    assert found == split(problems[::-1], 8, aside=0.3) and found.held_out == split(problems, 8).held_out
    assert len(found.aside) == round(0.3 * (len(problems) - 8))
    texts = {without_numbers(problem.question) for problem in found.aside}
    assert texts.isdisjoint(without_numbers(problem.question) for problem in found.training)
    assert not {problem.id for problem in found.aside} & {problem.id for problem in found.held_out}
    copied = list(with_copies(found.aside, seed=1))
    assert copied == list(with_copies(found.aside, seed=1)) != list(with_copies(found.aside, seed=2))
    assert len({problem.question for problem in copied}) == len(copied) > 2 * len(found.aside)
    by_id = {problem.id: problem for problem in found.aside}
    for problem in copied:
        original = by_id[problem.id.split("~")[0]]
        assert without_numbers(problem.question) == without_numbers(original.question)
        assert all(OPERATIONS[s.operation](s.left, s.right) == s.result for s in problem.steps)
    with pytest.raises(InputError, match="held out or set aside: none is left to train on"):
        split(problems[:3], 1, aside=0.9)


def test_rows_learn_what_follows_a_question_and_an_equals_sign() -> None:
    row = ENCODER.problem(PROBLEMS[0])
    assert text(row.ids) == f"^{PROBLEMS[0].question}\n41-9=32\n32/4=8\n####8$"
    learned = tuple(label for label in row.labels if label != IGNORED)
    assert text(learned) == response(PROBLEMS[0]) + "$" and row.ids[-len(learned) :] == learned
    row = ENCODER.drills(PROBLEMS[0].steps)
    assert text(row.ids) == "41-9=32\n32/4=8\n"
    assert text(tuple(label for label in row.labels if label != IGNORED)) == "32\n8\n"


def test_batches_repeat_and_hold_their_limit() -> None:
    found = split(PROBLEMS, 1)
    batches = make_batches(found, ENCODER, batches=50, tokens=600, seed=1)
    assert batches == make_batches(found, ENCODER, batches=50, tokens=600, seed=1) and len(batches) == 50
    assert batches != make_batches(found, ENCODER, batches=50, tokens=600, seed=2)
    assert all(len(batch) * max(len(row.ids) for row in batch) <= 600 for batch in batches)
    rows = [row for batch in batches[:25] for row in batch]
    assert len(cut(sorted(rows, key=lambda row: len(row.ids)), 1)) == len(rows)


def test_stories_and_problems_of_another_source_have_their_shares() -> None:
    found, other = split(PROBLEMS, 1), WorkedProblem("g0", "Flo has 5 pens and 6 cups. How many?", steps("5+6=11"))
    kinds = {"g0": 0, "story": 0, "drill": 0, "own": 0}
    mixture = Mixture(stories=0.25, others=(other,), others_share=0.15)
    for batch in make_batches(found, ENCODER, batches=300, tokens=1000, seed=0, mixture=mixture):
        for asked in (text(row.ids) for row in batch):
            own = any(asked.startswith(f"^{problem.question[:7]}") for problem in PROBLEMS)
            kinds["own" if own else "g0" if "^Flo has" in asked else "story" if "^" in asked else "drill"] += 1
    problems = sum(kinds.values()) - kinds["drill"]
    assert kinds["story"] / problems == pytest.approx(0.25, abs=0.02)
    assert kinds["g0"] / problems == pytest.approx(0.15, abs=0.02)


SOLUTIONS = {
    "48/2 = <<48/2=24>>24\n48+24 = <<48+24=72>>72\n#### 72": "48/2=24 48+24=72",
    "<<100-50-30=20>>20\n#### 20": "100-50=50 50-30=20",
    "<<2*(3+4)=14.00>>14\n#### 14": "3+4=7 2*7=14",
    "<<.5*1000=500>>500\n<<0500+500=1000>>1,000\n#### 1,000": "0.5*1000=500 500+500=1000",
    "no marks\n#### 3": None,
    "<<10/3=3.33>>\n#### 3.33": None,  # rounded
    "<<20%*50=10>>\n#### 10": None,
    "<<5-7=-2>>\n#### -2": None,
    "<<2+2=4>>\n#### 5": None,  # another answer
    "<<2+3=6>>\n#### 6": None,  # wrong
    "<<2**3=8>>\n#### 8": None,
    "<<1+1+1+1+1+1=6>>\n#### 6": None,  # five steps
    "<<2/0=0>>\n#### 0": None,
}


def test_solutions_with_marks_become_chains_of_exact_steps(tmp_path: Path) -> None:
    path = tmp_path / "gsm8k.jsonl"
    rows = [{"question": f"q{i}", "answer": solution} for i, solution in enumerate(SOLUTIONS)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    expected = [(f"q{i}", worked) for i, worked in enumerate(SOLUTIONS.values()) if worked]
    found = [(one.question, " ".join(map(str, one.steps))) for one in read_annotated(str(path))]
    assert found == expected
    path.write_text(json.dumps(rows[4]))
    with pytest.raises(InputError, match="no solution has marks such as"):
        read_annotated(str(path))
    path.write_text('{"question": "q"}')
    with pytest.raises(InputError, match=r"expected .question, answer. as GSM8K has them"):
        read_annotated(str(path))


def test_most_solutions_of_gsm8k_are_such_chains() -> None:
    problems = read_annotated(str(data_file("gsm8k_train.jsonl.gz")))
    assert len(problems) == 4841 and all(1 <= len(problem.steps) <= 4 for problem in problems)


def test_the_chat_form_is_the_template_with_the_system_message_of_tasks() -> None:
    def rendered(messages: list[dict[str, str]], **options: object) -> str:
        assert options == {"add_generation_prompt": True, "tokenize": False}
        return "|".join(f"{message['role']}: {message['content']}" for message in messages)

    read, learned = FORMS["chat"](SimpleNamespace(apply_chat_template=rendered)).texts(PROBLEMS[4])
    assert re.fullmatch(r"system: Solve the problem step by step\..*\|user: Ed has 7 cards.* at home\?", read)
    assert learned == response(PROBLEMS[4])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "a", "question": "Q"}, r"line 1: expected \{id, question, answer\}"),
        ({"id": "a", "question": "Q", "answer": "#### 3"}, "line 1: expected .* got"),
        ({"id": "a", "question": "Q", "answer": "1 + 2 = 3\n#### 4"}, "line 1: its last step gives 3, its answer is 4"),
    ],
)
def test_a_line_of_another_form_is_refused(tmp_path: Path, row: object, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(InputError, match=message):
        read_problems(str(path))
    path.write_text("")
    with pytest.raises(InputError, match="holds no problem"):
        read_problems(str(path))


def test_a_question_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(2 * (json.dumps({"id": "a", "question": "Q", "answer": "1 + 2 = 3\n#### 3"}) + "\n"))
    with pytest.raises(InputError, match="holds a question twice"):
        read_problems(str(path))
