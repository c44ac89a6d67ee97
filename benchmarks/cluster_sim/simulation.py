"""Runs in virtual time: even shards, or workers under leases that report every quarter of a second.

The leases are the object of the package. A worker whose places are full while many questions wait would report nothing
but samples, so its exchanges until its next question ends are one; a kill loses what it would lose with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

import numpy as np

from benchmarks.cluster_sim.worker import SimulatedWorker, StepTime
from benchmarks.cluster_sim.workload import Workload
from tts.runtime.cluster.lease import LeaseOptions
from tts.runtime.cluster.leases import Leases

EXCHANGE_S, HEARD_S, PROGRESS_EVERY = 0.25, 1.8, 4
"""Seconds between exchanges, seconds until a kill is heard of, and exchanges between reports of mere samples."""


@dataclass(frozen=True)
class Cluster:
    """The simulated machines.

    Attributes:
        workers: their number.
        places: rows of each worker's batch.
        step: the time of a step.
        slow: workers that take twice the time for a step.
        kills: workers that are killed in the run, at random moments within ``kills_within_s``.
        kills_within_s: seconds.
        load_s: seconds to load the model, before the worker that was killed is back.
        seed: of the kills.
    """

    workers: int
    places: int
    step: StepTime
    slow: int = 0
    kills: int = 0
    kills_within_s: float = 0.0
    load_s: float = 60.0
    seed: int = 0

    def slowness(self, worker: int) -> float:
        """Return the factor of a worker's step time."""
        return 2.0 if worker < self.slow else 1.0

    def ideal_s(self, tokens: float) -> float:
        """Return the time that tokens take in full batches on all workers."""
        speeds = sum(1.0 / self.slowness(i) for i in range(self.workers))
        return tokens * self.step.seconds(self.places) / self.places / speeds


@dataclass(frozen=True)
class Outcome:
    """The result of a simulated run.

    Attributes:
        seconds: until the last decision.
        efficiency: the tokens' time in full batches on all workers over ``seconds``.
        extra: tokens drawn beyond those that the strategies were given, as a share of these.
        moves: questions taken back for workers with free places.
        lost: samples that arrived under a lease that was over, or twice.
    """

    seconds: float
    efficiency: float
    extra: float
    moves: int = 0
    lost: int = 0


def even_shards(work: Workload, cluster: Cluster, *, ahead: bool) -> Outcome:
    """Return the outcome of workers that play a fixed part of the questions each."""
    seconds, drawn = 0.0, 0.0
    for i in range(cluster.workers):
        worker = _worker(work, cluster, i, now=0.0, ahead=ahead)
        for question in range(i, len(work.counts), cluster.workers):
            worker.waiting.append((question, 0, 0))
        worker.fill()
        while (end := worker.next_end()) is not None:
            worker.advance(end)
        seconds, drawn = max(seconds, worker.now), drawn + worker.drawn
    return _outcome(work, cluster, seconds, drawn)


def leased(work: Workload, cluster: Cluster, *, ahead: bool, moves: bool) -> Outcome:
    """Return the outcome of workers under leases; ``ahead`` fills idle places, ``moves`` moves questions."""
    options = LeaseOptions() if moves else LeaseOptions(move_margin=0.0)
    run = _LeasedRun(work, cluster, Leases([str(q) for q in range(len(work.counts))], options=options), ahead, moves)
    run.play()
    drawn = run.drawn + sum(worker.drawn for worker in run.workers.values())
    dropped = run.leases.dropped
    if run.leases.decided != len(work.counts):
        raise RuntimeError(f"{len(work.counts)} questions, but {run.leases.decided} decided")
    return _outcome(work, cluster, run.now, drawn, run.leases.moves, dropped.fenced + dropped.duplicates)


