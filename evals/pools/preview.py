"""Imported samples in words: what each file holds, how answers are read, and the first questions as they are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from evals.pools.importing import Samples
from evals.pools.records import Source
from evals.report import formats
from evals.report.tables import Column, Table
from tts.answers.reading import Mark
from tts.types import End
from tts.wording import counted

SHOWN = 3
"""The questions that a preview shows."""
_SAMPLES = 6
_QUESTION_CHARS = 300


def sentence_of(source: Source) -> str:
    """Return the format of a file, its fields and its sizes as one line."""
    parts = [source.format]
    if source.task:
        parts.append(f"task {source.task}")
    if source.models:
        parts.append(f"model {', '.join(source.models)}")
    parts.append(counted(source.rows, "row"))
    parts.append(counted(source.samples, "sample"))
    fields = ", ".join(f"{part}={name}" for part, name in source.fields.items())
    return f"{source.path}: {', '.join(parts)}{f' ({fields})' if fields else ''}"


def sentences(samples: Samples) -> Iterator[str]:
    """Yield how the answers were read, and what a user should know beside it; after the samples were read."""
    answers = samples.answers
    read = ", ".join(f"{mark} {answers.marks[mark]}" for mark in get_args(Mark) if answers.marks[mark])
    if read:
        yield f"answers read as {answers.kind}, {answers.rule}: {read}"
    else:
        yield f"answers are the files' own, graded as {answers.kind}"
    yield from samples.notes
    if answers.unreadable:
        yield (
            f"the right answers of {counted(answers.unreadable, 'question')} cannot be read as {answers.kind}, so that "
            "samples of theirs have no grade; --answers names another kind"
        )
    if answers.regraded:
        yield (
            f"{counted(answers.regraded, 'sample')} that the file marks right "
            f"{'gives' if answers.regraded == 1 else 'give'} no answer of kind {answers.kind}, and so "
            f"{'counts' if answers.regraded == 1 else 'count'} as wrong"
        )


def previews(samples: Samples) -> Iterator[tuple[str, Table]]:
    """Yield a heading and a table for each of the first questions, as they would be read."""
    for problem, model, read in samples.first(SHOWN):
        gold = "no right answer" if problem.gold is None else f"right answer {', '.join(problem.golds)}"
        text = " ".join(problem.question.split())
        text = text if len(text) <= _QUESTION_CHARS else f"{text[: _QUESTION_CHARS - 1]}\u2026"
        by = f", model {model}" if model and len(samples.models) > 1 else ""
        more = f", the first {_SAMPLES} of {len(read)} samples" if len(read) > _SAMPLES else ""
        rows = [
            {
                "sample": str(i),
                "answer": one.sample.answer,
                "right": {True: "yes", False: "no", None: None}[one.correct],
                "mark": "failed" if one.sample.end is End.FAILED else one.reading.mark if one.reading else "file",
                "logprobs": str(len(one.sample.trace.logprobs)) if one.sample.trace.logprobs else None,
                "end": " ".join(one.sample.text.split())[-400:] or None,
            }
            for i, one in enumerate(read[:_SAMPLES])
        ]
        columns = [
            Column("sample", "sample"),
            Column("answer", "answer", formats.start_of(16), left=True),
            Column("right", "right", left=True),
            Column("mark", "mark", left=True),
            Column("logprobs", "logprobs"),
            Column("end", "end of the text", formats.end_of(28), left=True),
        ]
        kept = [column for column in columns if any(row[column.key] is not None for row in rows)]
        yield f"{problem.id}, {gold}{by}{more}\n  {text}", Table(tuple(kept), tuple(rows))
