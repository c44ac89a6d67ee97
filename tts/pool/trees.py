"""The trees of a live run: every draw of a strategy that continues draws, kept when it has decided on a question.

A run of its own holds the trees of one strategy, apart from independent draws. A draw names the one that it continues
(``Sample.parent``) and how many of its tokens that one gave (``Sample.given``); one that paused and that no draw
continues was pruned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

from tts.pool.records import Score
from tts.pool.sqlite.store import PoolStore
from tts.types import Decision, End, Problem, Sample, Usage

Grade = Callable[[Problem, Sample], bool | None]


class PoolTrees:
    """The trees of one strategy in an open pool.

    Attributes:
        run: the number of their run.
        stored: samples put so far, in this process.
    """

    def __init__(self, store: PoolStore, run: int, grade: Grade | None = None, *, scorer: int | None = None) -> None:
        """Write to a run of a pool.

        Args:
            store: a pool open for writing that holds the questions.
            run: the run's number, as ``open_run`` returned it.
            grade: whether a sample is right; left out, samples are kept ungraded.
            scorer: the number of the session's scorer; None if nothing is scored.
        """
        self._store, self.run, self._grade, self._scorer = store, run, grade, scorer
        self.stored = 0

    def put(self, problem: Problem, decision: Decision) -> None:
        """Keep the draws of a question and the decision on them, committed on return; a tree that is there stays.

        Args:
            problem: the question.
            decision: with every sample that the strategy received.
        """
        samples = decision.samples
        if not samples or len(self._store.missing(self.run, problem.id, samples[-1].index + 1)) <= samples[-1].index:
            return
        scores = {} if self._scorer is None else {self._scorer: score_of(samples)}
        with self._store.together():
            self._store.add(
                self.run,
                problem.id,
                [unscored(sample) for sample in samples],
                [self._graded(problem, sample) for sample in samples],
                scores=scores,
            )
            self._store.put_decision(
                self.run,
                problem.id,
                {
                    "answer": decision.answer,
                    "p_correct": decision.p_correct,
                    "vote_share": decision.vote_share,
                    "stopped_by": decision.reason,
                    "usage": None if decision.usage is None else asdict(decision.usage),
                },
            )
        self.stored += len(samples)

    def _graded(self, problem: Problem, sample: Sample) -> bool | None:
        return None if self._grade is None or sample.end is End.BOUNDARY else self._grade(problem, sample)


def score_of(samples: tuple[Sample, ...]) -> dict[int, Score]:
    """Return the scores of samples by their index; those without a confidence have none."""
    found = {}
    for sample in samples:
        if sample.confidence is not None:
            usage = sample.usage or Usage()
            found[sample.index] = Score(sample.confidence, usage.scorer_prefill, usage.scorer_decode)
    return found


def unscored(sample: Sample) -> Sample:
    """Return the sample as it was drawn, without its score and the cost of that."""
    usage = None if sample.usage is None else replace(sample.usage, scorer_prefill=0, scorer_decode=0)
    return replace(sample, confidence=None, usage=usage)
