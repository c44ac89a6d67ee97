"""The scores of a pool file: beside the samples, each with the key of the scorer that gave it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from itertools import count

from tts.pool.records import Score
from tts.pool.runs import canonical_json

READ_SCORE = (
    "SELECT value, read, drawn FROM scores WHERE run = ? AND scorer = ? "
    "AND problem = (SELECT number FROM problems WHERE id = ?) AND idx = ?"
)


def open_scorer(connection: sqlite3.Connection, name: str, key: Mapping[str, object]) -> int:
    """Return the number of the scorer with this key within the caller's transaction; make it where it is new.

    Its label is its name, and ``name-2``, ``name-3`` for further keys of the same name.

    Args:
        connection: a pool open for writing.
        name: the scorer's name.
        key: everything that its scores depend on beside the samples, JSON values only.

    Raises:
        InputError: for a value JSON does not have.
    """
    text = canonical_json(key)
    known = connection.execute("SELECT id FROM scorers WHERE key = ?", (text,)).fetchone()
    if known is not None:
        return int(known[0])
    used = {label for (label,) in connection.execute("SELECT label FROM scorers")}
    label = next(label for n in count(1) if (label := name if n == 1 else f"{name}-{n}") not in used)
    made = connection.execute("INSERT INTO scorers (label, key) VALUES (?, ?)", (label, text))
    return int(made.lastrowid or 0)


def add_scores(
    connection: sqlite3.Connection, run: int, scorer: int, problem: int, scores: Iterable[tuple[int, Score]]
) -> None:
    """Keep the scores of samples, by index, within the caller's transaction; those that are there already stay."""
    connection.executemany(
        "INSERT OR IGNORE INTO scores (run, scorer, problem, idx, value, read, drawn) VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((run, scorer, problem, idx, float(s.value), int(s.read), int(s.drawn)) for idx, s in scores),
    )


def labels(connection: sqlite3.Connection, run: int) -> dict[int, str]:
    """Return the labels of the scorers with scores of a run, by number; the one it was last opened with comes last."""
    rows = connection.execute(
        "SELECT id, label FROM scorers WHERE id IN (SELECT DISTINCT scorer FROM scores WHERE run = ?) ORDER BY "
        "coalesce((SELECT max(id) FROM openings WHERE scorer = scorers.id AND run = ?), 0), id",
        (run, run),
    )
    return dict(rows.fetchall())


def scorers_of(connection: sqlite3.Connection) -> dict[str, Mapping[str, object]]:
    """Return the key of every scorer by its label."""
    rows = connection.execute("SELECT label, key FROM scorers ORDER BY id")
    return {label: json.loads(key) for label, key in rows}


def scores_of(connection: sqlite3.Connection, run: int) -> dict[str, dict[tuple[int, int], Score]]:
    """Return the scores of a run by the label of their scorer, then by the number of the question and the index."""
    found = {}
    for scorer, label in labels(connection, run).items():
        rows = connection.execute(
            "SELECT problem, idx, value, read, drawn FROM scores WHERE run = ? AND scorer = ?", (run, scorer)
        )
        found[label] = {(problem, idx): Score(*values) for problem, idx, *values in rows}
    return found
