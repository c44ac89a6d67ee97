"""Any table of samples by the names of its fields: one row a sample, or one row a question with lists."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from evals.pools.records import (
    OPTIONS,
    Anew,
    Fields,
    Record,
    Source,
    drawn,
    ended,
    grade,
    held,
    numbers,
    plain_id,
    plain_text,
)
from evals.tasks.choices import read_choices
from evals.tasks.rows import value_at
from tts.errors import InputError

FORMAT = "rows"
QUESTIONS = "questions"
_USUAL: Mapping[str, tuple[str, ...]] = {
    "question": ("question", "problem", "prompt", "input", "query", "instruction", "messages"),
    "text": (
        *("outputs", "responses", "completions", "generations", "samples", "texts", "replies", "model_outputs"),
        *("output", "response", "completion", "generation", "generated_text", "text", "reply", "model_output"),
    ),
    "gold": ("gold", "golds", "gold_answer", "gt_answer", "ground_truth", "reference_answer", "target", "expected"),
    "answer": ("answers", "predictions", "extracted_answers", "extracted_answer", "prediction", "pred", "answer"),
    "correct": ("correct", "is_correct", "is_corrects"),
    "logprobs": ("logprobs", "token_logprobs"),
    "tokens": ("tokens", "num_tokens", "completion_tokens"),
    "id": ("id", "question_id", "problem_id", "task_id", "unique_id", "doc_id"),
    "confidence": ("confidence", "confidences"),
    "model": ("model", "model_name"),
}
"""The usual names of each part; the first that a row has is taken."""
_CHOICES = ("choices", "options")
_LONGEST_ANSWER = 100
_LOOKED_AT = 20


def read(path: str, rows: Iterable[tuple[str, Any]], named: Fields) -> Source:
    """Read a table.

    Args:
        path: the file.
        rows: its rows, which can be iterated several times.
        named: the fields that the user names; the usual names stand for the others.

    Raises:
        InputError: the parts are in none of the fields, or a row lacks one.
    """
    first = list(itertools.islice(rows, _LOOKED_AT))
    for where, row in first:
        if not isinstance(row, Mapping):
            raise InputError(f"{where}: must be an object, got {row!r:.60}")
    if not first:
        raise InputError(f"{path}: is empty; give a file with at least one sample")
    fields = choose([row for _, row in first], named, path)
    records = Anew(lambda: (_record(where, row, fields) for where, row in rows))
    samples = "text" in fields or "answer" in fields
    return Source(path, FORMAT if samples else QUESTIONS, records, fields=fields)


def choose(rows: Sequence[Mapping[str, Any]], named: Fields, path: str) -> dict[str, str]:
    """Return the field of each part that the rows have.

    Args:
        rows: the first rows.
        named: the fields that the user names.
        path: the file, for sentences.

    Raises:
        InputError: there is no question, or neither a reply nor a right answer.
    """
    keys = [key for key in rows[0] if any(row.get(key) is not None for row in rows)]
    fields = dict(named.names)
    for part, names in _USUAL.items():
        taken = set(fields.values())
        if part not in fields and (found := next((n for n in names if n in keys and n not in taken), None)):
            fields[part] = found
    if "answer" not in named.names and fields.get("answer") == "answer" and "gold" not in fields:
        fields["gold"] = fields.pop("answer")  # {"question", "answer"}: the right answer
    if "answer" not in named.names and "text" not in fields and _are_texts(rows, fields.get("answer")):
        fields["text"] = fields.pop("answer")
    if "question" not in fields and not ("id" in fields and ("text" in fields or "answer" in fields)):
        raise InputError(f"{path}: has no question; {_advice(rows[0])}")
    if not {"text", "answer", "gold"} & set(fields):
        raise InputError(f"{path}: has no replies; {_advice(rows[0])}")
    for part, name in named.names.items():
        if all(value_at(row, name) is None for row in rows):
            raise InputError(f"{path}: has nothing under --{part} {name}; the first row has {held(rows[0])}")
    return {part: fields[part] for part in OPTIONS if part in fields}


def _advice(row: Mapping[str, Any]) -> str:
    return (
        f"the first row has {held(row)}: name the fields by --question, --text, --gold, --answer, --correct, "
        "--logprobs, --tokens, --id, --confidence, --model"
    )


def _are_texts(rows: Sequence[Mapping[str, Any]], name: str | None) -> bool:
    """Return whether a field of answers holds whole replies: a text of several lines, or a long one."""
    if name is None:
        return False
    values = [one for row in rows for one in _listed(value_at(row, name))]
    return any(isinstance(one, str) and (len(one) > _LONGEST_ANSWER or "\n" in one.strip()) for one in values)


def _listed(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _record(where: str, row: Any, fields: Mapping[str, str]) -> Record:
    if not isinstance(row, Mapping):
        raise InputError(f"{where}: must be an object, got {row!r:.60}")
    given = {part: value_at(row, name) for part, name in fields.items()}
    question = plain_text(given.get("question")) or ""
    if "question" in fields and not question.strip():
        raise InputError(f"{where}: has no question under {fields['question']}; it has {held(row)}")
    gold = given.get("gold")
    golds = tuple(gold) if isinstance(gold, list) else () if gold in (None, "") else (gold,)
    model = given.get("model")
    record = Record(
        where,
        question,
        golds,
        plain_id(given.get("id"), where),
        answered="answer" in fields,
        model=model if isinstance(model, str) else "",
    )
    options = next((row[name] for name in _CHOICES if row.get(name) is not None and name not in fields.values()), None)
    if options is not None and golds:
        record.choices = _choices(options, golds, where)
        if record.choices is not None:
            record.question = record.choices.shown(question)
    if "text" in fields or "answer" in fields:
        _add_samples(record, given, fields, row)
    return record


def _choices(options: Any, golds: tuple[Any, ...], where: str) -> Any:
    try:
        found = read_choices(options, where)
    except InputError:
        return None
    return found if found.letter(golds[0]) is not None else None


def _add_samples(record: Record, given: Mapping[str, Any], fields: Mapping[str, str], row: Mapping[str, Any]) -> None:
    main = "text" if "text" in fields else "answer"
    if given[main] is None:
        raise InputError(f"{record.where}: has no {main} under {fields[main]}; it has {held(row)}")
    listed = isinstance(given[main], list) and not _is_message(given[main])
    count = len(given[main]) if listed else 1
    if not count:
        raise InputError(f"{record.where}: has an empty list under {fields[main]}; each question needs a sample")
    columns = {part: _column(record, given, fields, part, count, listed) for part in fields if part not in _ONCE}
    end = ended(row.get("finish_reason") or "stop")
    for i in range(count):
        text = plain_text(columns["text"][i]) if "text" in columns else ""
        if text is None:
            raise InputError(f"{record.where}: has no text under {fields['text']}, sample {i + 1}")
        if len(columns) == 1 and main == "text":
            record.add(drawn(text, end=end))
            continue
        one = {part: column[i] for part, column in columns.items()}
        tokens = one.get("tokens")
        sample = drawn(
            text,
            end=end,
            logprobs=numbers(one.get("logprobs"), record.where, fields.get("logprobs", "")),
            tokens=tokens if type(tokens) is int and tokens >= 0 else None,
            answer=_answer(one.get("answer")),
            confidence=_confidence(one.get("confidence"), record.where, fields),
        )
        record.add(sample, grade(one.get("correct"), record.where, fields.get("correct", "")))


_ONCE = ("question", "gold", "id", "model")
"""The parts that a row has once, however many samples it has."""


def _column(
    record: Record, given: Mapping[str, Any], fields: Mapping[str, str], part: str, count: int, listed: bool
) -> list[Any]:
    """Return a part's value for each sample of a row."""
    value = given[part]
    if value is None:
        return [None] * count
    if not listed:
        return [value]
    if not isinstance(value, list) or len(value) != count:
        main = fields.get("text") or fields["answer"]
        size = f"a list of {len(value)}" if isinstance(value, list) else f"{value!r:.40}"
        raise InputError(f"{record.where}: {main} holds {count} samples, and {fields[part]} {size}; one each is needed")
    return value


def _is_message(value: Sequence[Any]) -> bool:
    return bool(value) and all(isinstance(one, Mapping) and ("role" in one or "type" in one) for one in value)


def _answer(value: Any) -> str | None:
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None


def _confidence(value: Any, where: str, fields: Mapping[str, str]) -> float | None:
    if value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InputError(f"{where}: {fields['confidence']} must be a number, got {value!r:.60}") from None
