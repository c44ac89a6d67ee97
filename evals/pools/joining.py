"""Questions of several files, joined: the same question has one id, and samples of every file that has it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evals.pools.records import Record, Source
from evals.tasks.rows import Question
from tts.errors import InputError
from tts.types import Sample


@dataclass(slots=True)
class Joined:
    """A question with the samples of every file, by model.

    Attributes:
        question: its text, options and right answers; its id is that of the pool.
        samples: for each model, each sample with the file's grade and whether its answer is the file's own.
    """

    question: Question
    samples: dict[str, list[tuple[Sample, bool | None, bool]]] = field(default_factory=dict)


class _Index:
    """The questions that were seen so far, by id and by text."""

    def __init__(self) -> None:
        self.found: list[Joined] = []
        self.by_id: dict[str, Joined] = {}
        self.by_text: dict[str, list[Joined]] = {}
        self.bare: list[Joined] = []

    def place(self, record: Record) -> Joined:
        """Return the question of a record, which is new where no other one is the same."""
        known = self.by_id.get(record.id) if record.id is not None else None
        if known is not None and self._same(known, record):
            return known
        if known is not None:
            raise InputError(
                f"{record.where}: question {record.id!r} is another one than in {known.question.where}: is one of the "
                "files a log of another task? Import each task into a pool of its own"
            )
        if not record.question:
            raise InputError(
                f"{record.where}: has no question, and no other file has one with the id {record.id!r}: give the file "
                "of questions or requests too"
            )
        same = next((one for one in self.by_text.get(record.question, ()) if self._same(one, record)), None)
        if same is None and record.prompted:
            held = [one for one in self.bare if one.question.text in record.question]
            same = max(held, key=lambda one: len(one.question.text), default=None)
            if same is not None:
                self.by_text.setdefault(record.question, []).append(same)
        if same is None:
            same = Joined(Question(record.where, record.question, record.golds, record.id, record.choices))
            self.found.append(same)
            self.by_text.setdefault(record.question, []).append(same)
            if not record.samples and not record.prompted:
                self.bare.append(same)
        if record.id is not None:
            self.by_id[record.id] = same
        return same

    def _same(self, known: Joined, record: Record) -> bool:
        mine = known.question
        text = not record.question or mine.text == record.question or (record.prompted and mine.text in record.question)
        golds = not record.golds or not mine.golds or list(map(str, mine.golds)) == list(map(str, record.golds))
        return text and golds


def join(sources: Sequence[Source]) -> list[Joined]:
    """Return the questions of all files that have samples, in their order, each with an id.

    Ids that are missing are made of the task's or the file's name and the number of the question.

    Raises:
        InputError: the files are of different tasks, or an id stands for two questions, or no file has a sample.
    """
    tasks = {source.task: source for source in sources if source.task}
    if len(tasks) > 1:
        one, two = list(tasks.values())[:2]
        raise InputError(
            f"{two.path} is of the task {two.task}, and {one.path} of {one.task}: import each task into a pool of its "
            "own"
        )
    index = _Index()
    for source in sorted(sources, key=_order):
        for record in source.records:
            place = index.place(record)
            _complete(place, record)
            if record.samples:
                graded = zip(record.samples, record.correct, strict=True)
                place.samples.setdefault(record.model, []).extend((s, c, record.answered) for s, c in graded)
    found = [one for one in index.found if one.samples]
    if not found:
        raise InputError(
            f"{sources[0].path}: holds questions but no samples; name the field of the replies by --text, or give the "
            "file of samples too"
        )
    first = next(source for source in sources if any(record.samples for record in source.records))
    _name(found, next(iter(tasks), "") or _stem(first.path))
    return found


def _order(source: Source) -> int:
    """Questions come first, then requests that may hold them, then samples."""
    if any(record.samples for record in source.records):
        return 2
    return 1 if any(record.prompted for record in source.records) else 0


def _complete(place: Joined, record: Record) -> None:
    """Give a question the right answers, options and id that only another file has."""
    mine = place.question
    golds, choices, name = mine.golds or record.golds, mine.choices or record.choices, mine.id or record.id
    if (golds, choices, name) != (mine.golds, mine.choices, mine.id):
        place.question = Question(mine.where, mine.text, golds, name, choices)


def _name(found: Iterable[Joined], stem: str) -> None:
    used: set[str] = {one.question.id for one in found if one.question.id is not None}
    for number, one in enumerate(found):
        mine = one.question
        if mine.id is None:
            name = f"{stem}-{number}"
            while name in used:
                name += "+"
            used.add(name)
            one.question = Question(mine.where, mine.text, mine.golds, name, mine.choices)


def _stem(path: str) -> str:
    return re.sub(r"\.(jsonl|json|parquet|csv|tsv|eval)(\.gz)?$", "", Path(path).name) or "q"
