"""One line of a JSON Lines pool, and the Entry it stands for.

A line is an object ``{"id", "question", "gold"?, "task"?, "model"?, ..., "samples": [...]}`` and each of its samples an
object ``{"answer", "correct"?, "text"?, "tokens"?, "confidence"?, "scores"?, "tts"?}``:

- ``chat`` holds the messages and the tools of a problem that is no question alone (:mod:`tts.pool.chats`), and
  ``tts.calls`` of a sample the calls of tools that it makes.
- ``gold`` is the right answer, where it is known; ``accepted`` is a list of further right answers. Any other key of the
  line with a string value is kept in ``Entry.meta``; other values and unknown keys of a sample are not kept. A null
  ``?`` key counts as absent.
- ``answer`` is kept as recorded; an empty or null one could not be read. A missing ``correct`` is None, except that
  an answer that could not be read is wrong where other samples of the question are graded; an explicit null stays None.
- ``tokens`` is ``Usage(delivered=tokens)``; ``confidence`` any finite number; ``Sample.index`` the position.
- ``scores`` holds the scores that scorers gave the sample later, by label: a number, or ``{"value", "read", "drawn"}``
  with the tokens that the scorer read and drew.
- ``tts`` holds what the common keys cannot hold, for samples drawn by this framework: ``index``, ``end``, ``error``,
  ``usage`` (all six counts), ``given``, ``token_ids``, ``logprobs``, ``top``, ``entropy``, ``certainty``,
  ``processed``, ``steps`` (true or false a token), ``watched`` (token id -> probabilities), ``owners`` (owner -> its
  watched token ids; absent where there are none), ``probe``, and the optional fields of a sample
  (``tts.types.SAMPLE_EXTRAS``) where they are known. Floats that JSON has no number for are the strings "inf", "-inf"
  and "nan".
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from typing import Any

from tts.errors import InputError
from tts.pool.chats import calls_of, chat_of, with_chat
from tts.pool.jsonl.json_values import Fault, array, finite, flag, floats, ids, mapping, shown, string, whole
from tts.pool.records import RESERVED, Entry, Score
from tts.pool.stored import USAGE
from tts.types import COLUMNS, SAMPLE_EXTRAS, Column, End, Problem, Sample, Trace, Usage

_NO_TRACE = Trace()
_EXTRAS = {str: string, float: finite, bool: flag, int: whole}


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
            raise Fault(f"must be a JSON object, got {shown(record)}")
        return _entry(record)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not valid JSON at column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError, Fault) as error:  # InputError is a ValueError
        raise InputError(f"{where}: {error}") from None


def dump_line(entry: Entry) -> str:
    """Write one line, without its newline: equal entries, their watched tokens in equal order, give equal text."""
    problem = entry.problem
    record: dict[str, Any] = {"id": problem.id, "question": problem.question, "gold": problem.gold}
    if problem.task:
        record["task"] = problem.task
    if problem.accepted:
        record["accepted"] = list(problem.accepted)
    if chat := chat_of(problem):
        record["chat"] = chat
    record.update(sorted(entry.meta.items()))
    graded = zip(entry.samples, entry.correct, strict=True)
    record["samples"] = [_dump_sample(i, sample, correct) for i, (sample, correct) in enumerate(graded)]
    for label, scores in entry.scores.items():
        for position, (sample, score) in enumerate(zip(record["samples"], scores, strict=True)):
            if score is not None or position == 0:  # the first sample names every scorer, in order
                sample.setdefault("scores", {})[label] = None if score is None else _dump_score(score)
    return json.dumps(record, ensure_ascii=False, allow_nan=False)


def _entry(record: dict[str, Any]) -> Entry:
    for key in ("id", "question", "samples"):
        if key not in record:
            raise Fault(f"key {key!r} is missing; a line needs id, question and samples")
    gold = None if record.get("gold") is None else string(record["gold"], "gold")
    task = "" if record.get("task") is None else string(record["task"], "task")
    accepted = tuple(string(one, "accepted") for one in array(record.get("accepted") or [], "accepted"))
    if record.get("model") is not None:
        string(record["model"], "model")
    if not isinstance(record["samples"], list):
        raise Fault(f"key 'samples' must be a list of objects, got {shown(record['samples'])}")
    if not record["samples"]:
        raise Fault("key 'samples' must hold at least one sample, got an empty list")
    samples = []
    grades: list[bool | None] = []
    for position, sample in enumerate(record["samples"]):
        samples.append(_sample(position, sample))
        grades.append(_grade(position, sample))
    if any(grade is not None for grade in grades):
        for i, sample in enumerate(record["samples"]):
            if not sample["answer"] and "correct" not in sample:
                grades[i] = False
    problem = Problem(string(record["id"], "id"), string(record["question"], "question"), gold, task, accepted)
    if record.get("chat") is not None:
        problem = with_chat(problem, record["chat"])
    return Entry(
        problem,
        tuple(samples),
        tuple(grades),
        {key: value for key, value in record.items() if key not in RESERVED and isinstance(value, str)},
        _scores(record["samples"]),
    )


def _scores(samples: list[dict[str, Any]]) -> dict[str, tuple[Score | None, ...]]:
    """Return the scores of a question's samples by label."""
    given = [mapping(sample.get("scores") or {}, f"samples[{i}].scores") for i, sample in enumerate(samples)]
    labels = dict.fromkeys(label for scores in given for label in scores)
    return {
        label: tuple(_score(scores.get(label), f"samples[{i}].scores.{label}") for i, scores in enumerate(given))
        for label in labels
    }


