"""Tasks whose questions stand in a file or on the hub: a file of one's own, and the data sets of a table.

Source:
    GSM8K: Cobbe et al. 2021, arXiv 2110.14168; the others in :mod:`evals.tasks.data_sets`.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evals.tasks.base import Task
from evals.tasks.config import TaskConfig, chosen
from evals.tasks.data_sets import DATA_SETS, OWN, DataSet
from evals.tasks.equality import open_equality
from evals.tasks.forms import CHAT, SYSTEMS, TEXT
from evals.tasks.golds import kind_of, read_golds
from evals.tasks.graders import f1_reward, grader_of
from evals.tasks.reading import extractor
from evals.tasks.rows import Fields, Question, read_row
from evals.tasks.sources import file_rows, hub_rows
from tts.answers.open_answers import normalise_open
from tts.answers.reading import KINDS, Kind
from tts.errors import InputError, unknown_name
from tts.prompts import Prompt
from tts.types import Problem

_CALCULATOR = re.compile(r"<<[^<>]*>>")


@dataclass(frozen=True, slots=True)
class _Item:
    """A question with its gold answers in the spelling of their kind."""

    question: Question
    golds: tuple[str, ...]

    @property
    def text(self) -> str:
        """The question with its options."""
        choices = self.question.choices
        return self.question.text if choices is None else choices.shown(self.question.text)


def questions(config: TaskConfig) -> Task:
    """Return a task from ``path`` or the hub.

    Ids are such as "gsm8k-test-17", the line or row counted from 0, unless the rows have ids.

    Raises:
        InputError: a missing file or split, a bad line, examples from the scored split, or a hub that cannot be read.
    """
    data_set = DATA_SETS.get(config.name, OWN)
    reader = _Reader(config, data_set)
    scored = reader.scored()
    kind = reader.kind
    shots = _shots(config, reader, {item.question.text for item in scored}) if config.shots else ()
    prompt = _prompt(config, kind, shots)
    numbers = chosen(len(scored), config)
    named = {scored[i].question.id or f"{config.name}-{config.split}-{i}": scored[i] for i in numbers}
    problems = tuple(
        Problem(name, item.text, next(iter(item.golds), None), config.name, item.golds[1:])
        for name, item in named.items()
    )
    choices = {name: item.question.choices for name, item in named.items() if item.question.choices is not None}
    reading = config.extract or data_set.reading
    normalise = normalise_open if data_set.normalised else None
    gap, graded = _gap(config), kind == "text" and config.metric == "f1"
    equality = open_equality(config.equal, kind, key="task.equal", required=False)
    return Task(
        config.name,
        problems,
        prompt,
        extractor(reading, prompt, kind=kind, choices=choices, normalise=normalise),
        _rule(config, kind, reading),
        grader_of(kind, metric=config.metric, tolerance=config.tolerance, equality=equality),
        solutions={name: gap + _plain(i) for name, i in named.items() if "####" in i.question.worked},
        notes=tuple(reader.notes),
        metric="F1" if graded else "",
        reward=f1_reward if graded else None,
    )


def _rule(config: TaskConfig, kind: Kind, reading: str) -> str:
    """Return the name of the rule by which answers are read and graded."""
    rule = reading if kind == "number" else f"{kind} {reading}"
    rule += f", {config.metric}" if config.metric != "exact" else ""
    rule += f", within {config.tolerance:g}" if config.tolerance else ""
    return rule + (f", equal {json.dumps(config.equal, sort_keys=True)}" if config.equal["name"] != "auto" else "")


class _Reader:
    """Reads the questions of a task, and notes what a user should know of them.

    Attributes:
        kind: the kind of answers; set by the scored questions.
        notes: sentences about the questions.
    """

    def __init__(self, config: TaskConfig, data_set: DataSet) -> None:
        self.config, self.data_set = config, data_set
        self.fields, self.named = _fields(config, data_set.fields)
        self.kind: Kind = "number"
        self.notes: list[str] = []

    def scored(self) -> list[_Item]:
        """Return the questions to solve."""
        config = self.config
        if config.path is not None:
            source: str = config.path
            rows = self._rows(file_rows(source), source)
        elif not self.data_set.hub:
            raise InputError(f"task {config.name} needs task.path, a JSON Lines file of questions")
        else:
            split = self.data_set.split(config.split)
            if split is None:
                raise unknown_name(f"task.split of {config.name}", config.split, self.data_set.splits)
            source = f"{self.data_set.hub}, {split}"
            rows = self._rows(self.hub(split), source)
        named = next((kind for kind in KINDS if kind == config.answers), None)
        self.kind = named or self.data_set.kind or kind_of(rows)
        items = self._graded(rows, source)
        if config.questions is not None and config.questions > len(items):
            self.notes.append(f"task.questions={config.questions}, and {source} holds {len(items)}: all are asked")
        self._note_contradictions(items, source)
        return items

    def hub(self, split: str) -> Sequence[tuple[str, Any]]:
        """Return the rows of a split on the hub."""
        name = self.config.name
        instead = f"or give the task a file: task.path={name}_{split}.jsonl"
        user = f"task {name} without a path"
        return hub_rows(self.data_set.hub, self.data_set.config, split, user=user, instead=instead)

    def worked(self, rows: Any, source: str) -> list[_Item]:
        """Return questions with gold answers, for worked examples."""
        return [item for item in self._graded(self._rows(rows, source), source) if item.golds]

    def _rows(self, rows: Any, source: str) -> list[Question]:
        found, skipped, ids = [], list[str](), set[str]()
        for where, row in rows:
            try:
                if isinstance(row, InputError):
                    raise row
                question = read_row(row, where, self.fields, named=self.named)
                if question.id is not None and question.id in ids:
                    raise InputError(f"{where}: the id {question.id!r} is given twice; ids must be distinct")
            except InputError as error:
                self._skip(error, skipped)
                continue
            if question.id is not None:
                ids.add(question.id)
            if self.data_set.shuffled and question.choices is not None:
                question = replace(question, choices=question.choices.shuffled(f"{self.config.seed} {question.text}"))
            found.append(question)
        self._note_skipped(skipped, source)
        if not found:
            raise InputError(f"{source}: holds no questions")
        return found

    def _graded(self, rows: Sequence[Question], source: str) -> list[_Item]:
        """Return the questions with their gold answers; either all of them have one, or none has."""
        skipped, items, any_gold = list[str](), [], any(row.golds for row in rows)
        for row in rows:
            try:
                if any_gold and not row.golds:
                    raise InputError(
                        f"{row.where}: has no gold answer, and other lines have one; expected a number under `gold`, "
                        'or "... #### 18" under `answer`'
                    )
                if self.kind == "choice" and row.choices is None:
                    raise InputError(f"{row.where}: has no choices; name their field by task.choices")
                golds = read_golds(row, self.kind, normalised=self.data_set.normalised)
            except InputError as error:
                self._skip(error, skipped)
                continue
            items.append(_Item(row, golds))
        self._note_skipped(skipped, source)
        if not items:
            raise InputError(f"{source}: holds no questions that can be graded")
        return items

    def _skip(self, error: InputError, skipped: list[str]) -> None:
        if not self.config.skip_bad:
            raise InputError(f"{error}; task.skip_bad=true goes on without such lines") from None
        skipped.append(str(error))

    def _note_skipped(self, skipped: Sequence[str], source: str) -> None:
        if skipped:
            lines = "1 bad line was" if len(skipped) == 1 else f"{len(skipped)} bad lines were"
            self.notes.append(f"{lines} skipped, the first: {skipped[0]}")

    def _note_contradictions(self, items: Sequence[_Item], source: str) -> None:
        seen: dict[str, _Item] = {}
        clashes = []
        for item in items:
            first = seen.setdefault(item.text, item)
            if first.golds and not set(first.golds) & set(item.golds):
                clashes.append((first, item))
        if clashes:
            first, item = clashes[0]
            self.notes.append(
                f"{len(clashes)} of the questions of {source} stand twice with different gold answers, so that one "
                f"counts as wrong: {first.question.where} has {first.golds[0]}, {item.question.where} {item.golds[0]}"
            )


def _fields(config: TaskConfig, usual: Fields) -> tuple[Fields, tuple[str, ...]]:
    """Return the fields of the rows, and the parts that the configuration names a field for."""
    given = dict(config.fields)
    if config.choices is not None:
        given["choices"] = config.choices
    if not given:
        return usual, ()
    names: Mapping[str, tuple[str | tuple[str, ...], ...]] = {
        part: () if name is None else (name if isinstance(name, str) else tuple(name),) for part, name in given.items()
    }
    worked = names.get("answer", usual.worked)
    return replace(usual, **names, worked=worked), tuple(part for part in given if given[part] is not None)


def _plain(item: _Item) -> str:
    """Return the worked answer of a question, without a calculator's annotations, as a model should write it."""
    worked = _CALCULATOR.sub("", item.question.worked)
    if item.question.choices is not None:
        return f"Answer: {item.golds[0]}"
    if "####" in worked or "\\boxed" in worked or not item.golds:
        return worked
    return f"#### {item.golds[0]}" if item.question.worked == "" else worked


