"""The fair share of each worker, and the choice of questions that move to another one (work stealing).

A worker's weight is its places times its speed relative to the others, measured while its places were full, so that a
straggler gets fewer of the last questions. Knows nothing about leases' numbers and deaths.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from tts.runtime.cluster.lease import Lease

PRIOR = 32.0
"""Samples at the mean speed that every worker is given, so that its first ones do not decide its speed."""


@dataclass(slots=True)
class Question:
    """A question that has been leased and is not over.

    Attributes:
        id: the question's id.
        accepted: the keys of its committed samples.
        lease: the lease under which it is played; None while it waits.
        strikes: deaths of workers in a row under which no new sample of it was accepted.
        progressed: whether a sample was accepted under the present lease.
        receiver: the worker that it was taken back for; None if it was not taken back.
    """

    id: str
    accepted: set[Hashable] = field(default_factory=set)
    lease: Lease | None = None
    strikes: int = 0
    progressed: bool = False
    receiver: Worker | None = None


@dataclass(slots=True, eq=False)
class Worker:
    """A live incarnation of a worker.

    Attributes:
        name: the worker's name.
        incarnation: counts the starts of its process.
        places: questions that it plays at the same time.
        heard: when it was last heard of, in seconds.
        held: the questions that it holds, in the order of their leases; it plays the first ones, the others wait.
        suspect: the question it holds that would be set aside at its next death.
        recalled: questions that it holds and is to release.
        inbound: questions that are being taken back for it.
        reserved: questions that were taken back for it, and wait for its next orders.
        pace: questions that ended between its last reports, the largest count, which decays.
        samples: samples accepted while its places were full.
        full_s: seconds for which its places were full.
        speed: relative to the mean of all workers.
    """

    name: str
    incarnation: int
    places: int
    heard: float
    held: dict[str, Question] = field(default_factory=dict)
    suspect: str | None = None
    recalled: int = 0
    inbound: int = 0
    reserved: list[Question] = field(default_factory=list)
    pace: float = 0.0
    samples: int = 0
    full_s: float = 0.0
    speed: float = 1.0

    @property
    def weight(self) -> float:
        """Its places times its speed."""
        return self.places * self.speed

    @property
    def load(self) -> int:
        """Questions that it will hold once all that are moving have arrived."""
        return len(self.held) - self.recalled + self.inbound + len(self.reserved)

    def prefetch(self, share: float) -> int:
        """Return the questions that wait here while there are many, given their least share of the places."""
        return math.ceil(share * self.places + self.pace) if share else 0


def measure_speeds(workers: Iterable[Worker]) -> float:
    """Set the speeds of workers, samples per place and second relative to those of all; return the sum of weights.

    Speeds are shrunk towards 1 by the samples of :data:`PRIOR`.
    """
    every = list(workers)
    exposure = sum(w.places * w.full_s for w in every)
    rate = sum(w.samples for w in every) / exposure if exposure else 0.0
    for w in every:
        w.speed = (w.samples + PRIOR) / (w.places * w.full_s * rate + PRIOR)
    return sum(w.weight for w in every)


def giver_for(receiver: Worker, workers: Iterable[Worker], margin: float) -> Worker | None:
    """Return the worker of the highest load, to give a question to one that has a place free.

    None where that gains too little: a question that waits loses nothing, one in play its draws in flight.
    """
    giver = max(workers, key=lambda w: w.load / w.weight)
    gains = giver.load > giver.places or (receiver.load + 1) / receiver.weight <= margin * giver.load / giver.weight
    return giver if gains and giver is not receiver else None


def question_to_move(giver: Worker) -> Question | None:
    """Return the question to take back: the last that waits for a place, else the one with the fewest samples."""
    staying = [q for q in giver.held.values() if q.receiver is None]
    if len(giver.held) > giver.places and staying:
        return staying[-1]
    return min(staying, key=lambda q: len(q.accepted), default=None)
