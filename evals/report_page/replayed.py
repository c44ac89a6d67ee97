"""The strategies and scores that a report replays: those of the run, else all that the pool serves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from evals.comparison.session import with_asked_score
from evals.config import CompareConfig
from evals.methods import methods
from evals.replay.traces import recorded_source
from evals.tasks.equality import open_equality
from tts.answers import Grader
from tts.errors import InputError
from tts.pool import Pool, Run


def strategies_of(pool: Pool, runs: Sequence[Run], *, window: int) -> tuple[list[Any], dict[str, str]]:
    """Return the strategies that the runs of a pool were drawn by, and those that a replay leaves out with the reason.

    A pool may come from anywhere: a stored strategy that names code of a module is left out.

    Args:
        pool: the samples.
        runs: the runs that drew them.
        window: tokens in a group, for strategies that read groups.

    Returns:
        (entries, skipped): entries as a configuration has them; ["all"] where no run names any that can be replayed.
    """
    source = recorded_source(pool)
    chosen: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    for run in runs:
        stored = run.config.get("strategies")
        for entry in stored if isinstance(stored, list) else ():
            name = str(entry.get("label", entry.get("name", "?")) if isinstance(entry, Mapping) else entry)
            if ":" in json.dumps(entry, separators=(",", "=")):
                skipped[name] = "it names code of a module, which a report of a stored run does not load"
                continue
            if not isinstance(entry, str | Mapping):
                continue
            try:
                found, lacking = methods([entry], source, window=window)
            except InputError as error:
                skipped[name] = str(error)
                continue
            skipped |= lacking
            chosen |= {row.name: entry for row in found}
    return list(chosen.values()) or ["all"], skipped


def scored_and_graded(pool: Pool, config: CompareConfig) -> tuple[Pool, Grader]:
    """Return the pool with the confidences that a configuration asks for, and the rule that grades its answers."""
    equality = open_equality(config.equal, config.answers, key="equal")
    return with_asked_score(pool, config, equality), Grader(config.answers, equality=equality)
