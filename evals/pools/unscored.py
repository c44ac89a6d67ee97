"""The samples of a run that a scorer has not judged yet, in parts of one question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from evals.pools.stored_engine import RunEngine
from tts.pool import Entry, Pool
from tts.scorers.base import Scorer
from tts.scorers.metered import lacking
from tts.types import End, Problem, Sample, Trace


@dataclass(frozen=True)
class Part:
    """Samples of one question: those that are judged, and the indices of those without a score."""

    problem: Problem
    samples: tuple[Sample, ...]
    wanted: frozenset[int]


class Unscored:
    """The parts of a run that are to be scored: counted in one pass over its samples, and read in another.

    Attributes:
        parts: their number.
        largest: the samples of the largest one.
        missing: samples that lack signals which the scorer reads.
        known: samples that it has scored before.
    """

    def __init__(self, pool: Pool, label: str, scorer: Scorer, engine: RunEngine) -> None:
        """Count the parts that the scores of this label lack."""
        self._pool, self._label, self._scorer, self._engine = pool, label, scorer, engine
        self.parts = self.largest = self.missing = self.known = 0
        for entry in pool.narrow("text", "tokens", "trace", "scores").entries:
            self.known += sum(score is not None for score in entry.scores.get(label, ()))
            for part in self._of(entry):
                self.parts += 1
                self.largest = max(self.largest, len(part.samples))
                self.missing += len(lacking(part.samples, scorer.needs))

    def __iter__(self) -> Iterator[Part]:
        """Yield the parts in the order of the questions."""
        for entry in self._pool.entries:
            yield from self._of(entry)

    def _of(self, entry: Entry) -> Iterator[Part]:
        """Yield the samples of a question to judge; a scorer that compares samples gets all of them."""
        scorer, size = self._scorer, max(1, self._engine.config.engine.max_batch_size)
        scores = entry.scores.get(self._label, (None,) * len(entry.samples))
        judged = [
            (_readable(sample, scorer, self._engine), score is None)
            for sample, score in zip(entry.samples, scores, strict=True)
            if sample.end not in (End.FAILED, End.ABORTED)
            and (sample.end is not End.BOUNDARY or scorer.judges_prefixes)
        ]
        todo = [sample for sample, new in judged if new]
        if scorer.compares_samples and todo:
            yield Part(entry.problem, tuple(s for s, _ in judged), frozenset(s.index for s in todo))
            return
        for start in range(0, len(todo), size):
            some = tuple(todo[start : start + size])
            yield Part(entry.problem, some, frozenset(sample.index for sample in some))


def _readable(sample: Sample, scorer: Scorer, engine: RunEngine) -> Sample:
    """Return a sample without what holds for the model that drew it alone, and without another k of its top tokens."""
    if engine.foreign and not scorer.own_model:
        return replace(sample, trace=Trace(), token_ids=())
    if scorer.needs.top and engine.run.signals.top not in (0, scorer.needs.top):
        return replace(sample, trace=replace(sample.trace, top=()))
    return sample
