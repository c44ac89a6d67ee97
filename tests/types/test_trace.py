"""The table of trace columns drives everything: a new signal is three lines of one file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts.engines.base import Capabilities
from tts.pool import Entry, Pool, export_pool, import_pool, load_pool, write_jsonl
from tts.types import EVERY_COLUMN, PER_TOKEN, SAMPLE_EXTRAS, Problem, Sample, Signals, Trace

ROOT = Path(__file__).resolve().parents[2]
VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=6)

ADDED = {
    "    entropy: bool = False\n": "    entropy: bool = False\n    surprise: bool = False\n",
    "    top: tuple[float, ...] = ()\n": "    top: tuple[float, ...] = ()\n    surprise: tuple[float, ...] = ()\n",
    "COLUMNS = (\n": 'COLUMNS = (\n    Column("surprise", "surprise", float, "token"),\n',
}
"""The lines of tts/types/trace.py that a made-up signal adds."""

SCRIPT = """
import sqlite3, sys
from pathlib import Path
from tts.pool import Entry, Pool, PoolStore, export_pool, import_pool, load_pool, write_jsonl
from tts.types import Problem, Sample, Signals, Trace

folder = Path(sys.argv[1])
pieces = [Trace((-0.5,), surprise=(0.1,)), Trace((-1.0, -2.0), surprise=(0.2, 0.3), probe=0.9)]
trace = Trace.joined(pieces, ())
assert trace.surprise == (0.1, 0.2, 0.3) and trace.covers(3) and not Trace(surprise=(0.1,)).covers(3)
assert trace.truncated(2) == Trace((-0.5, -1.0), surprise=(0.1, 0.2))
assert (Signals(surprise=True) | Signals(entropy=True)).surprise
assert Signals.from_json(Signals(surprise=True).to_json()) == Signals(surprise=True)
pool = Pool("made up", "", (Entry(Problem("q", "?", "4"), (Sample("4", "4", trace=trace),), (True,)),))
write_jsonl(pool, folder / "p.jsonl")
import_pool(folder / "p.jsonl", folder / "p.sqlite")
export_pool(folder / "p.sqlite", folder / "p.parquet")
for name in ("p.jsonl", "p.sqlite", "p.parquet"):
    assert load_pool(folder / name).entries == pool.entries, name
old = load_pool(folder / "old.sqlite")
assert [s.trace.surprise for s in old.entries[0].samples] == [()]
with PoolStore.create_or_open(folder / "old.sqlite") as store:
    store.add(1, "q", [Sample("5", "5", index=1, trace=trace)])
    assert store.get(1, "q", 1).trace == trace
