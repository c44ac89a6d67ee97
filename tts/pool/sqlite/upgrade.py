"""Pool files of versions 2 to 7, rewritten to the current version in one transaction.

Version 2 lacks ``steps`` and ``probe``, version 3 ``given``, version 4 ``owners``, version 5 ``openings.draws``, and
every version the signals and fields that came later. Up to version 6 the recorded signals, the reading of answers and
the scorer were parts of a run's key, the scorer's confidences stood in the samples, and two names were others. Version
7 lacks the digest of a run, the number of its samples, and the tables of parts.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from tts.pool.digest import NOTHING
from tts.pool.runs import canonical_json
from tts.pool.sqlite import schema
from tts.pool.sqlite.decisions import DECISIONS
from tts.pool.sqlite.scores import digest_of, open_scorer
from tts.pool.stored import unpack
from tts.progress.phases import phase
from tts.types import COLUMNS, Signals

OLDEST = 2
FINECE_TOKENS = 11
"""The watched tokens of a sample that older versions left without an owner: FineCE's."""
_WATCHED = next(column for column in COLUMNS if column.per == "watched")
_BESIDE = ("signals", "answers", "scorer")
_SINCE_7 = ("samples INTEGER NOT NULL DEFAULT 0", f"digest TEXT NOT NULL DEFAULT '{NOTHING}'")


def upgrade(connection: sqlite3.Connection, version: int) -> None:
    """Rewrite an open pool of an older version, whole or not at all.

    Args:
        connection: a pool open for writing, without a transaction.
        version: its version, from ``OLDEST`` to the one before the current.
    """
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA legacy_alter_table = ON")  # a renamed table is not renamed in the others' references
    connection.execute("BEGIN IMMEDIATE")
    if version < 7:
        _upgrade_names(connection, version)
        _split_keys(connection)
    else:
        for column in _SINCE_7:
            connection.execute(f"ALTER TABLE runs ADD COLUMN {column}")
    for statement in (*schema.SINCE_8, DECISIONS):
        connection.execute(statement)
    _count(connection)
    connection.execute(f"PRAGMA user_version = {schema.VERSION}")
    connection.execute("COMMIT")


def _upgrade_names(connection: sqlite3.Connection, version: int) -> None:
    connection.execute("ALTER TABLE samples RENAME COLUMN kept TO delivered")
    for column, kind in schema.missing(connection).get("samples", {}).items():
        connection.execute(f"ALTER TABLE samples ADD COLUMN {column} {kind}")
    connection.execute("ALTER TABLE problems RENAME TO old_problems")
    connection.execute(schema.PROBLEMS)
    connection.execute(
        "INSERT INTO problems (number, id, question, gold, task, meta) "
        "SELECT number, id, question, gold, task, meta FROM old_problems"
    )
    connection.execute("DROP TABLE old_problems")
    connection.execute(schema.SCORERS)
    connection.execute(schema.SCORES)
    _upgrade_openings(connection, draws=version > 5)
    _name_owners(connection)


def _upgrade_openings(connection: sqlite3.Connection, *, draws: bool) -> None:
    connection.execute("ALTER TABLE openings RENAME TO old_openings")
    connection.execute(schema.OPENINGS)
    columns = "id, run, opened, config, versions" + (", draws" if draws else "")
    connection.execute(f"INSERT INTO openings ({columns}) SELECT {columns} FROM old_openings")
    connection.execute("DROP TABLE old_openings")


def _name_owners(connection: sqlite3.Connection) -> None:
    """Write the owner that older versions left out: eleven watched tokens were FineCE's value tokens."""
    rows = connection.execute("SELECT rowid, watched FROM samples WHERE watched IS NOT NULL AND owners IS NULL")
    for row, blob in rows.fetchall():
        tokens = list(unpack(_WATCHED, blob))
        if len(tokens) == FINECE_TOKENS:
            owners = json.dumps({"finece": tokens})
            connection.execute("UPDATE samples SET owners = ? WHERE rowid = ?", (owners, row))


def _split_keys(connection: sqlite3.Connection) -> None:
    """Move what is no part of a key out of it: signals, the reading, and the scorer with its scores."""
    rows = connection.execute("SELECT id, model, revision, prompt_template, sampling FROM runs ORDER BY id").fetchall()
    connection.execute("ALTER TABLE runs RENAME TO old_runs")
    connection.execute(schema.RUNS)
    taken: set[tuple[str, ...]] = set()
    for run, model, revision, template, text in rows:
        sampling: dict[str, Any] = json.loads(text)
        beside = {name: sampling.pop(name) for name in _BESIDE if name in sampling}
        columns = (model, revision, template, canonical_json(sampling))
        if columns in taken:  # two draws of one key, of which later ones take the first
            columns = (model, revision, template, canonical_json({**sampling, "upgraded_run": run}))
        taken.add(columns)
        signals = json.dumps(Signals.from_json(beside.get("signals", {})).to_json(), sort_keys=True)
        connection.execute(
            "INSERT INTO runs (id, model, revision, prompt_template, sampling, signals, reading) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (run, *columns, signals, _reading(beside.get("answers", ""))),
        )
        if isinstance(beside.get("scorer"), dict):
            _move_scores(connection, run, beside["scorer"])
    connection.execute("DROP TABLE old_runs")


def _count(connection: sqlite3.Connection) -> None:
    """Count the samples of each run and compute its digest."""
    for column, kind in schema.missing(connection).get("samples", {}).items():
        connection.execute(f"ALTER TABLE samples ADD COLUMN {column} {kind}")
    sizes = connection.execute(
        "SELECT r.id, count(s.run) FROM runs r LEFT JOIN samples s ON s.run = r.id GROUP BY r.id"
    ).fetchall()
    with phase("upgrading", "draw", sum(size for _, size in sizes)) as advance:
        for run, size in sizes:
            digest, count = digest_of(connection, run)
            connection.execute("UPDATE runs SET digest = ?, samples = ? WHERE id = ?", (digest, count, run))
            advance(size)


def _reading(answers: Any) -> str:
    return answers if isinstance(answers, str) else json.dumps(answers)


def _move_scores(connection: sqlite3.Connection, run: int, key: dict[str, Any]) -> None:
    scorer = open_scorer(connection, str(key.get("name", "scorer")), key)
    connection.execute(
        "INSERT INTO scores (run, scorer, problem, idx, value, read, drawn) SELECT run, ?, problem, idx, confidence, "
        "coalesce(scorer_prefill, 0), coalesce(scorer_decode, 0) FROM samples "
        "WHERE run = ? AND confidence IS NOT NULL",
        (scorer, run),
    )
    connection.execute(
        "UPDATE samples SET confidence = NULL, scorer_prefill = min(scorer_prefill, 0), "
        "scorer_decode = min(scorer_decode, 0) WHERE run = ? AND confidence IS NOT NULL",
        (run,),
    )
    connection.execute("UPDATE openings SET scorer = ? WHERE run = ?", (scorer, run))
