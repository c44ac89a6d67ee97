"""The scores of a pool file: beside the samples, each with the key of the scorer that gave it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from itertools import count

from tts.pool.digest import NOTHING, changed, row_hash
from tts.pool.records import Score
from tts.pool.rows import COLUMNS, sample_hash
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
    (key,) = connection.execute("SELECT key FROM scorers WHERE id = ?", (scorer,)).fetchone()
    (name,) = connection.execute("SELECT id FROM problems WHERE number = ?", (problem,)).fetchone()
    added = 0
    for idx, score in scores:
        row = float(score.value), int(score.read), int(score.drawn)
        made = connection.execute(
            "INSERT OR IGNORE INTO scores (run, scorer, problem, idx, value, read, drawn) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (run, scorer, problem, idx, *row),
        )
        if made.rowcount:
            added += score_hash(key, name, idx, row)
    if added:
        add_to_digest(connection, run, added)


def score_hash(key: str, problem_id: str, idx: int, row: tuple[float, int, int]) -> int:
    """Return the hash of a score.

    Args:
        key: of its scorer, as JSON.
        problem_id: of its question.
        idx: the index of its sample.
        row: its value, and the tokens read and drawn.
    """
    return row_hash("score", (key, problem_id, idx), ("value", "read", "drawn"), row)


def add_to_digest(connection: sqlite3.Connection, run: int, difference: int, samples: int = 0) -> None:
    """Add hashes to the digest of a run, and samples to their number, within the caller's transaction."""
    (digest,) = connection.execute("SELECT digest FROM runs WHERE id = ?", (run,)).fetchone()
    connection.execute(
        "UPDATE runs SET digest = ?, samples = samples + ? WHERE id = ?", (changed(digest, difference), samples, run)
    )


def labels(connection: sqlite3.Connection, run: int) -> dict[int, str]:
    """Return the labels of the scorers with scores of a run, by number; the one it was last opened with comes last."""
    rows = connection.execute(
        "SELECT id, label FROM scorers "
        "WHERE EXISTS (SELECT 1 FROM scores WHERE run = ? AND scorer = scorers.id) ORDER BY "
        "coalesce((SELECT max(id) FROM openings WHERE scorer = scorers.id AND run = ?), 0), id",
        (run, run),
    )
    return dict(rows.fetchall())


def scorers_of(connection: sqlite3.Connection) -> dict[str, Mapping[str, object]]:
    """Return the key of every scorer by its label."""
    rows = connection.execute("SELECT label, key FROM scorers ORDER BY id")
    return {label: json.loads(key) for label, key in rows}


def scores_of(
    connection: sqlite3.Connection, run: int, first: int, last: int
) -> dict[str, dict[tuple[int, int], Score]]:
    """Return the scores of the samples of some questions in a run.

    Args:
        connection: an open pool.
        run: the run's number.
        first: the number of the first question.
        last: the number of the last question.

    Returns:
        By the label of their scorer, then by the number of the question and the index of the sample.
    """
    found = {}
    for scorer, label in labels(connection, run).items():
        rows = connection.execute(
            "SELECT problem, idx, value, read, drawn FROM scores "
            "WHERE run = ? AND scorer = ? AND problem BETWEEN ? AND ?",
            (run, scorer, first, last),
        )
        found[label] = {(problem, idx): Score(*values) for problem, idx, *values in rows}
    return found


def digest_of(connection: sqlite3.Connection, run: int) -> tuple[str, int]:
    """Compute the digest of a run's rows in its SQLite file anew, and count its samples.

    Returns:
        (digest, samples).
    """
    total = count = 0
    columns = ", ".join(f"s.{name}" for name in COLUMNS)
    samples = f"SELECT p.id, {columns} FROM samples s JOIN problems p ON p.number = s.problem WHERE s.run = ?"
    for problem_id, *row in connection.execute(samples, (run,)):
        total += sample_hash(problem_id, row)
        count += 1
    scores = (
        "SELECT j.key, p.id, s.idx, s.value, s.read, s.drawn FROM scores s JOIN problems p ON p.number = s.problem "
        "JOIN scorers j ON j.id = s.scorer WHERE s.run = ?"
    )
    for key, problem_id, idx, *row in connection.execute(scores, (run,)):
        total += score_hash(key, problem_id, idx, tuple(row))
    return changed(NOTHING, total), count
