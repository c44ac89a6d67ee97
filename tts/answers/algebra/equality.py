"""Equality of two answers by their shapes, and of their expressions by their values.

Rules that decide what mathematics leaves open; each is symmetric, and none makes equal what two people would write for
two different things:

- An ordered pair, an interval with a closed end and a set are three things; an open interval is written as a pair.
- A list without brackets is a set: the order of solutions does not count. It is no ordered pair.
- A decimal with six places and five digits or more may be rounded: it equals every number that it is cut or rounded
  from. Any other decimal is exact, so two tiny numbers differ where their digits do.
- "x=5" and "5" are equal, "x=5" and "y=5" are not. A time of day, a word and a ratio are what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import mpmath

from tts.answers.algebra import values
from tts.answers.algebra.decimals import is_rounded, numbers_equal
from tts.answers.algebra.shapes import Shape, shape
from tts.answers.algebra.values import Value

_LIST = ("list", "set", "union")


class Equality:
    """The comparison of two answers.

    Attributes:
        related: the library's own check of two parsed expressions, for relations and sets that are no numbers.
    """

    def __init__(self, parse: Callable[[str], Value | None], related: Callable[[Any, Any], bool]) -> None:
        """Take the parser of one expression, which remembers, and the library's check."""
        self._parse = parse
        self.related = related

    def read(self, answer: str) -> None:
        """Do all work that one answer alone needs."""
        self._read(_shape(answer))

    def _read(self, form: Shape) -> None:
        if form.kind == "expression":
            self._parse(form.parts[0])
        elif form.kind not in ("words", "clock", "number", "based"):
            for part in form.parts:
                self._read(_shape(part))

    def equal(self, a: str, b: str) -> bool:
        """Return whether two answers are equal; the order of the two does not matter."""
        return a == b or self._equal(_shape(a), _shape(b))

    def _equal(self, a: Shape, b: Shape) -> bool:
        if a.name and b.name and a.name != b.name:
            return self._as_equations(a, b)
        if a == b:
            return True
        kinds = {a.kind, b.kind}
        if len(kinds) == 1:
            return self._same_kind(a, b)
        if kinds <= {"list", "set"}:
            return self._cover(a.parts, b.parts)
        if kinds == {"interval", "tuple"}:
            return self._ends(_interval(a), _interval(b))
        if kinds == {"number", "expression"}:
            return self._expression(a, b)
        if "based" in kinds and "number" in kinds:
            based, number = (a, b) if a.kind == "based" else (b, a)
            return based.parts[0] == number.parts[0]
        if "ratio" in kinds and kinds & {"number", "expression"}:
            ratio, other = (a, b) if a.kind == "ratio" else (b, a)
            return len(ratio.parts) == 2 and self.equal("({})/({})".format(*ratio.parts), other.parts[0])
        if kinds & {"list", "set"} and kinds & {"number", "expression"}:
            many, one = (a, b) if a.kind in _LIST else (b, a)
            if many.parts and self._cover(many.parts, one.parts):
                return True
        if kinds & {"union", "interval", "tuple", "set", "expression"} == kinds and "expression" in kinds:
            return self._as_sets(a, b)
        return "union" in kinds and kinds <= {"union", "interval", "set", "tuple"} and self._as_sets(a, b)

    def _same_kind(self, a: Shape, b: Shape) -> bool:
        match a.kind:
            case "number":
                return numbers_equal(a.parts[0], b.parts[0])
            case "expression":
                return self._expression(a, b)
            case "tuple":
                return a.brackets == b.brackets and self._pairwise(a.parts, b.parts)
            case "interval":
                return self._ends(a, b)
            case "list" | "set":
                return self._cover(a.parts, b.parts)
            case "union":
                return self._cover(a.parts, b.parts) or self._as_sets(a, b)
            case "ratio":
                return self._proportional(a.parts, b.parts)
            case "based":
                return _in_base(*a.parts) is not None and _in_base(*a.parts) == _in_base(*b.parts)
        return a.parts == b.parts

    def _pairwise(self, a: Sequence[str], b: Sequence[str]) -> bool:
        return len(a) == len(b) and all(self.equal(x, y) for x, y in zip(a, b, strict=True))

    def _ends(self, a: Shape, b: Shape) -> bool:
        return a.brackets == b.brackets and self._pairwise(a.parts, b.parts)

    def _cover(self, a: Sequence[str], b: Sequence[str]) -> bool:
        """Return whether each element of one list is in the other one."""
        a, b = _flat(a), _flat(b)
        return all(any(self.equal(x, y) for y in b) for x in a) and all(any(self.equal(x, y) for x in a) for y in b)

    def _proportional(self, a: Sequence[str], b: Sequence[str]) -> bool:
        pairs = list(zip(a, b, strict=False))
        return len(a) == len(b) and all(self.equal(f"({x})*({b[0]})", f"({y})*({a[0]})") for x, y in pairs[1:])

    def _expression(self, a: Shape, b: Shape) -> bool:
        x, y = self._parse(a.parts[0]), self._parse(b.parts[0])
        if x is None or y is None:
            return False
        for value, form in ((x, b), (y, a)):
            if value.kind == "equation" and form.name:
                equation = self._parse(f"{form.name}={form.parts[0]}")
                return equation is not None and self._values(value, equation)
        decimals = [part for part in (*a.parts, *b.parts) if is_rounded(part)]
        if x.kind == y.kind == "expression" and len(decimals) == 1 and x.constant and y.constant:
            other = y if decimals[0] == a.parts[0] else x
            return _is_cut_from(decimals[0], other)
        return self._values(x, y)

    def _values(self, x: Value, y: Value) -> bool:
        tolerance = values.FLOATS if x.decimal or y.decimal else values.EXACT
        match x.kind, y.kind:
            case ("expression", "expression"):
                if x.exact is not None and y.exact is not None:
                    return bool(x.exact == y.exact)
                return values.equal_numbers(x.numbers[0], y.numbers[0], tolerance)
            case ("matrix", "matrix"):
                return x.size == y.size and all(
                    values.equal_numbers(p, q, tolerance) for p, q in zip(x.numbers, y.numbers, strict=True)
                )
            case ("equation", "equation") | ("unequal", "unequal"):
                return values.proportional(x.numbers[0], y.numbers[0], tolerance)
            case ("inequalities", "inequalities"):
                return _same_inequalities(x, y, tolerance) or (
                    x.variables == y.variables == 1 and self.related(x.parsed, y.parsed)
                )
            case ("equation", "expression") | ("expression", "equation"):
                return self._last_side(*((x, y) if x.kind == "equation" else (y, x)))
        return self.related(x.parsed, y.parsed)

    def _last_side(self, equation: Value, expression: Value) -> bool:
        """Return whether an equation ends in a number and the expression is that number: "x+y=7" says 7."""
        last = values.evaluate(equation.parsed.rhs)
        return last.constant and expression.constant and self._values(last, expression)

    def _as_equations(self, a: Shape, b: Shape) -> bool:
        """Return whether two assignments to different names are the same equation: y=2x+1 and x=(y-1)/2."""
        if not (a.kind in ("expression", "number") and b.kind in ("expression", "number")):
            return False
        x, y = (self._parse(f"{form.name}={form.parts[0]}") for form in (a, b))
        return x is not None and y is not None and x.kind == y.kind == "equation" and self._values(x, y)

    def _as_sets(self, a: Shape, b: Shape) -> bool:
        x, y = self._parse(_spelled(a)), self._parse(_spelled(b))
        if x is None or y is None:
            return False
        if a.kind == "expression" and b.kind == "expression":
            return self._values(x, y)
        if "expression" in (x.kind, y.kind) or "matrix" in (x.kind, y.kind):
            return False
        return self.related(x.parsed, y.parsed)


