"""From a row of a data set to a question: its text, options and gold answers, from fields of any name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evals.tasks.choices import Choices, read_choices
from tts.errors import InputError
from tts.pool.check import text_fault

FIELDS = ("question", "answer", "id", "choices")
"""The parts of a question that a field is named for."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a row that hold the parts of a question; of several names, the first that a row has counts.

    A name may be a path, such as "question.stem". Several names in a tuple are read together.

    Attributes:
        question: texts that are joined by a space.
        answer: gold answers; all of them are accepted.
        id: the row's own id.
        choices: one field with all options, or one field an option.
        worked: the worked solution.
    """

    question: tuple[str | tuple[str, ...], ...] = ("question",)
    answer: tuple[str | tuple[str, ...], ...] = ("gold", "answer", "answerKey")
    id: tuple[str | tuple[str, ...], ...] = ("id",)
    choices: tuple[str | tuple[str, ...], ...] = ("choices", "options")
    worked: tuple[str | tuple[str, ...], ...] = ("answer",)


@dataclass(frozen=True, slots=True)
class Question:
    """A question as its source has it.

    Attributes:
        where: the file and line, or the data set and row.
        text: the question, without its options.
        golds: the gold answers as they are; empty where there is none.
        id: the source's own id, or None.
        choices: the options, or None.
        worked: the worked solution, or empty.
    """

    where: str
    text: str
    golds: tuple[Any, ...] = ()
    id: str | None = None
    choices: Choices | None = None
    worked: str = field(default="", repr=False)


def read_row(row: Any, where: str, fields: Fields, *, named: Sequence[str] = ()) -> Question:
    """Return a row as a question.

    Args:
        row: the row, a mapping.
        where: the line, which opens the sentence of an error.
        fields: the fields that hold the parts.
        named: the parts whose fields the configuration names, so that a row without them is refused.

    Raises:
        InputError: the row is no mapping, or a part is missing or has the wrong type.
    """
    if not isinstance(row, Mapping):
        raise InputError(f'{where}: must be an object such as {{"question": ..., "answer": "#### 18"}}')
    _check_texts(row, where)
    parts = first_of(row, fields.question)
    question = " ".join(part.strip() for part in parts if isinstance(part, str)).strip()
    if not question or not all(isinstance(part, str) for part in parts):
        raise InputError(f"{where}: has no question; expected text under {_wanted(fields.question)}{_held(row)}")
    options = first_of(row, fields.choices)
    if "choices" in named and not options:
        raise InputError(f"{where}: has no choices; expected them under {_wanted(fields.choices)}{_held(row)}")
    answers = first_of(row, fields.answer)
    if "answer" in named and not answers:
        raise InputError(f"{where}: has no gold answer; expected it under {_wanted(fields.answer)}{_held(row)}")
    worked = first_of(row, fields.worked)
    return Question(
        where,
        question,
        tuple(_flat(answers)),
        _id(first_of(row, fields.id), where),
        read_choices(options[0] if len(options) == 1 else options, where) if options else None,
        worked[0] if worked and isinstance(worked[0], str) else "",
    )


def first_of(row: Mapping[str, Any], names: Sequence[str | tuple[str, ...]]) -> list[Any]:
    """Return the values of the first of several names that a row has, without null; empty where it has none."""
    for name in names:
        together = (name,) if isinstance(name, str) else name
        values = [value_at(row, one) for one in together]
        if any(value is not None for value in values):
            return [value for value in values if value is not None]
    return []


def value_at(row: Any, path: str) -> Any:
    """Return the value at a name, or at a path of names and indices joined by periods; None where there is none.

    A name behind a list of objects gives the list of their values.
    """
    if isinstance(row, Mapping) and path in row:
        return row[path]
    head, _, rest = path.partition(".")
    if isinstance(row, Mapping) and rest and head in row:
        return value_at(row[head], rest)
    if isinstance(row, Sequence) and not isinstance(row, str):
        if head.isdecimal() and int(head) < len(row):
            return value_at(row[int(head)], rest) if rest else row[int(head)]
        if row and all(isinstance(one, Mapping) for one in row):
            values = [value_at(one, path) for one in row]
            return None if all(value is None for value in values) else values
    return None


def _flat(values: Sequence[Any]) -> Iterator[Any]:
    """Yield gold answers, those of a list one by one; an empty text is none."""
    for value in values:
        if isinstance(value, Sequence) and not isinstance(value, str):
            yield from _flat(value)
        elif value is not None and value != "":
            yield value


def _id(found: Sequence[Any], where: str) -> str | None:
    if not found or found[0] == "":
        return None
    given = found[0]
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise InputError(f"{where}: id must be text or an integer, got {given!r}")
    return str(given)


def _check_texts(value: Any, where: str, name: str = "") -> None:
    if isinstance(value, str) and (fault := text_fault(value)):
        raise InputError(f"{where}: {name} {fault}")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _check_texts(inner, where, f"{name}.{key}" if name else str(key))


def _wanted(names: Sequence[str | tuple[str, ...]]) -> str:
    shown = ["`" + (name if isinstance(name, str) else "` and `".join(name)) + "`" for name in names]
    return " or ".join(shown)


def _held(row: Mapping[str, Any]) -> str:
    names = [str(key) for key in row][:8]
    if not names:
        return ""
    return f"; this line has {', '.join(names)}: name the field by task.fields.question, .answer, .id or .choices"
