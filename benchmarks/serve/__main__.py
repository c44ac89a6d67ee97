"""Evidence for the gateway, one row of the table after the other.

python -m benchmarks.serve [--fraction 1.0] [--only NAME ...]

At full size on two idle cores: throughput 5 minutes, clients 5, fuzz 6 to 12 (with schemathesis, of the extra dev),
capacity 8, kills 4. Progress is written to standard error, and Ctrl-C ends the servers, too.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable

from benchmarks.serve.capacity import capacity
from benchmarks.serve.clients import clients
from benchmarks.serve.fuzz import fuzz
from benchmarks.serve.kills import kills
from benchmarks.serve.throughput import throughput

ROWS: dict[str, Callable[[float], str]] = {
    "throughput": throughput,
    "clients": clients,
    "fuzz": fuzz,
    "capacity": capacity,
    "kills": kills,
}
"""Each row of the table by its name; the fraction of the full size is at most 1."""


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fraction", type=float, default=1.0, help="of the full size, in (0, 1]")
    parser.add_argument("--only", nargs="+", choices=[*ROWS], help="rows to measure")
    options = parser.parse_args()
    cores, load = os.cpu_count(), os.getloadavg()[0]
    print(f"Python {platform.python_version()}, {cores} cores, load {load:.1f}, fraction {options.fraction:g}")
    for name in options.only or ROWS:
        print(f"\n## {name}\n{ROWS[name](options.fraction)}", flush=True)


if __name__ == "__main__":
    main()
