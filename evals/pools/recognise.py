"""The format of a file with samples, by its shape."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from evals.pools.formats import batch, fields, inspect_ai, lm_eval, own, simple_evals, vllm
from evals.pools.records import Fields, Source, held
from evals.pools.sources import HUB, load
from tts.errors import InputError
from tts.pool.files import holds_runs

_NO_FIELDS = Fields()
KNOWN = (
    "a pool, logs of lm-evaluation-harness and Inspect, outputs of vLLM and of OpenAI's batches, results of "
    "simple-evals and OpenCompass"
)


def read_source(path: str, named: Fields = _NO_FIELDS, *, split: str = "test") -> Source:
    """Read a file in the format that it has.

    Args:
        path: the file, or ``hf://datasets/OWNER/NAME``.
        named: the fields that the user names; with any but the question's, the file is read by them.
        split: the split of a data set on the hub.

    Raises:
        InputError: it cannot be read, or its shape is not known.
    """
    if holds_runs(path):
        return own.read(path)
    if not path.startswith(HUB) and not os.path.isfile(path):
        raise InputError(f"{path}: no such file")
    loaded = load(path, split=split)
    if loaded.document is not None:
        return _read_document(path, loaded.document, named)
    rows = loaded.rows
    first = next(iter(rows), None)
    if first is None:
        raise InputError(f"{path}: is empty; give a file with at least one sample")
    row = first[1]
    if not isinstance(row, Mapping):
        raise InputError(
            f'{first[0]}: must be an object such as {{"question": ..., "answers": [...]}}, got {row!r:.40}'
        )
    if lm_eval.fits(row) and set(named.names) <= {"question"}:
        return lm_eval.read(path, rows, question=named.names.get("question", ""))
    if named:
        return fields.read(path, rows, named)
    if own.fits(row) and not path.startswith(HUB):
        return own.read(path)
    if batch.is_request(row):
        return batch.read_requests(path, rows)
    if batch.is_output(row):
        return batch.read_outputs(path, rows)
    if vllm.fits(row):
        return vllm.read(path, rows)
    return fields.read(path, rows, named)


def is_pool_file(path: str) -> bool:
    """Return whether a file is a JSON Lines or Parquet pool.

    Raises:
        InputError: it cannot be read.
    """
    if not os.path.isfile(path) or not path.lower().endswith((".jsonl", ".jsonl.gz", ".parquet")):
        return False
    first = next(iter(load(path).rows), None)
    return first is not None and isinstance(first[1], Mapping) and own.fits(first[1])


def _read_document(path: str, document: Mapping[str, Any], named: Fields) -> Source:
    if inspect_ai.fits(document):
        return inspect_ai.read(path, document)
    if simple_evals.fits(document):
        return simple_evals.read(path, document)
    if simple_evals.fits_opencompass(document):
        return simple_evals.read_opencompass(path, document)
    row = f"{path}, row 1", document
    if vllm.fits(document):
        return vllm.read(path, [row])
    lists = [key for key, value in document.items() if isinstance(value, list) and value and isinstance(value[0], dict)]
    if len(lists) == 1 and "question" not in document:
        return fields.read(path, [(f"{path}, row {i}", one) for i, one in enumerate(document[lists[0]], 1)], named)
    if {"question", "problem", "prompt"} & set(document) or named:
        return fields.read(path, [row], named)
    raise InputError(
        f"{path}: is of no known shape; it has {held(document)}, and known are {KNOWN}: name the fields of its rows by "
        "--question, --text and --gold, or write it as JSON Lines"
    )