def _score(value: object, key: str) -> Score | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        return Score(finite(value, key))
    if not {"value"} <= set(value) <= {"value", "read", "drawn"}:
        raise Fault(f"key {key!r} must be a number or have the keys value, read, drawn, got {shown(value)}")
    read, drawn = (whole(value.get(name, 0), f"{key}.{name}") for name in ("read", "drawn"))
    return Score(finite(value["value"], f"{key}.value"), read, drawn)


def _dump_score(score: Score) -> float | dict[str, float | int]:
    if not (score.read or score.drawn):
        return float(score.value)
    return {"value": float(score.value), "read": int(score.read), "drawn": int(score.drawn)}


def _sample(position: int, record: object) -> Sample:
    at = f"samples[{position}]"
    if not isinstance(record, dict):
        raise Fault(f"key {at!r} must be an object, got {shown(record)}")
    if "answer" not in record:
        raise Fault(f"key '{at}.answer' is missing; give an empty string where no answer could be read")
    answer, text = record["answer"], record.get("text")
    if answer is not None and not isinstance(answer, str):
        raise Fault(f"key '{at}.answer' must be a string, got {shown(answer)}")
    if text is not None and not isinstance(text, str):
        raise Fault(f"key '{at}.text' must be a string, got {shown(text)}")
    confidence = record.get("confidence")
    if confidence is not None:
        confidence = finite(confidence, f"{at}.confidence")
    tokens = record.get("tokens")
    usage = None if tokens is None else Usage(delivered=whole(tokens, f"{at}.tokens"))
    sample = Sample(text or "", answer or None, End.STOP, confidence, position, (), _NO_TRACE, usage)
    if record.get("tts") is None:
        return sample
    return _extended(sample, mapping(record["tts"], f"{at}.tts"), f"{at}.tts")


def _extended(sample: Sample, extra: dict[str, Any], at: str) -> Sample:
    usage = sample.usage
    end = extra.get("end", End.STOP.value)
    if end not in tuple(End):
        raise Fault(f"key '{at}.end' must be one of {', '.join(End)}, got {shown(end)}")
    if "usage" in extra:
        counts = mapping(extra["usage"], f"{at}.usage")
        if "kept" in counts:
            raise Fault(f"key '{at}.usage' is of an older version: run `tts pool upgrade` on the file once")
        if set(counts) != set(USAGE):
            raise Fault(f"key '{at}.usage' must have the keys {', '.join(USAGE)}, got {shown(counts)}")
        usage = Usage(**{name: whole(counts[name], f"{at}.usage.{name}") for name in USAGE})
    token_ids = ids(extra.get("token_ids", []), f"{at}.token_ids")
    columns = {c.name: _column(c, extra[c.name], f"{at}.{c.name}") for c in COLUMNS if extra.get(c.name) is not None}
    owners: dict[str, tuple[int, ...]] = {}
    for owner, tokens in mapping(extra.get("owners") or {}, f"{at}.owners").items():
        owners[owner] = ids(tokens, f"{at}.owners.{owner}")
    extras: dict[str, Any] = {
        name: _EXTRAS[kind](extra[name], f"{at}.{name}")
        for name, kind in SAMPLE_EXTRAS.items()
        if extra.get(name) is not None
    }
    return replace(
        sample,
        end=End(end),
        index=whole(extra.get("index", sample.index), f"{at}.index"),
        token_ids=token_ids,
        trace=Trace(owners=owners, **columns),
        usage=usage,
        error=None if extra.get("error") is None else string(extra["error"], f"{at}.error"),
        given=whole(extra.get("given", 0), f"{at}.given"),
        **extras,
        calls=() if extra.get("calls") is None else calls_of(extra["calls"]),
    )


def _column(column: Column, value: object, key: str) -> Any:
    """A column of a trace."""
    if column.per == "sample":
        return finite(value, key)
    if column.per == "watched":
        watched = {}
        for token, values in mapping(value, key).items():
            try:
                watched[int(token)] = floats(values, f"{key}.{token}")
            except ValueError:
                raise Fault(f"key '{key}' must be keyed by token ids, got {shown(token)}") from None
        return watched
    if column.kind is float:
        return floats(value, key)
    flags = array(value, key)
    if any(type(flag) is not bool for flag in flags):
        raise Fault(f"key '{key}' must be a list of true and false, got {shown(flags)}")
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
        raise Fault(f"key 'samples[{position}].correct' must be true, false or null, got {shown(grade)}")
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
        extra["usage"] = {name: int(getattr(sample.usage, name)) for name in USAGE}
    if sample.given:
        extra["given"] = int(sample.given)
    if sample.token_ids:
        extra["token_ids"] = [int(token) for token in sample.token_ids]
    for column in COLUMNS:
        if (value := getattr(sample.trace, column.name)) not in (None, (), {}):
            extra[column.name] = _dump_column(column, value)
    if owners := sample.trace.owners:
        extra["owners"] = {owner: [int(token) for token in tokens] for owner, tokens in owners.items()}
    for name, kind in SAMPLE_EXTRAS.items():
        if (value := getattr(sample, name)) is not None:
            extra[name] = kind(value)
    if sample.calls:
        extra["calls"] = [asdict(call) for call in sample.calls]
    if extra:
        record["tts"] = extra
    return record


def _dump_floats(values: tuple[float, ...]) -> list[float | str]:
    return [float(value) if math.isfinite(value) else str(float(value)) for value in values]