def _is_cut_from(decimal: str, value: Value) -> bool:
    """Return whether a decimal is a constant, rounded or cut."""
    number = value.numbers[0][0]
    if number is None or mpmath.isinf(number):
        return False
    with mpmath.workdps(4 * values.DIGITS):
        written = mpmath.mpf(decimal)
        return bool(abs(written - number) < mpmath.mpf(10) ** -len(decimal.partition(".")[2]))


def _same_inequalities(x: Value, y: Value, tolerance: Any) -> bool:
    rows, others = list(zip(x.numbers, x.strict, strict=True)), list(zip(y.numbers, y.strict, strict=True))

    def same(one: Any, other: Any) -> bool:
        if x.variables == 0 or y.variables == 0:
            return one[1] == other[1] and values.equal_numbers(one[0], other[0], tolerance)
        return one[1] == other[1] and values.proportional(one[0], other[0], tolerance, positive=True)

    return len(rows) == len(others) and all(any(same(row, other) for other in others) for row in rows)


def _interval(form: Shape) -> Shape:
    return Shape("interval", form.parts, form.brackets or "()") if len(form.parts) == 2 else form


def _flat(parts: Sequence[str]) -> list[str]:
    r"""Return the elements of a list, those that stand for two (``1 \pm x``) as two."""
    forms = [(part, _shape(part)) for part in parts]
    return [one for part, form in forms for one in (form.parts if form.kind == "list" else (part,))]


def _spelled(form: Shape) -> str:
    """Return a shape as LaTeX."""
    match form.kind:
        case "interval" | "tuple":
            brackets = form.brackets or "()"
            return f"{brackets[0]}{','.join(form.parts)}{brackets[1]}"
        case "set":
            return rf"\{{{','.join(form.parts)}\}}" if form.parts else r"\emptyset"
        case "union":
            return r"\cup ".join(form.parts)
    return ",".join(form.parts)


def _in_base(digits: str, base: str) -> int | None:
    try:
        return int(digits, int(base))
    except ValueError:
        return None


@lru_cache(maxsize=8192)
def _shape(answer: str) -> Shape:
    return shape(answer)
