"""Files with samples, imported into a pool: recognised, joined, read, graded and written, whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evals.pools.answers import RULES, Answers, Read, entry, kind_named
from evals.pools.joining import Joined, join
from evals.pools.recognise import read_source
from evals.pools.records import Fields, Source
from tts.answers.canonical import KINDS
from tts.errors import InputError, unknown_name
from tts.files import Output, check_replaced
from tts.pool import Entry, PoolStore, RunKey
from tts.pool.files import pool_format
from tts.pool.parts.folder import atomic_pool
from tts.pool.sqlite.connect import write_lock
from tts.types import Problem, Signals

_NO_FIELDS = Fields()


@dataclass(slots=True)
class Samples:
    """The samples of several files, joined and ready to be read.

    Attributes:
        sources: the files.
        joined: the questions with their samples.
        task: the name of the task; empty where no file says.
        answers: the reader and grader.
        notes: sentences that a user should know.
    """

    sources: list[Source]
    joined: list[Joined]
    task: str
    answers: Answers
    notes: list[str] = field(default_factory=list)

    @property
    def models(self) -> list[str]:
        """The models that drew the samples, in their order; an empty name where a file does not say."""
        return list(dict.fromkeys(model for one in self.joined for model in one.samples))

    @property
    def count(self) -> int:
        """The number of samples."""
        return sum(len(samples) for one in self.joined for samples in one.samples.values())

    def read(self, questions: int | None = None) -> Iterator[tuple[Problem, str, list[Read]]]:
        """Yield each question with its samples of one model, read and graded.

        Args:
            questions: the number of questions; None for all.
        """
        asked = [(one, model) for one in self.joined[:questions] for model in one.samples]
        for (one, model), readings in zip(asked, self.answers.readings(asked), strict=True):
            problem, read = self.answers.read(one, model, self.task, readings)
            yield problem, model, read


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
            return _into(samples, store, str(target))
    check_replaced(Output(Path(target), "pool"), command="", force=force, forced_by="--force, or --add")
    lock = write_lock(target)
    try:
        with atomic_pool(target) as temp, PoolStore.create_or_open(temp) as store:
            imported = _into(samples, store, str(target))
    finally:
        lock.release()
    return imported


def _into(samples: Samples, store: PoolStore, target: str) -> Imported:
    known = match(samples, store.problems(), target)
    runs: dict[str, list[Entry]] = {model: [] for model in samples.models}
    graded = right = 0
    for problem, model, read in samples.read():
        graded += sum(one.correct is not None for one in read)
        right += sum(bool(one.correct) for one in read)
        runs[model].append(entry(known.get(problem.id, problem), read, ""))
    told = any(sample.trace.logprobs for of in runs.values() for one in of for sample in one.samples)
    config = {"imported_from": [source.path for source in samples.sources], "format": samples.sources[-1].format}
    numbers = store.add_runs(
        [
            (RunKey(model, sampling={"imported": samples.sources[-1].format, "sha256": _digest(of)}), of)
            for model, of in runs.items()
        ],
        config,
        signals=Signals(logprobs=told),
        reading=samples.answers.reading,
    )
    for name in {one.problem.id for of in runs.values() for one in of}:
        store.decided(name)
    store.seal()
    return Imported(len(samples.joined), samples.count, graded, right, dict(zip(runs, numbers, strict=True)))


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


def _digest(entries: Sequence[Entry]) -> str:
    digest = hashlib.sha256()
    for one in entries:
        digest.update(one.problem.question.encode())
        for sample in one.samples:
            digest.update((sample.text or sample.answer or "").encode() + b"\0")
    return digest.hexdigest()
