r"""Mathematics as people type it, as LaTeX: ``7*sin(pi*x/5)+1`` is ``7\cdot\sin(\pi\cdot x/5)+1``.

A rewriting of tokens that leaves LaTeX as it is, so that a text may mix both. Reads no meaning: an answer of words is
recognised before (`tts.answers.algebra.shapes`).
"""

from __future__ import annotations

import re

_UNICODE = {
    "\u03c0": r"\pi ",
    "\u221e": r"\infty ",
    "\u00b1": r"\pm ",
    "\u2213": r"\mp ",
    "\u2264": r"\le ",
    "\u2265": r"\ge ",
    "\u2260": r"\ne ",
    "\u222a": r"\cup ",
    "\u2229": r"\cap ",
    "\u2208": r"\in ",
    "\u2205": r"\emptyset ",
    "\u211d": r"\mathbb{R}",
    "\u2124": r"\mathbb{Z}",
    "\u00d7": r"\times ",
    "\u22c5": r"\cdot ",
    "\u00b7": r"\cdot ",
    "\u2217": r"\cdot ",
    "\u00f7": "/",
    "\u2044": "/",
    "\u2212": "-",
    "\u2013": "-",
    "\u2032": "'",
    "\u2026": r"\ldots ",
    **{letter: rf"\{name} " for letter, name in zip(
        "\u03b1\u03b2\u03b3\u03b4\u03b5\u03b8\u03bb\u03bc\u03c1\u03c3\u03c4\u03c6\u03c9",
        ["alpha", "beta", "gamma", "delta", "epsilon", "theta", "lambda", "mu", "rho", "sigma", "tau", "phi", "omega"],
        strict=True,
    )},
}  # fmt: skip
_CHARACTERS = str.maketrans(_UNICODE)
_POWERS = {**dict(zip("\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079", "0123456789", strict=True))}
_POWERS |= {"\u207b": "-", "\u207f": "n", "\u02e3": "x"}
_POWER = re.compile(f"[{''.join(_POWERS)}]+")
_INDICES = {chr(0x2080 + digit): str(digit) for digit in range(10)}
_INDEX = re.compile(f"[{''.join(_INDICES)}]+")
_ROOTS = {"\u221a": ("sqrt", r"\sqrt"), "\u221b": ("cbrt", r"\sqrt[3]")}
_ROOT = re.compile(r"(?P<root>[\u221a\u221b])\s*(?:(?=\()|(?=\{)|(?P<of>[0-9.]+|[a-z]))")

_INVERSE = re.compile(r"(?<![A-Za-z\\])a(?:rc)?(sin|cos|tan)(?![a-z]{2})")
_FUNCTION = re.compile(
    r"(?<![A-Za-z\\])(arcsin|arccos|arctan|sinh|cosh|tanh|sin|cos|tan|sec|csc|cot|log|ln|exp|min|max|gcd|lcm)"
    r"(?=[A-Za-z]?(?![A-Za-z]))"
)
_CONSTANT = re.compile(r"(?<![A-Za-z\\])(pi|theta|alpha|beta|gamma|lambda|infty|cup|cap)(?![A-Za-z])")
_COMMAND = re.compile(r"(?<![A-Za-z\\])(frac|sqrt|times|cdot|pm|text)(?=\s*\{|\s)")
_INFINITY = re.compile(r"(?<![A-Za-z\\])(?:infinity|inf|oo)(?![A-Za-z])", re.IGNORECASE)
_RELATIONS = [
    (r"\langle", "("),
    (r"\rangle", ")"),
    (r"\lbrace", r"\{"),
    (r"\rbrace", r"\}"),
    ("<=", r"\le "),
    (">=", r"\ge "),
    ("=<", r"\le "),
    ("!=", r"\ne "),
    ("==", "="),
]
_LOG_BASE = re.compile(r"\\log\s*_?(?P<base>[0-9]+)\s*(?=\()")
_SCIENTIFIC = re.compile(r"(?<![\w.\\])(?P<value>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE](?P<power>[-+]?[0-9]+)(?![\w.])")
_POWER_OF = re.compile(
    r"\^\s*(?P<of>[-+]?(?:[0-9]+(?:\.[0-9]+)?|[A-Za-z](?![A-Za-z])|\\pi\b))(?P<slash>/[0-9]+(?=\)))?"
)
_FACTOR = re.compile(
    r"\s*(?:[0-9]+(?:\.[0-9]+)?|\\(?P<function>sin|cos|tan|sec|csc|cot|ln|log|exp|arcsin|arccos|arctan|sinh|cosh|tanh)"
    r"(?![A-Za-z])\s*(?:[_^]\s*(?:\{[^{}]*\}|[0-9]))*\s*|\\[dt]?(?:frac|sqrt|binom)\s*(?:\[[^\]]*\])?(?=\{)|\\[A-Za-z]+|[A-Za-z])?"
)
_INDEXED = re.compile(r"\s*[_^]\s*(?:(?=\{)|\\?[A-Za-z]+|[0-9])")
_UPRIGHT = re.compile(r"\\(?:mathrm|text|textrm|operatorname|mathit|rm)\s*\{\s*(?P<of>e|i|d|ln|log|sin|cos|tan)\s*\}")
_UNION = re.compile(r"(?<=[)\]}])\s*(?:U|u|or)\s*(?=[(\[{\\])")
_DROPPED = re.compile(r"\\(?:displaystyle|textstyle|limits|quad|qquad|hspace\{[^{}]*\}|phantom\{[^{}]*\})(?![A-Za-z])")
_TEXT_ARGUMENTS = re.compile(r"\\(?:text|textrm|textbf|textit|mathrm|mathbf|mbox|operatorname|begin|end)\s*\{[^{}]*\}")


