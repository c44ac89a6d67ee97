"""Stories: exact steps, operands that stand in the question, and a fair share of what does not matter."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import Counter
from fractions import Fraction
from functools import cache

import pytest

from tests.support.data import data_file
from word_problems.problem import OPERATIONS, WorkedProblem, without_numbers
from word_problems.scenes import SCENES
from word_problems.scenes.scene import scene
from word_problems.stories import numbers, story, told_scene

IN_WORDS = {"twice": 2, "half": 2, "dozen": 12, "week": 7}
N = 2000


@cache
def drawn() -> tuple[WorkedProblem, ...]:
    rng = random.Random(0)
    return tuple(story(rng) for _ in range(N))


def irrelevant(problem: WorkedProblem) -> bool:
    """Decide if a number of the question is in no step."""
    used = {number for step in problem.steps for number in (step.left, step.right)}
    return any(number not in used for number in numbers(problem.question))


def test_steps_are_exact_with_positive_whole_results_and_operands_of_the_question() -> None:
    for problem in drawn():
        assert problem.id == "story"
        here = {Fraction(n) for n in numbers(problem.question)}
        here |= {Fraction(n) for word, n in IN_WORDS.items() if re.search(rf"\b{word}s?\b", problem.question.lower())}
        for step in problem.steps:
            assert OPERATIONS[step.operation](step.left, step.right) == step.result > 0, problem
            assert step.result.denominator == 1
            assert {step.left, step.right} <= here, problem
            here.add(step.result)
        assert 1 <= len(problem.steps) <= 3 and problem.answer not in numbers(problem.question), problem


def test_questions_are_sentences() -> None:
    for problem in drawn():
        assert not re.search(r"[{}|!]|\b1 |\bNone\b|  |\.\.|\ba [aeiou]|(?<!')\b[a-z]\.", problem.question.lower()), (
            problem
        )
        assert re.search(r"\?$|\bfind [^.?]*\.$", problem.question.lower()), problem
        assert not problem.question[0].islower() or problem.question == problem.question.lower(), problem


def test_equal_seeds_give_equal_stories() -> None:
    one, other = random.Random(3), random.Random(3)
    assert [story(one) for _ in range(50)] == [story(other) for _ in range(50)]
    assert len({problem.question for problem in drawn()}) > 0.99 * N


def test_every_scene_is_told_and_asks_for_several_quantities() -> None:
    rng = random.Random(1)
    assert len({one.name for one in SCENES}) == len(SCENES) >= 25
    for one in SCENES:
        found = [problem for _ in range(40) if (problem := told_scene(one, rng))]
        assert len(found) > 6, one.name
        assert len({problem.steps[-1].operation for problem in found}) > 1, one.name


def test_operations_and_numbers_that_do_not_matter_have_their_shares() -> None:
    counts = Counter(step.operation for problem in drawn() for step in problem.steps)
    assert all(counts[sign] > 0.08 * counts.total() for sign in OPERATIONS)
    assert 0.3 < sum(map(irrelevant, drawn())) / N < 0.5
    assert 0.2 < sum(problem.question == problem.question.lower() for problem in drawn()) / N < 0.3


def test_no_story_is_near_a_question_of_the_test_set() -> None:
    with gzip.open(data_file("svamp_test.jsonl.gz"), "rt", encoding="utf-8") as file:
        questions = [json.loads(line)["question"] for line in file]
    assert {without_numbers(problem.question) for problem in drawn()}.isdisjoint(map(without_numbers, questions))
    bags = [frozenset(without_numbers(question).split()) for question in questions]
    for problem in drawn()[:250]:
        words = frozenset(without_numbers(problem.question).split())
        assert max(len(words & bag) / len(words | bag) for bag in bags) < 0.65, problem


@pytest.mark.parametrize(("relations", "lines"), [("a+b", [["{a}"]]), ("a-b=c", [["{a}"]]), ("a+b=c", ["{a}"])])
def test_a_malformed_scene_is_refused(relations: str, lines: list[list[str]]) -> None:
    with pytest.raises(ValueError, match="scene odd: its relations, sentences or questions are malformed"):
        scene("odd", relations, "a:n b:n", lines, {"c": ["how many"]})
