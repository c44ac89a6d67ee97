"""Pools as files of other tools: logs of lm-evaluation-harness and of Inspect."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tts.errors import InputError, unknown_name
from tts.files import Output, atomic_path, check_replaced
from tts.pool import Entry, Pool, export_pool, read_pool
from tts.progress.phases import tracked
from tts.types import End, Sample

FORMATS = ("jsonl", "parquet", "lm-eval", "inspect")
"""The formats of an export."""
_SUFFIXES = {
    "jsonl": (".jsonl", ".jsonl.gz"),
    "parquet": (".parquet",),
    "lm-eval": (".jsonl",),
    "inspect": (".json",),
}


def export(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    to: str | None = None,
    force: bool = False,
    run: int | Sequence[int] | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> Pool:
    """Write a pool in a format of :data:`FORMATS`, whole or not at all.

    Args:
        source: the pool.
        target: the file.
        to: the format; None takes that of the target's suffix, a pool of JSON Lines or Parquet.
        force: replace a file that is there.
        run: for SQLite files that hold several runs, which one, or several to join; the latest where it is left out.
        notify: receives a sentence about what was chosen among several.

    Returns:
        The pool that was read.

    Raises:
        InputError: an unknown format, a target of another suffix, or one that exists.
    """
    if to is not None and to not in FORMATS:
        raise unknown_name("format", to, FORMATS)
    if to is not None and not str(target).lower().endswith(_SUFFIXES[to]):
        raise InputError(f"{target}: the file name of --to {to} must end in {' or '.join(_SUFFIXES[to])}")
    if to is None or to in ("jsonl", "parquet"):
        return export_pool(source, target, force=force, run=run, notify=notify)
    check_replaced(Output(Path(target), "pool"), command="", force=force, forced_by="force=True")
    pool = read_pool(source, run=run, notify=notify)
    with atomic_path(target) as temp, temp.open("w", encoding="utf-8") as file:
        file.writelines(_harness(pool) if to == "lm-eval" else _inspect(pool))
    return pool


def _harness(pool: Pool) -> Iterator[str]:
    """Yield the lines of a log of lm-evaluation-harness, one a question with all of its samples."""
    for number, entry in enumerate(tracked(pool.entries, "writing", "store", pool.questions)):
        problem = entry.problem
        doc = {"id": problem.id, "question": problem.question, "answer": problem.gold}
        replies = [_text(sample) for sample in entry.samples]
        right = _share(entry)
        line = {
            "doc_id": number,
            "doc": doc,
            "target": problem.golds[0] if len(problem.golds) == 1 else list(problem.golds),
            "arguments": {"gen_args_0": {"arg_0": problem.question, "arg_1": {}}},
            "resps": [replies],
            "filtered_resps": [sample.answer or "[invalid]" for sample in entry.samples],
            "filter": "none",
            "metrics": [] if right is None else ["exact_match"],
            **{f"{name}_hash": _hash(value) for name, value in (("doc", doc), ("prompt", problem.question))},
            "target_hash": _hash(problem.gold),
        }
        yield json.dumps(line if right is None else {**line, "exact_match": right}, ensure_ascii=False) + "\n"


def _inspect(pool: Pool) -> Iterator[str]:
    """Yield the parts of a log of Inspect, one sample an epoch of a question."""
    model = ", ".join(pool.models) or "unknown"
    tasks = list(dict.fromkeys(entry.problem.task for entry in pool.narrow().entries if entry.problem.task))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    ids = [entry.problem.id for entry in pool.narrow().entries]
    about = {
        **{"created": now, "task": tasks[0] if len(tasks) == 1 else "pool", "task_id": pool.sha256[:22]},
        "dataset": {"name": Path(pool.path).name, "samples": pool.questions, "sample_ids": ids, "shuffled": False},
        **{"model": model, "config": {"epochs": pool.samples_max}},
    }
    head = {"version": 2, "status": "success", "eval": about, "plan": {"name": "plan", "steps": [], "config": {}}}
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "samples": ['
    first = True
    for entry in tracked(pool.entries, "writing", "store", pool.questions):
        for epoch, (sample, correct) in enumerate(zip(entry.samples, entry.correct, strict=True), 1):
            yield ("" if first else ",\n") + json.dumps(
                _epoch(entry, sample, correct, epoch, model), ensure_ascii=False
            )
            first = False
    yield "]}\n"


def _epoch(entry: Entry, sample: Sample, correct: bool | None, epoch: int, model: str) -> dict[str, Any]:
    problem, text = entry.problem, _text(sample)
    message = {"role": "assistant", "content": text, "source": "generate", "model": model}
    choice: dict[str, Any] = {"message": message, "stop_reason": "max_tokens" if sample.end is End.LENGTH else "stop"}
    if sample.trace.logprobs:
        choice["logprobs"] = {"content": [{"token": "", "logprob": value} for value in sample.trace.logprobs]}
    output: dict[str, Any] = {"model": model, "choices": [choice], "completion": text}
    if sample.usage is not None:
        read, drawn = sample.usage.prompt + sample.usage.prompt_cached, sample.usage.delivered
        output["usage"] = {"input_tokens": read, "output_tokens": drawn, "total_tokens": read + drawn}
    if sample.end is End.FAILED:
        output |= {"choices": [], "completion": ""}
    target: Any = "" if problem.gold is None else problem.gold if not problem.accepted else list(problem.golds)
    scores = {} if correct is None else {"match": {"value": "C" if correct else "I", "answer": sample.answer}}
    asked = {"role": "user", "content": problem.question, "source": "input"}
    return {
        **{"id": problem.id, "epoch": epoch, "input": problem.question, "target": target},
        **{"messages": [asked, message], "output": output, "scores": scores, "metadata": dict(entry.meta), "store": {}},
    }


def _text(sample: Sample) -> str:
    """Return a sample's text; the answer where the pool keeps no text."""
    return sample.text or sample.answer or ""


def _share(entry: Entry) -> float | None:
    graded = [correct for correct in entry.correct if correct is not None]
    return sum(graded) / len(graded) if graded else None


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
