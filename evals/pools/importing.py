"""Files with samples, imported into a pool: recognised, joined, read, graded and written, whole or not at all."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from evals.pools.answers import RULES, Answers, Piece, Read, entry, kind_named
from evals.pools.joining import Join, Joined, join
from evals.pools.parallel import processes_for
from evals.pools.recognise import read_source
from evals.pools.records import Fields, Source
from tts.answers.canonical import KINDS
from tts.errors import InputError, unknown_name
from tts.files import Output, check_replaced
from tts.pool import PoolStore, RunKey
from tts.pool.files import pool_format
from tts.pool.parts.folder import atomic_pool
from tts.pool.sqlite.connect import write_lock
from tts.progress.phases import phase
from tts.types import Problem, Signals
from tts.wording import counted

_NO_FIELDS = Fields()
_SAMPLES_AT_ONCE, _CHARACTERS_AT_ONCE = 2_000, 2_000_000
"""The size of a part, whose samples are read and written together: the first of these that it reaches."""


@dataclass(slots=True)
class Samples:
    """The samples of several files, joined and ready to be read, which the files alone hold until then.

    Attributes:
        sources: the files.
        join: the questions, and how many samples they have.
        task: the name of the task; empty where no file says.
        answers: the reader and grader.
        notes: sentences that a user should know.
    """

    sources: list[Source]
    join: Join
    task: str
    answers: Answers
    notes: list[str] = field(default_factory=list)

    @property
    def joined(self) -> list[Joined]:
        """The questions that have samples."""
        return self.join.questions

    @property
    def models(self) -> list[str]:
        """The models that drew the samples, in their order; an empty name where a file does not say."""
        return list(dict.fromkeys(model for one in self.joined for model in one.samples))

    @property
    def count(self) -> int:
        """The number of samples."""
        return sum(count for one in self.joined for count in one.samples.values())

    def problems(self) -> dict[int, Problem]:
        """Return the questions with their right answers, by their numbers."""
        return {one.number: self.answers.problem(one.question, self.task) for one in self.joined}

    def read(self, problems: Mapping[int, Problem]) -> Iterator[list[tuple[Piece, list[Read]]]]:
        """Yield all samples in the order of the files, read and graded, in parts of some thousand.

        Args:
            problems: the questions, as :meth:`problems` returns them.
        """
        for part, readings in self.answers.readings(self._parts(), processes_for(self.join.characters)):
            found = zip(part, readings, strict=True)
            yield [(one, self.answers.read(one, problems[one.joined.number], of)) for one, of in found]

    def first(self, questions: int) -> Iterator[tuple[Problem, str, list[Read]]]:
        """Yield each of the first questions with its samples of one model, read and graded.

        Args:
            questions: the number of questions.
        """
        first = self.joined[:questions]
        pieces = {(one.number, model): Piece(one, model) for one in first for model in one.samples}
        left = sum(count for one in first for count in one.samples.values())
        for joined, record in self.join.records():
            if (joined.number, record.model) in pieces:
                pieces[joined.number, record.model].add(record)
                left -= len(record.samples)
            if not left:
                break
        for part, readings in self.answers.readings(([piece] for piece in pieces.values()), 0):
            problem = self.answers.problem(part[0].joined.question, self.task)
            yield problem, part[0].model, self.answers.read(part[0], problem, readings[0])

    def _parts(self) -> Iterator[list[Piece]]:
        """Yield pieces of some samples together; records of one question that follow each other are one piece."""
        drawn = Counter[tuple[int, str]]()
        part, count, characters = list[Piece](), 0, 0
        for joined, record in self.join.records():
            place = joined.number, record.model
            if count >= _SAMPLES_AT_ONCE or characters >= _CHARACTERS_AT_ONCE:
                yield part
                part, count, characters = [], 0, 0
            if not part or part[-1].joined is not joined or part[-1].model != record.model:
                part.append(Piece(joined, record.model, drawn[place]))
            part[-1].add(record)
            drawn[place] += len(record.samples)
            count += len(record.samples)
            characters += sum(len(sample.text) for sample in record.samples)
        yield part


def gather(
    files: Sequence[str | os.PathLike[str]],
    *,
    fields: Fields = _NO_FIELDS,
    answers: str = "auto",
    rule: str = "flexible",
    split: str = "test",
) -> Samples:
    """Read files with samples and join their questions.

    Args:
        files: files of any known format, or data sets on the hub.
        fields: the fields that the user names.
        answers: the kind of answers; "auto" takes that of the right answers.
        rule: "flexible" guesses the answer of a text without a mark, "strict" does not.
        split: the split of data sets on the hub.

    Raises:
        InputError: a file that cannot be read, or files that do not belong together.
    """
    if answers not in KINDS:
        raise unknown_name("kind of answers", answers, KINDS)
    if rule not in RULES:
        raise unknown_name("rule of reading", rule, RULES)
    sources = [read_source(os.fspath(file), fields, split=split) for file in files]
    joined = join(sources)
    task = next((source.task for source in sources if source.task), "")
    notes = [note for source in sources for note in source.notes]
    return Samples(sources, joined, task, Answers(kind_named(answers, joined), rule), notes)


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import.

    Attributes:
        questions: the number of questions.
        samples: the number of samples.
        graded: the number of samples with a grade.
        right: the number of samples that are right.
        runs: the number of each run that was written, by its model.
    """

    questions: int
    samples: int
    graded: int
    right: int
    runs: dict[str, int]


