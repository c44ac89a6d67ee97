"""The runs of a file that hold trees, as the file records them; loads nothing that computes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tts.pool import Run


def trees_of_runs(known: Iterable[Run], shown: Sequence[int]) -> list[Run]:
    """Return the runs of trees that are shown with runs of whole samples.

    Args:
        known: all runs of the file.
        shown: the numbers of the runs of whole samples.
    """
    held = [run for run in known if run.samples]
    whole = {run.key.columns: run.id for run in held if run.key.draws == "whole"}
    trees = (run for run in held if run.key.draws == "tree")
    return [run for run in trees if whole.get(run.key.without_tree.columns, shown[0]) in shown]


def strategy_of(run: Run | None) -> str:
    """Return the name of the strategy whose trees a run holds; "tree" where it is not recorded."""
    strategy = None if run is None else run.key.sampling.get("tree")
    return str(strategy.get("name", "tree")) if isinstance(strategy, Mapping) else "tree"
