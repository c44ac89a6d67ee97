"""A pool survives kill -9 at any moment, and has one writer at a time."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.pool.cases import start
from tests.pool.sqlite import worker
from tts.errors import PoolLockedError
from tts.pool import PoolStore


@pytest.mark.parametrize("seed", [7, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(100, 160))])
def test_kill_9_loses_nothing_reported_and_a_second_process_resumes(tmp_path: Path, seed: int) -> None:
    path = str(tmp_path / "run.sqlite")
    rng = random.Random(seed)
    reported: dict[tuple[str, int], str] = {}
    kills = 0
    for attempt in range(9):
        process = start("fill", path, str(attempt))
        assert process.stdout is not None and process.stdin is not None
        patience = rng.randint(5, 30) if kills < 5 else 10**9
        done = False
        with process, process.stdin:
            for number, line in enumerate(process.stdout):
                if (done := line == "done\n") or not line.endswith("\n"):  # or it died in the middle of a word
                    break
                if number <= patience:
                    process.stdin.write("\n")
                    process.stdin.flush()
                if number == patience:
                    time.sleep(rng.uniform(0, 0.002))  # so that kills fall anywhere within a transaction
                    process.kill()
                    kills += 1
                word, problem_id, index, by = line.split()  # what it had said before it died counts too
                assert word == "committed"
                assert (problem_id, int(index)) not in reported, "drawn twice"
                reported[problem_id, int(index)] = by
        if done:
            break
        with PoolStore.read(path) as store:  # a reader may come before any writer has repaired the file
            kept = {(e.problem.id, s.index) for e in store.to_pool().entries for s in e.samples}
            assert kept >= reported.keys()
    assert kills == 5 and done

    with PoolStore.read(path) as store:
        assert len(store.runs()) == 1
        pool = store.to_pool()
    assert [entry.problem.id for entry in pool.entries] == worker.PROBLEMS
    for entry in pool.entries:
        assert [sample.index for sample in entry.samples] == list(range(worker.DRAWS))
        for sample in entry.samples:
            by = reported.get((entry.problem.id, sample.index)) or sample.text.split()[4]
            assert sample == worker.drawn(entry.problem.id, sample.index, by)


def test_second_writer_is_refused_at_once_while_a_reader_reads(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    process = start("hold", str(path))
    assert process.stdout is not None and process.stdin is not None
    with process, process.stdin:
        assert process.stdout.readline() == "holding\n"
        began = time.monotonic()
        with pytest.raises(PoolLockedError, match=r"run\.sqlite is being written by another process; wait"):
            PoolStore.create_or_open(path)
        assert time.monotonic() - began < 1
        with PoolStore.read(path) as store:
            assert store.to_pool().entries[0].samples == (worker.drawn("q0", 0, "hold"),)
        process.kill()
        process.wait()
    with PoolStore.create_or_open(path) as store:  # the lock died with its process
        assert store.missing(1, "q0", 3) == [1, 2]


def test_two_stores_of_one_process_do_not_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    link = tmp_path / "other.sqlite"
    link.symlink_to(path)
    with PoolStore.create_or_open(path):
        for name in (path, link):
            with pytest.raises(PoolLockedError):
                PoolStore.create_or_open(name)
    PoolStore.create_or_open(link).close()


def test_a_reader_opened_first_sees_what_a_later_writer_commits(tmp_path: Path) -> None:
    path = str(tmp_path / "run.sqlite")
    worker.fill(path, "0")
    with PoolStore.read(path) as reader:
        before = reader.to_pool()
        with PoolStore.create_or_open(path) as writer:
            writer.add(1, "q0", [worker.drawn("q0", worker.DRAWS, "1")])
            assert reader.to_pool().entries[0].samples[:-1] == before.entries[0].samples
        assert reader.to_pool().samples_max == worker.DRAWS + 1
