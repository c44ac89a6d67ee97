"""Logs of lm-evaluation-harness: ``samples_TASK_DATE.jsonl``, written by ``--log_samples``.

A line is one question under one filter: ``doc_id``, ``doc`` (the row of the data set), ``target``, ``arguments`` (the
prompt), ``resps`` (the replies, one list a request) and ``filter``. A task with several filters repeats its replies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from evals.pools.records import Anew, Record, Source, drawn, held, plain_text
from evals.tasks.choices import read_choices
from evals.tasks.rows import value_at
from tts.errors import InputError

FORMAT = "log of lm-evaluation-harness"
_NAME = re.compile(r"samples_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\dT[\d.:-]+)\.jsonl(\.gz)?$")
_QUESTION = ("question", "problem", "input", "query", "Question", "body")


def fits(row: Mapping[str, Any]) -> bool:
    """Return whether a row is a line of such a log."""
    return "resps" in row and "doc" in row


def read(path: str, rows: Iterable[tuple[str, Any]], *, question: str = "") -> Source:
    """Read a log.

    Args:
        path: the file, whose name tells the task; the file of results beside it tells the model.
        rows: its lines, which can be iterated several times.
        question: the path of the question, where it is not the usual one.

    Raises:
        InputError: a line is of another shape, or the task compares likelihoods.
    """
    name = _NAME.search(Path(path).name)
    task = name["task"] if name else ""
    model = _model(Path(path), name["date"]) if name else ""
    return Source(path, FORMAT, Anew(lambda: _records(rows, task, model, question)), task)


def _records(rows: Iterable[tuple[str, Any]], task: str, model: str, question: str) -> Iterator[Record]:
    first = None
    for where, row in rows:
        if not isinstance(row, Mapping) or not fits(row):
            keys = held(row) if isinstance(row, Mapping) else type(row).__name__
            raise InputError(f"{where}: is no line of a {FORMAT}, as the lines before it are; it has {keys}")
        first = row.get("filter") if first is None else first
        if row.get("filter") != first:
            continue  # the same replies under the next filter
        yield _record(where, row, task, model, question)


def _record(where: str, row: Mapping[str, Any], task: str, model: str, question: str) -> Record:
    replies = [reply for request in row["resps"] for reply in (request if isinstance(request, list) else [request])]
    if not replies or not all(isinstance(reply, str) for reply in replies):
        raise InputError(
            f"{where}: its task compares the likelihoods of options, which are no samples; import a task whose "
            "output_type is generate_until"
        )
    doc = row["doc"] if isinstance(row["doc"], Mapping) else {}
    prompt = plain_text(value_at(row, "arguments.gen_args_0.arg_0") or value_at(row, "arguments.0.0")) or ""
    names = (question,) if question else tuple(f"doc.{name}" for name in _QUESTION)
    asked = next((text for name in names if (text := plain_text(value_at(row, name)))), "")
    if question and not asked:
        raise InputError(f"{where}: has no question under {question}; `doc` has {held(doc)}")
    record = Record(
        where,
        asked or _messages(prompt),
        () if row.get("target") in (None, "") else _golds(row["target"]),
        f"{task or 'doc'}-{row.get('doc_id', len(where))}",
        model=model,
        prompted=not asked,
    )
    record.choices = _choices(doc, record.golds, where)
    for reply in replies:
        record.add(drawn(reply))
    return record


def _golds(target: Any) -> tuple[Any, ...]:
    if isinstance(target, str) and target[:2] in ("['", '["'):  # a list of targets, as the tool writes it
        try:
            return tuple(json.loads(target.replace("'", '"')))
        except ValueError:
            return (target,)
    return tuple(target) if isinstance(target, list) else (target,)


def _choices(doc: Mapping[str, Any], golds: tuple[Any, ...], where: str) -> Any:
    """Return the options of a question whose target is one of them."""
    given = doc.get("choices") or doc.get("options")
    if given is None or not golds:
        return None
    try:
        found = read_choices(given, where)
    except InputError:
        return None
    return found if found.letter(golds[0]) is not None else None


def _messages(prompt: str) -> str:
    """Return the question of a prompt that is a list of messages as JSON, else the prompt."""
    if prompt[:2] != "[{":
        return prompt
    try:
        return plain_text(json.loads(prompt)) or prompt
    except ValueError:
        return prompt


def _model(path: Path, date: str) -> str:
    try:
        results = json.loads(path.with_name(f"results_{date}.json").read_text())
    except (OSError, ValueError):
        return ""
    name = results.get("model_name") or results.get("model_source") if isinstance(results, dict) else ""
    return name if isinstance(name, str) and name != "None" else ""
