"""Problems as multiple-choice questions: the right result among three that a wrong turn or a slip would give."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

from evals.tasks.choices import Choices
from word_problems.problem import Step, WorkedProblem, decimals, spelled
from word_problems.renumber import IN_TEXT

COUNT = 4
"""The options of a question."""
WRONG_TURNS = 0.7
"""The share of distractors that other operations or a part of the steps would give; the others are near misses."""
_MISSES = (-10, -2, -1, 1, 2, 10)
"""Distances of a near miss, in units of the last decimal place."""


def options(question: str, answer: Fraction, steps: Sequence[Step] = ()) -> Choices:
    """Return the options of a question in an order that its text decides: equal questions have equal options.

    A distractor is the result of an operation on two numbers of the question or of its steps, an intermediate result,
    or a near miss of an option that is there already, so that two options that are close tell little. The answer is
    the smallest, the second, the third or the largest with equal probability, save answers below 3.

    Args:
        question: the question, which gives the numbers.
        answer: the right result, with a finite decimal form.
        steps: the steps that solve it, where they are known.
    """
    rng = random.Random(f"{question} options")
    places = max([decimals(answer) or 0, *(decimals(number) or 0 for number in _numbers(question, steps))])
    turns = [
        sorted(turn for turn in kind if decimals(turn, places) is not None)
        for kind in ({step.result for step in steps[:-1]}, _other_operations(question, steps))
    ]
    below = rng.randrange(COUNT)
    if answer >= 0:
        below = min(below, int(answer * 10 ** (decimals(answer) or 0)))  # no fewer than 0 of anything
    found = [answer]
    while len(found) < COUNT:
        side = -1 if len(found) <= below else 1
        fitting = [[turn for turn in kind if (turn - answer) * side > 0] for kind in turns]
        other = _distractor(found, [kind for kind in fitting if kind], rng)
        if other not in found and (other - answer) * side > 0 and (other >= 0) >= (answer >= 0):
            found.append(other)
    return Choices(tuple(map(spelled, found))).shuffled(question)


def _distractor(found: Sequence[Fraction], turns: Sequence[Sequence[Fraction]], rng: random.Random) -> Fraction:
    """Return a wrong turn of one of several kinds, or a near miss of what is found."""
    if turns and rng.random() < WRONG_TURNS:
        return rng.choice(rng.choice(turns))
    near = rng.choice(found)
    return near + Fraction(rng.choice(_MISSES), 10 ** (decimals(near) or 0))


def options_of(problem: WorkedProblem) -> Choices:
    """Return the options of a problem with worked steps."""
    return options(problem.question, problem.answer, problem.steps)


def letter_of(choices: Choices, answer: Fraction) -> str:
    """Return the letter of the option that is the answer."""
    return choices.letters[choices.texts.index(spelled(answer))]


def choice_row(id: str, question: str, answer: Fraction, steps: Sequence[Step] = ()) -> dict[str, object]:
    """Return a question as a row of a task of choices; see :func:`options`."""
    choices = options(question, answer, steps)
    return {"id": id, "question": question, "choices": list(choices.texts), "answer": letter_of(choices, answer)}


def _numbers(question: str, steps: Sequence[Step]) -> tuple[Fraction, ...]:
    """Return the numbers that the answer could be computed from, each once, in their order."""
    read = [Fraction(text) for text in IN_TEXT.findall(question)]
    operands = [number for step in steps for number in (step.left, step.right)]
    return tuple(dict.fromkeys([*read, *operands]))


def _other_operations(question: str, steps: Sequence[Step]) -> set[Fraction]:
    """Return the results of operations on two of the numbers."""
    found: set[Fraction] = set()
    for a, b in combinations(_numbers(question, steps), 2):
        found |= {a + b, abs(a - b), a * b, *(x / y for x, y in ((a, b), (b, a)) if y)}
    return found
