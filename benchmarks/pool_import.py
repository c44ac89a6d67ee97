"""Import samples a second: rows with answers, and rows whose answers are read from texts of GSM8K's length.

    python -m benchmarks.pool_import --questions 2000 --samples 32

The texts are made up of a few sentences with one of four marks of an answer, or none. Prints the seconds and the
samples a second, the median of the rounds, and the most memory that this process has used so far. Of many texts, other
processes read some while this one writes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from evals.pools.importing import gather, write

SENTENCES = (
    "Each box holds {a} apples, so {b} boxes hold {c} of them.",
    "Then {a} are given away, which leaves {b} for the market.",
    "At a price of ${a} the rest brings in {c} dollars a day.",
    "We add the {b} from before to find how many there are now.",
)
MARKS = ("\n#### {n}", " The answer is {n}.", " \\boxed{{{n}}}", " **{n}**", " So she has {n}.")


def text_of(rng: random.Random, answer: int) -> str:
    """Return a reply of some 290 characters that ends in an answer."""
    some = (rng.choice(SENTENCES) for _ in range(5))
    said = [one.format(a=rng.randint(2, 40), b=rng.randint(2, 40), c=rng.randint(2, 900)) for one in some]
    return " ".join(said) + rng.choice(MARKS).format(n=answer)


def rows(kind: str, questions: int, samples: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of one kind: ``answers``, ``texts`` (one row a question) or ``log`` (of lm-evaluation-harness)."""
    rng = random.Random(0)
    for number in range(questions):
        right = rng.randint(2, 400)
        drawn = [right if rng.random() < 0.7 else rng.randint(2, 400) for _ in range(samples)]
        question = f"Question {number}: {rng.choice(SENTENCES).format(a=1, b=2, c=3)} How many?"
        if kind == "answers":
            yield {"question": question, "answers": list(map(str, drawn)), "gold": right}
        elif kind == "texts":
            yield {"question": question, "outputs": [text_of(rng, one) for one in drawn], "gold": right}
        else:
            doc = {"question": question, "answer": f"#### {right}"}
            replies = [text_of(rng, one) for one in drawn]
            yield {"doc_id": number, "doc": doc, "target": doc["answer"], "resps": [replies], "filter": "none"}


def main() -> None:
    """Print one line a kind of rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    count = options.questions * options.samples
    print(f"{options.questions} questions x {options.samples} samples, {options.rounds} rounds")
    print(f"{'rows':10} {'MB':>7} {'seconds':>8} {'samples/s':>10} {'a second of a processor':>24} {'peak MB':>8}")
    with TemporaryDirectory() as folder:
        for kind in ("answers", "texts", "log"):
            source = Path(folder, f"{kind}.jsonl")
            with source.open("w") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows(kind, options.questions, options.samples))
            target = Path(folder, "pool.sqlite")
            taken = []
            for _ in range(options.rounds):
                started, used = time.perf_counter(), sum(os.times()[:4])
                write(gather([source]), target, force=True)
                taken.append((time.perf_counter() - started, sum(os.times()[:4]) - used))
            seconds, used = (statistics.median(times) for times in zip(*taken, strict=True))
            rates = f"{count / seconds:10,.0f} {count / used:24,.0f}"
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{kind:10} {source.stat().st_size / 1e6:7.1f} {seconds:8.2f} {rates} {peak:8.0f}", flush=True)


if __name__ == "__main__":
    main()
