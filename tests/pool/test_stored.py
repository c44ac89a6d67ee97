"""Pools store whose watched tokens are, in every format."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tts.models import finece
from tts.pool import Entry, Pool, export_pool, import_pool, load_pool, write_jsonl
from tts.types import Problem, Sample, Trace

ELEVEN = {100 + v: (0.5, 0.25) for v in range(11)}
VALUES = {finece.OWNER: tuple(ELEVEN)}


def pool(trace: Trace) -> Pool:
    return Pool("made up", "", (Entry(Problem("q", "?", "4"), (Sample("so 4", "4", trace=trace),), (True,)),))


@pytest.mark.parametrize(
    ("watched", "owners", "stored"),
    [
        (ELEVEN, VALUES, True),
        (ELEVEN, {}, False),
        ({7: (0.5,)}, {}, False),
        ({7: (0.5,)}, {"grace": (7,)}, True),
        ({7: (0.5, 0.1), **ELEVEN}, {"grace": (7,), **VALUES}, True),
    ],
)
def test_owners_survive_every_format_and_stand_in_a_file_only_where_needed(
    watched: dict[int, tuple[float, ...]], owners: dict[str, tuple[int, ...]], stored: bool, tmp_path: Path
) -> None:
    given = pool(Trace(watched=watched, owners=owners))
    write_jsonl(given, tmp_path / "p.jsonl")
    import_pool(tmp_path / "p.jsonl", tmp_path / "p.sqlite")
    export_pool(tmp_path / "p.sqlite", tmp_path / "p.parquet")
    for name in ("p.jsonl", "p.sqlite", "p.parquet"):
        assert load_pool(tmp_path / name).entries == given.entries
    assert (b'"owners"' in (tmp_path / "p.jsonl").read_bytes()) == stored
    with closing(sqlite3.connect(tmp_path / "p.sqlite")) as connection:
        assert (connection.execute("SELECT owners FROM samples").fetchone()[0] is not None) == stored


def test_times_survive_every_format(tmp_path: Path) -> None:
    sample = Sample(
        "so 4", "4", started_s=1.5, first_s=2.0, finished_s=3.25, in_flight=7.5, machine_s=0.25, estimated=True
    )
    write_jsonl(Pool("", "", (Entry(Problem("q", "?", "4"), (sample,), (True,)),)), tmp_path / "p.jsonl")
    import_pool(tmp_path / "p.jsonl", tmp_path / "p.sqlite")
    export_pool(tmp_path / "p.sqlite", tmp_path / "p.parquet")
    for name in ("p.jsonl", "p.sqlite", "p.parquet"):
        [found] = load_pool(tmp_path / name).entries[0].samples
        assert (found.started_s, found.first_s, found.finished_s) == (1.5, 2.0, 3.25)
        assert (found.in_flight, found.machine_s) == (7.5, 0.25)
        assert found.estimated is True
