"""Answers read from many texts in several processes at once; the child's whole life is :func:`main`."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, cast

from evals.tasks.choices import Choices
from evals.tasks.reading import reader
from tts.answers.process import Worker, serve
from tts.answers.reading import Kind, Mark, Reading
from tts.prompts import Prompt
from tts.types import Problem

MANY = 10_000_000
"""The characters of texts from which on other processes read them: one takes half a second to start."""
_MOST_PROCESSES = 8
_AHEAD = 3
"""Parts that are read, or wait for it, for each process."""
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


def processes_for(characters: int) -> int:
    """Return the number of processes that read texts of this length in all while the caller writes; 0 for none."""
    return min((os.cpu_count() or 1) - 1, _MOST_PROCESSES) if characters >= MANY else 0


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


def read_in_processes(
    parts: Iterable[Sequence[Texts]], kind: Kind, rule: str, *, processes: int
) -> Iterator[list[list[Reading]]]:
    """Yield the readings of each part's texts in order, read in other processes while the caller goes on.

    Where the next part is not read yet, this process reads parts too, the first ones while the others start.

    Args:
        parts: the texts of some questions each, taken a few parts ahead of what is yielded.
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

    waiting = deque[_Part]()
    try:
        with ThreadPoolExecutor(processes) as pool:
            for part in parts:
                waiting.append(_Part(part, pool.submit(read, part)))
                if len(waiting) >= _AHEAD * processes:
                    yield _first(waiting, kind, rule)
            while waiting:
                yield _first(waiting, kind, rule)
    finally:
        for worker in workers:
            worker.stop()


@dataclass(slots=True)
class _Part:
    texts: Sequence[Texts]
    elsewhere: Future[list[list[Reading]]]
    here: list[list[Reading]] | None = None


def _first(waiting: deque[_Part], kind: Kind, rule: str) -> list[list[Reading]]:
    """Return the readings of the first part; what no process has begun is read here until they are there."""
    while waiting[0].here is None and not waiting[0].elsewhere.done():
        mine = next((part for part in waiting if part.here is None and part.elsewhere.cancel()), None)
        if mine is None:
            break
        mine.here = read_texts(mine.texts, kind, rule)
    first = waiting.popleft()
    return first.elsewhere.result() if first.here is None else first.here


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