def _template(config: TaskConfig) -> str:
    return config.template if config.template is not None else CHAT if config.chat is True else TEXT


def _gap(config: TaskConfig) -> str:
    """Return the text between a prompt and its answer."""
    return "" if config.chat is True or _template(config)[-1:].isspace() else " "


def _prompt(config: TaskConfig, kind: Kind, shots: Sequence[_Item]) -> Prompt:
    gap = _gap(config)
    return Prompt(
        template=_template(config),
        shots=tuple((item.text, gap + _plain(item)) for item in shots),
        system=SYSTEMS[kind] if config.system is None else config.system,
        chat=config.chat is True,
    )


def _shots(config: TaskConfig, reader: _Reader, scored: set[str]) -> list[_Item]:
    """Return worked examples, none of which is a scored question."""
    others = [split for split in reader.data_set.splits if split != reader.data_set.split(config.split)]
    if config.shots_path is not None:
        source, rows = config.shots_path, file_rows(config.shots_path)
    elif config.path is not None or config.split == "train" or not others:
        raise InputError(
            f"task.shots={config.shots} needs task.shots_path, a file of worked examples other than the scored one, "
            "such as the training split"
        )
    else:
        split = "train" if "train" in others else others[0]
        source, rows = f"the {split} split of {reader.data_set.hub}", iter(reader.hub(split))
    pool = [item for item in reader.worked(rows, source) if item.question.text not in scored]
    if len(pool) < config.shots:
        raise InputError(
            f"task.shots={config.shots} is more than the {len(pool)} questions of {source} that are not scored: "
            "ask for fewer, or give another task.shots_path"
        )
    return random.Random(f"{config.seed} shots").sample(pool, config.shots)
