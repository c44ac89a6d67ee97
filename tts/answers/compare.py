r"""One comparison by the math-verify library, run in the processes of `tts.answers.math`.

Importing this module imports neither sympy nor math-verify; `main` does, in its own process.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from tts.answers.canonical import canonical
from tts.answers.process import serve

_WORDS = re.compile(r"(?=.*[A-Za-z]{4})[A-Za-z ]+")


@lru_cache(maxsize=4096)
def latex(answer: str) -> str | None:
    r"""``answer`` as the LaTeX that math-verify is to parse, or None where there is nothing to compare.

    Canonical first ("1 1/2" is 1.5, which math-verify alone reads as 1), then in ``$...$``. Plain words become
    ``\text{...}``: bare letters would be parsed as a product, in which "evil" equals "live".
    """
    key = canonical(answer, "math")
    if key is None:
        return None
    return rf"$\text{{{key.lower()}}}$" if _WORDS.fullmatch(key) else f"${key}$"


def main() -> None:
    """Answer pairs of `latex` texts with true or false until standard input closes."""
    serve(_load)


def _load() -> Callable[[Any], bool]:
    import logging

    from math_verify import LatexExtractionConfig, parse, verify

    logging.disable()  # math-verify warns that its SIGALRM timeouts are off: the parent kills this process instead
    # LaTeX only: the fallback for plain text would find the 3 in an unparsable "\foo{3}" and call them equal.
    config = [LatexExtractionConfig(boxed_match_priority=0)]

    @lru_cache(maxsize=4096)
    def read(text: str) -> list[Any]:
        return list(parse(text, extraction_config=config, parsing_timeout=None))

    def equal(pair: tuple[str, str]) -> bool:
        a, b = read(pair[0]), read(pair[1])
        options = {"timeout_seconds": None, "allow_set_relation_comp": True}
        # verify(gold, target) is not symmetric; merging needs an equality that is.
        return bool(verify(a, b, **options) or verify(b, a, **options))

    return equal
