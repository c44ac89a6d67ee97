"""A comparison of strategies on a recorded pool in one call."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.comparison.session import ComparisonOutcome, compare_pool
from evals.config import CompareConfig
from evals.progress.phases import brief_phases
from evals.report import figures
from evals.report.comparison_table import comparison_table, conclusion
from evals.report.plot import Axis, plot
from evals.report.tables import Table
from tts.api.tabular import Tabular
from tts.config import from_mapping
from tts.config.arguments import plain
from tts.files import Output, check_replaced
from tts.pool import Pool, load_pool, read_pool

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Comparison(Tabular):
    """Strategies on the same recorded samples: the outcome of :func:`tts.compare`.

    Attributes:
        outcome: rows, curves and sweeps with every number.
    """

    outcome: ComparisonOutcome

    @cached_property
    def table(self) -> Table:
        """The table that ``tts compare`` prints."""
        return comparison_table(self.outcome.rows)

    @property
    def conclusion(self) -> str:
        """The cheapest strategy that is not worse than self-consistency, in one sentence."""
        return conclusion(self.outcome.rows, questions=self.outcome.questions)

    def plot(self, path: str | os.PathLike[str] | None = None, *, x: Axis = "samples", force: bool = False) -> Figure:
        """Draw accuracy, and the paired difference to self-consistency, against the cost.

        Args:
            path: a file to write too, .png, .svg or .pdf; None writes none.
            x: the cost: "samples", "tokens", "cost" or "seconds".
            force: replace a file that is no plot of a comparison, too.

        Raises:
            InputError: another suffix, a file that is no plot of a comparison, or a cost that the pool does not have.
            UnsupportedError: matplotlib is not installed.
        """
        target = Path("plot.png" if path is None else os.fspath(path))
        figures.check(str(target))
        if path is not None:
            output = Output(target, "picture")
            check_replaced(output, command="tts compare", force=force, forced_by="force=True")
        outcome = self.outcome
        title = f"{Path(outcome.pool['path']).name}: {outcome.questions} questions, budget {outcome.settings.budget}"
        drawn = plot(title, outcome.rows, outcome.frontiers, x=x, margin=outcome.settings.margin)
        if path is not None:
            figures.save(drawn, target, command="tts compare")
        return drawn

    def __repr__(self) -> str:
        """Return the sizes and the conclusion."""
        pool = self.outcome.pool
        return f"Comparison({pool['path']!r}, {len(self.outcome.rows)} strategies: {self.conclusion})"

    @cached_property
    def _charts(self) -> str:
        from evals.report_page.notebook import comparison_frame

        return comparison_frame(self.outcome)

    def _repr_html_(self) -> str:
        """Return charts and the table for a notebook; without the extra ``report`` the plot, if it can be drawn."""
        if self._charts:
            return super()._repr_html_()
        shown = f"{self.table._repr_html_()}<p>{html.escape(self.conclusion)}</p>\n"
        if find_spec("matplotlib") is None:
            return shown
        return f"{shown}{figures.html_image(self.plot(), alt='accuracy and paired differences')}\n"


def compare(
    pool: str | os.PathLike[str] | Pool,
    *,
    strategies: str | Iterable[str | Mapping[str, Any]] = "all",
    budget: int | None = None,
    run: int | Sequence[int] | None = None,
    progress: bool = True,
    **settings: Any,
) -> Comparison:
    """Compare strategies on the same recorded samples, each with self-consistency at the full budget.

        tts.compare("pool.jsonl.gz", budget=16).to_pandas()

    Args:
        pool: a pool file (.jsonl, .jsonl.gz, .sqlite, .db, .pool or .parquet), or a pool in memory.
        strategies: names of the catalogue, "all", or composed strategies.
        budget: the most samples of a question; None takes as many as every question has.
        run: the run to read, if a SQLite pool holds several, or several runs to join; None takes the latest.
        progress: whether to show what takes more than about a second, on a terminal or in a notebook.
        settings: other keys of ``tts compare`` by name, such as ``score``, ``calibrate``, ``tune`` or ``seed``.

    Raises:
        InputError: an argument that cannot be used, or a pool that cannot serve what was asked for.
    """
    names = [strategies] if isinstance(strategies, str) else list(strategies)
    values = {key: plain(value) for key, value in {**settings, "budget": budget}.items() if value is not None}
    config = from_mapping(CompareConfig, {**values, "strategies": plain(names)}, "tts.compare(...)")
    read = load_pool if config.score is None else read_pool
    with brief_phases(shown=progress):
        loaded = pool if isinstance(pool, Pool) else read(Path(os.fspath(pool)), run=run)
        outcome = compare_pool(loaded, config)
    return Comparison(outcome)
