"""Batches of OpenAI and of ``vllm run-batch``: a file of requests, and one of outputs with the same ``custom_id``.

A request is ``{"custom_id", "method", "url", "body": {"model", "messages" or "prompt"}}``; an output is
``{"custom_id", "response": {"status_code", "body": completion}, "error"}`` and does not repeat the prompt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from evals.pools.formats.chat import add_completion
from evals.pools.records import Anew, Record, Source, held, plain_id, plain_text
from tts.errors import InputError
from tts.types import End, Sample

FORMAT = "batch output"
REQUESTS = "batch requests"


def is_request(row: Mapping[str, Any]) -> bool:
    """Return whether a row is a request."""
    return "custom_id" in row and isinstance(row.get("body"), Mapping)


def is_output(row: Mapping[str, Any]) -> bool:
    """Return whether a row is an output."""
    return "custom_id" in row and "response" in row


def read_requests(path: str, rows: Iterable[tuple[str, Any]]) -> Source:
    """Read the questions of a file of requests.

    Raises:
        InputError: a line is no request, or has no prompt.
    """
    records = []
    for where, row in rows:
        if not isinstance(row, Mapping) or not is_request(row):
            raise InputError(f"{where}: is no request of a batch, as the lines before it are{_held(row)}")
        body = row["body"]
        asked = plain_text(body.get("messages") or body.get("prompt") or body.get("input"))
        if not asked:
            raise InputError(f"{where}: has no messages and no prompt; its body has {held(body)}")
        records.append(Record(where, asked, id=plain_id(row["custom_id"], where), prompted=True))
    return Source(path, REQUESTS, records)


def read_outputs(path: str, rows: Iterable[tuple[str, Any]]) -> Source:
    """Read the samples of a file of outputs; its questions stand in the file of requests.

    Args:
        path: the file.
        rows: its lines, which can be iterated several times.

    Raises:
        InputError: a line is no output.
    """
    models, failed, count = set[str](), 0, 0
    for record in _outputs(rows, ""):
        models.add(record.model)
        failed += record.samples[0].end is End.FAILED
        count += 1
    named = models - {""}
    model = named.pop() if len(named) == 1 else ""
    notes = [f"{path}: {failed} of {count} requests failed there; they are kept as failed"] if failed else []
    return Source(path, FORMAT, Anew(lambda: _outputs(rows, model)), notes=notes)


def _outputs(rows: Iterable[tuple[str, Any]], model: str) -> Iterator[Record]:
    """Yield the outputs; one that names no model is of ``model``."""
    for where, row in rows:
        if not isinstance(row, Mapping) or not is_output(row):
            raise InputError(f"{where}: is no output of a batch, as the lines before it are{_held(row)}")
        record = Record(where, id=plain_id(row["custom_id"], where))
        response = row["response"] if isinstance(row["response"], Mapping) else {}
        body = response.get("body", response)
        if isinstance(body, Mapping) and (body.get("choices") or isinstance(body.get("output"), list)):
            add_completion(record, body)
        else:
            reason = plain_text(row.get("error") or (body or {}).get("error")) or "the request failed"
            record.add(Sample(end=End.FAILED, error=" ".join(reason.split())[:300], failure="error"))
        record.model = record.model or model
        yield record


def _held(row: Any) -> str:
    return f"; it has {held(row)}" if isinstance(row, Mapping) else ""
