"""The forms of a result that is a table: data frame, Markdown, LaTeX, CSV, and HTML in a notebook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from evals.report.tables import Table

if TYPE_CHECKING:
    import pandas


class Tabular(ABC):
    """A result with a table; subclasses give ``table``."""

    @property
    @abstractmethod
    def table(self) -> Table:
        """The table that the command line prints."""

    def to_pandas(self) -> pandas.DataFrame:
        """Return a data frame with one row a row of the table.

        Raises:
            UnsupportedError: pandas is not installed.
        """
        return self.table.to_pandas()

    def to_markdown(self) -> str:
        """Return a table of GitHub's Markdown."""
        return self.table.to_markdown()

    def to_latex(self) -> str:
        """Return a ``tabular`` environment that needs the package booktabs."""
        return self.table.to_latex()

    def to_csv(self) -> str:
        """Return comma-separated values."""
        return self.table.to_csv()

    @property
    def _charts(self) -> str:
        """Charts for a notebook as HTML; empty where there are none."""
        return ""

    def _repr_html_(self) -> str:
        """Return charts and the table for a notebook; the table alone where there are no charts."""
        table, charts = self.table._repr_html_(), self._charts
        return f"{charts}<details><summary>The numbers as a table</summary>\n{table}</details>\n" if charts else table
