"""Answers of imported samples: read from their texts by the reader of live runs, and graded by the right answers."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

from evals.pools.joining import Join, Joined
from evals.pools.parallel import Texts, read_in_processes, read_texts
from evals.pools.records import Record
from evals.tasks.equality import equality_named, open_equality
from evals.tasks.golds import kind_of, read_golds
from evals.tasks.graders import grader_of
from evals.tasks.rows import Question
from tts.answers import Grader, canonical
from tts.answers.reading import KINDS, Kind, Reading, read_reply
from tts.errors import InputError
from tts.pool import Entry
from tts.types import SAMPLE_EXTRAS, End, Problem, Sample

RULES = ("flexible", "strict")
"""The rules by which texts are read."""
_TRIED = 200
"""Texts by which the kind of answers is chosen where no right answers tell it."""
_MOST = 0.5
_EXTRAS = attrgetter(*SAMPLE_EXTRAS)  # the last fields of a sample, in their order
_QUESTIONS_GRADED = 1000
"""Questions whose grades are remembered, for files in which their samples stand apart."""


@dataclass(slots=True)
class Piece:
    """Some of the samples of one question by one model.

    Attributes:
        joined: the question.
        model: the model.
        start: the number of the first sample.
        samples: each sample with the file's grade and whether its answer is the file's own.
    """

    joined: Joined
    model: str
    start: int = 0
    samples: list[tuple[Sample, bool | None, bool]] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Add the samples of a record."""
        graded = zip(record.samples, record.correct, strict=True)
        self.samples.extend((sample, correct, record.answered) for sample, correct in graded)

    @property
    def texts(self) -> Texts:
        """The texts that answers are read from."""
        return Texts([s.text for s, _, own in self.samples if _is_read(s, own)], self.joined.question.choices)


@dataclass(slots=True)
class Read:
    """One sample, read.

    Attributes:
        sample: the sample with its answer.
        correct: its grade, or None.
        reading: the reading of its text; None where the answer is the file's own.
    """

    sample: Sample
    correct: bool | None
    reading: Reading | None = None


@dataclass(slots=True)
class Answers:
    """The reader and grader of one import.

    Attributes:
        kind: the kind of answers.
        rule: "flexible" reads every mark and guesses without one, "strict" does not guess.
        marks: the number of texts by the mark that they were read by.
        unreadable: the right answers that are not of the kind.
        regraded: the samples that a file marks right, and that give no answer.
    """

    kind: Kind
    rule: str = "flexible"
    marks: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0
    regraded: int = 0
    _grader: Grader = field(init=False, repr=False)
    _grades: dict[int, dict[str, bool | None]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Open the grader."""
        equality = open_equality(equality_named("auto"), self.kind, key="answers", required=False)
        self._grader = grader_of(self.kind, equality=equality)

    @property
    def reading(self) -> str:
        """The name of the rule, as runs record it."""
        return self.rule if self.kind == "number" else f"{self.kind} {self.rule}"

    def problem(self, question: Question, task: str) -> Problem:
        """Return a question with its right answers in the spelling of their kind; without those of another kind."""
        try:
            golds = read_golds(question, self.kind)
        except InputError:
            self.unreadable += 1
            golds = tuple(str(gold) for gold in question.golds)
        return Problem(question.id or "", question.text, next(iter(golds), None), task, golds[1:])

    def readings(
        self, parts: Iterable[list[Piece]], processes: int
    ) -> Iterator[tuple[list[Piece], list[list[Reading]]]]:
        """Yield each part with the readings of the texts of each of its pieces.

        Args:
            parts: some pieces each; several processes read a few parts ahead.
            processes: the number of processes that read; 0 for the caller's own.
        """
        if not processes:
            for part in parts:
                yield part, read_texts([piece.texts for piece in part], self.kind, self.rule)
            return
        waiting = deque[list[Piece]]()

        def texts() -> Iterator[list[Texts]]:
            for part in parts:
                waiting.append(part)
                yield [piece.texts for piece in part]

        for found in read_in_processes(texts(), self.kind, self.rule, processes=processes):
            yield waiting.popleft(), found

    def read(self, piece: Piece, problem: Problem, readings: Sequence[Reading]) -> list[Read]:
        """Return samples with the answers of their texts, graded.

        Args:
            piece: the samples.
            problem: their question, as :meth:`problem` returns it.
            readings: the readings of their texts.
        """
        given_readings = iter(readings)
        grader = self._grader.on(problem)
        if len(self._grades) >= _QUESTIONS_GRADED:
            self._grades.clear()
        grades = self._grades.setdefault(piece.joined.number, {})

        def graded(answer: str | None, given: bool | None, failed: bool) -> bool | None:
            if given is not None:
                self.regraded += given and answer is None
                return given and answer is not None
            if problem.gold is None:
                return None
            if answer is None:
                return False
            if answer not in grades:
                grades[answer] = grader.grade(answer, problem.golds)
            return grades[answer]

        found = []
        for index, (sample, given, answered) in enumerate(piece.samples, piece.start):
            reading = None
            answer = sample.answer
            if _is_read(sample, answered):
                reading = next(given_readings)
                answer = reading.answer
                self.marks[reading.mark] += 1
            correct = graded(answer, given, sample.end is End.FAILED)
            found.append(Read(_numbered(sample, index, answer), correct, reading))
        return found


def _is_read(sample: Sample, answered: bool) -> bool:
    return not answered and sample.end is not End.FAILED


def _numbered(sample: Sample, index: int, answer: str | None) -> Sample:
    """Return a sample with another number and answer; dataclasses.replace takes twice as long."""
    of = sample
    made = Sample(
        *(of.text, answer, of.end, of.confidence, index, of.token_ids, of.trace, of.usage, of.error, of.given),
        *_EXTRAS(of),
    )
    return made if of.parent is None or index == of.index else replace(made, parent=None)


def entry(problem: Problem, read: Sequence[Read]) -> Entry:
    """Return a question with its samples as pools have it."""
    return Entry(problem, tuple(one.sample for one in read), tuple(one.correct for one in read))


def kind_named(name: str, joined: Join) -> Kind:
    """Return the kind of answers of a name; of "auto", that of the right answers, else the one that reads most texts.

    Args:
        name: the kind, or "auto".
        joined: the questions with their samples.
    """
    named = next((kind for kind in KINDS if kind == name), None)
    if named is not None:
        return named
    questions = [one.question for one in joined.questions]
    if any(question.golds for question in questions):
        return kind_of(questions)
    own = list(_some(joined, lambda sample, answered: sample.answer if answered else None)) if joined.answered else []
    if own:
        numbers = sum(canonical(answer, "number") is not None for answer in own)
        return "number" if numbers >= 0.9 * len(own) else "text"
    texts = list(_some(joined, lambda sample, answered: sample.text or None))
    count = {kind: sum(read_reply(text, kind).answer is not None for text in texts) for kind in KINDS if kind != "text"}
    best = max(count, key=lambda kind: count[kind])
    return best if count[best] >= _MOST * len(texts) else "text"


def _some(joined: Join, of: Callable[[Sample, bool], str | None]) -> Iterator[str]:
    """Yield the first texts or answers, two at most of one question and model."""
    taken, found = Counter[tuple[int, str]](), 0
    for one, record in joined.records():
        place = one.number, record.model
        some = record.samples[: 2 - taken[place]]
        taken[place] += len(some)
        for text in (of(sample, record.answered) for sample in some):
            if text is not None:
                found += 1
                yield text
            if found >= _TRIED:
                return
