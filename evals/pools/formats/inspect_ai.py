"""Logs of Inspect, .json or .eval: one object with ``eval`` (task, model) and ``samples``, one an epoch of a question.

A sample has ``id``, ``epoch``, ``input`` (a text or messages), ``choices``, ``target`` and ``output``, whose
``choices`` hold the message, the reason why it ended and the log-probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evals.pools.formats.chat import logprobs_of
from evals.pools.records import Record, Source, drawn, ended, held, plain_id, plain_text
from evals.tasks.choices import read_choices
from tts.errors import InputError
from tts.types import End, Sample

FORMAT = "log of Inspect"


def fits(document: Mapping[str, Any]) -> bool:
    """Return whether a document is such a log."""
    return isinstance(document.get("eval"), Mapping) and ("samples" in document or "plan" in document)


def read(path: str, document: Mapping[str, Any]) -> Source:
    """Read a log.

    Args:
        path: the file.
        document: its content.

    Raises:
        InputError: it holds no samples, or one of another shape.
    """
    about = document["eval"]
    task = str(about.get("task") or "").rpartition("/")[2]
    samples = document.get("samples") or []
    if not samples:
        raise InputError(f"{path}: the log holds no samples; its status is {document.get('status', 'unknown')}")
    samples = sorted(samples, key=lambda one: one.get("epoch", 1) if isinstance(one, Mapping) else 0)
    records = [_record(f"{path}, sample {i}", one, task, about) for i, one in enumerate(samples, 1)]
    failed = sum(sample.end is End.FAILED for record in records for sample in record.samples)
    notes = [f"{path}: {failed} of {len(records)} samples failed there; they are kept as failed"] if failed else []
    return Source(path, FORMAT, records, task, notes=notes)


def _record(where: str, sample: Any, task: str, about: Mapping[str, Any]) -> Record:
    if not isinstance(sample, Mapping) or not {"input", "output", "id"} <= set(sample):
        keys = held(sample) if isinstance(sample, Mapping) else type(sample).__name__
        raise InputError(f"{where}: a sample of Inspect has id, input and output; this one has {keys}")
    text = plain_text(sample["input"]) or ""
    target = sample.get("target")
    golds = tuple(target) if isinstance(target, list) else () if target in (None, "") else (target,)
    number = plain_id(sample["id"], where) or ""
    record = Record(
        where,
        text,
        golds,
        f"{task}-{number}" if number.isdecimal() else number,
        model=str(about.get("model") or ""),
    )
    if sample.get("choices"):
        record.choices = read_choices(sample["choices"], where)
        record.question = record.choices.shown(text)
    output = sample["output"] if isinstance(sample["output"], Mapping) else {}
    usage = output.get("usage") or {}
    choices = output.get("choices") or []
    if not choices:
        error = sample.get("error")
        reason = error.get("message") if isinstance(error, Mapping) else None
        record.add(Sample(end=End.FAILED, error=" ".join(str(reason or "no reply").split())[:300], failure="error"))
    for i, choice in enumerate(choices):
        record.add(
            drawn(
                _spoken(choice.get("message")),
                end=ended(choice.get("stop_reason")),
                logprobs=logprobs_of(choice.get("logprobs"), where),
                tokens=usage.get("output_tokens") if len(choices) == 1 else None,
                prompt=(usage.get("input_tokens") or 0) if i == 0 else 0,
                reasoning=_reasoning(choice.get("message")),
            )
        )
    return record


def _spoken(message: Any) -> str:
    return plain_text(message) or ""


def _reasoning(message: Any) -> str | None:
    content = message.get("content") if isinstance(message, Mapping) else None
    if not isinstance(content, list):
        return None
    parts = [part.get("reasoning") for part in content if isinstance(part, Mapping)]
    return "\n".join(part for part in parts if isinstance(part, str)) or None
