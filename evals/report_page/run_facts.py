"""The run behind a pool: its model, sampling parameters, versions and configuration, and its tokens and failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from tts.pool import Entry, Pool, PoolStore, Run
from tts.pool.files import pool_format
from tts.types import End, Usage


def runs_of(pool: Pool) -> list[Run]:
    """Return the runs whose samples a pool holds; none of a file without runs."""
    if not pool.runs or pool_format(pool.path) != "sqlite":
        return []
    with PoolStore.read(pool.path) as store:
        return [run for run in store.runs() if run.id in pool.runs]


def facts_of_runs(
    pool: Pool, runs: Sequence[Run], *, visit: Callable[[Entry], None] = lambda _: None
) -> dict[str, Any]:
    """Return what was run, ready for JSON: the file, its runs, and its samples by end, failure and cause of tokens.

    Args:
        pool: the samples.
        runs: as :func:`runs_of` returns them.
        visit: receives each question in order, with the token counts of its samples.
    """
    usage, counted, ends, failures = Usage(), 0, Counter[str](), Counter[str]()
    for entry in pool.narrow("usage").entries:
        visit(entry)
        for sample in entry.samples:
            ends[str(sample.end)] += 1
            if sample.end is End.FAILED:
                failures[sample.failure or "not recorded"] += 1
            if sample.usage is not None:
                counted += 1
                usage += sample.usage
    facts = pool.facts
    return {
        "path": pool.path,
        "sha256": pool.sha256,
        "questions": facts.questions,
        "samples": facts.samples,
        "samples_min": facts.samples_min,
        "samples_max": facts.samples_max,
        "models": list(facts.models),
        "scored_by": pool.scored_by or None,
        "tokens": {"samples_counted": counted, **(asdict(usage) if counted else {})},
        "ends": dict(ends.most_common()),
        "failures": dict(failures.most_common()),
        "runs": [run_mapping(run) for run in runs],
    }


def run_mapping(run: Run) -> dict[str, Any]:
    """Return what a run records of itself, ready for JSON."""
    key = run.key
    return {
        "run": run.id,
        "model": key.model,
        "revision": key.revision,
        "prompt_template": key.prompt_template,
        "sampling": dict(key.sampling),
        "reading": run.reading,
        "scorers": list(run.scorers),
        "versions": dict(run.versions),
        "opened": run.opened,
        "draws": None if run.draws is None else dict(run.draws),
        "config": dict(run.config),
    }
