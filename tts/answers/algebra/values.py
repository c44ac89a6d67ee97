"""Values of expressions: numbers at sample points, so that comparing two answers computes nothing but differences.

Imports sympy: only the child process of `tts.answers.algebra.child` loads this module. Each expression is evaluated by
itself, at points that its symbols' names alone decide; two expressions are equal where they agree at every point at
which both have a value. Two analytic expressions that differ agree at such points with probability 0. Nothing is
simplified, so a hard pair costs no more than its two answers.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, ParamSpec, TypeVar, cast

import mpmath
import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

DIGITS = 60
POINTS = 6
EXACT = mpmath.mpf(10) ** -45
FLOATS = mpmath.mpf(10) ** -11
"""Relative differences of two equal values: of exact ones, and where one holds a decimal."""

_LARGE, _HUGE = mpmath.mpf(10) ** 20, mpmath.mpf(10) ** 3000
"""Constants between these two are compared exactly where they are rational numbers."""
P = ParamSpec("P")
R = TypeVar("R")


def _precise(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that computes with twice the digits, whatever the precision of the caller."""
    return cast(Callable[P, R], mpmath.workdps(2 * DIGITS)(function))


Kind = Literal["expression", "equation", "unequal", "inequalities", "matrix", "other"]
Numbers = tuple[Any, ...]  # complex mpmath numbers, None where the expression has no value


@dataclass(frozen=True)
class Value:
    """An expression, evaluated.

    Attributes:
        kind: what it states; "other" cannot be evaluated.
        numbers: its values at the sample points: one row for an expression and an equation (left minus right), one an
            element for a matrix, one a relation for inequalities (the larger side minus the smaller one).
        strict: of inequalities: for each whether it excludes equality.
        size: of a matrix, its rows and columns.
        decimal: whether it holds a decimal.
        constant: whether it has no free symbols.
        exact: the rational number that it is, where it is a large one.
        variables: of inequalities, the number of their variables.
        parsed: the expression itself.
    """

    kind: Kind
    numbers: tuple[Numbers, ...]
    parsed: Any
    strict: tuple[bool, ...] = ()
    size: tuple[int, int] = (0, 0)
    decimal: bool = False
    constant: bool = False
    exact: Any = None
    variables: int = 0


@_precise
def evaluate(parsed: Any) -> Value:
    """Return the value of a parsed expression.

    Args:
        parsed: a sympy object, evaluated or not.
    """
    try:
        return _evaluate(parsed)
    except (TypeError, ValueError, AttributeError, NotImplementedError, ZeroDivisionError, ArithmeticError):
        return Value("other", (), parsed)


def _evaluate(parsed: Any) -> Value:
    decimal = bool(parsed.has(sympy.Float))
    if isinstance(parsed, sympy.MatrixBase):
        rows = tuple(_numbers(element) for element in parsed)
        return Value("matrix", rows, parsed, size=parsed.shape, decimal=decimal)
    relations = _relations(parsed)
    if relations is not None:
        if len(relations) == 1 and isinstance(relations[0], sympy.Eq | sympy.Ne):
            [relation] = relations
            kind: Kind = "equation" if isinstance(relation, sympy.Eq) else "unequal"
            return Value(kind, (_difference(relation.lhs, relation.rhs),), parsed, decimal=decimal)
        if any(isinstance(relation, sympy.Eq | sympy.Ne) for relation in relations):
            return Value("other", (), parsed)
        strict = tuple(isinstance(r, sympy.StrictGreaterThan | sympy.StrictLessThan) for r in relations)
        rows = tuple(_difference(relation.gts, relation.lts) for relation in relations)
        variables = len(parsed.free_symbols)
        return Value("inequalities", rows, parsed, strict=strict, decimal=decimal, variables=variables)
    if not isinstance(parsed, sympy.Expr):
        return Value("other", (), parsed)
    numbers = _numbers(parsed)
    if parsed.free_symbols:
        return Value("expression", (numbers,), parsed, decimal=decimal)
    return Value("expression", (numbers,), parsed, decimal=decimal, constant=True, exact=_exact(parsed, numbers[0]))


def _exact(parsed: Any, number: Any) -> Any:
    """Return the rational number that a large constant is, or None where its digits at a point tell it well enough."""
    if number is None or not _LARGE < abs(number) < _HUGE or parsed.has(sympy.Float):
        return None
    found = parsed.doit()
    return found if found.is_Rational else None


