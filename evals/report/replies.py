"""Replies and the answers that are read from them: by which mark, and whether a pool holds another answer."""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from evals.report import formats
from evals.report.tables import Column, Table
from evals.tasks.reading import RecordedReading, reading_of
from tts.answers import canonical
from tts.answers.reading import KINDS, Kind, Mark, Reading, read_hash_line, read_reply
from tts.errors import InputError

_END_CHARS = 28
_ANSWER_CHARS = 16
_NAME_CHARS = 16


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply of a file.

    Attributes:
        name: the question's id and the number of its sample, or the number of the line.
        text: the whole reply.
        stored: the answer that the file holds for it, or None.
    """

    name: str
    text: str
    stored: str | None = None


@dataclass(frozen=True, slots=True)
class ReadReplies:
    """Replies, read as one kind of answer.

    Attributes:
        kind: the kind.
        replies: the replies.
        readings: what was read from each.
    """

    kind: Kind
    replies: Sequence[Reply]
    readings: Sequence[Reading]

    @property
    def marks(self) -> dict[Mark, int]:
        """The number of replies by mark, in the order of the marks' strength."""
        counts = Counter(reading.mark for reading in self.readings)
        return {mark: counts[mark] for mark in get_args(Mark) if counts[mark]}

    @property
    def differing(self) -> int:
        """The number of replies whose stored answer is another one."""
        return sum(self.differs(i) for i in range(len(self.replies)))

    def differs(self, i: int) -> bool:
        """Return whether reply ``i`` has a stored answer of another canonical text."""
        stored, read = self.replies[i].stored, self.readings[i].answer
        return stored is not None and (canonical(stored, self.kind) or stored) != read

    @property
    def sentence(self) -> str:
        """The counts as one line."""
        marks = ", ".join(f"{mark} {count}" for mark, count in self.marks.items())
        differing = (
            f"; {self.differing} differ{'s'[: self.differing == 1]} from the stored answer" if self.differing else ""
        )
        count = len(self.replies)
        return f"{count} repl{'y' if count == 1 else 'ies'} read as {self.kind}: {marks}{differing}"

    def table(self, limit: int) -> Table:
        """Return the table of the first replies.

        Args:
            limit: the most rows, at least 1.
        """
        rows = [
            {
                "reply": reply.name,
                "answer": reading.answer,
                "mark": reading.mark,
                "stored": reply.stored if self.differs(i) else None,
                "end": " ".join(reply.text.split())[-400:],
            }
            for i, (reply, reading) in enumerate(zip(self.replies[:limit], self.readings, strict=False))
        ]
        columns = [
            Column("reply", "reply", formats.end_of(_NAME_CHARS), left=True),
            Column("answer", "answer", formats.start_of(_ANSWER_CHARS), left=True),
            Column("mark", "mark", left=True),
            Column("stored", "stored", formats.start_of(_ANSWER_CHARS), left=True),
            Column("end", "end of the reply", formats.end_of(_END_CHARS), left=True),
        ]
        if not any(row["stored"] for row in rows):
            del columns[3]
        return Table(tuple(columns), tuple(rows))


def read_replies(
    replies: Sequence[Reply], kind: Kind | None = None, *, guess: bool = False, hash_lines: bool = False
) -> ReadReplies:
    """Read the answer of each reply.

    Args:
        replies: the replies.
        kind: the kind of answer; None takes the one of number, choice and math that reads most replies, at least half
            of them, else text.
        guess: whether to take the last number or line of a reply without a mark.
        hash_lines: whether numbers behind ``####`` alone are read.
    """

    def read(kind: Kind, guess: bool) -> list[Reading]:
        return [
            read_hash_line(reply.text) if hash_lines else read_reply(reply.text, kind, guess=guess) for reply in replies
        ]

    if kind is None:
        count = {one: sum(reading.answer is not None for reading in read(one, False)) for one in KINDS if one != "text"}
        best = max(count, key=lambda one: count[one])
        kind = best if 2 * count[best] >= len(replies) else "text"
    return ReadReplies(kind, replies, read(kind, guess))


def recorded_reading(path: str, *, run: Sequence[int] | None = None) -> RecordedReading | None:
    """Return the way in which a run of a pool read its replies; None where the file records none, or runs differ.

    Args:
        path: any file of :func:`load_replies`.
        run: the run, or several, of pools that hold several; None takes the latest.
    """
    from tts.pool.files import holds_runs

    if not holds_runs(path):
        return None
    from tts.pool import PoolStore

    with PoolStore.read(path) as store:
        wanted = run or (store.latest_run(),)
        readings = {one.reading for one in store.runs() if one.id in wanted}
    return reading_of(readings.pop()) if len(readings) == 1 else None


def load_replies(
    path: str, *, run: Sequence[int] | None = None, notify: Callable[[str], None] = lambda _: None
) -> list[Reply]:
    """Read the replies of a file.

    Args:
        path: a pool, a JSON Lines file of {"text": ...}, a text file that is one reply, or "-" for standard input.
        run: for SQLite pools that hold several runs, which one, or several; None takes the latest.
        notify: receives a sentence about the run that was chosen.

    Raises:
        InputError: a file that cannot be read, or that holds no reply.
    """
    from tts.pool.files import holds_runs

    file = Path(path)
    if path != "-" and (holds_runs(path) or file.suffix == ".parquet"):
        return _of_pool(file, run, notify)
    text = _text(path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise InputError(f"{path} is empty: give a pool, a JSON Lines file with a text a line, or a text")
    lines = _is_object(first) and (path == "-" or ".jsonl" in file.suffixes or ".json" in file.suffixes)
    if lines and path != "-" and '"samples"' in first:
        return _of_pool(file, run, notify)
    if run is not None:
        raise InputError(f"{path}: --run {','.join(map(str, run))} was given, but only SQLite pools hold runs")
    if lines:
        return _of_lines(path, text)
    if ".jsonl" in file.suffixes:
        raise InputError(f'{path}: line 1 is no JSON object; expected a pool or {{"text": ...}} on each line')
    return [Reply("1", text)]


def _text(path: str) -> str:
    try:
        if path == "-":
            return sys.stdin.read()
        data = Path(path).read_bytes()
        return (gzip.decompress(data) if path.endswith(".gz") else data).decode()
    except UnicodeDecodeError:
        raise InputError(f"{path} is no text in UTF-8: give a pool, a JSON Lines file or a text") from None
    except (OSError, EOFError) as error:
        raise InputError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def _of_lines(path: str, text: str) -> list[Reply]:
    replies = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except ValueError:
            raise InputError(f"{path}: line {number} is no JSON object") from None
        if not isinstance(found, dict) or not isinstance(found.get("text"), str):
            raise InputError(f'{path}: line {number} has no field "text" with the reply')
        stored = found.get("answer")
        name = found.get("id", number)
        replies.append(Reply(str(name), found["text"], None if stored is None else str(stored)))
    return replies


def _of_pool(path: Path, run: Sequence[int] | None, notify: Callable[[str], None]) -> list[Reply]:
    from tts.pool import read_pool

    pool = read_pool(path, run=run, notify=notify)
    replies = [
        Reply(f"{entry.problem.id} {sample.index}", sample.text, sample.answer)
        for entry in pool.entries
        for sample in entry.samples
        if sample.text
    ]
    if not replies:
        raise InputError(f"{path} holds answers without their replies, so there is nothing to read them from")
    return replies


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
