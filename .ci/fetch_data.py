"""Fetch GSM8K, SVAMP and MAWPS with ASDiv-A into the folder that TTS_DATA names, at pinned revisions with checksums.

TTS_DATA=DIRECTORY make data
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import operator
import os
import re
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

GSM8K = "https://raw.githubusercontent.com/openai/grade-school-math/3101c7d5072418e28b9008a6636bde82a006892c/"
SVAMP = "https://raw.githubusercontent.com/arkilpatel/SVAMP/689d7ccac74b9983a2ac7cc3b264f441b99e7c53/"
Rows = Iterator[dict[str, Any]]
OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


def json_lines(text: str) -> Rows:
    """Yield the rows of GSM8K, {"question", "answer"}."""
    return (json.loads(line) for line in text.splitlines() if line.strip())


def svamp(text: str) -> Rows:
    """Yield the rows of SVAMP, body and question joined."""
    for row in json.loads(text):
        body = row["Body"].strip()
        joined = body if body.endswith((".", "?", "!")) else f"{body}."
        question = f"{joined} {row['Question'].strip()}"
        yield {"id": row["ID"], "question": question, "answer": _shown(row["Answer"]), "type": row["Type"]}


def mawps_asdiv(text: str) -> Rows:
    """Yield the rows of MAWPS and ASDiv-A with their numbers filled in and their equations as worked steps."""
    seen = set[str]()
    for number, row in enumerate(csv.DictReader(io.StringIO(text))):
        numbers = [_shown(float(one)) for one in row["Numbers"].split()]

        def filled(match: re.Match[str], numbers: list[str] = numbers) -> str:
            return numbers[int(match[1])]

        question = re.sub(r"\bnumber(\d+)\b", filled, row["Question"])
        question = re.sub(r"\s+([.,?!]|'(?:s|t|re|ll|ve|d)\b)", r"\1", question).strip()
        worked = _steps(re.sub(r"\bnumber(\d+)\b", filled, row["Equation"]).split())
        if question not in seen and worked is not None and abs(worked[1] - float(row["Answer"])) < 1e-6:
            seen.add(question)
            yield {
                "id": f"mawps-asdiv-{number}",
                "question": question,
                "answer": f"{worked[0]}#### {_shown(worked[1])}",
            }


def _steps(prefix: list[str]) -> tuple[str, float] | None:
    """Return one line a step of an equation in prefix order, and its value; None where it is none."""
    stack: list[float] = []
    lines: list[str] = []
    for token in reversed(prefix):
        if token not in OPERATORS:
            stack.append(float(token))
            continue
        if len(stack) < 2 or (token == "/" and stack[-2] == 0):
            return None
        a, b = stack.pop(), stack.pop()
        stack.append(OPERATORS[token](a, b))
        lines.append(f"{_shown(a)} {token} {_shown(b)} = {_shown(stack[-1])}\n")
    return ("".join(lines), stack[0]) if len(stack) == 1 else None


def _shown(value: float) -> str:
    rounded = round(value, 6)
    return str(int(rounded)) if rounded == int(rounded) else repr(rounded)


FILES: dict[str, tuple[str, str, Callable[[str], Rows]]] = {
    "gsm8k_test.jsonl.gz": (
        GSM8K + "grade_school_math/data/test.jsonl",
        "3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14",
        json_lines,
    ),
    "gsm8k_train.jsonl.gz": (
        GSM8K + "grade_school_math/data/train.jsonl",
        "17f347dc51477c50d4efb83959dbb7c56297aba886e5544ee2aaed3024813465",
        json_lines,
    ),
    "svamp_test.jsonl.gz": (
        SVAMP + "SVAMP.json",
        "5be77703a6d891ae476d7c082787ad361392aa02453b132516cdd5f4e7934e3e",
        svamp,
    ),
    "mawps_asdiv_train.jsonl.gz": (
        SVAMP + "data/mawps-asdiv-a_svamp/train.csv",
        "c761cdc6390a67a285c6c346a2931f61bc8f47430eceaeb123cc3d0263efa821",
        mawps_asdiv,
    ),
}
"""The address, the SHA-256 and the converter of each file."""


def fetch(folder: Path, read: Callable[[str], bytes]) -> str:
    """Write the files that a folder lacks, and return one sentence about them.

    Raises:
        SystemExit: an address cannot be read, or its content is another; with one sentence.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, (url, checksum, rows) in FILES.items():
        if (folder / name).exists():
            continue
        try:
            raw = read(url)
        except OSError as error:
            raise SystemExit(
                f"{url} cannot be read ({getattr(error, 'reason', error)}): put {', '.join(FILES)} into {folder}"
            ) from None
        if hashlib.sha256(raw).hexdigest() != checksum:
            raise SystemExit(f"{url} holds another content than the pinned one: nothing was written for {name}")
        text = "".join(json.dumps(row) + "\n" for row in rows(raw.decode()))
        part = folder / f"{name}.part"
        part.write_bytes(gzip.compress(text.encode(), mtime=0))
        part.rename(folder / name)
        written.append(name)
    return f"{folder}: wrote {', '.join(written)}" if written else f"{folder}: holds every file already"


def download(url: str) -> bytes:
    """Return the content of an address."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        return bytes(answer.read())


if __name__ == "__main__":
    if not os.environ.get("TTS_DATA"):
        sys.exit("TTS_DATA must name the folder for the data sets: TTS_DATA=DIRECTORY make data")
    print(fetch(Path(os.environ["TTS_DATA"]), download))
