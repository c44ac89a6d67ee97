"""``RequestOutput`` of vLLM as JSON: a prompt with its ``outputs``, one object a line.

An output has ``text``, ``token_ids``, ``finish_reason`` and, where they were asked for, ``logprobs``: for each token a
mapping from token ids to ``{"logprob", "rank", "decoded_token"}``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from evals.pools.records import Anew, Record, Source, drawn, ended, held, numbers, plain_id, plain_text
from tts.errors import InputError

FORMAT = "RequestOutput of vLLM"


def fits(row: Mapping[str, Any]) -> bool:
    """Return whether a row is such an output."""
    outputs = row.get("outputs")
    return (
        isinstance(outputs, list)
        and bool(outputs)
        and isinstance(outputs[0], Mapping)
        and "text" in outputs[0]
        and ("prompt" in row or "request_id" in row or "prompt_token_ids" in row)
    )


def read(path: str, rows: Iterable[tuple[str, Any]]) -> Source:
    """Read the outputs of a file.

    Args:
        path: the file.
        rows: its lines, which can be iterated several times.

    Raises:
        InputError: a line is of another shape.
    """
    return Source(path, FORMAT, Anew(lambda: _records(rows)))


def _records(rows: Iterable[tuple[str, Any]]) -> Iterator[Record]:
    for where, row in rows:
        if not isinstance(row, Mapping) or not fits(row):
            keys = f"; it has {held(row)}" if isinstance(row, Mapping) else ""
            raise InputError(f"{where}: is no {FORMAT}, as the lines before it are{keys}")
        asked = plain_text(row.get("messages") or row.get("prompt"))
        record = Record(where, asked or "", id=None if asked else plain_id(row.get("request_id"), where), prompted=True)
        cached = row.get("num_cached_tokens") or 0
        prompt = max(len(row.get("prompt_token_ids") or ()) - cached, 0)
        for i, output in enumerate(row["outputs"]):
            ids = tuple(output.get("token_ids") or ())
            record.add(
                drawn(
                    output.get("text") or "",
                    end=ended(output.get("finish_reason")),
                    logprobs=_logprobs(output.get("logprobs"), ids, where),
                    token_ids=ids,
                    prompt=prompt if i == 0 else 0,
                    cached=cached if i == 0 else 0,
                )
            )
        yield record


def _logprobs(steps: Any, ids: tuple[int, ...], where: str) -> tuple[float, ...]:
    """Return the log-probability of each drawn token; empty where one is missing."""
    if not isinstance(steps, list) or len(steps) != len(ids):
        return ()
    values = []
    for token, step in zip(ids, steps, strict=True):
        found = step.get(str(token), step.get(token)) if isinstance(step, Mapping) else step
        values.append(found.get("logprob") if isinstance(found, Mapping) else found)
    return numbers(values, where, "logprobs")
