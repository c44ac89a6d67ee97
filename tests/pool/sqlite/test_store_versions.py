"""Pools of older and other versions, and files that are no pool."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.pool.cases import left_in, small_pool
from tests.pool.sqlite.cases import PROBLEM, filled
from tts.errors import InputError
from tts.pool import Entry, PoolStore, Score, load_pool
from tts.pool.sqlite import schema
from tts.pool.sqlite.schema import VERSION
from tts.pool.stored import pack
from tts.pool.upgrade import upgrade_pool
from tts.types import COLUMNS, Problem, Sample, Signals, Trace, Usage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pool.sqlite"


VERSION_2 = """
CREATE TABLE problems (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, question TEXT NOT NULL, gold TEXT, task TEXT NOT NULL,
    meta TEXT NOT NULL
);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, model TEXT NOT NULL, revision TEXT NOT NULL, prompt_template TEXT NOT NULL,
    sampling TEXT NOT NULL, UNIQUE (model, revision, prompt_template, sampling)
);
CREATE TABLE openings (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs, opened TEXT NOT NULL, config TEXT NOT NULL,
    versions TEXT NOT NULL
);
CREATE TABLE samples (
    run INTEGER NOT NULL REFERENCES runs, problem INTEGER NOT NULL REFERENCES problems, idx INTEGER NOT NULL,
    correct INTEGER, text TEXT NOT NULL, answer TEXT, ending TEXT NOT NULL, confidence REAL, token_ids BLOB,
    logprobs BLOB, watched BLOB, top BLOB, entropy BLOB, certainty BLOB,
    prompt INTEGER, prompt_cached INTEGER, kept INTEGER, aborted INTEGER,
    scorer_prefill INTEGER, scorer_decode INTEGER, error TEXT, UNIQUE (run, problem, idx)
);
INSERT INTO problems VALUES (1, 'q1', '2+2?', '4', '', '{}');
INSERT INTO runs VALUES (1, 'toy', '', '', '{}');
INSERT INTO openings VALUES (1, 1, '2026-01-01', '{}', '{}');
INSERT INTO samples VALUES (
    1, 1, 0, 1, 'so 4', '4', 'stop', 0.5, x'0700000009000000', x'000000000000E0BF000000000000F0BF', NULL,
    x'000000000000F03F0000000000000040', NULL, NULL, 5, 0, 2, 0, 0, 0, NULL
);
PRAGMA application_id = 0x74747370;
PRAGMA user_version = 2;
"""
OLD = Sample(
    "so 4", "4", confidence=0.5, token_ids=(7, 9), trace=Trace((-0.5, -1.0), top=(1.0, 2.0)), usage=Usage(5, 0, 2)
)


VERSION_3 = (
    VERSION_2
    + """
ALTER TABLE samples ADD COLUMN steps BLOB;
ALTER TABLE samples ADD COLUMN probe REAL;
PRAGMA user_version = 3;
"""
)


VERSION_4 = VERSION_3 + "ALTER TABLE samples ADD COLUMN given INTEGER; PRAGMA user_version = 4;"


@pytest.fixture(params=[VERSION_2, VERSION_3, VERSION_4], ids=["2", "3", "4"])
def old(path: Path, request: pytest.FixtureRequest) -> Path:
    """A file that an earlier version of this program wrote."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(request.param)
    return path


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_a_pool_of_an_older_version_is_refused_by_name_of_its_upgrade_and_left_as_it_is(old: Path) -> None:
    before = old.read_bytes()
    for opened in (PoolStore.read, PoolStore.create_or_open):
        with pytest.raises(InputError, match=r"reads version 8: run `tts pool upgrade .*pool\.sqlite` once"):
            opened(old)
    assert old.read_bytes() == before


def test_an_upgraded_pool_holds_the_same_samples_and_takes_new_ones(old: Path) -> None:
    new = Sample("so 5", "5", index=1, token_ids=(7, 8), trace=Trace(watched={3: (0.5,)}, steps=(True,)), given=1)
    assert upgrade_pool(old) and not upgrade_pool(old)
    assert version(old) == VERSION
    with PoolStore.read(old) as store:
        assert store.get(1, "q1", 0) == OLD and store.get(1, "q1", 1) is None
        assert store.to_pool().entries == (Entry(PROBLEM, (OLD,), (True,), {"model": "toy"}),)
    with PoolStore.create_or_open(old) as store:
        store.add(1, "q1", [new])
        assert store.to_pool().entries[0].samples == (OLD, new)


