"""A view of small pools without the process that computes its numbers, and steps as such a process sends them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evals.replay.synthetic import synthetic_pool
from evals.view.figures import Counted, Decided
from evals.view.jobs import Step
from evals.view.session import View
from evals.view.sources import Source, open_sources
from tts.pool import Pool, PoolStore, RunKey

POOL = synthetic_pool(questions=12, samples=4)
COUNTED = Counted(
    tuple(entry.problem.id for entry in POOL.entries),
    np.arange(12),
    np.linspace(0.9, 0.1, 12),
    np.arange(12) == 5,
)
"""Figures by which the last question is the longest and the least sure, and question 5 has an unread sample."""
DECIDED = Decided(
    ("self_consistency", "esc"),
    "self_consistency",
    np.array([np.arange(12) % 3 != 0, np.arange(12) % 2 == 0]),
    np.array([np.where(np.arange(12) % 3, 0, 1), np.where(np.arange(12) % 2, 3, 4)]).astype(np.int8),
    np.full((2, 12), np.nan, dtype=np.float32),
    np.arange(12) < 2,
)
"""Decisions: self-consistency is wrong on every third question, unsolved; esc on the odd ones, stopped too early."""
STEPS = (
    Step("measuring confidences", {}, counted=COUNTED),
    Step("", {"headline": "decided", "reference": "self_consistency"}, decided=DECIDED),
)


class StillView(View):
    """A view that computes nothing."""

    def start(self) -> None:
        """Leave the numbers unknown."""


def stored(path: Path, pool: Pool = POOL, questions: int | None = None) -> int:
    """Write the first questions of a pool to a SQLite file as a live run does, all of its questions there before."""
    with PoolStore.create_or_open(path) as store:
        run = store.open_run(RunKey("simulated"), {})
        store.add_problems(entry.problem for entry in pool.entries)
        for entry in pool.entries[:questions]:
            store.add(run, entry.problem.id, entry.samples, entry.correct)
    return run


def still(*paths: Path) -> StillView:
    """A view of files that computes nothing."""
    sources: Sequence[Source] = [source for path in paths for source in open_sources(path)]
    return StillView(sources)