def _relations(parsed: Any) -> list[Relational] | None:
    if isinstance(parsed, Relational):
        return [parsed]
    if type(parsed).__name__ == "And" and all(isinstance(part, Relational) for part in parsed.args):
        return list(parsed.args)
    return None


@_precise
def _difference(left: Any, right: Any) -> Numbers:
    return tuple(
        None if a is None or b is None else _without_noise(a - b, a, b)
        for a, b in zip(_numbers(left), _numbers(right), strict=True)
    )


def _without_noise(difference: Any, a: Any, b: Any) -> Any:
    return mpmath.mpc(0) if abs(difference) <= EXACT * max(abs(a), abs(b)) else difference


def _numbers(expression: Any) -> Numbers:
    """Return the values of an expression at the sample points."""
    if expression.has(sympy.Integral, sympy.Sum, sympy.Product, sympy.Limit, sympy.Derivative):
        expression = expression.doit()
    if expression.has(sympy.UnevaluatedExpr):
        expression = expression.replace(sympy.UnevaluatedExpr, lambda inner: inner)
    if expression.has(AppliedUndef):
        expression = expression.replace(lambda e: isinstance(e, AppliedUndef), _some_function)
    symbols = sorted(expression.free_symbols, key=str)
    if not symbols:
        return (_number(expression.evalf(DIGITS)),) * POINTS
    return tuple(
        _number(expression.evalf(DIGITS, subs={symbol: _at(symbol.name, point) for symbol in symbols}))
        for point in range(POINTS)
    )


def _at(name: str, point: int) -> Any:
    """Return the value of a symbol at a sample point: between 0.2 and 3.2, or negative; of i, the imaginary unit."""
    if name == "i":
        return sympy.I
    size = sympy.Rational(200_003 + zlib.crc32(f"{name} {point}".encode()) % 3_000_000, 1_000_000)
    return -size if point % 2 and zlib.crc32(f"{name} sign {point}".encode()) % 2 else size


def _some_function(applied: Any) -> Any:
    """Return an analytic function in place of an undefined one; its name decides which."""
    seed = _at(f"function {applied.func}", 0)
    return sum((sympy.sin(seed * (k + 1) + arg) + seed * arg for k, arg in enumerate(applied.args)), seed)


def _number(value: Any) -> Any:
    """Return a value as an mpmath number, or None where it is none."""
    if value in (sympy.nan, sympy.zoo):
        return None
    if value in (sympy.oo, -sympy.oo):
        return mpmath.mpc("+inf" if value == sympy.oo else "-inf")
    real, imaginary = value.as_real_imag()
    if not (real.is_Number and imaginary.is_Number):
        return None
    return mpmath.mpc(_real(real), _real(imaginary))


def _real(part: Any) -> Any:
    if isinstance(part, sympy.Float) and part._prec <= 10:  # what is left of terms that cancel
        return mpmath.mpf(0)
    return part._to_mpmath(8 * DIGITS)


@_precise
def equal_numbers(a: Numbers, b: Numbers, tolerance: Any) -> bool:
    """Return whether two expressions agree at every point at which both have a value, and have values at the same."""
    if [x is None for x in a] != [x is None for x in b]:
        return False
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if x is not None]
    return bool(pairs) and all(close(x, y, tolerance) for x, y in pairs)


def close(x: Any, y: Any, tolerance: Any) -> bool:
    """Return whether two numbers differ by at most a share of the larger one."""
    if x == y:
        return True
    if mpmath.isinf(x) or mpmath.isinf(y):
        return False
    return bool(abs(x - y) <= tolerance * max(abs(x), abs(y)))


@_precise
def proportional(a: Numbers, b: Numbers, tolerance: Any, *, positive: bool = False) -> bool:
    """Return whether one expression is a constant times the other, and, where asked for, a positive one."""
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    if len(pairs) < 2:
        return False
    if any((x == 0) != (y == 0) for x, y in pairs):
        return False
    ratios = [x / y for x, y in pairs if y != 0]
    if not ratios:
        return True
    if any(not close(ratio, ratios[0], tolerance) for ratio in ratios):
        return False
    return not positive or (mpmath.re(ratios[0]) > 0 and abs(mpmath.im(ratios[0])) <= tolerance * abs(ratios[0]))
