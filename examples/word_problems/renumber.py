"""The same problem with other numbers: each operand is tied to a number of the question or to an earlier result."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from word_problems.problem import NUMBER, OPERATIONS, Step, WorkedProblem, decimals, spelled

IN_TEXT = re.compile(rf"(?<![\w.,-]){NUMBER}(?![\w%]|[.,]\d)")
"""A number that stands by itself in a question."""
_FREE = re.compile(NUMBER)
_TRIES = 200
_PLACES = 4
"""The most decimals of a result; those of the source are rounded to as many."""

Operand = int | str | Fraction
"""The number of an earlier step, a number of the question as it stands there, or a constant."""


@dataclass(frozen=True, slots=True)
class Template:
    """A problem whose numbers can be drawn anew.

    Attributes:
        problem: the problem.
        numbers: the numbers of its question as they stand there, each once.
        operands: of each step, its two operands.
        dividends: by a number of the question, the number or constant that divides it without a rest.
    """

    problem: WorkedProblem
    numbers: tuple[str, ...]
    operands: tuple[tuple[Operand, Operand], ...]
    dividends: Mapping[str, Operand]


def template(problem: WorkedProblem) -> Template | None:
    """Return the template of a problem; None where an operand could have come from more than one place, or from none.

    A whole operand that is not in the question, such as the 2 of "twice", is a constant; so is the 0.01 of a per cent.
    Problems whose steps do not recompute exactly, such as those with rounded results, have none.
    """
    numbers = tuple(dict.fromkeys(IN_TEXT.findall(problem.question)))
    values = {Fraction(text): text for text in numbers}
    if len(values) < len(numbers) or len(IN_TEXT.findall(problem.question)) < len(_FREE.findall(problem.question)):
        return None
    results: list[Fraction] = []
    operands = []
    dividends: dict[str, Operand] = {}
    for step in problem.steps:
        tied = [_tied(number, values, results) for number in (step.left, step.right)]
        if None in tied or not _recomputes(step):
            return None
        left, right = (operand for operand in tied if operand is not None)
        operands.append((left, right))
        whole = step.operation == "/" and step.result.denominator == 1
        if whole and isinstance(left, str) and not isinstance(right, int):
            dividends[left] = right
        results.append(step.result)
    used = {operand for pair in operands for operand in pair if isinstance(operand, str)}
    return Template(problem, numbers, tuple(operands), dividends) if used else None


def _tied(number: Fraction, values: Mapping[Fraction, str], results: list[Fraction]) -> Operand | None:
    earlier = [place for place, result in enumerate(results) if result == number]
    if len(earlier) + (number in values) > 1:
        return None
    if earlier:
        return earlier[0]
    if number in values:
        return values[number]
    scaled = number * 100 in values or number / 100 in values
    constant = number > 0 and not scaled and (number.denominator == 1 or number == Fraction(1, 100))
    return number if constant else None


def _recomputes(step: Step) -> bool:
    return not (step.operation == "/" and step.right == 0) and (
        OPERATIONS[step.operation](step.left, step.right) == step.result
    )


def renumbered(template: Template, rng: random.Random) -> WorkedProblem | None:
    """Return a problem with numbers drawn anew, or None where none were found.

    Each number keeps its count of digits and of decimals, save dividends, which become divisor times quotient; 0 and 1
    stay. A result is positive where the original was, and has no more decimals; steps recompute exactly.
    """
    for _ in range(_TRIES):
        drawn = _drawn(template, rng)
        if drawn is not None and (steps := _worked(template, drawn)) is not None:
            return WorkedProblem(template.problem.id, _rewritten(template.problem.question, drawn), steps)
    return None


def with_copies(problems: Iterable[WorkedProblem], seed: int, copies: int = 3) -> Iterator[WorkedProblem]:
    """Yield problems, each with copies of other numbers behind it, where it has a template.

    Args:
        problems: the problems; a copy's id is theirs with ``~`` and a number.
        seed: chooses the numbers.
        copies: the copies of a problem.
    """
    rng = random.Random(f"{seed} copies")
    for problem in problems:
        yield problem
        if not (found := template(problem)):
            continue
        texts = {problem.question}
        for copy in range(copies):
            other = renumbered(found, rng)
            if other and other.question not in texts:
                texts.add(other.question)
                yield WorkedProblem(f"{problem.id}~{copy + 1}", other.question, other.steps)


def _rewritten(question: str, drawn: Mapping[str, str]) -> str:
    return IN_TEXT.sub(lambda match: drawn[match[0]], question)


def _drawn(template: Template, rng: random.Random) -> dict[str, str] | None:
    """Return a number for each of the question's, all different; None where two are the same."""
    texts = {text: _number(text, rng) for text in template.numbers if text not in template.dividends}
    for text, divisor in template.dividends.items():
        original = Fraction(text) / _value(divisor, {name: Fraction(name) for name in template.numbers}, [])
        quotient = Fraction(_number(spelled(original), rng))
        if isinstance(divisor, str) and divisor not in texts:
            return None  # a dividend by another dividend
        dividend = quotient * _value(divisor, {name: Fraction(value) for name, value in texts.items()}, [])
        if decimals(dividend, _PLACES) is None:
            return None
        texts[text] = spelled(dividend)
    return texts if len({Fraction(text) for text in texts.values()}) == len(texts) else None


def _number(text: str, rng: random.Random) -> str:
    """Return a random number with as many digits and decimals; 0 and 1 are themselves."""
    if Fraction(text) in (0, 1):
        return text
    whole, _, part = text.partition(".")
    low = 10 ** (len(whole) - 1) if whole != "0" else 0
    if len(whole) == 1 and not part:
        low = 2
    new = str(rng.randint(low, 10 ** len(whole) - 1 if whole != "0" else 0))
    if not part:
        return new
    digits = [rng.randint(0, 9) for _ in part[:-1]] + [rng.randint(1, 9)]
    return f"{new}.{''.join(map(str, digits))}"


def _value(operand: Operand, numbers: Mapping[str, Fraction], results: list[Fraction]) -> Fraction:
    if isinstance(operand, int):
        return results[operand]
    return numbers[operand] if isinstance(operand, str) else operand


def _worked(template: Template, drawn: Mapping[str, str]) -> tuple[Step, ...] | None:
    """Return the steps on other numbers; None where a result lost what the original had."""
    numbers = {name: Fraction(text) for name, text in drawn.items()}
    steps: list[Step] = []
    for original, operands in zip(template.problem.steps, template.operands, strict=True):
        left, right = (_value(operand, numbers, [step.result for step in steps]) for operand in operands)
        if original.operation == "/" and right == 0:
            return None
        result = OPERATIONS[original.operation](left, right)
        places = decimals(result, _PLACES)
        most = decimals(original.result)
        if places is None or (most == 0 and places) or (result > 0) != (original.result > 0):
            return None
        steps.append(Step(left, original.operation, right, result))
    return tuple(steps)
