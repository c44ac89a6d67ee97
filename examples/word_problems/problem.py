"""Word problems with worked steps, and the fold of them that is held out of training."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from evals.tasks.sources import file_rows
from tts.errors import InputError

NUMBER = r"\d+(?:\.\d+)?"
OPERATIONS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}
_STEP = re.compile(rf"(-?{NUMBER})\s*([-+*/])\s*(-?{NUMBER})\s*=\s*(-?{NUMBER})")
_ANSWER = re.compile(rf"####\s*(-?{NUMBER})")
FAR = 0.5
"""The word overlap (Jaccard index) with the nearest training text below which a held-out problem is far."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation on two numbers, with its result as the source has it."""

    left: Fraction
    operation: str
    right: Fraction
    result: Fraction

    def __str__(self) -> str:
        """The step without spaces, such as ``41-9=32``."""
        return f"{spelled(self.left)}{self.operation}{spelled(self.right)}={spelled(self.result)}"


@dataclass(frozen=True, slots=True)
class WorkedProblem:
    """A question with the steps that solve it; the last result is the answer."""

    id: str
    question: str
    steps: tuple[Step, ...]

    @property
    def answer(self) -> Fraction:
        """The number that the question asks for."""
        return self.steps[-1].result


@dataclass(frozen=True, slots=True)
class Split:
    """Problems to train on, and the held-out ones.

    Attributes:
        training: the problems to train on, none with the text of a held-out one.
        held_out: the problems with the smallest SHA-256 of their question.
        clean: ids of held-out problems whose text without numbers is not that of another problem.
        far: those of them whose words overlap by less than :data:`FAR` with every problem that is not held out.
        aside: problems that are neither: what learns from the model's own responses, right and wrong, needs them.
    """

    training: tuple[WorkedProblem, ...]
    held_out: tuple[WorkedProblem, ...]
    clean: frozenset[str]
    far: frozenset[str]
    aside: tuple[WorkedProblem, ...] = ()


def spelled(number: Fraction) -> str:
    """Return a decimal number as short as it can be written, such as ``0.25`` or ``3``.

    Raises:
        ValueError: it has no end.
    """
    places = decimals(number)
    if places is None:
        raise ValueError(f"{number} has no finite decimal form")
    digits = f"{abs(int(number * 10**places)):0{places + 1}d}"
    text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return f"-{text}" if number < 0 else text


def decimals(number: Fraction, most: int = 12) -> int | None:
    """Return the number of decimals of a number; None for more than ``most``."""
    return next((places for places in range(most + 1) if 10**places % number.denominator == 0), None)


def read_problems(path: str) -> tuple[WorkedProblem, ...]:
    """Read problems from JSON Lines of id, question and answer, whose lines are steps ``a + b = c`` and ``#### c``.

    Raises:
        InputError: a line has another form, or a question stands twice.
    """
    problems = []
    for where, row in file_rows(path):
        if isinstance(row, InputError):
            raise row
        problems.append(_problem(row, where))
    if not problems:
        raise InputError(f"{path}: holds no problem")
    if len({problem.question for problem in problems}) < len(problems):
        raise InputError(f"{path}: holds a question twice, so that one could be trained on and held out: keep one")
    return tuple(problems)


def _problem(row: object, where: str) -> WorkedProblem:
    wanted = "expected {id, question, answer} with an answer such as 41 - 9 = 32\\n#### 32"
    if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("id", "question", "answer")):
        raise InputError(f"{where}: {wanted}")
    *lines, last = row["answer"].strip().split("\n")
    steps = [_STEP.fullmatch(line.strip()) for line in lines]
    answer = _ANSWER.fullmatch(last.strip())
    if not steps or not all(steps) or not answer:
        raise InputError(f"{where}: {wanted}, got {json.dumps(row['answer'])}")
    found = tuple(Step(Fraction(s[1]), s[2], Fraction(s[3]), Fraction(s[4])) for s in steps if s)
    if found[-1].result != Fraction(answer[1]):
        raise InputError(f"{where}: its last step gives {spelled(found[-1].result)}, its answer is {answer[1]}")
    return WorkedProblem(row["id"], row["question"], found)


def split(
    problems: Sequence[WorkedProblem],
    held_out: int,
    trained_beside: Sequence[WorkedProblem] = (),
    *,
    aside: float = 0.0,
) -> Split:
    """Return problems with the fold that is held out cut off, whatever their order.

    Args:
        problems: all problems.
        held_out: the size of the fold, >= 0 and fewer than there are.
        trained_beside: problems of another source that are trained on; what is clean and far is so of them, too.
        aside: the share of the others that is set aside, in [0, 1).

    Raises:
        InputError: nothing would be left to train on.
    """
    if not 0 <= held_out < len(problems):
        raise InputError(f"{held_out} of {len(problems)} problems held out leave none to train on: hold out fewer")
    ordered = sorted(problems, key=lambda problem: hashlib.sha256(problem.question.encode()).digest())
    held, others = ordered[:held_out], ordered[held_out:]
    apart = {text_of(problem.question) for problem in held}
    left = [problem for problem in others if text_of(problem.question) not in apart]
    count = round(aside * len(left))
    kept = {without_numbers(problem.question) for problem in left[:count]}
    training = [problem for problem in left[count:] if without_numbers(problem.question) not in kept]
    if not training:
        raise InputError(
            "every problem has the text of a problem that is held out or set aside: none is left to train on"
        )
    others += trained_beside
    texts = {without_numbers(problem.question) for problem in others}
    clean = [problem for problem in held if without_numbers(problem.question) not in texts]
    bags = [_words(problem.question) for problem in others]
    far = [problem.id for problem in clean if _nearest(_words(problem.question), bags) < FAR]
    clean_ids = frozenset(problem.id for problem in clean)
    return Split(tuple(training), tuple(held), clean_ids, frozenset(far), tuple(left[:count]))


def without_numbers(question: str) -> str:
    """Return a question in small letters, with a mark for each number and without punctuation."""
    return text_of(re.sub(NUMBER, "#", question))


def text_of(question: str) -> str:
    """Return a question in small letters and without punctuation: equal ones are the same problem."""
    return " ".join(re.findall(rf"[a-z']+|#|{NUMBER}", question.lower()))


def _words(question: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z']+", question.lower()))


def _nearest(words: frozenset[str], bags: Sequence[frozenset[str]]) -> float:
    """Return the largest Jaccard index of words with one of several sets."""
    return max(len(words & bag) / max(len(words | bag), 1) for bag in bags)
