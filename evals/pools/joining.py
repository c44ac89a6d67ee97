"""Questions of several files, joined: the same question has one id, and samples of every file that has it."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evals.pools.records import Record, Source
from evals.tasks.rows import Question
from tts.errors import InputError


@dataclass(slots=True)
class Joined:
    """A question, and how many samples all files have of it.

    Attributes:
        number: its place in the order in which questions were first seen.
        question: its text, options and right answers; its id is that of the pool.
        samples: the number of samples by model.
    """

    number: int
    question: Question
    samples: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Join:
    """The questions of several files, and what their samples have in common; the samples are read anew from the files.

    Attributes:
        questions: the questions that have samples, in their order.
        digests: the SHA-256 of the samples of each model, in hexadecimal digits.
        characters: those of the texts that answers are read from.
        logprobs: whether any sample has log-probabilities.
        answered: whether any answer is the file's own.
    """

    questions: list[Joined] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    characters: int = 0
    logprobs: bool = False
    answered: bool = False
    _places: list[tuple[Source, array[int]]] = field(default_factory=list)
    _found: list[Joined] = field(default_factory=list)

    def records(self) -> Iterator[tuple[Joined, Record]]:
        """Yield each record that has samples, with its question.

        Raises:
            InputError: a file is another one than when it was joined.
        """
        for source, places in self._places:
            at = 0
            for record in source.records:
                if not record.samples:
                    continue
                if at == len(places):
                    raise _changed(source)
                yield self._found[places[at]], record
                at += 1
            if at < len(places):
                raise _changed(source)


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
            question = Question(record.where, record.question, record.golds, record.id, record.choices)
            same = Joined(len(self.found), question)
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


def join(sources: Sequence[Source]) -> Join:
    """Read all files once and join their questions, each with an id.

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
    index, joined, digests = _Index(), Join(), dict[str, _Digest]()
    joined._found = index.found
    for source in sorted(sources, key=_order) if len(sources) > 1 else sources:
        places, models = array("q"), dict[str, None]()
        for record in source.records:
            place = index.place(record)
            _complete(place, record)
            source.rows += 1
            source.samples += len(record.samples)
            models[record.model] = None
            if record.samples:
                places.append(place.number)
                place.samples[record.model] = place.samples.get(record.model, 0) + len(record.samples)
                digests.setdefault(record.model, _Digest()).add(place, record)
                joined.answered |= record.answered
                if not record.answered:
                    joined.characters += sum(len(one.text) for one in record.samples)
                joined.logprobs = joined.logprobs or any(one.trace.logprobs for one in record.samples)
        source.models = [model for model in models if model]
        joined._places.append((source, places))
    found = [one for one in index.found if one.samples]
    if not found:
        raise InputError(
            f"{sources[0].path}: holds questions but no samples; name the field of the replies by --text, or give the "
            "file of samples too"
        )
    first = next(source for source in sources if source.samples)
    _name(found, next(iter(tasks), "") or _stem(first.path))
    joined.questions = found
    joined.digests = {model: digest.sha256.hexdigest() for model, digest in digests.items()}
    return joined


class _Digest:
    """The digest of one model's samples in the order of the files."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()
        self._last: Joined | None = None

    def add(self, place: Joined, record: Record) -> None:
        """Add the samples of a record, and its question where it is not that of the record before."""
        parts = [] if place is self._last else [place.question.text]
        self._last = place
        parts += [f"{sample.text or sample.answer or ''}\0" for sample in record.samples]
        self.sha256.update("".join(parts).encode("utf-8", "surrogatepass"))  # what no pool may hold is refused later


def _changed(source: Source) -> InputError:
    return InputError(f"{source.path}: has changed while it was read; import it again")


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
