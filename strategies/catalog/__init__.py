"""The catalogue: each published method by its name, with its source, its parameters and the grid they are swept on.

    method("adaptive_consistency").build(budget=16)

A row is a :class:`~strategies.method.Method`. Each family has a module of rows; a new row goes into the module of its
family and nowhere else. Parameters that a paper fixes have its value; parameters that it leaves open are fitted on
questions that are not scored.
"""

from __future__ import annotations

from strategies.catalog import certificates, controls, deepconf, distinct, early_stopping, masses, pruning, voting
from strategies.method import Method
from tts.errors import unknown_name
from tts.registry import STRATEGIES

__all__ = ["CATALOG", "METHODS", "Method", "method"]

METHODS: tuple[Method, ...] = (
    *voting.METHODS,
    *early_stopping.METHODS,
    *certificates.METHODS,
    *masses.METHODS,
    *distinct.METHODS,
    *pruning.METHODS,
    *deepconf.METHODS,
    *controls.METHODS,
)


class Catalog(dict[str, Method]):
    """The built-in rows by name."""

    def __missing__(self, name: str) -> Method:
        """Refuse an unknown name with a sentence that lists all names."""
        raise unknown_name("strategy", name, self)


CATALOG = Catalog((method.name, method) for method in METHODS)


def method(name: str) -> Method:
    """Return the row of a name: the catalogue's, or that of an installed package.

    Raises:
        InputError: there is no such row; the sentence lists all names.
    """
    row: Method = STRATEGIES.get(name)
    return row
