"""Problems of several steps, out of GSM8K's solutions with their marks of calculations, such as ``<<48/2=24>>``."""

from __future__ import annotations

import ast
import re
from fractions import Fraction

from evals.tasks.sources import file_rows
from tts.errors import InputError
from word_problems.problem import OPERATIONS, Step, WorkedProblem, decimals

_MARK = re.compile(r"<<([^<>=]+)=([^<>]+)>>")
_ANSWER = re.compile(r"####\s*(-?[\d,]*\.?\d+)\s*$")
_SIGNS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
MOST_STEPS = 4
"""Problems of more steps are left out: they are long, and far from the problems that are held out."""
_PLACES = 4


def read_annotated(path: str) -> tuple[WorkedProblem, ...]:
    """Read the problems of GSM8K whose marks are one chain of at most :data:`MOST_STEPS` exact operations.

    A mark of several operations becomes a step for each. Left out are solutions without marks, with other arithmetic
    (percentages, powers), with a result that its mark rounds, or whose last mark is not the answer.

    Args:
        path: JSON Lines of question and answer, gzipped or not.

    Raises:
        InputError: a line has another form, or no problem is left.
    """
    problems = []
    for where, row in file_rows(path):
        if isinstance(row, InputError):
            raise row
        if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("question", "answer")):
            raise InputError(f"{where}: expected {{question, answer}} as GSM8K has them")
        steps = _steps(row["answer"])
        if steps is not None:
            problems.append(WorkedProblem(f"gsm8k-{len(problems)}", row["question"], steps))
    if not problems:
        raise InputError(f"{path}: no solution has marks such as <<48/2=24>> that lead to its answer")
    return tuple(problems)


def _steps(solution: str) -> tuple[Step, ...] | None:
    """Return the operations of a solution in their order; None where they are not a chain of exact ones."""
    steps: list[Step] = []
    answer = _ANSWER.search(solution)
    for text, result in _MARK.findall(solution):
        try:
            value = _value(ast.parse(text.strip().lstrip("0") or "0", mode="eval").body, steps)
            if value != Fraction(result.strip()):
                return None
        except (ValueError, SyntaxError, ZeroDivisionError):
            return None
    if not steps or not answer or len(steps) > MOST_STEPS:
        return None
    return tuple(steps) if steps[-1].result == Fraction(answer[1].replace(",", "")) else None


def _value(node: ast.expr, steps: list[Step]) -> Fraction:
    """Return the value of an expression, and append its operations.

    Raises:
        ValueError: it has another form, or a result that is negative or has many decimals.
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return Fraction(str(node.value))
    if not isinstance(node, ast.BinOp) or (sign := _SIGNS.get(type(node.op))) is None:
        raise ValueError("another form")
    left, right = _value(node.left, steps), _value(node.right, steps)
    result = OPERATIONS[sign](left, right)
    if result < 0 or decimals(result, _PLACES) is None:
        raise ValueError("a result that is negative or long")
    steps.append(Step(left, sign, right, result))
    return result
