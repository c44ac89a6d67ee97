"""Bad pools, settings, configurations and outputs: one sentence each, and no file is written."""

from __future__ import annotations

import gzip
import json
import os
import re
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.cases import FAST, POOL, Tts, changed
from tts.pool import write_jsonl

LINE = json.loads('{"id": "a", "question": "?", "gold": "1", "samples": [{"answer": "1", "confidence": 0.5}]}')


def lines(*records: Any) -> str:
    return "".join(f"{record if isinstance(record, str) else json.dumps(record)}\n" for record in records)


def scored(confidence: float, name: str) -> dict[str, Any]:
    return {**LINE, "id": name, "samples": [{"answer": "1", "confidence": confidence}] * 3}


@pytest.fixture(scope="session")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one good pool and every bad one; tests may not change it."""
    folder = tmp_path_factory.mktemp("bad")
    write_jsonl(POOL, folder / "good.jsonl")
    counted = changed(POOL, lambda i, e: replace(e, samples=tuple(replace(s, confidence=None) for s in e.samples)))
    write_jsonl(counted, folder / "counted.jsonl")
    files = {
        "broken.jsonl": lines(LINE, '{"id": "b", '),
        "twice.jsonl": lines(LINE, LINE),
        "lacking.jsonl": lines({key: value for key, value in LINE.items() if key != "question"}),
        "empty.jsonl": "",
        "nan.jsonl": lines({**LINE, "samples": [{"answer": "1", "confidence": float("nan")}]}),
        "ungraded.jsonl": lines({**LINE, "gold": None}),
        "logits.jsonl": lines(*(scored(2.5 * i, str(i)) for i in range(4))),
        "text.csv": "a,b\n",
        "broken.sqlite": "SQLite format 3\x00 and then nothing of the sort",
        "broken.parquet": "PAR1 and then nothing of the sort PAR1",
        "bare.gz": "",
        "list.yaml": "- 1\n",
        "malformed.yaml": "seed: [1\n",
        "none.yaml": "strategies: []\n",
        "doubled.yaml": "strategies: [{name: a}, {name: a, stop: beta}]\n",
        "option.yaml": "strategies: [{name: a, stop: {name: beta, levle: 0.9}}]\n",
        "range.yaml": "strategies: [{name: a, stop: {name: beta, level: 1.9}}]\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    whole = gzip.compress((folder / "good.jsonl").read_bytes())
    (folder / "cut.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    (folder / "plain.jsonl.gz").write_bytes(b"no gzip")
    with sqlite3.connect(folder / "other.db") as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    (folder / "folder.jsonl").mkdir()
    (folder / "link.json").symlink_to("good.jsonl")
    os.link(folder / "good.jsonl", folder / "hard.json")
    return folder


BAD = [
    # pools
    ("compare broken.jsonl", r"broken\.jsonl, line 2: not valid JSON at column \d+: .*"),
    ("compare twice.jsonl", r"twice\.jsonl, line 2: key 'id' must be unique, got 'a' as on line 1"),
    ("compare lacking.jsonl", r"lacking\.jsonl, line 1: key 'question' is missing; .*"),
    ("compare empty.jsonl", r"empty\.jsonl: the file is empty; a pool needs at least one line"),
    ("compare nan.jsonl", r"nan\.jsonl, line 1: key 'samples\[0\]\.confidence' must be a finite number, got NaN"),
    ("compare ungraded.jsonl", r"ungraded\.jsonl: question 'a' has ungraded samples and no gold answer.*"),
    ("compare logits.jsonl", r".*span \[0, 7\.5\] and probabilities lie in \[0, 1\]: .*--calibrate platt.*"),
    ("compare missing.jsonl", r"missing\.jsonl: no such file"),
    ("compare folder.jsonl", r"folder\.jsonl: cannot be read \(Is a directory\)"),
    ("compare text.csv", r"text\.csv: the file name must end in \.jsonl, .*"),
    ("compare bare.gz", r"bare\.gz: the file name must end in \.jsonl, .*"),
    ("compare broken.sqlite", r"broken\.sqlite: not a SQLite file.*"),
    ("compare other.db", r"other\.db: a SQLite file, but not a pool"),
    ("compare broken.parquet", r"broken\.parquet: not a valid Parquet file \(.*\)"),
    ("compare cut.jsonl.gz", r"cut\.jsonl\.gz: the gzip file is truncated; .*"),
    ("compare plain.jsonl.gz", r"plain\.jsonl\.gz: not a valid gzip file \(.*\)"),
    ("compare good.jsonl --run 1", r"good\.jsonl: run=1 was given, but only SQLite pools hold runs"),
    ("pool info empty.jsonl", r"empty\.jsonl: the file is empty; .*"),
    ("pool import broken.jsonl new.sqlite", r"broken\.jsonl, line 2: .*"),
    ("pool import good.jsonl new.jsonl", r"new\.jsonl: the file name must end in \.sqlite, \.db, \.pool"),
    ("pool import good.jsonl nowhere/new.db", r"cannot write nowhere/new\.db: the folder .* does not exist"),
    ("pool export cut.jsonl.gz new.parquet", r"cut\.jsonl\.gz: the gzip file is truncated; .*"),
    ("pool export good.jsonl new.csv", r"new\.csv: the file name must end in .*"),
    ("pool export good.jsonl nowhere/new.jsonl", r"cannot write nowhere/new\.jsonl: the folder .* does not exist"),
    ("pool export other.db new.jsonl", r"other\.db: a SQLite file, but not a pool"),
    ("pool simulate new.sqlite", r"new\.sqlite: the file name must end in \.jsonl, \.jsonl\.gz"),
    ("pool simulate nowhere/new.jsonl", r"cannot write nowhere/new\.jsonl: the folder .* does not exist"),
    ("pool simulate new.jsonl --questions 0", r"a synthetic pool needs at least 1 question and 1 sample, got 0 .*"),
    ("pool simulate new.jsonl --seed -1", r"seed must be at least 0, got -1"),
    # settings
    ("compare good.jsonl --budget 9", r"budget 9 is above the 8 samples .*: choose a budget of at most 8"),
    ("compare good.jsonl --budget 0", r"budget must be at least 1, got 0"),
    ("compare good.jsonl --permutations 0", r"permutations must be from 1 to 1000000, got 0"),
    ("compare good.jsonl --margin -0.1", r"margin must be in \[0, 1\) as a fraction .*, got -0\.1"),
    ("compare good.jsonl --margin nan", r"margin must be in \[0, 1\) as a fraction .*, got nan"),
    ("compare good.jsonl --seed -1", r"seed must be at least 0, got -1"),
    ("compare good.jsonl --answers numbr", r"unknown kind of answers 'numbr': allowed are .*; did you mean number\?"),
    ("compare good.jsonl --calibrate plat", r"unknown calibration 'plat': allowed are .*; did you mean platt\?"),
    ("compare counted.jsonl --calibrate platt", r"calibrate platt needs confidences and the pool has none: .*"),
    ("compare counted.jsonl --strategies cges", r"strategy cges needs confidences, and the pool has none: .*"),
    ("compare good.jsonl --strategies escc", r"unknown strategy 'escc': allowed are .*; did you mean esc\?"),
    ("compare good.jsonl --strategies esc,esc", r"two strategies are called esc: name each one once"),
    ("compare good.jsonl --strategies=", r"no strategy was named: .*"),
    # configuration
    ("compare good.jsonl seed", r"key seed has no value: give seed=VALUE"),
    ("compare good.jsonl sead=1", r"override 'sead=1': unknown key 'sead': allowed are .*; did you mean seed\?"),
    ("compare good.jsonl seed=one", r"override 'seed=one': key 'seed' must be a whole number, got 'one'"),
    ("compare good.jsonl --config missing.yaml", r"config file missing\.yaml does not exist"),
    ("compare good.jsonl --config list.yaml", r"config file list\.yaml must hold keys and values .*"),
    ("compare good.jsonl --config malformed.yaml", r"config file malformed\.yaml cannot be read: .* at line 2.*"),
    ("compare good.jsonl --config none.yaml", r"no strategy was named: .*"),
    ("compare good.jsonl --config doubled.yaml", r"two strategies are called a: name each one once"),
    (
        "compare good.jsonl --config option.yaml",
        r"unknown option of stopping rule beta 'levle': .*did you mean level\?",
    ),
    ("compare good.jsonl --config range.yaml", r"stopping rule beta needs level in \(0, 1\), got 1\.9"),
    # outputs
    ("compare good.jsonl --plot p.gif", r"plot p\.gif must end in \.png, \.svg or \.pdf"),
    ("compare good.jsonl --plot nowhere/p.svg", r"cannot write nowhere/p\.svg: the folder .*/nowhere does not exist"),
    ("compare good.jsonl --json nowhere/j.json", r"cannot write nowhere/j\.json: the folder .* does not exist"),
    ("compare good.jsonl --json folder.jsonl", r"cannot write folder\.jsonl: it exists and is not a regular file"),
    ("compare good.jsonl --json /dev/null", r"cannot write /dev/null: it exists and is not a regular file"),
    ("compare good.jsonl --json a.svg --plot ./a.svg", r"cannot write a\.svg twice: give .* different names"),
    ("compare good.jsonl --json good.jsonl", r"cannot write good\.jsonl: it is an input of this command.*"),
    ("compare good.jsonl --json link.json", r"cannot write link\.json: it is an input of this command.*"),
    ("compare good.jsonl --json hard.json", r"cannot write hard\.json: it is an input of this command.*"),
    ("compare good.jsonl --config none.yaml --json none.yaml", r"cannot write none\.yaml: it is an input .*"),
    # usage
    ("compare", r"Missing argument 'POOL'; see `tts compare --help`"),
    ("compare good.jsonl --nope", r"No such option: --nope.*; see `tts compare --help`"),
    ("compare good.jsonl --budget eight", r"Invalid value for '--budget': .*; see `tts compare --help`"),
    ("pool info good.jsonl more", r".*unexpected extra argument.*; see `tts pool info --help`"),
    ("comprae good.jsonl", r"No such command 'comprae'.*; see `tts --help`"),
]


@pytest.mark.parametrize(("command", "sentence"), BAD, ids=[command for command, _ in BAD])
def test_bad_input_gets_one_sentence_and_nothing_is_written(
    tts: Tts, bad: Path, monkeypatch: pytest.MonkeyPatch, command: str, sentence: str
) -> None:
    def contents() -> dict[str, bytes | None]:
        return {path.name: path.read_bytes() if path.is_file() else None for path in bad.iterdir()}

    monkeypatch.chdir(bad)
    before = contents()
    ran = tts(*command.split(), *(FAST if command.startswith("compare good.jsonl") else ()))
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(rf"tts: {sentence}\n", ran.err)
    assert contents() == before