"""


def test_a_new_signal_needs_no_other_file_to_be_joined_truncated_and_stored(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tts", tmp_path / "tts", ignore=shutil.ignore_patterns("weights", "__pycache__"))
    file = tmp_path / "tts" / "types" / "trace.py"
    text = file.read_text()
    for line, more in ADDED.items():
        assert text.count(line) == 1
        text = text.replace(line, more)
    file.write_text(text)
    entry = Entry(Problem("q", "?", "4"), (Sample("4", "4", trace=Trace((-0.5,))),), (True,))
    write_jsonl(Pool("made up", "", (entry,)), tmp_path / "old.jsonl")
    import_pool(tmp_path / "old.jsonl", tmp_path / "old.sqlite")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_every_field_of_a_trace_is_a_column_and_every_column_is_requested_by_a_signal() -> None:
    assert {column.name for column in EVERY_COLUMN} | {"owners"} == {field.name for field in fields(Trace)}
    assert {column.signal for column in EVERY_COLUMN} | {"owners"} == {field.name for field in fields(Signals)}
    flags = {field.name for field in fields(Capabilities)}
    assert {column.capability for column in EVERY_COLUMN} - {""} <= flags
    assert all(column.lack for column in EVERY_COLUMN if column.capability)
    assert set(SAMPLE_EXTRAS) <= {field.name for field in fields(Sample)}


@given(values=VALUES, n=st.integers(0, 6), cut=st.integers(0, 6))
def test_truncation_and_joining_treat_every_column_alike(values: list[float], n: int, cut: int) -> None:
    columns = {column.name: tuple(values) for column in PER_TOKEN}
    trace = Trace(watched={7: tuple(values)}, probe=0.5, owners={"one": (7,)}, **columns)  # type: ignore[arg-type]
    assert trace.covers(len(values)) and not trace.covers(len(values) + 1)
    shorter = trace.truncated(n)
    assert shorter.probe is None and shorter.owners == trace.owners
    assert set(shorter.columns()) == ({tuple(values[:n])} if n else set())
    rest = Trace(watched={7: tuple(values[cut:])}, probe=0.5, **{name: tuple(values[cut:]) for name in columns})  # type: ignore[arg-type]
    whole = Trace.joined([trace.truncated(cut), rest], (7,))
    assert whole == Trace(watched={7: tuple(values)}, probe=0.5, **columns)  # type: ignore[arg-type]
    assert Trace.collected(columns, cut) == Trace(**{name: tuple(values[cut:]) for name in columns})  # type: ignore[arg-type]


def test_a_column_of_another_length_is_not_covered() -> None:
    assert not Trace((-0.5, -1.0), entropy=(0.1,)).covers(2)
    assert not Trace().covers(0)


def test_an_engine_lacks_the_signals_that_it_has_no_flag_for() -> None:
    for column in EVERY_COLUMN:
        if column.capability:
            value = {"watch": (3,), "probe": 0}.get(column.signal, True)
            wanted = Signals(**{column.signal: value})
            assert Capabilities().lacking(wanted) == column.lack
            assert Capabilities(**{column.capability: True}).lacking(wanted) is None


def test_no_file_holds_what_serves_live_draws_alone(tmp_path: Path) -> None:
    live = Trace(processed=(-0.5,), alternatives=(((3, -0.5, -0.7), (4, -0.9, -0.9)),))
    entry = Entry(Problem("q", "?", "4"), (Sample("4", "4", trace=live),), (True,))
    write_jsonl(Pool("made up", "", (entry,)), tmp_path / "p.jsonl")
    import_pool(tmp_path / "p.jsonl", tmp_path / "p.sqlite")
    export_pool(tmp_path / "p.sqlite", tmp_path / "p.parquet")
    for name in ("p.jsonl", "p.sqlite", "p.parquet"):
        assert load_pool(tmp_path / name).entries[0].samples[0].trace == Trace(processed=(-0.5,))
    assert Signals(alternatives=5, entropy=True).to_json() == {"entropy": True}
    assert Signals(entropy=True).covers(Signals(alternatives=5))
    assert Signals(alternatives=5, processed=True, top=3).readable == Signals(top=3)


def test_the_larger_number_of_alternatives_serves_both_and_an_engine_may_have_fewer() -> None:
    assert (Signals(alternatives=5) | Signals(alternatives=9)).alternatives == 9
    assert Trace().lacks(Signals(alternatives=5)) and not Trace(alternatives=((),)).lacks(Signals(alternatives=5))
    fewer = Capabilities(alternatives=3)
    assert fewer.lacking(Signals(alternatives=5)) is None
    assert fewer.unreadable(Signals(alternatives=1)) == "the most probable tokens at each position"


@pytest.mark.parametrize("other", [Signals(top=3), Signals(probe=2), Signals.watching("a", (1,))])
def test_signals_that_one_pass_cannot_collect_do_not_combine(other: Signals) -> None:
    mine = Signals(top=5, probe=1) | Signals.watching("a", (2,))
    with pytest.raises(ValueError, match="one pass"):
        _ = mine | other
    assert (Signals(steps=True, probe=0) | Signals(entropy=True)) == Signals(steps=True, probe=0, entropy=True)


@pytest.mark.parametrize(
    ("mine", "others", "covered"),
    [
        (Signals(logprobs=True, top=5), Signals(logprobs=True), True),
        (Signals(logprobs=True), Signals(logprobs=True, top=5), False),
        (Signals(top=5), Signals(top=6), False),
        (Signals.watching("a", (1, 2)), Signals(watch=(2,)), True),
        (Signals(watch=(1,)), Signals.watching("a", (1,)), False),
        (Signals(probe=0), Signals(probe=0), True),
        (Signals(), Signals(probe=0), False),
        (Signals(), Signals(), True),
    ],
)
def test_signals_cover_others_where_they_record_all_of_them(mine: Signals, others: Signals, covered: bool) -> None:
    assert mine.covers(others) == covered
    assert Signals.from_json(json.loads(json.dumps(mine.to_json()))) == mine
