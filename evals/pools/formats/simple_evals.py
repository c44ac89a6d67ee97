"""Results of simple-evals (``*_allresults.json``) and predictions of OpenCompass (``predictions/MODEL/TASK.json``).

simple-evals keeps each conversation in ``convos`` and the right answer in the page beside it, in ``htmls``. OpenCompass
numbers its questions: ``{"0": {"origin_prompt", "prediction", "gold"}}``, the prediction a text or a list of them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evals.pools.records import Record, Source, drawn, held, plain_text
from tts.errors import InputError

FORMAT = "results of simple-evals"
OPENCOMPASS = "predictions of OpenCompass"
_GOLD = re.compile(r"<p>\s*Correct Answer:\s*(?P<gold>.*?)\s*</p>", re.DOTALL)


def fits(document: Mapping[str, Any]) -> bool:
    """Return whether a document is of simple-evals."""
    return isinstance(document.get("convos"), list) and "htmls" in document


def fits_opencompass(document: Mapping[str, Any]) -> bool:
    """Return whether a document is of OpenCompass."""
    first = next(iter(document.values()), None)
    return isinstance(first, Mapping) and "prediction" in first and all(key.isdecimal() for key in document)


def read(path: str, document: Mapping[str, Any]) -> Source:
    """Read the results of simple-evals.

    Raises:
        InputError: a conversation has no reply.
    """
    pages = document.get("htmls") or []
    records = []
    for i, convo in enumerate(document["convos"]):
        where = f"{path}, conversation {i + 1}"
        if not isinstance(convo, list) or len(convo) < 2 or convo[-1].get("role") != "assistant":
            raise InputError(f"{where}: does not end with a reply of the assistant")
        gold = _GOLD.search(str(pages[i])) if i < len(pages) else None
        golds = (html.unescape(gold["gold"]),) if gold else ()
        record = Record(where, plain_text(convo[:-1]) or "", golds, prompted=True)
        record.add(drawn(plain_text(convo[-1]) or ""))
        records.append(record)
    return Source(path, FORMAT, records, Path(path).name.partition("_")[0])


def read_opencompass(path: str, document: Mapping[str, Any]) -> Source:
    """Read the predictions of OpenCompass.

    Raises:
        InputError: a question has no prediction.
    """
    name = re.sub(r"_\d+$", "", Path(path).stem)
    records = []
    for number, row in document.items():
        where = f"{path}, question {number}"
        if not isinstance(row, Mapping) or "prediction" not in row:
            raise InputError(f"{where}: has no prediction{f'; it has {held(row)}' if isinstance(row, Mapping) else ''}")
        gold = row.get("gold")
        golds = tuple(gold) if isinstance(gold, list) else () if gold in (None, "") else (gold,)
        asked = _prompt(row.get("origin_prompt"))
        record = Record(where, asked, golds, f"{name}-{number}", prompted=True, model=Path(path).parent.name)
        predictions = row["prediction"] if isinstance(row["prediction"], list) else [row["prediction"]]
        for prediction in predictions:
            record.add(drawn(str(prediction)))
        records.append(record)
    return Source(path, OPENCOMPASS, records, name)


def _prompt(prompt: Any) -> str:
    if isinstance(prompt, str):
        return prompt
    return plain_text(prompt) or ""
