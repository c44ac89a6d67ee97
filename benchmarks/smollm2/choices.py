"""Turn word problems into questions with options: the right number among results of other operations.

    python -m benchmarks.smollm2.choices out/models/smollm2-reasoner/held_out.jsonl --out out/choices.jsonl

Each row has `question`, `choices` and `answer` (a letter), as `tts run out/choices.jsonl` reads them. Wrong options are
results of one operation on two numbers of the question, then numbers near the right one; their order is drawn.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

from tts.files import atomic_path

OPTIONS = 4


def wrong(question: str, answer: str) -> Iterator[str]:
    """Yield wrong answers without end, those of other operations first."""
    numbers = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", question)]
    right = float(answer)
    results = (value for a, b in permutations(numbers, 2) for value in (a + b, a - b, a * b, a / b if b else a))
    seen = {right}
    for value in results:
        if value >= 0 and round(value, 2) == value and value not in seen:
            seen.add(value)
            yield f"{value:g}"
    step = 0
    while True:
        step += 1
        for value in (right + step, right - step):
            if value >= 0 and value not in seen:
                yield f"{value:g}"


def with_options(question: str, answer: str, rng: random.Random) -> dict[str, object]:
    """Return a row of a problem with options."""
    source = wrong(question, answer)
    options = [answer, *(next(source) for _ in range(OPTIONS - 1))]
    rng.shuffle(options)
    return {"question": question, "choices": options, "answer": "ABCD"[options.index(answer)]}


def main() -> None:
    """Write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problems", type=Path, help="rows with question and answer, a number")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument("--seed", type=int, default=0, help="of the options' order (0)")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    rows = [json.loads(line) for line in options.problems.read_text(encoding="utf-8").splitlines()]
    made = [{"id": row["id"], **with_options(row["question"], row["answer"], rng)} for row in rows]
    with atomic_path(options.out) as path:
        path.write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")


if __name__ == "__main__":
    main()
