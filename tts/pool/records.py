"""A pool in memory: what a model once answered to each question, and which of it was right.

Grades stand beside the samples, not in them, so that a strategy that is handed samples cannot see them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Self

from tts.errors import InputError
from tts.pool.chats import chat_text
from tts.pool.check import sample_fault, text_fault
from tts.pool.entries import ALL, Entries, Fields, HeldEntries
from tts.pool.facts import Facts
from tts.types import Problem, Sample, Usage

RESERVED = frozenset({"id", "question", "gold", "task", "accepted", "chat", "samples"})


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

    @classmethod
    def checked(
        cls,
        problem: Problem,
        samples: tuple[Sample, ...],
        correct: tuple[bool | None, ...],
        meta: Mapping[str, str],
        scores: Mapping[str, tuple[Score | None, ...]],
    ) -> Self:
        """Return an entry of parts that were checked before, when they were written or as parts of another entry."""
        made = object.__new__(cls)
        for name, value in zip(cls.__dataclass_fields__, (problem, samples, correct, meta, scores), strict=True):
            object.__setattr__(made, name, value)
        return made

    def with_samples(self, samples: Sequence[Sample]) -> Entry:
        """Return the entry with other confidences or counts of the same samples."""
        return Entry.checked(self.problem, tuple(samples), self.correct, self.meta, self.scores)

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
    try:
        chat = chat_text(problem)
    except InputError as error:
        return str(error)
    if chat is not None and (fault := text_fault(chat)):
        return f"the chat {fault}"
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
            change without its content changing: of the digests of its runs and of their questions.
        entries: at least one, with distinct problem ids; in memory, or read from the file when they are asked for.
        runs: the numbers of the runs within a SQLite file; empty for other files.
        scored_by: the label of the scorer whose scores are the samples' confidences; empty where they were recorded
            with the samples, or there are none.

    Raises:
        InputError: where there are no entries, or two with the same problem id.
    """

    path: str
    sha256: str
    entries: Sequence[Entry]
    runs: tuple[int, ...] = ()
    scored_by: str = ""

    def __post_init__(self) -> None:
        """Refuse an empty pool and repeated ids."""
        if not len(self.entries):
            raise InputError(f"{self.path}: holds no questions; a pool needs at least one")
        if isinstance(self.entries, Entries) and not isinstance(self.entries, HeldEntries):
            return  # a file's, whose ids are distinct
        seen: set[str] = set()
        for entry in self.entries:
            if entry.problem.id in seen:
                raise InputError(f"{self.path}: two questions have the id {entry.problem.id!a}; ids must be distinct")
            seen.add(entry.problem.id)
        if not isinstance(self.entries, HeldEntries):
            object.__setattr__(self, "entries", HeldEntries(self.entries))

    def __repr__(self) -> str:
        """Return the file and its sizes; the entries are too many to show."""
        facts = self.facts
        return f"Pool({self.path!r}, {facts.questions} questions, {facts.samples} samples)"

    @property
    def facts(self) -> Facts:
        """The counts of its samples; those of a pool in memory are counted at each call."""
        return self.read.facts

    @property
    def questions(self) -> int:
        """The number of questions."""
        return len(self.entries)

    @property
    def samples_min(self) -> int:
        """The fewest samples of any question."""
        return self.facts.samples_min

    @property
    def samples_max(self) -> int:
        """The most samples of any question."""
        return self.facts.samples_max

    @property
    def has_confidence(self) -> bool:
        """True if at least one answer was read and every sample with an answer has a confidence."""
        return self.facts.has_confidence

    @property
    def has_tokens(self) -> bool:
        """True if every sample has token counts."""
        return self.facts.has_tokens

    @property
    def models(self) -> tuple[str, ...]:
        """The distinct models the questions name, in order of first appearance."""
        return self.facts.models

    @property
    def scorers(self) -> tuple[str, ...]:
        """The labels of the scorers whose scores it holds, the latest one last."""
        return tuple(self.facts.judged)

    def complete(self, label: str) -> bool:
        """Return whether a scorer has judged every sample with an answer."""
        facts = self.facts
        return facts.judged.get(label, 0) == facts.parsed

    @property
    def read(self) -> Entries:
        """The entries with their counts, to narrow and to change."""
        assert isinstance(self.entries, Entries)  # see __post_init__
        return self.entries

    def narrow(self, *fields: Fields) -> Pool:
        """Return the pool to read these fields of its samples alone, beside those that are always read.

        Of a pool that is read in blocks other fields are left empty; one in memory is returned as it is.
        """
        return replace(self, entries=self.read.narrow(frozenset(fields)))

    def with_scores(self, label: str) -> Pool:
        """Return the pool with the scores of one scorer as confidences, and its tokens in each sample's usage.

        Raises:
            InputError: it holds no scores of that label.
        """
        if label not in self.scorers:
            raise InputError(f"{self.path}: holds no scores {label!r}; it holds {', '.join(self.scorers) or 'none'}")
        change = partial(_with_scores, label=label, earlier=self.scored_by)
        return replace(self, entries=self.read.map(change, frozenset({"scores", "usage"})), scored_by=label)

    def with_confidences(self, confidences: Callable[[Entry], Sequence[float | None]], *needs: Fields) -> Pool:
        """Return the pool with other confidences of its answered samples, and none of the others.

        Args:
            confidences: returns one value per sample of :attr:`Entry.answered`, None for no confidence; called anew
                whenever a question of a pool that is read in blocks is read.
            needs: the fields of samples that it reads, beside those that are always read; none named: all.

        Raises:
            ValueError: the number of values is not that of the answered samples; raised when the question is read.
        """
        change = partial(_with_confidences, confidences=confidences)
        return replace(self, entries=self.read.map(change, frozenset(needs or ALL)))


def _with_scores(entry: Entry, *, label: str, earlier: str) -> Entry:
    none = (None,) * len(entry.samples)
    scores, before = entry.scores.get(label, none), entry.scores.get(earlier, none)
    return entry.with_samples(tuple(map(_scored, entry.samples, scores, before)))


def _with_confidences(entry: Entry, *, confidences: Callable[[Entry], Sequence[float | None]]) -> Entry:
    given = dict(zip((sample.index for sample in entry.answered), confidences(entry), strict=True))
    return entry.with_samples([replace(sample, confidence=given.get(sample.index)) for sample in entry.samples])


def _scored(sample: Sample, score: Score | None, earlier: Score | None) -> Sample:
    """Return the sample with a score and its tokens, without those of the score that it has taken before."""
    read = (0 if score is None else score.read) - (0 if earlier is None else earlier.read)
    drawn = (0 if score is None else score.drawn) - (0 if earlier is None else earlier.drawn)
    usage = sample.usage
    if usage is not None and (read or drawn):
        usage = replace(usage, scorer_prefill=usage.scorer_prefill + read, scorer_decode=usage.scorer_decode + drawn)
    return replace(sample, confidence=None if score is None else score.value, usage=usage)
