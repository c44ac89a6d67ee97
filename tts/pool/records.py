"""A pool in memory: what a model once answered to each question, and which of it was right.

Grades stand beside the samples, not in them, so that a strategy that is handed samples cannot see them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tts.errors import InputError
from tts.pool.check import sample_fault, text_fault
from tts.types import Problem, Sample, Usage

RESERVED = frozenset({"id", "question", "gold", "task", "accepted", "samples"})


@dataclass(frozen=True, slots=True)
class Score:
    """The score that one scorer gave one sample, and its cost.

    Attributes:
        value: a finite number on the scorer's scale.
        read: tokens that the scorer read for it.
        drawn: tokens that the scorer drew for it.
    """

    value: float
    read: int = 0
    drawn: int = 0

    @property
    def usage(self) -> Usage:
        """The cost as an entry of the ledger."""
        return Usage(scorer_prefill=self.read, scorer_decode=self.drawn)


@dataclass(frozen=True, slots=True)
class Entry:
    """One question and every sample recorded for it.

    Attributes:
        problem: the question; its id is not empty.
        samples: at least one, in strictly increasing order of ``Sample.index``; gaps are allowed.
        correct: one grade a sample, None where it was not graded; never True where the answer is None.
        meta: other question-level strings, such as model, group or level; no key of ``RESERVED``.
        scores: by the label of their scorer, one a sample, None where that scorer did not judge it.

    Raises:
        InputError: where one of these does not hold, or a sample's field is out of range (see ``tts.pool.check``).
    """

    problem: Problem
    samples: tuple[Sample, ...]
    correct: tuple[bool | None, ...]
    meta: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, tuple[Score | None, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what no pool may hold."""
        if fault := self._fault():
            raise InputError(f"question {self.problem.id!a}: {fault}")

    @property
    def answered(self) -> tuple[Sample, ...]:
        """The samples with a readable answer, in order."""
        return tuple(sample for sample in self.samples if sample.answer is not None)

    def _fault(self) -> str | None:
        problem = self.problem
        if fault := problem_fault(problem, self.meta):
            return fault
        if not self.samples:
            return "samples must hold at least one sample, got none"
        if len(self.samples) != len(self.correct):
            return f"correct must hold one grade a sample, got {len(self.correct)} for {len(self.samples)} samples"
        previous = -1
        for position, (sample, correct) in enumerate(zip(self.samples, self.correct, strict=True)):
            if fault := sample_fault(sample, correct):
                return f"samples[{position}].{fault}"
            if sample.index <= previous:
                return f"samples[{position}].index must be greater than the one before, got {sample.index}"
            previous = sample.index
        for label, scores in self.scores.items():
            if fault := scores_fault(label, scores, len(self.samples)):
                return fault
        return None


def scores_fault(label: str, scores: Sequence[Score | None], samples: int) -> str | None:
    """Return the fault of one scorer's scores of a question, or None if there is none."""
    if not label or text_fault(label):
        return f"the label of scores must be a text, got {label!a}"
    if len(scores) != samples:
        return f"scores {label!a} must hold one a sample, got {len(scores)} for {samples} samples"
    for score in scores:
        if score is not None and not (math.isfinite(score.value) and min(score.read, score.drawn) >= 0):
            return f"scores {label!a} must be finite numbers with counts of at least 0, got {score}"
    return None


def problem_fault(problem: Problem, meta: Mapping[str, str]) -> str | None:
    """Return the fault of a problem or its question-level strings, or None if there is none."""
    if not problem.id:
        return "id must not be empty"
    for name, text in (("id", problem.id), ("question", problem.question), ("task", problem.task)):
        if fault := text_fault(text):
            return f"{name} {fault}"
    for gold in problem.golds:
        if fault := text_fault(gold):
            return f"gold {fault}"
    for name, text in meta.items():
        if name in RESERVED:
            return f"meta must not use the name {name!r}, which is a field of its own"
        if not isinstance(text, str):
            return f"meta {name!a} must be a string, got {text!r}"
        if fault := text_fault(name) or text_fault(text):
            return f"meta {name!a} {fault}"
    return None


