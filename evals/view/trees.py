"""The trees of a question as a view shows them, read when it is opened."""

from __future__ import annotations

from typing import Any

from evals.report_page.trees import of_question, tree_run
from evals.view.sources import Source
from tts.answers import Grader
from tts.pool import Pool, Run


def trees_on(source: Source, key: int, question: str, grader: Grader) -> dict[str, Any]:
    """Return the trees of a question by the key "trees"; empty without.

    Args:
        source: the run that is shown.
        key: of the question.
        question: its id.
        grader: the rule by which answers are equal and right.
    """
    shown: list[Any] = []
    for trees, own in source.trees():
        entries = tuple(trees.entries([key], "text", "tokens", "trace", "usage", "times", "scores"))
        run = trees.stored_run()
        one: dict[str, Any] = {}
        if entries:
            pool = _valued(Pool(trees.path, "", entries, () if trees.run is None else (trees.run,)), run)
            one = of_question([tree_run(pool, run, own=own)], question, grader)
        shown.append(one.get("trees", [None])[0])
    return {"trees": shown} if any(one is not None for one in shown) else {}


def _valued(pool: Pool, run: Run | None) -> Pool:
    """Return draws with the values of the latest scorer, where they have none yet."""
    label = run.scorers[-1] if run is not None and run.scorers else ""
    return pool.with_scores(label) if label in pool.scorers and not pool.facts.confidences else pool
