"""Equality of mathematical answers: agreement with a hand-checked list of pairs, of ours and of math-verify alone.

    python -m benchmarks.equality > docs/results/equality.txt

The pairs restate facts of the test suites and reports of public graders; ``why`` names the source of each.
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tts.answers import MathVerifier

PAIRS = Path(__file__).resolve().parents[1] / "tests" / "answers" / "data" / "pairs.jsonl"


def main() -> None:
    """Print the table and every pair on which one of the two disagrees."""
    pairs = [json.loads(line) for line in PAIRS.read_text().splitlines()]
    start = time.perf_counter()
    with MathVerifier() as verifier:
        ours = verifier.equal_many([(pair["a"], pair["b"]) for pair in pairs])
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    theirs = alone(pairs)
    rows = {"tts": (ours, seconds), f"math-verify {version('math-verify')}": (theirs, time.perf_counter() - start)}
    print(f"agreement with {len(pairs)} hand-checked pairs ({sum(p['equal'] for p in pairs)} equal)\n")
    print(f"{'':20} {'agree':>14} {'false equal':>12} {'false unequal':>14} {'seconds':>8}")
    for name, (found, taken) in rows.items():
        kinds = Counter((got, pair["equal"]) for got, pair in zip(found, pairs, strict=True))
        right = kinds[True, True] + kinds[False, False]
        share = f"{right} {100 * right / len(pairs):6.1f} %"
        print(f"{name:20} {share:>14} {kinds[True, False]:12} {kinds[False, True]:14} {taken:8.1f}")
    print("\npairs on which one of them disagrees (right value: tts, math-verify)\n")
    for pair, one, other in zip(pairs, ours, theirs, strict=True):
        if one != pair["equal"] or other != pair["equal"]:
            sign = "==" if pair["equal"] else "!="
            marks = ", ".join("right" if got == pair["equal"] else "wrong" for got in (one, other))
            print(f"{pair['a']}  {sign}  {pair['b']}   {marks}   [{pair['why']}]")


def alone(pairs: list[dict[str, Any]]) -> list[bool]:
    """Return whether math-verify calls each pair equal, in the better of both orders, with its usual settings."""
    from math_verify import parse, verify

    logging.disable()
    found = []
    for pair in pairs:
        a, b = (parse(f"${pair[key]}$") for key in ("a", "b"))
        found.append(verify(a, b) is pair["equal"] or verify(b, a) is pair["equal"])
    return [pair["equal"] == right for pair, right in zip(pairs, found, strict=True)]


if __name__ == "__main__":
    main()
