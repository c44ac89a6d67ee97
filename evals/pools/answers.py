"""Answers of imported samples: read from their texts by the reader of live runs, and graded by the right answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from evals.pools.joining import Joined
from evals.pools.parallel import Texts, processes_for, read_in_processes, read_texts
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

    def readings(self, asked: Sequence[tuple[Joined, str]], processes: int | None = None) -> Iterator[list[Reading]]:
        """Yield the readings of the texts of each question's samples of one model, in their order.

        Args:
            asked: the questions, each with the model.
            processes: the number of processes that read; None decides by the number of texts.
        """
        texts = [Texts([s.text for s, _, own in one.samples[model] if _is_read(s, own)]) for one, model in asked]
        texts = [replace(of, choices=one.question.choices) for of, (one, _) in zip(texts, asked, strict=True)]
        if processes is None:
            processes = processes_for(sum(len(of.texts) for of in texts))
        if processes > 1:
            yield from read_in_processes(texts, self.kind, self.rule, processes=processes)
            return
        for of in texts:
            yield from read_texts([of], self.kind, self.rule)

    def read(self, joined: Joined, model: str, task: str, readings: Sequence[Reading]) -> tuple[Problem, list[Read]]:
        """Return a question with the samples of one model, with the answers of their texts, graded.

        Args:
            joined: the question.
            model: the model.
            task: the name of the task.
            readings: the readings of the texts, as :meth:`readings` yields them.
        """
        problem = self.problem(joined.question, task)
        given_readings = iter(readings)
        grader = self._grader.on(problem)
        grades: dict[str, bool | None] = {}

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
        for index, (sample, given, answered) in enumerate(joined.samples[model]):
            reading = None
            answer = sample.answer
            if _is_read(sample, answered):
                reading = next(given_readings)
                answer = reading.answer
                self.marks[reading.mark] += 1
            correct = graded(answer, given, sample.end is End.FAILED)
            found.append(Read(_numbered(sample, index, answer), correct, reading))
        return problem, found


def _is_read(sample: Sample, answered: bool) -> bool:
    return not answered and sample.end is not End.FAILED


def _numbered(sample: Sample, index: int, answer: str | None) -> Sample:
    """Return a sample with another number and answer; dataclasses.replace takes twice as long."""
    of = sample
    return Sample(
        *(of.text, answer, of.end, of.confidence, index, of.token_ids, of.trace, of.usage, of.error, of.given),
        **{name: getattr(of, name) for name in SAMPLE_EXTRAS},
    )


def entry(problem: Problem, read: Sequence[Read], model: str) -> Entry:
    """Return a question with its samples as pools have it."""
    meta = {"model": model} if model else {}
    return Entry(problem, tuple(one.sample for one in read), tuple(one.correct for one in read), meta)


def kind_named(name: str, joined: Sequence[Joined]) -> Kind:
    """Return the kind of answers of a name; of "auto", that of the right answers, else the one that reads most texts.

    Args:
        name: the kind, or "auto".
        joined: the questions with their samples.
    """
    named = next((kind for kind in KINDS if kind == name), None)
    if named is not None:
        return named
    questions = [one.question for one in joined]
    if any(question.golds for question in questions):
        return kind_of(questions)
    own = list(_some(joined, lambda sample, answered: sample.answer if answered else None))
    if own:
        numbers = sum(canonical(answer, "number") is not None for answer in own)
        return "number" if numbers >= 0.9 * len(own) else "text"
    texts = list(_some(joined, lambda sample, answered: sample.text or None))
    count = {kind: sum(read_reply(text, kind).answer is not None for text in texts) for kind in KINDS if kind != "text"}
    best = max(count, key=lambda kind: count[kind])
    return best if count[best] >= _MOST * len(texts) else "text"


def _some(joined: Sequence[Joined], of: Callable[[Sample, bool], str | None]) -> Iterable[str]:
    """Yield the first texts or answers of questions' samples."""
    found = 0
    for one in joined:
        for samples in one.samples.values():
            for sample, _, answered in samples[:2]:
                text = of(sample, answered)
                if text is not None:
                    found += 1
                    yield text
                if found >= _TRIED:
                    return
