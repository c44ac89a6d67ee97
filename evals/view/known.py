"""The numbers of a run that are known at a moment, and the questions that a list picks out by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evals.view.figures import Counted, Decided
    from evals.view.jobs import Step


@dataclass(frozen=True)
class Query:
    """The questions that a list shows.

    Attributes:
        strategy: the name of the strategy by whose decisions it is filtered; another name takes the reference.
        only: the filter.
        order: the order.
        find: words that a question's texts must have.
    """

    strategy: str = ""
    only: str = "all"
    order: str = "drawn"
    find: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The words in lower case."""
        return tuple(self.find.lower().split())


@dataclass(frozen=True)
class Known:
    """The numbers of a run that are known at a moment.

    Attributes:
        summary: for the page, ready for JSON.
        missing: sentences on what the pool lacks.
        counted: the figures of samples.
        decided: the decisions.
        keys: the key of each question of these arrays; None for one that is not there any more.
        decisions: the file of the decisions on each question; empty without one.
    """

    summary: dict[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    counted: Counted | None = None
    decided: Decided | None = None
    keys: tuple[int | None, ...] = ()
    decisions: str = ""

    def learned(self, step: Step, keys: Sequence[int | None]) -> Known:
        """Return the numbers with those of a step.

        Args:
            step: the step.
            keys: those of its questions, where it counts samples.
        """
        return replace(
            self,
            summary={**self.summary, **step.summary},
            missing=(*self.missing, step.missing) if step.missing else self.missing,
            counted=self.counted if step.counted is None else step.counted,
            decided=self.decided if step.decided is None else step.decided,
            keys=self.keys if step.counted is None else tuple(keys),
        )

    def with_decisions(self, file: str) -> Known:
        """Return the numbers with the file of the decisions on each question."""
        return replace(self, decisions=file)

    def picked(self, query: Query, there: Sequence[int]) -> Sequence[int]:
        """Return the keys of the questions that a list shows before the search, in its order.

        Without the figures that a filter or an order needs, it is left out.

        Args:
            query: the list.
            there: the keys of all questions.
        """
        if self.counted is None or (query.only == "all" and query.order == "drawn"):
            return there
        import numpy as np

        from evals.view.figures import kept, ranks

        strategy = self._strategy(query)
        keep = kept(query.only, strategy, self.counted, self.decided)
        rank = ranks(query.order, strategy, self.counted, self.decided)
        places = np.arange(len(self.keys)) if keep is None else np.flatnonzero(keep)
        if rank is not None:
            places = places[np.argsort(rank[places], kind="stable")]
        keys = [key for place in places.tolist() if (key := self.keys[place]) is not None]
        if keep is None:  # behind them those that have come since
            keys += [key for key in there if key not in self._places]
        return keys

    def decision(self, query: Query, key: int) -> dict[str, Any] | None:
        """Return the decision on a question, ready for JSON; None where it is not known."""
        place = self._places.get(key)
        if self.decided is None or place is None:
            return None
        from evals.view.figures import CAUSES

        at = self._strategy(query), place
        return {"right": bool(self.decided.right[at]), "cause": CAUSES[int(self.decided.cause[at])]}

    @cached_property
    def _places(self) -> dict[int, int]:
        """The place of each question in the arrays, by its key."""
        return {key: place for place, key in enumerate(self.keys) if key is not None}

    def _strategy(self, query: Query) -> int:
        if self.decided is None:
            return 0
        names = self.decided.names
        return names.index(query.strategy if query.strategy in names else self.decided.reference)
