"""The memory of a live run: draws are kept in a pool file as soon as a strategy is given them."""

from __future__ import annotations

from collections.abc import Callable

from tts.pool.sqlite.store import PoolStore
from tts.types import END, Boundary, Problem, Sample

Grade = Callable[[Problem, Sample], bool | None]


class PoolSampleCache:
    """Implements :class:`tts.runtime.cache.SampleCache` on an open :class:`PoolStore`.

    Each sample is one transaction, so that the death of the process costs what no strategy was given yet, and no more.
    Draws that may be truncated stand in a run of their own: the strategy decides which of them were.

    Attributes:
        stored: samples put so far, in this process.
        truncated: draws that may be truncated put so far, in this process.
        tokens: tokens generated for all of them.
        forks: whether what continues a prefix is remembered as well.
    """

    def __init__(
        self,
        store: PoolStore,
        run: int,
        grade: Grade | None = None,
        *,
        truncated_run: Callable[[], int] | None = None,
        forks: bool = False,
    ) -> None:
        """Remember what ``run`` of ``store`` holds.

        Args:
            store: a pool open for writing that holds the questions.
            run: the run's number, as ``open_run`` returned it.
            grade: whether a sample is right; left out, samples are kept ungraded.
            truncated_run: opens the run for draws that may be truncated, called on the first; left out, they are not
                remembered.
            forks: whether one strategy alone uses it, so that what continues a prefix is remembered as well.
        """
        self._store, self._run, self._grade, self._open_truncated = store, run, grade, truncated_run
        self._truncated: int | None = None
        self.forks = forks
        self.stored = self.truncated = self.tokens = 0

    def get(self, problem: Problem, index: int, until: Boundary = END) -> Sample | None:
        """The remembered sample, or None."""
        run = self._run_of(until)
        return None if run is None else self._store.get(run, problem.id, index)

    def put(self, problem: Problem, sample: Sample, until: Boundary = END) -> None:
        """Keep a sample, committed on return; one that was truncated elsewhere before stays as it is.

        Raises:
            InputError: the run holds another whole sample of this number.
        """
        run = self._run_of(until)
        if run is None or (until.kind != "end" and self._store.get(run, problem.id, sample.index) is not None):
            return
        grade = None if self._grade is None else self._grade(problem, sample)
        self._store.add(run, problem.id, [sample], [grade])
        if until.kind == "end":
            self.stored += 1
        else:
            self.truncated += 1
        self.tokens += sample.usage.generated if sample.usage else len(sample.token_ids)

    def _run_of(self, until: Boundary) -> int | None:
        if until.kind == "end":
            return self._run
        if self._truncated is None and self._open_truncated is not None:
            self._truncated = self._open_truncated()
        return self._truncated
