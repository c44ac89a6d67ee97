r"""Comparisons in a process of their own: what `tts.answers.math` starts, and can kill.

Importing this module imports neither sympy nor math-verify; `main` does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from tts.answers.process import serve


def main() -> None:
    """Answer requests until standard input closes: of one answer, read it; of two, whether they are equal."""
    serve(load)


def load() -> Callable[[Any], bool]:
    """Import math-verify and return the function that answers one request.

    Raises:
        ImportError: it is not installed.
    """
    import logging

    from latex2sympy2_extended.math_normalization import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse, verify

    from tts.answers.algebra.equality import Equality
    from tts.answers.algebra.values import evaluate

    logging.disable()  # math-verify warns that its SIGALRM timeouts are off: the parent kills this process instead
    # LaTeX only: the fallback for plain text would find the 3 in an unparsable "\foo{3}" and call them equal.
    # Units are dropped before (`shapes`): the parser would take the variable of "0.5d" for a unit, too.
    normalization = NormalizationConfig(basic_latex=True, units=False, malformed_operators=True, nits=True)
    config = [LatexExtractionConfig(boxed_match_priority=0, normalization_config=normalization)]

    @lru_cache(maxsize=4096)
    def read(text: str) -> Any:
        found = parse(f"${text}$", extraction_config=config, parsing_timeout=None)
        return None if not found or isinstance(found[0], str) else evaluate(found[0])

    def related(a: Any, b: Any) -> bool:
        options = {"timeout_seconds": None, "allow_set_relation_comp": True}
        # verify(gold, target) is not symmetric; merging needs an equality that is.
        return bool(verify(a, b, **options) or verify(b, a, **options))

    equality = Equality(read, related)

    def answer(request: list[str]) -> bool:
        if len(request) == 1:
            equality.read(request[0])
            return True
        return equality.equal(request[0], request[1])

    return answer
