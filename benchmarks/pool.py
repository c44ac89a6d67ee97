"""Time and memory of commands on a large pool, as a SQLite file and as a folder, and the bytes of both.

    python -m benchmarks.pool [--questions 20000] [--samples 64] [--real POOL] [--folder out] [--commands info,decide]

The samples are made up: forty words, an answer, a confidence, token counts, no signals. Each command runs in a process
of its own; printed are its seconds, its processor seconds and the largest memory. ``--real`` compares the bytes of the
samples of another SQLite pool, which a model drew, in both forms.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tts.pool import Entry, PoolStore, RunKey
from tts.pool.sqlite.merge import merge_pools
from tts.types import Problem, Sample, Usage

WORDS = [f"word{i:03d}" for i in range(400)]
COMMANDS = {
    "info": ["pool", "info", "{pool}"],
    "decide": ["decide", "{pool}", "--strategy", "cges", "--budget", "16", "--out", "{out}"],
    "rerank": ["rerank", "{pool}", "--scorer", "confidence", "--out", "{out}"],
    "compare": ["compare", "{pool}", "--strategies", "esc,cges", "--budget", "16", "--permutations", "20"],
}


def entries(questions: int, samples: int, words: int = 40) -> Iterator[Entry]:
    """Yield questions whose samples give the right answer, one of two near it, or any."""
    rng = random.Random(0)
    for q in range(questions):
        gold, skill = rng.randrange(1000), rng.random()
        drawn, correct = [], []
        for index in range(samples):
            near = gold + rng.randrange(1, 3) if rng.random() < 0.6 else rng.randrange(1000)
            said = None if rng.random() < 0.03 else str(gold if rng.random() < skill else near)
            text = f"{' '.join(rng.choices(WORDS, k=words))} #### {said}"
            confidence = None if said is None else min(1.0, max(0.0, rng.gauss(0.5 + 0.3 * (said == str(gold)), 0.2)))
            usage = Usage(prompt=100, delivered=words)
            drawn.append(Sample(text, said, confidence=confidence, index=index, usage=usage))
            correct.append(said == str(gold))
        question = f"Question {q}: {' '.join(rng.choices(WORDS, k=30))}"
        yield Entry(Problem(f"q{q}", question, str(gold), "made up"), tuple(drawn), tuple(correct))


def write(path: Path, questions: int, samples: int) -> float:
    """Write the pool as a live run does, a transaction a question; return the seconds."""
    began = time.perf_counter()
    with PoolStore.create_or_open(path) as store:
        run = store.open_run(RunKey("made up"), {})
        for entry in entries(questions, samples):
            store.add_problem(entry.problem)
            store.add(run, entry.problem.id, entry.samples, entry.correct)
    return time.perf_counter() - began


def bytes_of(path: Path) -> int:
    """Return the bytes of a pool."""
    return sum(file.stat().st_size for file in path.rglob("*")) if path.is_dir() else path.stat().st_size


def parts_of(path: Path) -> int:
    """Return the bytes of the parts of a pool folder."""
    return sum(file.stat().st_size for file in (path / "parts").iterdir())


def samples_in(path: Path) -> int:
    """Return the bytes of the table of samples, with its index, in a SQLite pool."""
    with PoolStore.read(path) as store:
        return int(
            store._connection.execute(
                "SELECT sum(pgsize) FROM dbstat WHERE name IN ('samples', 'sqlite_autoindex_samples_1')"
            ).fetchone()[0]
        )


def measured(arguments: list[str]) -> str:
    """Run a command in a process of its own, and return what it took."""
    program = (
        "import resource, subprocess, sys, time\n"
        "began = time.perf_counter()\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(f'{time.perf_counter() - began:8.2f} s {used.ru_utime + used.ru_stime:8.2f} s of processor time "
        "{used.ru_maxrss / 1024:7.0f} MB' if not done.returncode else done.stderr)\n"
    )
    command = [sys.executable, "-c", program, sys.executable, "-m", "tts", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=20_000)
    parser.add_argument("--samples", type=int, default=64, help="of a question")
    parser.add_argument("--real", type=Path, help="a SQLite pool that a model drew")
    parser.add_argument("--folder", type=Path, help="where to keep the pools; a temporary folder by default")
    parser.add_argument("--commands", default=",".join(COMMANDS), help="of these")
    options = parser.parse_args()
    with TemporaryDirectory() as made:
        folder = options.folder or Path(made)
        folder.mkdir(exist_ok=True)
        print(f"Python {platform.python_version()}, {os.cpu_count()} processors", flush=True)
        if options.real is not None:
            report_bytes(options.real, folder / "real.pool")
        run(folder, options.questions, options.samples, options.commands.split(","))


def report_bytes(source: Path, target: Path) -> None:
    """Print the bytes of a pool's samples in a SQLite file and in parts."""
    shutil.rmtree(target, ignore_errors=True)
    merged = merge_pools([source], target)
    live, parts = samples_in(source), parts_of(target)
    print(
        f"{source.name}, {merged}: {live / merged.samples:.0f} bytes a sample in SQLite, "
        f"{parts / merged.samples:.0f} in parts, ratio {parts / live:.3f}",
        flush=True,
    )


def run(folder: Path, questions: int, samples: int, commands: list[str]) -> None:
    """Make the pools, and time the commands on them."""
    database, grown = folder / f"{questions}.sqlite", folder / f"{questions}.pool"
    count = questions * samples
    if not database.exists():
        took = write(database, questions, samples)
        print(f"written: {questions} x {samples} samples in {took:.0f} s, {count / took:.0f} a second", flush=True)
    if not grown.exists():
        began = time.perf_counter()
        merge_pools([database], grown)
        took = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"sealed: in {took:.0f} s, {count / took:.0f} samples a second, {peak:.0f} MB", flush=True)
    for pool in (database, grown):
        print(f"\n{pool.name}: {bytes_of(pool) / 1e6:.0f} MB", flush=True)
        for name in commands:
            out = folder / f"{name}.jsonl"
            out.unlink(missing_ok=True)
            arguments = [part.format(pool=pool, out=out) for part in COMMANDS[name]]
            print(f"tts {' '.join(arguments[: 2 if name == 'info' else 1]):12} {measured(arguments)}", flush=True)


if __name__ == "__main__":
    main()
