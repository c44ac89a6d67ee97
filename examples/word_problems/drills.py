"""Drills: single operations in the form of a worked step, which teach the arithmetic that problems use too rarely."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction

from word_problems.problem import OPERATIONS, Step

SHARE_AT_START, SHARE_AT_HALF = 0.45, 0.25
"""The share of drills among the rows, which falls linearly until half time and stays."""
STEPS_A_ROW = 7
_KINDS = {"problem": 45, "+": 17, "-": 23, "*": 8, "/": 7}
"""The kinds of drills in per cent: a step of a renumbered problem, or an operation."""


def drill_share(progress: float) -> float:
    """Return the share of drills among the rows.

    Args:
        progress: the share of the training that is over, in [0, 1].
    """
    return SHARE_AT_START + (SHARE_AT_HALF - SHARE_AT_START) * min(2 * progress, 1.0)


def drill(rng: random.Random, problem_step: Callable[[], Step]) -> Step:
    """Return one operation: half of them of problems, else sums, differences, products and exact quotients.

    Args:
        rng: draws.
        problem_step: returns a step of a problem.
    """
    [kind] = rng.choices(list(_KINDS), list(_KINDS.values()))
    if kind == "problem":
        return problem_step()
    if kind == "-":
        left, right = sorted((_small(rng), _small(rng)), reverse=True)
    elif kind == "+":
        left, right = _small(rng), _small(rng)
    else:
        left, right = rng.randint(2, 12 if rng.random() < 0.5 else 99), rng.randint(2, 9)
        if kind == "/":
            left *= right
        elif rng.random() < 0.5:
            left, right = right, left
    a, b = Fraction(left), Fraction(right)
    return Step(a, kind, b, OPERATIONS[kind](a, b))


def _small(rng: random.Random) -> int:
    """Return a number of one or two digits."""
    return rng.randint(1, 9) if rng.random() < 0.25 else rng.randint(10, 99)
