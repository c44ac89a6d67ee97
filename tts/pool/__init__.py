"""Pools: samples drawn once and kept, on which every strategy is then replayed.

Formats, told apart by suffix: JSON Lines (.jsonl, .jsonl.gz) to share, SQLite (.sqlite, .db) to write while drawing, a
folder of SQLite and Parquet (.pool) to grow past memory, Parquet (.parquet) to analyse. Importing this loads neither
numpy nor pyarrow.
"""

from tts.files import atomic_path
from tts.pool.convert import export_pool, import_pool, load_pool, read_pool
from tts.pool.jsonl.files import read_jsonl, write_jsonl
from tts.pool.parquet.files import read_parquet, write_parquet
from tts.pool.records import Entry, Pool, Score
from tts.pool.runs import Run, RunKey
from tts.pool.sample_cache import PoolSampleCache
from tts.pool.sqlite.store import PoolStore
from tts.pool.summary import PoolSummary, describe

__all__ = [
    "Entry",
    "Pool",
    "PoolSampleCache",
    "PoolStore",
    "PoolSummary",
    "Run",
    "RunKey",
    "Score",
    "atomic_path",
    "describe",
    "export_pool",
    "import_pool",
    "load_pool",
    "read_jsonl",
    "read_parquet",
    "read_pool",
    "write_jsonl",
    "write_parquet",
]
