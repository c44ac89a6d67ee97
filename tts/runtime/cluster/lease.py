"""A lease, the reports that arrive under it, and the orders to a worker: the messages of a run on several workers."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass

from tts.errors import InputError


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one incarnation of a worker to play a question.

    Attributes:
        question: the question's id.
        number: the fencing token: it grows with each lease of the run, so that no two leases share it.
        worker: the worker's name.
        incarnation: counts the starts of the worker's process.
    """

    question: str
    number: int
    worker: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class Report:
    """News of one lease from the worker that holds it.

    Attributes:
        question: the question's id.
        number: the number of the lease.
        keys: of the samples that have been drawn, each of which names a sample within its question.
        decided_on: the keys that the decisions of the question rest on; None while it is being played.
        released: whether the worker has stopped playing a question that was taken back.
    """

    question: str
    number: int
    keys: Collection[Hashable] = ()
    decided_on: Collection[Hashable] | None = None
    released: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """The part of a report that counts: it is to be committed, the decision after the samples.

    Attributes:
        question: the question's id.
        keys: of the samples to commit, each for the first time.
        decided: whether the question is over.
    """

    question: str
    keys: tuple[Hashable, ...] = ()
    decided: bool = False


@dataclass(frozen=True, slots=True)
class Orders:
    """The instructions to a worker.

    Attributes:
        grants: leases to play, in this order, with the samples committed so far.
        recalls: leases to stop and to release; a recall is repeated until the release arrives.
    """

    grants: tuple[Lease, ...] = ()
    recalls: tuple[Lease, ...] = ()


@dataclass(slots=True)
class Dropped:
    """Counts of what arrived and does not count.

    Attributes:
        fenced: samples and decisions under a lease or an incarnation that is over.
        duplicates: samples whose key was accepted before.
        early: decisions that arrived before one of their samples.
    """

    fenced: int = 0
    duplicates: int = 0
    early: int = 0


@dataclass(frozen=True, slots=True)
class LeaseOptions:
    """Limits of the leases.

    Attributes:
        silence_s: seconds without a report after which a worker counts as dead, > 0.
        question_deaths: deaths of workers in a row, without a new sample, after which a question is set aside, >= 1.
        worker_deaths: deaths in a row, without a finished question, after which a worker is given up, >= 1.
        prefetch: questions that wait at a worker, as a share of its places, >= 0; at least one question where it is
            above 0. Those that ended between its last reports are added.
        move_margin: a question moves if the receiver's load after it is at most this share of the giver's, in [0, 1),
            where a load is questions per place and relative speed; 0 moves none.
    """

    silence_s: float = 20.0
    question_deaths: int = 3
    worker_deaths: int = 3
    prefetch: float = 0.125
    move_margin: float = 0.7

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        for key, least in (("question_deaths", 1), ("worker_deaths", 1), ("prefetch", 0)):
            if not getattr(self, key) >= least:
                raise InputError(f"lease option {key} must be at least {least}, got {getattr(self, key)}")
        if not self.silence_s > 0.0:
            raise InputError(f"lease option silence_s must be above 0 seconds, got {self.silence_s}")
        if not 0.0 <= self.move_margin < 1.0:
            raise InputError(f"lease option move_margin must be at least 0 and below 1, got {self.move_margin}")
