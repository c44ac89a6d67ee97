"""Write goldens that are not there yet: ``python -m tests.golden.make``.

Run this only to add a new golden, on code that is known to be right. It never replaces a file: one that is there stays
as it is, and is listed. A golden that is wrong is deleted by hand first, and the commit says why.

The pools are made as plain JSON Lines and converted by the command line. The files of older versions were converted by
the code of older commits (see ``OLDER``), and need its checkouts: ``--older VERSION=DIRECTORY``.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from .golden_cases import CASES, DATA, FAKE, POOL, POOLS, RUN, VALUES, PoolStore, RunKey

ROOT = Path(__file__).resolve().parents[2]
OLDER = {"3": "f53316e", "2": "3c994ee"}
"""The commits whose code wrote the files of older versions."""


class Ran(NamedTuple):
    """The outcome of a command."""

    status: int
    out: str
    err: str


def tts(*arguments: str | Path, root: Path = ROOT) -> Ran:
    """Run the command line of a checkout in a process of its own."""
    command = [sys.executable, "-m", "tts.cli", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=root)
    return Ran(ended.returncode, ended.stdout, ended.stderr)


# --- the pools --------------------------------------------------------------------------------------------------------


def main_pool(questions: int = 24, samples: int = 8) -> Iterator[dict[str, Any]]:
    """Questions of different difficulty with samples whose signals say, with noise, whether they are right."""
    rng = random.Random("golden pool")
    for q in range(questions):
        gold, skill = rng.randrange(10, 500), rng.betavariate(1.2, 1.0)
        drawn = []
        for _ in range(samples):
            right = rng.random() < skill
            wrong = gold + (1 if rng.random() < 0.5 else rng.randrange(2, 9))
            answer = str(gold if right else wrong)
            if right and rng.random() < 0.1:
                answer += ".0"  # the same number
            if not right and rng.random() < 0.12:
                answer = ""  # could not be read
            size = rng.randrange(12, 19) + (0 if right else 2)
            logit, mood = rng.gauss(0.8 if right else -0.5, 1.2), rng.gauss(0.2 if right else -0.2, 0.5)
            drawn.append(
                {
                    "answer": answer,
                    "correct": right,
                    "text": f"so it is {answer}" if answer else "hm",
                    "tokens": size,
                    "confidence": round(1 / (1 + 2.718281828459045 ** -(logit + rng.gauss(0, 0.5))), 3),
                    "tts": {
                        "end": "stop" if answer else "length",
                        "usage": counts(prompt=9, prompt_cached=len(drawn), delivered=size, aborted=rng.randrange(3)),
                        "token_ids": [rng.randrange(1, 99) for _ in range(size)],
                        "logprobs": [round(-rng.expovariate(7 * 2**mood), 3) for _ in range(size)],
                        "top": [round(rng.gauss(12 + mood, 2), 2) for _ in range(size)],
                        "entropy": [round(rng.expovariate(3 * 2**mood), 3) for _ in range(size)],
                        "certainty": [round(rng.gauss(8.5 + mood, 1), 2) for _ in range(size)],
                        "steps": [i % 5 == 4 for i in range(size)],
                        "watched": {"7": [noisy(rng, logit, 0.8) for _ in range(size)]},
                    },
                }
            )
        meta = {"model": "golden", "level": str(1 + q % 3)}
        yield {
            "id": f"g-{q}",
            "question": f"Question {q}?",
            "gold": str(gold),
            "task": "golden",
            **meta,
            "samples": drawn,
        }


def values_pool(questions: int = 6, *, forks: bool = True) -> Iterator[dict[str, Any]]:
    """Samples with eleven value tokens, forks, failures, and everything else that a line can say."""
    rng = random.Random("golden values")
    for q in range(questions):
        gold, drawn = str(rng.randrange(10, 99)), []
        for i in range(5):
            right, size = rng.random() < 0.55, rng.randrange(6, 10)
            middle = 7 if right else 4
            shares = [[round(rng.random() / (1 + abs(value - middle)), 3) for _ in range(size)] for value in range(11)]
            extra = {
                "index": i + (i > 2),  # a gap
                "usage": counts(4, i, size, 1, 2 * i, i),
                "given": 3 if forks and i == 4 else 0,
                "token_ids": [rng.randrange(-5, 2**31 - 1) for _ in range(size)],
                "logprobs": [round(-rng.random(), 4) for _ in range(size)],
                "entropy": [round(rng.random(), 4) for _ in range(size)],
                "certainty": [round(9 * rng.random(), 4) for _ in range(size)],
                "steps": [j % 3 == 2 for j in range(size)],
                "watched": {str(90 + value): shares[value] for value in range(11)},
                "probe": round(rng.random(), 4),
            }
            if i == 4:
                extra["top"] = [round(rng.random(), 4) for _ in range(size)]
            answer = gold if right else str(int(gold) + 1)
            drawn.append(
                {"answer": answer, "correct": right, "text": f"√{i} is\n{answer}", "confidence": 0.5, "tts": extra}
            )
        usage = {"usage": counts(aborted=3)}
        drawn.append({"answer": "", "tts": {"index": 8, "end": "failed", "error": "the engine went away", **usage}})
        drawn.append({"answer": "", "correct": None, "text": "cut", "tts": {"index": 9, "end": "boundary", "given": 0}})
        drawn.append(
            {
                "answer": "",
                "correct": False,
                "tokens": 2,
                "tts": {"index": 11, "end": "length", "logprobs": ["-inf", -0.5]},
            }
        )
        yield {
            "id": f"v/{q}",
            "question": f"Frage {q} \u2013 \u2018x\u2019?",
            "gold": None if q == 5 else gold,
            "task": "values" if q else None,
            "model": "golden-values",
            "group": f"g{q % 2}",
            "samples": drawn,
        }


def plain_pool() -> Iterator[dict[str, Any]]:
    """Lines of another program."""
    yield {
        "id": "p1",
        "question": "1+1?",
        "gold": "2",
        "samples": [{"answer": "2", "correct": True}, {"answer": "3", "correct": False}, {"answer": None}],
    }
    yield {
        "id": "p2",
        "question": "2+2?",
        "gold": None,
        "extra": 3,
        "level": "hard",
        "samples": [{"answer": "4", "tokens": 12, "new": 1}, {"answer": ""}],
    }


def counts(
    prompt: int = 0, prompt_cached: int = 0, delivered: int = 0, aborted: int = 0, prefill: int = 0, decode: int = 0
) -> dict[str, int]:
    """The six counts of tokens."""
    names = ("prompt", "prompt_cached", "delivered", "aborted", "scorer_prefill", "scorer_decode")
    return dict(zip(names, (prompt, prompt_cached, delivered, aborted, prefill, decode), strict=True))


def noisy(rng: random.Random, logit: float, noise: float) -> float:
    """A probability near that of a logit."""
    return round(1 / (1 + 2.718281828459045 ** -(logit + rng.gauss(0, noise))), 3)


# --- writing ----------------------------------------------------------------------------------------------------------


def write(path: Path, data: bytes) -> None:
    """Write a file that is not there yet."""
    if path.exists():
        print(f"kept  {path.relative_to(ROOT)}")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    print(f"wrote {path.relative_to(ROOT)}: {len(data)} bytes")


def packed(data: bytes) -> bytes:
    """Gzipped: equal data give equal bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as file:
        file.write(data)
    return buffer.getvalue()


