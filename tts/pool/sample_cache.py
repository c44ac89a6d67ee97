"""The memory of a live run: draws are kept in a pool file as soon as a strategy is given them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from tts.pool.sqlite.store import PoolStore
from tts.pool.trees import Grade, PoolTrees, score_of, unscored
from tts.types import END, Boundary, Problem, Sample, Usage


class PoolSampleCache:
    """Implements :class:`tts.runtime.cache.SampleCache` on an open :class:`PoolStore`.

    Each sample is one transaction, so that the death of the process costs what no strategy was given yet, and no more.
    The score of the session's scorer stands beside the sample: a sample that only another scorer has judged comes back
    without a confidence. Draws that may be truncated stand in a run of their own: the strategy decides which of them
    were.

    Attributes:
        stored: samples put so far, in this process.
        truncated: draws that may be truncated put so far, in this process.
        tokens: tokens generated for all of them, and for their scores.
        forks: whether what continues a prefix is remembered as well.
        sampling: the change of the engine's sampling parameters that the run's samples are drawn with; None for none.
    """

    sampling: object = None

    def __init__(
        self,
        store: PoolStore,
        run: int,
        grade: Grade | None = None,
        *,
        scorer: int | None = None,
        truncated_run: Callable[[], int] | None = None,
        tree_run: Callable[[Mapping[str, object]], int] | None = None,
        forks: bool = False,
    ) -> None:
        """Remember what ``run`` of ``store`` holds.

        Args:
            store: a pool open for writing that holds the questions.
            run: the run's number, as ``open_run`` returned it.
            grade: whether a sample is right; left out, samples are kept ungraded.
            scorer: the number of the session's scorer, as ``open_scorer`` returned it; None if nothing is scored.
            truncated_run: opens the run for draws that may be truncated, called on the first; left out, they are not
                remembered.
            tree_run: opens the run for the trees of a strategy, given the strategy as JSON values; left out, trees are
                not kept.
            forks: whether one strategy alone uses it, so that what continues a prefix is remembered as well.
        """
        self._store, self._run, self._grade, self._scorer = store, run, grade, scorer
        self._open_truncated, self._open_trees = truncated_run, tree_run
        self._truncated: int | None = None
        self.forks = forks
        self.stored = self.truncated = self.tokens = 0

    def get(self, problem: Problem, index: int, until: Boundary = END) -> Sample | None:
        """The remembered sample, or None."""
        run = self._run_of(until)
        sample = None if run is None else self._store.get(run, problem.id, index)
        if run is None or sample is None or self._scorer is None:
            return sample
        score = self._store.score(run, self._scorer, problem.id, index)
        if score is None:
            return sample
        return replace(sample, confidence=score.value, usage=(sample.usage or Usage()) + score.usage)

    def put(self, problem: Problem, sample: Sample, until: Boundary = END) -> None:
        """Keep a sample and its score, committed on return.

        One that was truncated elsewhere before, or is drawn again for its alternatives, stays as it is.

        Raises:
            InputError: the run holds another whole sample of this number.
        """
        run = self._run_of(until)
        again = until.kind != "end" or bool(sample.trace.alternatives)
        if run is None or (again and self._store.get(run, problem.id, sample.index) is not None):
            return
        grade = None if self._grade is None else self._grade(problem, sample)
        scores = None if self._scorer is None else {self._scorer: score_of((sample,))}
        self._store.add(run, problem.id, [unscored(sample)], [grade], scores=scores)
        if until.kind == "end":
            self.stored += 1
        else:
            self.truncated += 1
        self.tokens += sample.usage.generated if sample.usage else len(sample.token_ids)

    def put_score(self, problem: Problem, sample: Sample) -> None:
        """Keep the score that the session's scorer gave a remembered whole sample, committed on return."""
        if self._scorer is not None:
            self._store.add_scores(self._run, self._scorer, problem.id, score_of((sample,)))
            self.tokens += sample.usage.scorer_decode if sample.usage else 0

    def put_trace(self, problem: Problem, sample: Sample) -> None:
        """Keep the signals that were read of a remembered whole sample, committed on return."""
        self._store.put_trace(self._run, problem.id, sample.index, sample.trace)

    def decided(self, problem: Problem) -> None:
        """Let the samples of a problem move to a part of a pool that grows, when enough have gathered."""
        self._store.decided(problem.id)

    def trees(self, strategy: Mapping[str, object]) -> PoolTrees | None:
        """Return what keeps the trees of a strategy that continues draws; None where trees are not kept.

        Args:
            strategy: the strategy with its parameters, JSON values only; "name" names it.
        """
        if self._open_trees is None:
            return None
        return PoolTrees(self._store, self._open_trees(strategy), self._grade, scorer=self._scorer)

    def _run_of(self, until: Boundary) -> int | None:
        if until.kind == "end":
            return self._run
        if self._truncated is None and self._open_truncated is not None:
            self._truncated = self._open_truncated()
        return self._truncated
