"""Pools keep what only a draw can record: it is neither read from a text later, nor lost when other signals are."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.live.pool_run import key_within
from evals.replay.traces import recorded_source
from tts.engines.base import Capabilities
from tts.pool import PoolStore, load_pool
from tts.pool.runs import RunKey
from tts.types import COLUMNS, End, Problem, Sample, Signals, Trace

KEY = RunKey("m", sampling={"temperature": 0.7})
READS = frozenset(column.name for column in COLUMNS if column.name != "processed")
ABLE = Capabilities(entropy=True, processed=True, reads=READS)
EXACT, ENTROPY = Signals(processed=True), Signals(entropy=True)
SAMPLE = Sample("4", "4", token_ids=(1, 0), trace=Trace((-1.0, -1.0), processed=(-0.5, -0.25)))


def pool(path: Path, signals: Signals, sample: Sample = SAMPLE) -> PoolStore:
    store = PoolStore.create_or_open(path)
    run = store.open_run(KEY, {}, signals=signals)
    store.add_problem(Problem("q", "2 + 2?", "4"))
    store.add(run, "q", [sample])
    return store


@pytest.mark.parametrize(
    ("recorded", "asked", "own"),
    [
        (EXACT, Signals(), True),
        (EXACT, EXACT, True),
        (EXACT, EXACT | ENTROPY, True),
        (ENTROPY, EXACT, False),
        (Signals(), Signals(), True),
        (Signals(), EXACT | ENTROPY, False),
    ],
)
def test_a_run_serves_a_draw_whose_signals_it_has_or_that_can_be_read(
    tmp_path: Path, recorded: Signals, asked: Signals, own: bool
) -> None:
    with pool(tmp_path / "p.sqlite", recorded) as store:
        key, _ = key_within(store, KEY, asked, ABLE)
    assert (key == KEY) == own


def test_a_pool_has_masses_where_a_sample_that_the_model_ended_has_one(tmp_path: Path) -> None:
    for name, sample, lacking in (
        ("a", SAMPLE, False),
        ("b", Sample("4", "4", End.LENGTH, trace=SAMPLE.trace), True),
        ("c", Sample("4", "4"), True),
    ):
        with pool(tmp_path / f"{name}.sqlite", EXACT, sample):
            pass
        found = load_pool(tmp_path / f"{name}.sqlite")
        [read] = found.entries[0].samples
        assert read == sample and (read.logprob is None) == lacking
        signals = recorded_source(found).signals
        assert signals is not None and (signals.lacking(EXACT) is not None) == lacking
