"""Decisions and asked scores of each question, in a file while a view is served: memory does not grow with them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any


def keep_decisions(path: str, questions: Iterable[tuple[str, Sequence[dict[str, Any]]]]) -> None:
    """Write the decisions on questions to a new file.

    Args:
        path: the file.
        questions: of each question its id and one mapping a strategy, ready for JSON.
    """
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE decisions (id TEXT PRIMARY KEY, decisions TEXT NOT NULL)")
        file.executemany("INSERT INTO decisions VALUES (?, ?)", ((name, json.dumps(of)) for name, of in questions))
        file.commit()


def keep_scores(path: str, questions: Iterable[tuple[str, Sequence[float | None]]]) -> None:
    """Write the scores of questions to a file.

    Args:
        path: the file.
        questions: of each question its id and the score of each of its samples, None where it has none.
    """
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE scores (id TEXT PRIMARY KEY, scores TEXT NOT NULL)")
        file.executemany("INSERT INTO scores VALUES (?, ?)", ((name, json.dumps(of)) for name, of in questions))
        file.commit()


def decisions_on(path: str, question: str) -> list[dict[str, Any]]:
    """Return the decisions on a question; none where the file has none, or is there no more."""
    return _kept(path, "SELECT decisions FROM decisions WHERE id = ?", question)


def scores_of(path: str, question: str) -> list[float | None]:
    """Return the scores of the samples of a question; none where the file has none, or is there no more."""
    return _kept(path, "SELECT scores FROM scores WHERE id = ?", question)


def _kept(path: str, query: str, question: str) -> list[Any]:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
            row = file.execute(query, (question,)).fetchone()
    except sqlite3.OperationalError:
        return []
    found: list[Any] = [] if row is None else json.loads(row[0])
    return found
