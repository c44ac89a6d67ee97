"""Evidence for the verifier and the solver, one row of the table after the other.

python -m benchmarks.agent [--fraction 1.0] [--only NAME ...]
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable

import torch

from benchmarks.agent import given, load, promise
from tts.engines.loop import LOOP

ROWS: dict[str, Callable[[float], str]] = {
    "own draws": given.own_draws,
    "bare answers": given.bare_answers,
    "appended": given.appended,
    "unlike": given.unlike,
    "any text": given.any_text,
    "cancels": lambda fraction: LOOP.run(load.cancels(max(20, round(1000 * fraction)))),
    "new question": lambda fraction: LOOP.run(load.new_question(max(8, round(60 * fraction)))),
    **promise.ROWS,
}
"""Each row of the table by its name; the fraction of the full size is at most 1."""


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fraction", type=float, default=1.0, help="of the full size, in (0, 1]")
    parser.add_argument("--only", nargs="+", choices=[*ROWS], help="rows to measure")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"Python {platform.python_version()}, torch {torch.__version__}, one thread, fraction {options.fraction:g}")
    for name in options.only or ROWS:
        print(f"\n## {name}\n{ROWS[name](options.fraction)}", flush=True)


if __name__ == "__main__":
    main()
