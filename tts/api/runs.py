"""The outcome of a run over several tasks, or by several models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from evals.live.grid import GridRun
from evals.report.grid import GridRow, grid_plot, grid_table, metric_of
from evals.report.tables import Table
from tts.api.tabular import Tabular

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Runs(Tabular):
    """The outcome of :func:`tts.run` on several tasks or by several models.

    Attributes:
        runs: one a task and model, in the order of the table.
        rows: the rows of the table: one a strategy, task and model, then the macro-averages over tasks of each model.
    """

    runs: tuple[GridRun, ...]
    rows: tuple[GridRow, ...]

    @property
    def pool(self) -> Path:
        """The pool file that holds every sample, one run a task and model."""
        return self.runs[0].outcome.path

    @property
    def table(self) -> Table:
        """The table that ``tts run`` prints."""
        return grid_table(self.rows, metric=metric_of(self.runs))

    def plot(self, x: Literal["samples", "tokens"] = "tokens") -> Figure:
        """Return a plot of the macro-averages of one model.

        Args:
            x: the horizontal axis.

        Raises:
            InputError: several models, no macro-average, or self-consistency was not played.
            UnsupportedError: matplotlib is not installed.
        """
        return grid_plot(self.runs, self.rows, x=x)

    def __repr__(self) -> str:
        """Return the tasks and models; its table is what ``print`` shows."""
        tasks, models = ([*dict.fromkeys(names)] for names in zip(*((r.task, r.model) for r in self.runs), strict=True))
        return f"Runs({tasks}, {models}, {str(self.pool)!r})"
