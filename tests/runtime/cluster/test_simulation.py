"""The simulation of a cluster: exact times of small cases, and no question lost under kills."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.cluster_sim.simulation import Cluster, even_shards, leased
from benchmarks.cluster_sim.worker import SimulatedWorker, StepTime
from benchmarks.cluster_sim.workload import Workload

STEP = StepTime(0.012, 0.00006)


def workload(counts: list[int], length: int, budget: int = 16) -> Workload:
    lengths = np.full((len(counts), budget), length, dtype=np.int16)
    return Workload(np.array(counts), lengths, np.array(counts) * length, "constant lengths")


def random_workload(questions: int) -> Workload:
    rng = np.random.default_rng(3)
    counts = rng.choice([2, 3, 16], size=questions)
    lengths = rng.integers(20, 200, size=(questions, 16)).astype(np.int16)
    tokens = np.where(np.arange(16) < counts[:, None], lengths, 0).sum(axis=1)
    return Workload(counts, lengths, tokens, "random")


def test_a_single_place_draws_one_sample_after_another() -> None:
    work = workload([3, 2], 100)
    got = even_shards(work, Cluster(1, 1, STEP), ahead=False)
    assert got.seconds == pytest.approx(500 * STEP.seconds(1)) and got.efficiency == pytest.approx(1.0)
    assert got.extra == pytest.approx(0.0)


def test_idle_places_look_ahead_within_the_budget() -> None:
    """Five samples on four places take two rounds; three draws ahead of the second round are aborted at its end."""
    got = even_shards(workload([5], 100, budget=7), Cluster(1, 4, STEP), ahead=True)
    assert got.seconds == pytest.approx(100 * STEP.seconds(4) + 100 * STEP.seconds(3), rel=0.02)
    assert got.extra == pytest.approx(2 / 5, abs=0.02)


def test_progress_of_a_question_that_is_followed_as_one() -> None:
    worker = SimulatedWorker(workload([4], 100), STEP, 1, now=0.0, slowness=2.0, ahead=False)
    worker.grant(0, 7, 1)
    worker.advance(250 * 2.0 * STEP.seconds(1))
    (report,) = worker.report(progress=True)
    assert [*report.keys] == [1, 2] and report.decided_on is None and worker.unfinished_tokens == pytest.approx(250)
    worker.recall(0, 7)
    (release,) = worker.report(progress=False)
    assert release.released and not [*release.keys] and not worker.playing


@pytest.mark.parametrize("ahead", [False, True])
def test_leases_lose_no_question_under_kills(ahead: bool) -> None:
    work = random_workload(60)
    plain = leased(work, Cluster(3, 4, STEP), ahead=ahead, moves=ahead)
    killed = Cluster(3, 4, STEP, kills=4, kills_within_s=plain.seconds, load_s=5.0)
    got = leased(work, killed, ahead=ahead, moves=ahead)  # raises where a question is not decided
    assert got.seconds > plain.seconds and got.extra >= 0.0


def test_moves_relieve_a_straggler() -> None:
    work, cluster = random_workload(200), Cluster(4, 8, STEP, slow=1)
    without = leased(work, cluster, ahead=True, moves=False)
    moved = leased(work, cluster, ahead=True, moves=True)
    assert moved.moves > 0 and moved.efficiency > without.efficiency
