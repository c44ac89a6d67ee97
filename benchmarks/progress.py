"""Cost of the progress display of a live run: the same run with it and without it, side by side on the fake engine.

    python -m benchmarks.progress [--questions 200] [--budget 16] [--rounds 9]

Each round draws the samples of a run twice in turn, with the table of a terminal of 80 columns (written to a null
device) and without any display. The ratio is that of the processor times of a pair, its median over the rounds; the
tokens take no time, so that a real model pays a smaller share.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

from evals.config import RunConfig
from evals.live.hooks import SILENT, Hooks
from evals.live.progress import Progress
from evals.live.run_session import run_strategies
from tts.config import load_config


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=200, help="questions of the run")
    parser.add_argument("--budget", type=int, default=16, help="samples of a question")
    parser.add_argument("--rounds", type=int, default=9, help="pairs of runs")
    options = parser.parse_args()
    os.environ.update({"COLUMNS": "80", "TERM": "xterm", "FORCE_COLOR": "1"})
    shown = Hooks(progress=lambda drawn: Progress(drawn, terminal=True))
    ratios, plain, table = [], [], []
    for number in range(options.rounds):
        pair = {}
        for hooks in (shown, SILENT) if number % 2 else (SILENT, shown):
            pair[hooks is shown] = timed(options.questions, options.budget, hooks)
        plain.append(pair[False])
        table.append(pair[True])
        ratios.append(pair[True] / pair[False])
    print(f"{options.questions} questions, {options.budget} samples each, Python {platform.python_version()}")
    print(f"without {min(plain):.3f} s, with {min(table):.3f} s of processor time (best of {options.rounds} rounds)")
    print(f"ratio {statistics.median(ratios):.3f} [{min(ratios):.3f}, {max(ratios):.3f}] (median, range of the pairs)")


def timed(questions: int, budget: int, hooks: Hooks) -> float:
    """Return the processor seconds of a run into a new pool, its display written to a null device."""
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere:
        out = Path(folder) / "pool.sqlite"
        changes = [f"task.questions={questions}", f"budget={budget}", f"out={out}", "strategies=[self_consistency,esc]"]
        config = load_config(RunConfig, [], ["engine.kind=fake", *changes])
        errors, sys.stderr = sys.stderr, nowhere
        try:
            began = time.process_time()
            run_strategies(config, hooks=hooks)
            return time.process_time() - began
        finally:
            sys.stderr = errors


if __name__ == "__main__":
    main()
