"""One line of a JSON Lines pool, and the Entry it stands for.

A line is an object ``{"id", "question", "gold", "task"?, "model"?, ..., "samples": [...]}`` and each of its samples an
object ``{"answer", "correct"?, "text"?, "tokens"?, "confidence"?, "tts"?}``:

- ``gold`` is null where the right answer is not known. Any other key of the line with a string value is kept in
  ``Entry.meta``; other values and unknown keys of a sample are not kept. A null ``?`` key counts as absent.
- ``answer`` is kept as recorded; an empty or null one could not be read. A missing ``correct`` is None, except that
  an answer that could not be read is wrong where other samples of the question are graded; an explicit null stays None.
- ``tokens`` is ``Usage(delivered=tokens)``; ``confidence`` any finite number; ``Sample.index`` the position.
- ``tts`` holds what the common keys cannot hold, for samples drawn by this framework: ``index``, ``end``, ``error``,
  ``usage`` (all six counts), ``given``, ``token_ids``, ``logprobs``, ``top``, ``entropy``, ``certainty``, ``steps``
  (true or false a token), ``watched`` (token id -> probabilities), ``owners`` (owner -> its watched token ids; absent
  where ``tts.pool.stored.assumed_owners`` gives the same), ``probe``, and the optional fields of a sample
  (``tts.types.SAMPLE_EXTRAS``) where they are known. Floats that JSON has no number for are the
  strings "inf", "-inf" and "nan".
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

from tts.errors import InputError
from tts.pool.records import RESERVED, Entry
from tts.pool.stored import USAGE, assumed_owners, stored_owners
from tts.types import COLUMNS, SAMPLE_EXTRAS, Column, End, Problem, Sample, Trace, Usage

_NO_TRACE = Trace()
_SPECIAL = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


class _Fault(Exception):  # noqa: N818 - never leaves this module
    """A fault of a line, still without the name of the file and the line number."""


def parse_line(line: str, where: str) -> Entry:
    """Read one line.

    Args:
        line: the JSON text.
        where: file and line number, the start of every error's sentence.

    Raises:
        InputError: naming ``where``, the key, what was given and what is allowed.
    """
    try:
        record = json.loads(line)
        if not isinstance(record, dict):
            raise _Fault(f"must be a JSON object, got {_shown(record)}")
        return _entry(record)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not valid JSON at column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError, _Fault) as error:  # InputError is a ValueError
        raise InputError(f"{where}: {error}") from None


def dump_line(entry: Entry) -> str:
    """Write one line, without its newline: equal entries, their watched tokens in equal order, give equal text."""
    problem = entry.problem
    record: dict[str, Any] = {"id": problem.id, "question": problem.question, "gold": problem.gold}
    if problem.task:
        record["task"] = problem.task
    record.update(sorted(entry.meta.items()))
    graded = zip(entry.samples, entry.correct, strict=True)
    record["samples"] = [_dump_sample(i, sample, correct) for i, (sample, correct) in enumerate(graded)]
    return json.dumps(record, ensure_ascii=False, allow_nan=False)


def _entry(record: dict[str, Any]) -> Entry:
    for key in ("id", "question", "gold", "samples"):
        if key not in record:
            raise _Fault(f"key {key!r} is missing; a line needs id, question, gold and samples")
    gold = None if record["gold"] is None else _string(record["gold"], "gold")
    task = "" if record.get("task") is None else _string(record["task"], "task")
    if record.get("model") is not None:
        _string(record["model"], "model")
    if not isinstance(record["samples"], list):
        raise _Fault(f"key 'samples' must be a list of objects, got {_shown(record['samples'])}")
    if not record["samples"]:
        raise _Fault("key 'samples' must hold at least one sample, got an empty list")
    samples = []
    grades: list[bool | None] = []
    for position, sample in enumerate(record["samples"]):
        samples.append(_sample(position, sample))
        grades.append(_grade(position, sample))
    if any(grade is not None for grade in grades):
        for i, sample in enumerate(record["samples"]):
            if not sample["answer"] and "correct" not in sample:
                grades[i] = False
    return Entry(
        Problem(_string(record["id"], "id"), _string(record["question"], "question"), gold, task),
        tuple(samples),
        tuple(grades),
        {key: value for key, value in record.items() if key not in RESERVED and isinstance(value, str)},
    )


def _sample(position: int, record: object) -> Sample:
    at = f"samples[{position}]"
    if not isinstance(record, dict):
        raise _Fault(f"key {at!r} must be an object, got {_shown(record)}")
    if "answer" not in record:
        raise _Fault(f"key '{at}.answer' is missing; give an empty string where no answer could be read")
    answer, text = record["answer"], record.get("text")
    if answer is not None and not isinstance(answer, str):
        raise _Fault(f"key '{at}.answer' must be a string, got {_shown(answer)}")
    if text is not None and not isinstance(text, str):
        raise _Fault(f"key '{at}.text' must be a string, got {_shown(text)}")
    confidence = record.get("confidence")
    if confidence is not None:
        confidence = _finite(confidence, f"{at}.confidence")
    tokens = record.get("tokens")
    usage = None if tokens is None else Usage(delivered=_count(tokens, f"{at}.tokens"))
    sample = Sample(text or "", answer or None, End.STOP, confidence, position, (), _NO_TRACE, usage)
    if record.get("tts") is None:
        return sample
    return _extended(sample, _mapping(record["tts"], f"{at}.tts"), f"{at}.tts")


def _extended(sample: Sample, extra: dict[str, Any], at: str) -> Sample:
    usage = sample.usage
    end = extra.get("end", End.STOP.value)
    if end not in tuple(End):
        raise _Fault(f"key '{at}.end' must be one of {', '.join(End)}, got {_shown(end)}")
    if "usage" in extra:
        counts = _mapping(extra["usage"], f"{at}.usage")
        if set(counts) != set(USAGE.values()):
            raise _Fault(f"key '{at}.usage' must have the keys {', '.join(USAGE.values())}, got {_shown(counts)}")
        usage = Usage(**{field: _count(counts[key], f"{at}.usage.{key}") for field, key in USAGE.items()})
    ids = _ids(extra.get("token_ids", []), f"{at}.token_ids")
    columns = {c.name: _column(c, extra[c.name], f"{at}.{c.name}") for c in COLUMNS if extra.get(c.name) is not None}
    owners: dict[str, tuple[int, ...]] = {}
    if extra.get("owners") is None:
        owners.update(assumed_owners(columns.get("watched", ())))
    else:
        for owner, tokens in _mapping(extra["owners"], f"{at}.owners").items():
            owners[owner] = _ids(tokens, f"{at}.owners.{owner}")
    extras: dict[str, Any] = {
        name: (_string if kind is str else _finite)(extra[name], f"{at}.{name}")
        for name, kind in SAMPLE_EXTRAS.items()
        if extra.get(name) is not None
    }
    return replace(
        sample,
        end=End(end),
        index=_count(extra.get("index", sample.index), f"{at}.index"),
        token_ids=ids,
        trace=Trace(owners=owners, **columns),
        usage=usage,
        error=None if extra.get("error") is None else _string(extra["error"], f"{at}.error"),
        given=_count(extra.get("given", 0), f"{at}.given"),
        **extras,
    )


def _column(column: Column, value: object, key: str) -> Any:
    """A column of a trace."""
    if column.per == "sample":
        return _finite(value, key)
    if column.per == "watched":
        watched = {}
        for token, values in _mapping(value, key).items():
            try:
                watched[int(token)] = _floats(values, f"{key}.{token}")
            except ValueError:
                raise _Fault(f"key '{key}' must be keyed by token ids, got {_shown(token)}") from None
        return watched
    if column.kind is float:
        return _floats(value, key)
    flags = _list(value, key)
    if any(type(flag) is not bool for flag in flags):
        raise _Fault(f"key '{key}' must be a list of true and false, got {_shown(flags)}")
    return tuple(flags)


def _dump_column(column: Column, value: Any) -> Any:
    if column.per == "sample":
        return float(value)
    if column.per == "watched":  # in their order: the first confidence token counts where samples are truncated
        return {str(int(token)): _dump_floats(values) for token, values in value.items()}
    return _dump_floats(value) if column.kind is float else [bool(flag) for flag in value]


def _grade(position: int, record: dict[str, Any]) -> bool | None:
    grade = record.get("correct")
    if grade is not None and not isinstance(grade, bool):
        raise _Fault(f"key 'samples[{position}].correct' must be true, false or null, got {_shown(grade)}")
    return grade


def _dump_sample(position: int, sample: Sample, correct: bool | None) -> dict[str, Any]:
    record: dict[str, Any] = {"answer": sample.answer or "", "correct": None if correct is None else bool(correct)}
    if sample.text:
        record["text"] = sample.text
    if sample.usage is not None:
        record["tokens"] = int(sample.usage.delivered)
    if sample.confidence is not None:
        record["confidence"] = float(sample.confidence)
    extra: dict[str, Any] = {}
    if sample.index != position:
        extra["index"] = int(sample.index)
    if sample.end != End.STOP:
        extra["end"] = str(sample.end)
    if sample.error is not None:
        extra["error"] = sample.error
    if sample.usage is not None and sample.usage != Usage(delivered=sample.usage.delivered):
        extra["usage"] = {key: int(getattr(sample.usage, field)) for field, key in USAGE.items()}
    if sample.given:
        extra["given"] = int(sample.given)
    if sample.token_ids:
        extra["token_ids"] = [int(token) for token in sample.token_ids]
    for column in COLUMNS:
        if (value := getattr(sample.trace, column.name)) not in (None, (), {}):
            extra[column.name] = _dump_column(column, value)
    if (owners := stored_owners(sample.trace)) is not None:
        extra["owners"] = {owner: [int(token) for token in tokens] for owner, tokens in owners.items()}
    for name, kind in SAMPLE_EXTRAS.items():
        if (value := getattr(sample, name)) is not None:
            extra[name] = kind(value)
    if extra:
        record["tts"] = extra
    return record


def _dump_floats(values: tuple[float, ...]) -> list[float | str]:
    return [float(value) if math.isfinite(value) else str(float(value)) for value in values]


def _ids(value: object, key: str) -> tuple[int, ...]:
    ids = _list(value, key)
    if any(type(token) is not int for token in ids):
        raise _Fault(f"key {key!r} must be a list of whole numbers, got {_shown(ids)}")
    return tuple(ids)


def _floats(value: object, key: str) -> tuple[float, ...]:
    numbers = []
    for number in _list(value, key):
        if type(number) in (int, float):
            numbers.append(float(number))
        elif isinstance(number, str) and number in _SPECIAL:
            numbers.append(_SPECIAL[number])
        else:
            raise _Fault(f"key {key!r} must hold numbers, 'inf', '-inf' or 'nan', got {_shown(number)}")
    return tuple(numbers)


def _finite(value: object, key: str) -> float:
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) is int and abs(value) < 2**1023:
        return float(value)
    raise _Fault(f"key {key!r} must be a finite number, got {_shown(value)}")


def _count(value: object, key: str) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise _Fault(f"key {key!r} must be a whole number from 0 to 2^63 - 1, got {_shown(value)}")
    return value


def _string(value: object, key: str) -> str:
    if not isinstance(value, str):
        raise _Fault(f"key {key!r} must be a string, got {_shown(value)}")
    return value


def _list(value: object, key: str) -> list[Any]:
    if not isinstance(value, list):
        raise _Fault(f"key {key!r} must be a list, got {_shown(value)}")
    return value


def _mapping(value: object, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Fault(f"key {key!r} must be an object, got {_shown(value)}")
    return value


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
