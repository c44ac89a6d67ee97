"""The decisions of strategies whose trees a pool holds, one a question and run.

The table came after the others: a file without it holds no such decisions, and the first writer makes it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from tts.pool.runs import plain_json

DECISIONS = """
CREATE TABLE IF NOT EXISTS decisions (
    run INTEGER NOT NULL REFERENCES runs, problem INTEGER NOT NULL REFERENCES problems, decision TEXT NOT NULL,
    PRIMARY KEY (run, problem)
) WITHOUT ROWID"""


def has_decisions(connection: sqlite3.Connection) -> bool:
    """Return whether an open pool has the table."""
    found = connection.execute("SELECT count(*) FROM main.sqlite_master WHERE name = 'decisions'").fetchone()
    return bool(found[0])


def put_decision(connection: sqlite3.Connection, run: int, problem: int, decision: Mapping[str, object]) -> None:
    """Keep the decision on a question within the caller's transaction; one that is there stays as it is.

    Args:
        connection: a pool open for writing.
        run: the number of the run.
        problem: the number of the question.
        decision: JSON values only.

    Raises:
        InputError: a value that JSON does not have.
    """
    connection.execute(
        "INSERT OR IGNORE INTO decisions VALUES (?, ?, ?)", (run, problem, plain_json(decision, "a decision"))
    )


def decisions_of(connection: sqlite3.Connection, run: int) -> dict[str, dict[str, Any]]:
    """Return the decisions of a run by the id of the question; none of a file without the table."""
    if not has_decisions(connection):
        return {}
    rows = connection.execute(
        "SELECT p.id, d.decision FROM decisions d JOIN problems p ON p.number = d.problem WHERE d.run = ? "
        "ORDER BY d.problem",
        (run,),
    )
    return {problem: json.loads(decision) for problem, decision in rows}