def write(samples: Samples, target: str | os.PathLike[str], *, add: bool = False, force: bool = False) -> Imported:
    """Read and grade samples and write them into a pool, one run a model, whole or not at all.

    Args:
        samples: the samples.
        target: the SQLite pool.
        add: whether to add them to a pool that exists.
        force: whether to replace a pool that exists.

    Raises:
        InputError: the pool exists and neither is allowed, holds other questions, or holds these samples already.
        PoolLockedError: another process is writing to it.
    """
    pool_format(target, "sqlite")
    if add:
        if not os.path.exists(target):
            raise InputError(f"{target}: does not exist, so that nothing can be added to it; leave out --add")
        with PoolStore.create_or_open(target) as store:
            return _into(samples, store, str(target), whole=True)
    check_replaced(Output(Path(target), "pool"), command="", force=force, forced_by="--force, or --add")
    lock = write_lock(target)
    try:
        with atomic_pool(target) as temp, PoolStore.create_or_open(temp) as store:
            imported = _into(samples, store, str(target), whole=False)
    finally:
        lock.release()
    return imported


def _into(samples: Samples, store: PoolStore, target: str, *, whole: bool) -> Imported:
    """Write samples into an open pool, all in one transaction where ``whole`` is set, else a part at a time."""
    known = match(samples, store.problems(), target)
    models, answers, source = samples.models, samples.answers, samples.sources[-1]
    problems = samples.problems()
    held = {number: known.get(problem.id, problem) for number, problem in problems.items()}
    digests = samples.join.digests
    keys = [RunKey(model, sampling={"imported": source.format, "sha256": digests[model]}) for model in models]
    config = {"imported_from": [one.path for one in samples.sources], "format": source.format}
    ordered = dict.fromkeys(one.number for model in models for one in samples.joined if model in one.samples)
    left = {one.number: sum(one.samples.values()) for one in samples.joined}
    graded = right = 0
    with (
        store.together() if whole else nullcontext(),
        phase("importing", "draw", samples.count, facts=counted(samples.count, "sample")) as advance,
    ):
        numbers = store.start_runs(
            keys,
            [held[number] for number in ordered if held[number].id not in known],
            config,
            signals=Signals(logprobs=samples.join.logprobs),
            reading=answers.reading,
        )
        runs = dict(zip(models, numbers, strict=True))
        for part in samples.read(problems):
            advance(sum(len(read) for _, read in part))
            store.add_entries((runs[piece.model], entry(held[piece.joined.number], read)) for piece, read in part)
            for piece, read in part:
                graded += sum(one.correct is not None for one in read)
                right += sum(bool(one.correct) for one in read)
                left[piece.joined.number] -= len(read)
                if not left[piece.joined.number] and not whole:
                    store.decided(held[piece.joined.number].id)
    if whole:
        for number in ordered:
            store.decided(held[number].id)
    store.seal()
    return Imported(len(samples.joined), samples.count, graded, right, runs)


def match(samples: Samples, held: Sequence[Problem], target: str) -> dict[str, Problem]:
    """Give questions the ids that a pool has for them, and return its own questions by id.

    Args:
        samples: the samples, whose questions are named anew where the pool holds them.
        held: the questions of the pool.
        target: the pool, for sentences.

    Raises:
        InputError: the pool holds none of the questions, or another one under the same id.
    """
    if not held:
        return {}
    by_text = {problem.question: problem for problem in held}
    by_id = {problem.id: problem for problem in held}
    shared = 0
    for one in samples.joined:
        mine = one.question
        problem = by_text.get(mine.text)
        if problem is not None:
            shared += 1
            mine = type(mine)(mine.where, mine.text, mine.golds or problem.golds, problem.id, mine.choices)
            one.question = mine
        elif mine.id in by_id:
            raise InputError(
                f"{mine.where}: question {mine.id!r} is another one than in {target}: is the file a log of another "
                "task? Import it into a pool of its own"
            )
    if not shared:
        tasks = sorted({problem.task for problem in held if problem.task})
        of = f"of the task {', '.join(tasks)}" if tasks else f"such as {held[0].id}"
        mine = samples.joined[0].question
        raise InputError(
            f"{mine.where}: none of its questions is in {target}, which holds questions {of}: import it into a pool of "
            "its own"
        )
    return by_id
