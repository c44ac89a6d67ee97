"""Problems with worked answers from JSON Lines files, one {"question", "answer"} a line."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tts.answers import canonical_number, extract_gsm8k
from tts.errors import InputError
from tts.files import read_bytes
from tts.pool.check import text_fault

GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Worked:
    """A question, its worked answer and its id as the source has them, and its gold number."""

    question: str
    answer: str
    gold: str
    id: str | None = None


def read_worked(path: str | os.PathLike[str]) -> list[Worked]:
    """Read the questions of a file (.jsonl, or .jsonl.gz).

    A line is {"question", "answer"}, where the answer is a number or ends with "#### number", or has the number under
    "gold"; "id" may be given. Empty lines are skipped.

    Raises:
        InputError: no such file, no questions, or a line without a question or a gold answer; the sentence names it.
    """
    raw = read_bytes(path)
    try:
        text = (gzip.decompress(raw) if raw[:2] == GZIP else raw).decode("utf-8-sig")
    except (EOFError, OSError, zlib.error):
        raise InputError(f"{path}: is a damaged gzip file; make it again") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is no UTF-8 text; give a JSON Lines file") from None
    lines = text.split("\n")  # not splitlines: a text may hold other line ends
    return _checked(((f"{path}, line {number}", line) for number, line in enumerate(lines, 1) if line.strip()), path)


def _checked(lines: Iterable[tuple[str, str]], path: str | os.PathLike[str]) -> list[Worked]:
    found, ids = [], set[str]()
    for where, line in lines:
        try:
            record = json.loads(line)
        except ValueError as error:
            raise InputError(f"{where}: is no JSON ({error})") from None
        if not isinstance(record, dict):
            raise InputError(f'{where}: must be an object such as {{"question": ..., "answer": "#### 18"}}')
        worked = worked_of(record, where)
        if worked.id is not None and worked.id in ids:
            raise InputError(f"{where}: the id {worked.id!r} is given twice; ids must be distinct")
        if worked.id is not None:
            ids.add(worked.id)
        found.append(worked)
    if not found:
        raise InputError(f"{path}: holds no questions")
    return found


def worked_of(record: Mapping[str, Any], where: str) -> Worked:
    """Return a record as a worked question.

    Raises:
        InputError: a field is missing or has the wrong type, or there is no gold number; the sentence starts with
            ``where``.
    """
    question, given = record.get("question"), record.get("id")
    if not isinstance(question, str) or not question.strip():
        raise InputError(f"{where}: has no question; expected text under `question`")
    if given is not None and (not isinstance(given, str) or not given):
        raise InputError(f"{where}: id must be text, got {given!r}")
    for key in ("question", "answer", "gold", "id"):
        if isinstance(record.get(key), str) and (fault := text_fault(record[key])):
            raise InputError(f"{where}: {key} {fault}")
    answer, gold = record.get("answer"), record.get("gold")
    if answer is None and gold is None:
        raise InputError(
            f'{where}: has no gold answer; expected a number under `gold`, or "... #### 18" under `answer`'
        )
    number = _number(gold if gold is not None else answer)
    if number is None:
        raise InputError(
            f"{where}: no number can be read from its answer {_short(gold if gold is not None else answer)}; "
            'expected "#### 18" at its end'
        )
    return Worked(question, answer if isinstance(answer, str) else f"#### {number}", number, given)


def _number(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value)
    return extract_gsm8k(text) if "####" in text else canonical_number(text)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:30]}...{text[-25:]}"