def test_what_is_no_part_of_a_key_is_moved_beside_the_samples(path: Path) -> None:
    scorer = '{"name":"watched"}'
    sampling = f'{{"answers":"strict","scorer":{scorer},"signals":{{"logprobs":true,"top":5,"watch":[3]}},"seed":1}}'
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            VERSION_4
            + f"""
            UPDATE runs SET sampling = '{sampling}';
            INSERT INTO runs VALUES (2, 'toy', '', '', '{{"seed":1}}');
            INSERT INTO openings VALUES (2, 2, '2026-01-02', '{{}}', '{{}}');
            UPDATE samples SET scorer_prefill = 4, scorer_decode = 2;
            """
        )
    upgrade_pool(path)
    with PoolStore.read(path) as store:
        first, second = store.runs()
        assert (first.key.sampling, first.signals) == ({"seed": 1}, Signals(logprobs=True, top=5, watch=(3,)))
        assert (first.reading, first.scorers) == ("strict", ("watched",))
        assert store.scorers() == {"watched": {"name": "watched"}}
        assert second.key.sampling == {"seed": 1, "upgraded_run": 2}
        [entry] = store.to_pool(1).entries
    assert entry.scores == {"watched": (Score(0.5, 4, 2),)}
    assert entry.samples == (replace(OLD, confidence=None),)
    assert load_pool(path, run=1).entries[0].samples[0].usage == Usage(5, 0, 2, 0, 4, 2)


def test_eleven_watched_tokens_without_an_owner_were_those_of_finece(path: Path) -> None:
    trace = Trace(watched={100 + v: (0.5,) for v in range(11)})
    column = next(column for column in COLUMNS if column.name == "watched")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_4)
        connection.execute("UPDATE samples SET watched = ?", (pack(column, trace.watched),))
        connection.commit()
    upgrade_pool(path)
    with PoolStore.read(path) as store:
        sample = store.get(1, "q1", 0)
    assert sample is not None and sample.trace.owners == {"finece": tuple(trace.watched)}


def test_an_upgrade_that_breaks_half_way_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_2)
    monkeypatch.setattr(schema, "SCORES", "CREATE TABLE scores (")
    with pytest.raises(InputError, match=r"cannot be upgraded .*nothing was changed"):
        upgrade_pool(path)
    with closing(sqlite3.connect(path)) as connection:
        columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(samples)")]
    assert "kept" in columns and "steps" not in columns and version(path) == 2


def other_version(path: Path) -> None:
    filled(path, Sample("", "4"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1")


def other_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE t (x); PRAGMA user_version = 1;")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (other_version, "a pool of version 1, and this program reads version 8: run `tts pool upgrade"),
        (other_program, "a SQLite file, but not a pool"),
        (lambda path: path.write_text("not a database, but long enough to be one" * 50), "not a SQLite file"),
        (lambda path: path.mkdir(), "no such file|cannot be opened"),
    ],
)
def test_what_is_no_pool_is_refused_and_left_alone(path: Path, make: object, sentence: str) -> None:
    assert callable(make)
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    for opened in (PoolStore.read, PoolStore.create_or_open):
        with pytest.raises(InputError, match=rf"pool\.sqlite: ({sentence})"):
            opened(path)
    assert before == (path.read_bytes() if path.is_file() else b"")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        PoolStore.read(tmp_path / "none.sqlite")
    with pytest.raises(InputError, match=r"the directory .*none does not exist"):
        PoolStore.create_or_open(tmp_path / "none" / "p.sqlite")
    with pytest.raises(InputError, match=r"must end in \.sqlite, \.db"):
        PoolStore.create_or_open(tmp_path / "p.jsonl")
    (tmp_path / "empty.sqlite").touch()
    with pytest.raises(InputError, match="a SQLite file, but not a pool"):
        PoolStore.read(tmp_path / "empty.sqlite")
    assert left_in(tmp_path) == {"empty.sqlite"}


def test_odd_file_names_are_the_file_meant(tmp_path: Path) -> None:
    path = tmp_path / "50% of #1? yes&mode=memory.sqlite"
    assert filled(path, Sample("", "4")).questions == 1 and path.is_file()


def test_small_pool_is_a_pool() -> None:
    pool = small_pool()
    assert (pool.questions, pool.samples_min, pool.samples_max, pool.models) == (2, 1, 3, ("m",))
    assert not pool.has_confidence and not pool.has_tokens


def test_a_file_that_is_damaged_inside_is_one_sentence_for_a_writer_too(tmp_path: Path) -> None:
    path = tmp_path / "pool.sqlite"
    with PoolStore.create_or_open(path) as store:
        store.add_problems([Problem(f"q{i}", "?" * 200) for i in range(200)])
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\x00\xff" * ((len(content) - 4096) // 2))
    with PoolStore.create_or_open(path) as store, pytest.raises(InputError, match="is damaged"):
        store.add_problem(Problem("new", "?"))


def test_a_pool_of_version_7_gets_its_digests_and_counts(path: Path) -> None:
    pool = filled(path, Sample("so 4", "4", confidence=0.5, token_ids=(7, 9)), Sample("", None, index=1))
    with closing(sqlite3.connect(path)) as connection:
        for table in ("part_facts", "sealed", "parts", "traces"):
            connection.execute(f"DROP TABLE {table}")
        for column in ("digest", "samples"):
            connection.execute(f"ALTER TABLE runs DROP COLUMN {column}")
        connection.execute("PRAGMA user_version = 7")
    assert upgrade_pool(path) and not upgrade_pool(path)
    with PoolStore.read(path) as store:
        again = store.to_pool()
        assert (again.sha256, again.entries) == (pool.sha256, pool.entries)
        assert [run.samples for run in store.runs()] == [2]
