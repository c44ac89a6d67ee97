"""The check that a pool holds independent draws, which every replay needs."""

from __future__ import annotations

from tts.pool import Pool, PoolStore
from tts.pool.files import pool_format


def dependence(pool: Pool) -> str:
    """Return the reason why samples of a pool are no independent draws; empty where they are.

    Samples that continue a prefix are none, nor are those of a run that holds the trees of a strategy, where a question
    may have beams that were pruned and none that was continued.
    """
    if pool.facts.continued:
        forked = next(e.problem.id for e in pool.narrow().entries if any(sample.given for sample in e.samples))
        return f"samples of question {forked!r} continue a prefix, so they are no independent draws"
    if pool.runs and pool_format(pool.path) == "sqlite":
        with PoolStore.read(pool.path) as store:
            trees = [run.id for run in store.runs() if run.id in pool.runs and run.key.draws == "tree"]
        if trees:
            return f"run {trees[0]} holds the trees of a strategy that continues draws, which are no independent draws"
    return ""
