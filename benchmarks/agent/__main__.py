"""Evidence for the verifier and the solver, one row of the table after the other.

    python -m benchmarks.agent [--fraction 1.0] [--only NAME ...]
    python -m benchmarks.agent --model DIRECTORY [--config FILE] [--scorer grace] [--alpha 0.1]

The bundled GrACE model answers stories. The model of a directory answers SVAMP (in the folder $TTS_DATA) in the form of
the YAML file --config: promises are fitted on half of SVAMP and counted on the other half. Pools, fitted files and the
configuration of the agent lie in out/agent/NAME, and pools of an interrupted command are continued. The scorer `grace`
goes with a model that has a confidence token, mean_logprob with any model.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.agent import given, load, loop, promise
from benchmarks.agent.subject import Subject, check
from benchmarks.smollm2.reasoner import BARE, status_of
from tts.engines.loop import LOOP

ROWS: dict[str, Callable[[Subject, float], str]] = {
    "own draws": given.own_draws,
    "bare answers": given.bare_answers,
    "appended": given.appended,
    "unlike": given.unlike,
    "any text": given.any_text,
    "cancels": lambda subject, fraction: LOOP.run(load.cancels(max(20, round(1000 * fraction)), subject)),
    "new question": lambda subject, fraction: LOOP.run(load.new_question(max(8, round(60 * fraction)), subject)),
    **promise.ROWS,
    "agent loop": loop.agent_loop,
}
"""Each row of the table by its name; the fraction of the full size is at most 1."""


def main() -> int:
    """Print the rows and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fraction", type=float, default=1.0, help="of the full size, in (0, 1]")
    parser.add_argument("--only", nargs="+", choices=[*ROWS], help="rows to measure")
    parser.add_argument("--model", default="grace", help="grace, the bundled model, or a directory")
    parser.add_argument("--config", type=Path, default=BARE, help="the prompt and the engine of a directory's model")
    parser.add_argument("--scorer", default="grace", help="gives answers their confidence (grace)")
    parser.add_argument("--alpha", type=float, default=0.1, help="the share of wrong answers that promises allow (0.1)")
    parser.add_argument("--out", type=Path, default=Path("out/agent"), help="the folder of pools and fitted files")
    return status_of(measure, parser.parse_args())


def measure(options: argparse.Namespace) -> None:
    """Print the rows.

    Raises:
        InputError: no such model or data, or a scorer of another model.
    """
    subject = check(Subject(options.model, options.scorer, options.config, options.out, options.alpha))
    torch.set_num_threads(1)
    asked = "" if subject.bundled else f", {subject.workload.shown}, scored by {subject.scorer}"
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, one thread, "
        f"fraction {options.fraction:g}{asked}"
    )
    for name in options.only or ROWS:
        began = time.monotonic()
        print(f"\n## {name}\n{ROWS[name](subject, options.fraction)}", flush=True)
        print(f"({time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
