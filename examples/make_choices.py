"""Make multiple-choice questions of problems whose answers are numbers.

    python examples/make_choices.py svamp_test.jsonl.gz --out svamp_choices.jsonl
    tts run svamp_choices.jsonl configs/model/smollm2_reasoner.yaml engine.model=DIRECTORY

The right number stands among results of other operations on the numbers of the question and near misses of the options,
in an order that the question's text decides (word_problems/options.py). Rows are read as those of `tts run FILE`:
{question, answer} with a number, or with a solution that ends with `#### 18`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from evals.tasks.golds import read_golds
from evals.tasks.rows import Fields, Question, read_row
from evals.tasks.sources import file_rows
from tts.errors import InputError, TTSError, first_line
from word_problems.options import choice_row
from word_problems.problem import decimals


def main() -> int:
    """Write the questions, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="JSON Lines of question and answer, gzipped or not")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    given = parser.parse_args()
    try:
        lines = [json.dumps(row) for row in choice_rows(given.file)]
        given.out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    except TTSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {given.out} cannot be written ({first_line(error)}): give another --out", file=sys.stderr)
        return 2
    print(f"{given.out}: {len(lines):,} questions")
    return 0


def choice_rows(path: str) -> Iterator[dict[str, object]]:
    """Yield the rows of a file as rows of a task of choices.

    Raises:
        InputError: a line has no question, or no number as its answer.
    """
    name = Path(path).name.partition(".")[0]
    for number, (where, row) in enumerate(file_rows(path)):
        if isinstance(row, InputError):
            raise row
        question = read_row(row, where, Fields())
        answer = _answer(question)
        if answer is None or decimals(answer) is None:
            raise InputError(f'{where}: its answer must be a decimal number, or a solution that ends with "#### 18"')
        yield choice_row(question.id or f"{name}-{number}", question.text, answer)


def _answer(question: Question) -> Fraction | None:
    try:
        return next(map(Fraction, read_golds(question, "number")), None)
    except (InputError, ValueError):
        return None


if __name__ == "__main__":
    raise SystemExit(main())