def lines(records: Iterator[dict[str, Any]]) -> bytes:
    """JSON Lines."""
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def anonymous(text: str, folder: Path) -> str:
    """The text without the places where files happened to be."""
    return text.replace(str(folder), "FOLDER").replace(str(ROOT), "ROOT")


def database(path: Path, folder: Path) -> bytes:
    """A SQLite pool, gzipped, without the places where files happened to be."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        rows = connection.execute("SELECT id, config FROM openings").fetchall()
        for number, config in rows:
            connection.execute("UPDATE openings SET config = ? WHERE id = ?", (anonymous(config, folder), number))
        connection.execute("VACUUM")
    return packed(path.read_bytes())


def done(ran: Ran) -> None:
    """See that a command succeeded."""
    if ran.status:
        raise SystemExit(ran.err)


def through(source: Path, target: Path, *, root: Path = ROOT) -> bytes:
    """Convert a pool by the command line of a checkout."""
    done(tts("pool", "import" if target.suffix == ".sqlite" else "export", source, target, root=root))
    return target.read_bytes()


KEY = {
    "temperature": 0.7, "top_p": 0.95, "top_k": 20, "max_tokens": 512, "seed": 3, "dtype": "bfloat16",
    "engine": "vllm", "seeded": True, "extra": {"chat_template_kwargs": {"enable_thinking": False}},
    "signals": {"watch": list(range(90, 101)), "top": 0, "entropy": True, "certainty": True, "steps": True,
                "logprobs": True, "probe": 90},
    "answers": {"kind": "number", "extract": "flexible"}, "until": "group_below",
    "scorer": {"name": "finece", "path": None, "width": 2, "depth": 1, "alpha": 0.5,
               "calibration": {"kind": "platt", "slope": 1.25, "intercept": -0.125}},
}  # fmt: skip


def pools(folder: Path, older: dict[str, Path]) -> None:
    """The pools in every format."""
    raw = folder / "raw.jsonl"
    raw.write_bytes(lines(main_pool()))
    write(POOL, through(raw, folder / "pool.jsonl.gz"))
    raw = folder / "raw_values.jsonl"
    raw.write_bytes(lines(values_pool()))
    for name in ("values.jsonl", "values.jsonl.gz", "values.parquet"):
        write(POOLS / name, through(raw, folder / name))
    raw.write_bytes(lines(values_pool(10, forks=False)))
    write(VALUES, through(raw, folder / VALUES.name))
    write(POOLS / "plain.jsonl", lines(plain_pool()))
    through(POOLS / "values.jsonl", folder / "values.sqlite")
    with PoolStore.create_or_open(folder / "values.sqlite") as store:
        pool = store.to_pool()
        run = store.open_run(
            RunKey("golden/values", "abc123", "Q: {question}\nA:", KEY), {"n": 2, "engine": {"rows": 4}}
        )
        for entry in pool.entries[1:]:
            store.add(run, entry.problem.id, entry.samples[:2], entry.correct[:2])
    write(POOLS / "values.sqlite.gz", database(folder / "values.sqlite", folder))
    small = folder / "small.jsonl"
    small.write_bytes(b"".join(lines(main_pool()).splitlines(keepends=True)[:3]))
    through(small, folder / "pool_v4.sqlite")
    write(POOLS / "pool_v4.sqlite.gz", database(folder / "pool_v4.sqlite", folder))
    for version, root in older.items():
        through(small, folder / f"pool_v{version}.sqlite", root=root)
        write(POOLS / f"pool_v{version}.sqlite.gz", database(folder / f"pool_v{version}.sqlite", folder))
        if version == "2":
            write(POOLS / "values_old.parquet", through(POOLS / "values.jsonl", folder / "old.parquet", root=root))
    done(tts("run", *FAKE, *RUN, f"out={folder / 'run.sqlite'}"))
    write(POOLS / "run.sqlite.gz", database(folder / "run.sqlite", folder))


def main() -> None:
    """Write what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--older", action="append", default=[], metavar="VERSION=DIRECTORY")
    older = {version: Path(root) for version, root in (text.split("=", 1) for text in parser.parse_args().older)}
    with tempfile.TemporaryDirectory() as name:
        pools(Path(name), older)
        for case, play in CASES.items():
            target = DATA / f"{case}.json.gz"
            if target.exists():
                write(target, b"")
                continue
            folder = Path(name) / case
            folder.mkdir()
            text = json.dumps(play(tts, folder), ensure_ascii=False)
            write(target, packed(anonymous(text, Path(name)).encode()))


if __name__ == "__main__":
    main()
