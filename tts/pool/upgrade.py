"""Pools of older versions, rewritten in place; no other module knows their names.

JSON Lines and Parquet pools of older versions call delivered tokens ``kept``, and leave out the owner of eleven watched
tokens, which were FineCE's value tokens. :mod:`tts.pool.sqlite.upgrade` knows the versions of SQLite pools.
"""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tts.errors import InputError
from tts.files import atomic_path, read_bytes
from tts.pool.files import pool_format
from tts.pool.parts.folder import database
from tts.pool.sqlite import schema, upgrade
from tts.pool.sqlite.connect import write_lock
from tts.progress.phases import tracked


def upgrade_pool(path: str | os.PathLike[str]) -> bool:
    """Rewrite a pool of an older version in the current one, whole or not at all.

    Returns:
        False where there was nothing to do.

    Raises:
        InputError: the file is missing, is no pool, or is of a version that is not known.
        PoolLockedError: another process is writing to it.
    """
    kind = pool_format(path)
    if not database(path).is_file():
        raise InputError(f"{path}: no such file")
    return {"sqlite": _upgrade_sqlite, "jsonl": _upgrade_jsonl, "parquet": _upgrade_parquet}[kind](Path(path))


def _upgrade_sqlite(path: Path) -> bool:
    with write_lock(path), closing(sqlite3.connect(database(path), isolation_level=None)) as connection:
        version = schema.version_of(connection, str(path))
        if version == schema.VERSION:
            return False
        if not upgrade.OLDEST <= version < schema.VERSION:
            raise InputError(
                f"{path}: a pool of version {version}, and versions {upgrade.OLDEST} to {schema.VERSION - 1} can be "
                "upgraded"
            )
        try:
            upgrade.upgrade(connection, version)
        except sqlite3.DatabaseError as error:
            raise InputError(f"{path}: cannot be upgraded ({error}); nothing was changed") from error
        return True


def _upgrade_jsonl(path: Path) -> bool:
    data, packed = read_bytes(path), path.suffix.lower() == ".gz"
    try:
        lines = (gzip.decompress(data) if packed else data).decode("utf-8-sig").split("\n")
        records = [json.loads(line) for line in lines if line.strip()]
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"{path}: not a JSON Lines pool ({error})") from None
    read = tracked(records, "upgrading", "read", len(records))
    changed = [_upgrade_sample(sample) for record in read for sample in _samples(record)]
    if not any(changed):
        return False
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()
    with atomic_path(path) as temp:
        temp.write_bytes(gzip.compress(text, 6, mtime=0) if packed else text)
    return True


def _samples(record: Any) -> list[dict[str, Any]]:
    samples = record.get("samples") if isinstance(record, dict) else None
    return [sample for sample in samples if isinstance(sample, dict)] if isinstance(samples, list) else []


def _upgrade_sample(sample: dict[str, Any]) -> bool:
    extra = sample.get("tts")
    if not isinstance(extra, dict):
        return False
    usage, watched = extra.get("usage"), extra.get("watched")
    changed = False
    if isinstance(usage, dict) and "kept" in usage:
        extra["usage"] = {"delivered" if name == "kept" else name: count for name, count in usage.items()}
        changed = True
    if isinstance(watched, dict) and len(watched) == upgrade.FINECE_TOKENS and extra.get("owners") is None:
        extra["owners"] = {"finece": [int(token) for token in watched]}
        changed = True
    return changed


def _upgrade_parquet(path: Path) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(read_bytes(path)))
        usage = table.column("usage").combine_chunks()
        if usage.type.get_field_index("kept") < 0:
            return False
        names = ["delivered" if field.name == "kept" else field.name for field in usage.type]
        renamed = pa.StructArray.from_arrays(
            [usage.field(i) for i in range(usage.type.num_fields)], names, mask=usage.is_null()
        )
        table = table.set_column(table.column_names.index("usage"), "usage", renamed)
        watched = table.column("watched").to_pylist()
        given = table.column("owners").to_pylist() if "owners" in table.column_names else [None] * len(watched)
        owners = [_owners(o, tokens or ()) for o, tokens in zip(given, watched, strict=True)]
        column = pa.array(owners, pa.map_(pa.string(), pa.list_(pa.int32())))
        if "owners" in table.column_names:
            table = table.drop_columns("owners")
        table = table.append_column("owners", column)
    except (pa.ArrowException, KeyError) as error:
        raise InputError(f"{path}: not a Parquet pool ({error})") from None
    with atomic_path(path) as temp:
        pq.write_table(table, temp, compression="zstd")
    return True


def _owners(owners: Any, watched: Any) -> Any:
    if owners is None and len(watched) == upgrade.FINECE_TOKENS:
        return [("finece", [token for token, _ in watched])]
    return owners