@dataclass(frozen=True, slots=True)
class Pool:
    """Every recorded question of one file.

    Attributes:
        path: the file it was read from, as given.
        sha256: hex digest that names the content. JSON Lines and Parquet: of the file's bytes. SQLite, whose bytes
            change without its content changing: of the JSON Lines text that ``write_jsonl`` writes for the same pool.
        entries: at least one, with distinct problem ids.
        runs: the numbers of the runs within a SQLite file; empty for other files.
        scored_by: the label of the scorer whose scores are the samples' confidences; empty where they were recorded
            with the samples, or there are none.

    Raises:
        InputError: where there are no entries, or two with the same problem id.
    """

    path: str
    sha256: str
    entries: tuple[Entry, ...]
    runs: tuple[int, ...] = ()
    scored_by: str = ""

    def __post_init__(self) -> None:
        """Refuse an empty pool and repeated ids."""
        if not self.entries:
            raise InputError(f"{self.path}: holds no questions; a pool needs at least one")
        seen: set[str] = set()
        for entry in self.entries:
            if entry.problem.id in seen:
                raise InputError(f"{self.path}: two questions have the id {entry.problem.id!a}; ids must be distinct")
            seen.add(entry.problem.id)

    def __repr__(self) -> str:
        """Return the file and its sizes; the entries are too many to show."""
        samples = sum(len(entry.samples) for entry in self.entries)
        return f"Pool({self.path!r}, {self.questions} questions, {samples} samples)"

    @property
    def questions(self) -> int:
        """The number of questions."""
        return len(self.entries)

    @property
    def samples_min(self) -> int:
        """The fewest samples of any question."""
        return min(len(entry.samples) for entry in self.entries)

    @property
    def samples_max(self) -> int:
        """The most samples of any question."""
        return max(len(entry.samples) for entry in self.entries)

    @property
    def has_confidence(self) -> bool:
        """True if at least one answer was read and every sample with an answer has a confidence."""
        parsed = [s for entry in self.entries for s in entry.samples if s.answer is not None]
        return bool(parsed) and all(s.confidence is not None for s in parsed)

    @property
    def has_tokens(self) -> bool:
        """True if every sample has token counts."""
        return all(s.usage is not None for entry in self.entries for s in entry.samples)

    @property
    def models(self) -> tuple[str, ...]:
        """The distinct models the questions name, in order of first appearance."""
        return tuple(dict.fromkeys(e.meta["model"] for e in self.entries if "model" in e.meta))

    @property
    def scorers(self) -> tuple[str, ...]:
        """The labels of the scorers whose scores it holds, the latest one last."""
        return tuple(dict.fromkeys(label for entry in self.entries for label in entry.scores))

    def complete(self, label: str) -> bool:
        """Return whether a scorer has judged every sample with an answer."""
        return all(
            sample.answer is None or score is not None
            for entry in self.entries
            for sample, score in zip(entry.samples, entry.scores.get(label, [None] * len(entry.samples)), strict=True)
        )

    def with_scores(self, label: str) -> Pool:
        """Return the pool with the scores of one scorer as confidences, and its tokens in each sample's usage.

        Raises:
            InputError: it holds no scores of that label.
        """
        if label not in self.scorers:
            raise InputError(f"{self.path}: holds no scores {label!r}; it holds {', '.join(self.scorers) or 'none'}")
        entries = []
        for entry in self.entries:
            none = (None,) * len(entry.samples)
            scores, earlier = entry.scores.get(label, none), entry.scores.get(self.scored_by, none)
            samples = tuple(map(_scored, entry.samples, scores, earlier))
            entries.append(replace(entry, samples=samples))
        return replace(self, entries=tuple(entries), scored_by=label)

    def with_confidences(self, confidences: Iterable[Sequence[float | None]]) -> Pool:
        """Return the pool with other confidences of its answered samples, and none of the others.

        Args:
            confidences: for each question one value per sample of :attr:`Entry.answered`, None for no confidence.

        Raises:
            ValueError: the numbers of questions or of answered samples differ.
        """
        entries = []
        for entry, values in zip(self.entries, confidences, strict=True):
            given = dict(zip((sample.index for sample in entry.answered), values, strict=True))
            samples = tuple(replace(sample, confidence=given.get(sample.index)) for sample in entry.samples)
            entries.append(replace(entry, samples=samples))
        return replace(self, entries=tuple(entries))


def _scored(sample: Sample, score: Score | None, earlier: Score | None) -> Sample:
    """Return the sample with a score and its tokens, without those of the score that it has taken before."""
    read = (0 if score is None else score.read) - (0 if earlier is None else earlier.read)
    drawn = (0 if score is None else score.drawn) - (0 if earlier is None else earlier.drawn)
    usage = sample.usage
    if usage is not None and (read or drawn):
        usage = replace(usage, scorer_prefill=usage.scorer_prefill + read, scorer_decode=usage.scorer_decode + drawn)
    return replace(sample, confidence=None if score is None else score.value, usage=usage)
