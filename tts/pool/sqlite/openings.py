"""The runs of a pool file and their openings: when, with which configuration and versions, and what failed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime

from tts.pool.runs import Run, RunKey, plain_json, versions
from tts.pool.sqlite.scores import labels
from tts.types import Signals


def open_run(
    connection: sqlite3.Connection, key: RunKey, config: str, signals: Signals, reading: str, scorer: int | None
) -> int:
    """Start a run, or resume the one with an equal key, within the caller's transaction; return its number.

    Args:
        connection: a pool open for writing.
        key: what all samples of the run have in common.
        config: the full configuration as JSON.
        signals: the signals that its draws record; a run without samples takes those of its last opening.
        reading: the rule by which answers are read; a run without samples takes that of its last opening.
        scorer: the number of the scorer that judges its samples in this session.
    """
    columns, now = key.columns, datetime.now(UTC).isoformat(timespec="seconds")
    own = json.dumps(signals.to_json(), sort_keys=True), reading
    connection.execute(
        "INSERT OR IGNORE INTO runs (model, revision, prompt_template, sampling, signals, reading) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (*columns, *own),
    )
    (run,) = connection.execute(
        "SELECT id FROM runs WHERE (model, revision, prompt_template, sampling) = (?, ?, ?, ?)", columns
    ).fetchone()
    connection.execute(
        "UPDATE runs SET signals = ?, reading = ? WHERE id = ? AND samples = 0",
        (*own, run),
    )
    connection.execute(
        "INSERT INTO openings (run, opened, config, versions, scorer) VALUES (?, ?, ?, ?, ?)",
        (run, now, config, json.dumps(versions()), scorer),
    )
    return int(run)


def note_draws(connection: sqlite3.Connection, run: int, counts: Mapping[str, object]) -> None:
    """Keep the numbers of failed and truncated draws of a run's last opening, within the caller's transaction.

    Args:
        connection: a pool open for writing.
        run: the number that :func:`open_run` returned.
        counts: JSON values only.
    """
    connection.execute(
        "UPDATE openings SET draws = ? WHERE id = (SELECT max(id) FROM openings WHERE run = ?)",
        (plain_json(counts, "the numbers of draws"), run),
    )


def runs_of(connection: sqlite3.Connection) -> tuple[Run, ...]:
    """Return every run of an open pool, the oldest first."""
    rows = connection.execute(
        "SELECT r.id, r.model, r.revision, r.prompt_template, r.sampling, r.signals, r.reading, o.config, o.versions, "
        "o.draws, o.opened, r.samples FROM runs r JOIN openings o ON o.id = "
        "(SELECT max(id) FROM openings WHERE run = r.id) ORDER BY r.id"
    ).fetchall()
    return tuple(
        Run(
            number,
            RunKey.from_columns(*key),
            json.loads(config),
            json.loads(used),
            opened,
            samples,
            Signals.from_json(json.loads(signals)),
            reading,
            tuple(labels(connection, number).values()),
            None if draws is None else json.loads(draws),
        )
        for number, *key, signals, reading, config, used, draws, opened, samples in rows
    )