@dataclass
class _LeasedRun:
    work: Workload
    cluster: Cluster
    leases: Leases
    ahead: bool
    moves: bool
    workers: dict[int, SimulatedWorker] = field(default_factory=dict)
    now: float = 0.0
    drawn: float = 0.0  # of workers that were killed

    def play(self) -> None:
        """Play until no question is left."""
        self._order, self._events = count(), list[tuple[float, int, str, int, int]]()
        self._incarnations = dict.fromkeys(range(self.cluster.workers), 0)
        for worker in self._incarnations:
            self._at(EXCHANGE_S * worker / self.cluster.workers, "join", worker)
        rng = np.random.default_rng(self.cluster.seed)
        for at in rng.uniform(0.0, self.cluster.kills_within_s, self.cluster.kills):
            self._at(float(at), "kill", int(rng.integers(self.cluster.workers)))
        while self.leases.left:
            self.now, _, what, worker, incarnation = heappop(self._events)
            if what == "kill":
                self._kill(worker)
            elif what == "join":
                self._join(worker)
            elif what == "died":
                self.leases.died(str(worker), incarnation)
            elif worker in self.workers and self._incarnations[worker] == incarnation:
                self._exchange(worker, incarnation)

    def _at(self, when: float, what: str, worker: int, incarnation: int = 0) -> None:
        heappush(self._events, (when, next(self._order), what, worker, incarnation))

    def _join(self, worker: int) -> None:
        self._incarnations[worker] += 1
        incarnation = self._incarnations[worker]
        if not self.leases.join(str(worker), incarnation, self.cluster.places, self.now):
            raise RuntimeError(f"worker {worker} was given up")
        self.workers[worker] = _worker(self.work, self.cluster, worker, now=self.now, ahead=self.ahead)
        self._exchange(worker, incarnation)

    def _exchange(self, worker: int, incarnation: int) -> None:
        """Take a worker's report home and bring it its orders."""
        there, name = self.workers[worker], str(worker)
        there.advance(self.now)
        scarce = self.leases.waiting < self.cluster.workers * self.cluster.places // 8
        progress = scarce and self.moves and int(self.now / EXCHANGE_S) % PROGRESS_EVERY == 0
        self.leases.accept(name, incarnation, there.report(progress=progress), self.now)
        orders = self.leases.orders(name, incarnation, self.now)
        for recall in orders.recalls:
            there.recall(int(recall.question), recall.number)
        for grant in orders.grants:
            there.grant(int(grant.question), grant.number, len(self.leases.keys(grant)))
        following = self.now + EXCHANGE_S
        asleep = bool(there.waiting) and not scarce if self.moves else not self.leases.waiting or bool(there.waiting)
        if asleep and (end := there.next_end()) is not None:
            following += EXCHANGE_S * max(0, int((end - self.now) / EXCHANGE_S))
        self._at(following, "exchange", worker, incarnation)

    def _kill(self, worker: int) -> None:
        """Kill a worker: what ended before its last exchange is at home, the rest is lost."""
        there = self.workers.pop(worker, None)
        if there is None:  # it is dead already
            return
        incarnation = self._incarnations[worker]
        last = self.now - (self.now - EXCHANGE_S * worker / self.cluster.workers) % EXCHANGE_S
        if last > there.now:
            there.advance(last)
            self.leases.accept(str(worker), incarnation, there.report(progress=True), last)
        there.advance(self.now)
        self.drawn += there.drawn + there.unfinished_tokens
        self._at(self.now + HEARD_S, "died", worker, incarnation)
        self._at(self.now + HEARD_S + self.cluster.load_s, "join", worker)


def _worker(work: Workload, cluster: Cluster, number: int, *, now: float, ahead: bool) -> SimulatedWorker:
    slowness = cluster.slowness(number)
    return SimulatedWorker(work, cluster.step, cluster.places, now=now, slowness=slowness, ahead=ahead)


def _outcome(work: Workload, cluster: Cluster, seconds: float, drawn: float, moves: int = 0, lost: int = 0) -> Outcome:
    needed = float(work.tokens.sum())
    return Outcome(seconds, cluster.ideal_s(needed) / seconds, drawn / needed - 1.0, moves, lost)
