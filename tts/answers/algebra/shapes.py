r"""The shape of an answer: a pair, an interval, a set, a list, a ratio, words, or one expression.

    shape(r"(1,2)")      # Shape("tuple", ("1", "2"))
    shape(r"\{1,2\}")    # Shape("set", ("1", "2"))

Text in, text out; the parts are answers again. Shapes of different kinds are compared by
`tts.answers.algebra.equality`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tts.answers.algebra.typed import as_latex
from tts.answers.algebra.words import words
from tts.answers.canonical import canonical
from tts.answers.clock import clock
from tts.answers.numbers import canonical_number

Kind = Literal["number", "words", "clock", "tuple", "interval", "set", "list", "union", "ratio", "based", "expression"]

_OPEN, _CLOSE = "([{", ")]}"
_ASSIGNED = re.compile(
    r"(?P<left>(?:\\?[A-Za-z]+(?:_(?:\{[^{}]*\}|[A-Za-z0-9]))?'*(?:\([A-Za-z](?:,[A-Za-z])*\))?|\([A-Za-z](?:,[A-Za-z])+\)))"
    r"\s*(?P<by>=|\\in(?![A-Za-z])|:=)\s*(?P<right>.+)",
    re.DOTALL,
)
_RELATION = re.compile(r"[<>=]|\\(?:le|leq|leqslant|ge|geq|geqslant|lt|gt|ne|neq|in|approx|equiv)(?![A-Za-z])")
_JOINED = re.compile(
    r"\s*(?:,\s*)?(?:\\(?:text|textrm|mathrm|mbox)\s*\{\s*(?:and|or|,)\s*\}|(?<![A-Za-z\\])(?:and|or)(?![A-Za-z]))\s*"
)
_UNITS = re.compile(r"\s*\\(?:text|textrm|mathrm|mbox)\s*\{[^{}]*\}(?:\^\{?[0-9]\}?)?$")
_BASED = re.compile(
    r"(?P<digits>[0-9A-Fa-f]{1,40})_(?:\{(?:\\text\{)?(?P<long>[0-9]{1,2}|[a-z]+)\}?\}|(?P<short>[0-9]))"
)
_BASES = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
_EMPTY = re.compile(r"\\(?:emptyset|varnothing)|\\\{\s*\\\}|\{\s*\}|\\text\{\s*(?:empty set|the empty set)\s*\}")
_PLUS_MINUS = re.compile(r"\\(pm|mp)(?![A-Za-z])")
_COMMAS = 200


@dataclass(frozen=True, slots=True)
class Shape:
    """An answer taken apart.

    Attributes:
        kind: the kind of the whole.
        parts: the answers that it is made of; of an expression, a number, words and a time, its spelling.
        brackets: of an interval, its two brackets.
        name: what it is assigned to, such as "x" in "x=5"; empty without.
    """

    kind: Kind
    parts: tuple[str, ...]
    brackets: str = ""
    name: str = ""


def shape(answer: str) -> Shape:
    """Return the shape of an answer.

    Args:
        answer: a bare answer in any spelling.
    """
    text = canonical(answer, "math") or ""
    if (number := canonical_number(text)) is not None:
        return Shape("number", (number,))
    if (time := clock(text)) is not None:
        return Shape("clock", (time,))
    if (plain := words(text)) is not None:
        return Shape("words", (plain,))
    based = _BASED.fullmatch(text)
    if based is not None:
        base = based["long"] or based["short"]
        return Shape("based", (based["digits"].lower(), str(_BASES.get(base, base))))
    return _formula(_typed_set(as_latex(text)))


def _typed_set(text: str) -> str:
    """Return a text in bare braces as a set: braces alone are nothing in LaTeX."""
    if text[:1] == "{" and _closing(text, 0) == len(text) - 1:
        return rf"\{{{text[1:-1]}\}}"
    return text


def _formula(text: str) -> Shape:
    text = text.strip()
    if _EMPTY.fullmatch(text):
        return Shape("set", ())
    assigned = _ASSIGNED.fullmatch(text)
    if assigned is not None and len(_split(assigned["right"], ",")) == 1 and not _RELATION.search(assigned["right"]):
        inner = shape(assigned["right"])
        if assigned["by"] == "\\in" and inner.kind == "tuple" and len(inner.parts) == 2:
            inner = Shape("interval", inner.parts, "()")
        return Shape(inner.kind, inner.parts, inner.brackets, re.sub(r"\s", "", assigned["left"]))
    if assigned is not None and not any(_RELATION.search(part) for part in _split(assigned["right"], ",")):
        inner = _formula(assigned["right"])
        return Shape(inner.kind, inner.parts, inner.brackets, re.sub(r"\s", "", assigned["left"]))
    unions = _split(text, r"\cup")
    if len(unions) > 1:
        return Shape("union", tuple(unions))
    if re.fullmatch(r"[\[\]][^\[\]()]*,[^\[\]()]*[\[\]]", text) and (text[0] == "]" or text[-1] == "["):
        brackets = ("(" if text[0] == "]" else "[") + (")" if text[-1] == "[" else "]")
        return Shape("interval", tuple(_split(text[1:-1], ",")), brackets)
    items = _items(text)
    if len(items) > 1:
        return Shape("list", tuple(items))
    sides = _split(text, "=")
    if len(sides) > 2 and not _RELATION.search(text.replace("=", "")):
        return _formula(f"{sides[0]}={sides[-1]}")
    if len(sides) == 2 and canonical_number(sides[0]) and re.fullmatch(r"[A-Za-z]", sides[1]):
        return Shape("number", (canonical_number(sides[0]) or "",), "", sides[1])
    if (bracketed := _bracketed(text)) is not None:
        return bracketed
    signs = _PLUS_MINUS.findall(text)
    if signs and len(signs) <= 2 and not _RELATION.search(text):
        first = _PLUS_MINUS.sub(lambda match: "+" if match[1] == "pm" else "-", text)
        second = _PLUS_MINUS.sub(lambda match: "-" if match[1] == "pm" else "+", text)
        return Shape("list", (first.removeprefix("+"), second.removeprefix("+")))
    ratio = _split(text, ":")
    if len(ratio) > 1 and all(ratio):
        return Shape("ratio", tuple(ratio))
    without_units = _UNITS.sub("", text)
    if without_units != text and without_units:
        return shape(without_units)
    return Shape("expression", (text,))


def _items(text: str) -> list[str]:
    """Return the parts of a list without brackets: between commas and the words "and" and "or"."""
    parts = [part for item in _split(text, ",") for part in _JOINED.split(item)]
    return [part.strip() for part in parts if part.strip()][:_COMMAS]


def _bracketed(text: str) -> Shape | None:
    r"""Return the shape of a text in one pair of brackets, or None."""
    for open_, close in ((r"\{", r"\}"), (r"\lbrace", r"\rbrace")):
        if text.startswith(open_) and text.endswith(close) and _closing(text, len(open_) - 1) == len(text) - 1:
            inside = text[len(open_) : -len(close)]
            return None if re.search(r"\||\\mid|:", inside) else Shape("set", tuple(_items(inside)))
    if text[:1] not in ("(", "[") or text[-1:] not in (")", "]") or _closing(text, 0) != len(text) - 1:
        return None
    parts = tuple(part.strip() for part in _split(text[1:-1], ","))
    brackets = text[0] + text[-1]
    if len(parts) == 1 and brackets == "()":
        return shape(parts[0])
    if len(parts) == 2 and (brackets != "()" or any("\\infty" in part for part in parts)):
        return Shape("interval", parts, brackets)
    if len(parts) > 1 and brackets == "()":
        return Shape("tuple", parts)
    return Shape("tuple", parts, brackets) if len(parts) > 1 else None


def _split(text: str, separator: str) -> list[str]:
    """Return the parts of a text between separators outside all brackets."""
    parts, depth, start, i = [], 0, 0, 0
    while i < len(text):
        if text.startswith(r"\begin{", i):
            depth += 1
        elif text.startswith(r"\end{", i):
            depth -= 1
        if depth == 0 and text.startswith(separator, i) and not _is_grouping(text, i, separator):
            parts.append(text[start:i])
            i = start = i + len(separator)
            continue
        if text[i] in _OPEN:
            depth += 1
        elif text[i] in _CLOSE:
            depth = max(0, depth - 1)
        i += 1
    return [part.strip() for part in [*parts, text[start:]]]


def _is_grouping(text: str, at: int, separator: str) -> bool:
    r"""Return whether a separator is no separator: part of a longer command, or written as ``\,``."""
    if separator.startswith("\\"):
        return text[at + len(separator) : at + len(separator) + 1].isalpha()
    return text[at - 1 : at] == "\\"


def _closing(text: str, start: int) -> int:
    """Return the place of the bracket that closes the one at ``start``, of any kind; -1 where it is never closed."""
    depth = 0
    for i in range(start, len(text)):
        if text[i] in _OPEN:
            depth += 1
        elif text[i] in _CLOSE:
            depth -= 1
            if depth == 0:
                return i
    return -1