def as_latex(text: str) -> str:
    """Return an answer with every piece of typed mathematics in it as LaTeX.

    Args:
        text: a bare answer in typed mathematics, in LaTeX, or in a mixture of both.
    """
    text = _DROPPED.sub("", _UPRIGHT.sub(_upright, text))
    text = _POWER.sub(lambda match: "^{" + "".join(_POWERS[c] for c in match[0]) + "}", text)
    text = _INDEX.sub(lambda match: "_{" + "".join(_INDICES[c] for c in match[0]) + "}", text)
    text = _ROOT.sub(_root, text)
    text = text.translate(_CHARACTERS)
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"\x00{len(kept) - 1}\x00"

    text = _formula(_TEXT_ARGUMENTS.sub(keep, text))
    return re.sub("\x00([0-9]+)\x00", lambda match: kept[int(match[1])], text).strip()


def _formula(text: str) -> str:
    """Rewrite a text without arguments of words."""
    for typed, latex in _RELATIONS:
        text = text.replace(typed, latex)
    text = _COMMAND.sub(r"\\\1", text).replace("**", "^")
    text = _arguments(text)
    text = _SCIENTIFIC.sub(lambda match: rf"{match['value']}\cdot 10^{{{int(match['power'])}}}", text)
    text = _INFINITY.sub(r"\\infty ", text)
    text = _INVERSE.sub(r"\\arc\1 ", text)
    text = _FUNCTION.sub(r"\\\1 ", text)
    text = _CONSTANT.sub(r"\\\1 ", text)
    text = _LOG_BASE.sub(lambda match: rf"\log_{{{match['base']}}}", text)
    text = _POWER_OF.sub(lambda match: f"^{{{match['of']}{match['slash'] or ''}}}", text)
    text = _quotients(text)
    text = _UNION.sub(r"\\cup ", text)
    return text.replace("*", r"\cdot ")


def _root(match: re.Match[str]) -> str:
    typed, latex = _ROOTS[match["root"]]
    if match["of"]:
        return f"{latex}{{{match['of']}}}"
    return latex if match.string[match.end() : match.end() + 1] == "{" else typed


def _upright(match: re.Match[str]) -> str:
    return f"\\{match['of']} " if len(match["of"]) > 1 else match["of"]


_CALL = re.compile(
    r"(?:\\|(?<![A-Za-z\\]))(?P<name>sqrt|cbrt|abs)\s*(?=\()|(?<![A-Za-z\\])sqrt\s*(?P<digits>[0-9]+)|\^\s*(?=\()"
)


def _arguments(text: str) -> str:
    """Put the arguments in round brackets of roots, absolute values and powers into braces."""
    done, start = [], 0
    while (match := _CALL.search(text, start)) is not None:
        done.append(text[start : match.start()])
        start = match.end()
        if match["digits"]:
            done.append(rf"\sqrt{{{match['digits']}}}")
            continue
        inside = _in_brackets(text, start)
        if inside is None:
            done.append(match[0])
            continue
        start += len(inside) + 2
        open_, close = {"sqrt": (r"\sqrt{", "}"), "cbrt": (r"\sqrt[3]{", "}"), "abs": ("|", "|")}.get(
            match["name"] or "", ("^{", "}")
        )
        done.append(open_ + _arguments(inside) + close)
    return "".join([*done, text[start:]])


def _quotients(text: str) -> str:
    """Write each division as a product with the inverse of the one factor behind it: "1/2x" is x/2, as in a program."""
    while (at := text.find("/")) >= 0:
        end = _factor_end(text, at + 1)
        factor = text[at + 1 : end].strip()
        text = (
            f"{text[:at]}\x01{text[at + 1 :]}" if not factor else rf"{text[:at]}\cdot {{({factor})}}^{{-1}}{text[end:]}"
        )
    return text.replace("\x01", "/")


def _factor_end(text: str, start: int) -> int:
    """Return the end of the number, variable, function or bracket at ``start``, its powers included."""
    match = _FACTOR.match(text, start)
    end = start if match is None else match.end()
    groups = 2 if match is not None and re.search("frac|binom", match[0]) else 1
    named = match is not None and match[0].strip() != "" and match["function"] is None
    if match is not None and match["function"] and text[end : end + 1] not in ("(", "{"):
        return _factor_end(text, end)
    for open_, close in (("(", ")"), ("{", "}"), ("|", "|")):
        while groups and text[end : end + 1] == open_ and not (named and open_ != "{"):
            inside = _enclosed(text, end, open_, close)
            if inside is None:
                return end
            end, groups = end + len(inside) + 2, groups - 1
    while (power := _INDEXED.match(text, end)) is not None:
        end = power.end()
        if text[end : end + 1] == "{":
            inside = _enclosed(text, end, "{", "}")
            end += len(inside) + 2 if inside is not None else 1
    return end


def _enclosed(text: str, start: int, open_: str, close: str) -> str | None:
    if open_ == close:
        end = text.find(close, start + 1)
        return None if end < 0 else text[start + 1 : end]
    return _in_brackets(text, start, open_, close)


def _in_brackets(text: str, start: int, open_: str = "(", close: str = ")") -> str | None:
    """Return the text inside the bracket at ``start``, or None where it is never closed."""
    depth = 0
    for i in range(start, len(text)):
        depth += {open_: 1, close: -1}.get(text[i], 0)
        if depth == 0:
            return text[start + 1 : i]
    return None
