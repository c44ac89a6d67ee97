"""Answers read from many texts in several processes at once; the child's whole life is :func:`main`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, cast

from evals.tasks.choices import Choices
from evals.tasks.reading import reader
from tts.answers.process import Worker, serve
from tts.answers.reading import Kind, Mark, Reading
from tts.prompts import Prompt
from tts.types import Problem

MANY = 20_000
"""The number of texts from which on several processes read them; a process takes some tenths of a second to start."""
_MOST_PROCESSES = 8
_TEXTS_AT_ONCE = 2_000
_SECONDS = 600.0
_CODE = "from evals.pools.parallel import main; main()"
_PROMPT = Prompt("{question}")


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one question.

    Attributes:
        texts: the texts.
        choices: the options of the question, or None.
    """

    texts: Sequence[str]
    choices: Choices | None = None


def processes_for(count: int) -> int:
    """Return the number of processes that read this many texts; 1 for the caller's own."""
    return min(os.cpu_count() or 1, _MOST_PROCESSES) if count >= MANY else 1


def read_texts(questions: Sequence[Texts], kind: Kind, rule: str) -> list[list[Reading]]:
    """Return the readings of each question's texts, read in this process.

    Args:
        questions: the texts.
        kind: the kind of answers.
        rule: "flexible" or "strict".
    """
    found = []
    for question in questions:
        read = reader(rule, _PROMPT, kind=kind, choices={"": question.choices} if question.choices else None)
        found.append([read(Problem("", ""), text) for text in question.texts])
    return found


def read_in_processes(questions: Sequence[Texts], kind: Kind, rule: str, *, processes: int) -> list[list[Reading]]:
    """Return the readings of each question's texts, read in several processes.

    Args:
        questions: the texts.
        kind: the kind of answers.
        rule: "flexible" or "strict".
        processes: the number of processes.
    """
    free: SimpleQueue[Worker] = SimpleQueue()
    workers = [Worker(_CODE) for _ in range(processes)]
    for worker in workers:
        free.put(worker)

    def read(part: Sequence[Texts]) -> list[list[Reading]]:
        worker = free.get()
        try:
            sent = [[one.texts, _plain(one.choices)] for one in part]
            results = worker.run([{"kind": kind, "rule": rule, "questions": sent}], _SECONDS)
        finally:
            free.put(worker)
        if not results:  # the process died: read here, where an error can be seen
            return read_texts(part, kind, rule)
        return [[Reading(answer, cast(Mark, mark), text) for answer, mark, text in one] for one in results[0]]

    try:
        with ThreadPoolExecutor(processes) as pool:
            return [one for part in pool.map(read, _parts(questions)) for one in part]
    finally:
        for worker in workers:
            worker.stop()


def _parts(questions: Sequence[Texts]) -> Iterator[list[Texts]]:
    part, count = list[Texts](), 0
    for question in questions:
        part.append(question)
        count += len(question.texts)
        if count >= _TEXTS_AT_ONCE:
            yield part
            part, count = [], 0
    if part:
        yield part


def _plain(choices: Choices | None) -> Any:
    return None if choices is None else [choices.texts, choices.labels]


def main() -> None:
    """Answer the requests of :func:`read_in_processes`."""

    def read(item: dict[str, Any]) -> Any:
        questions = [
            Texts(texts, None if choices is None else Choices(tuple(choices[0]), tuple(choices[1])))
            for texts, choices in item["questions"]
        ]
        found = read_texts(questions, item["kind"], item["rule"])
        return [[(one.answer, one.mark, one.text) for one in readings] for readings in found]

    serve(lambda: read)
