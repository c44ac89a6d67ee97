"""Leases: which worker plays which question, and which arrivals count, whatever dies or comes late (sans-IO).

Plain state in, plain state out, as strategies are: no network, clock or event loop. The caller reports who is there,
what arrived, who died and the time; it gets the questions to grant, those to take back and the samples to commit. A
cluster and a simulation drive the same object. Within a lease the worker plays the question's strategies, which are
pure functions of its samples, so that the decisions are those of a run in one process, whichever worker draws.

Promises, whatever the order of deaths, late arrivals, duplicates and joins:

- a question is held by at most one live incarnation at a time, and ends once: decided, or set aside as failed;
- a sample's key is accepted once, and a decision only after all samples that it rests on;
- what arrives under a lease or an incarnation that is over is dropped and counted;
- a worker with a free place gets a question whenever one waits that it may hold.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence

from tts.errors import InputError
from tts.runtime.cluster.lease import Accepted, Dropped, Lease, LeaseOptions, Orders, Report
from tts.runtime.cluster.sharing import Question, Worker, giver_for, measure_speeds, question_to_move

DEFAULTS = LeaseOptions()
PACE_DECAY, SPEEDS_EVERY_S = 0.8, 1.0


class Leases:
    """The questions of a run, and the workers that hold them.

    Attributes:
        options: the limits.
        decided: questions that are over with a decision.
        failed: questions that were set aside, in this order.
        given_up: workers that were given up, in this order.
        moves: leases that were taken back for a worker with free places.
        dropped: arrivals that do not count.
    """

    def __init__(
        self,
        questions: Iterable[str],
        *,
        committed: Mapping[str, Collection[Hashable]] | None = None,
        options: LeaseOptions = DEFAULTS,
    ) -> None:
        """Take the questions that are not over.

        Args:
            questions: their ids, in the order in which they are granted.
            committed: the keys of samples that exist already, by question; it is asked when a question is first leased.
            options: the limits.

        Raises:
            InputError: an id that is given twice.
        """
        self.options, self._committed = options, {} if committed is None else committed
        self._fresh = deque(questions)  # never leased
        if len(set(self._fresh)) < len(self._fresh):
            raise InputError("questions to lease must have distinct ids: rename or drop those that are given twice")
        self._total = len(self._fresh)
        self._returned, self._suspects = deque[Question](), deque[Question]()  # leased before
        self._workers: dict[str, Worker] = {}
        self._last: dict[str, int] = {}  # the last incarnation of each worker
        self._deaths: dict[str, int] = {}  # of each worker, since its last finished question
        self._numbers, self._leased = 0, 0
        self._measured, self._weight = -math.inf, 0.0  # when speeds were measured, and the sum of weights then
        self.decided, self.moves = 0, 0
        self.failed, self.given_up = list[str](), list[str]()
        self.dropped = Dropped()

    @property
    def waiting(self) -> int:
        """Questions that no worker holds."""
        return self.left - self._leased

    @property
    def left(self) -> int:
        """Questions that are not over."""
        return self._total - self.decided - len(self.failed)

    @property
    def workers(self) -> tuple[str, ...]:
        """The names of the live workers."""
        return tuple(self._workers)

    def held(self, worker: str) -> tuple[Lease, ...]:
        """Return the leases of a worker in the order in which it plays them; none where it is not there."""
        there = self._workers.get(worker)
        return () if there is None else tuple(q.lease for q in there.held.values() if q.lease is not None)

    def keys(self, lease: Lease) -> frozenset[Hashable]:
        """Return the keys of the committed samples of a question, which its holder plays on."""
        holder = self._workers.get(lease.worker)
        question = None if holder is None else holder.held.get(lease.question)
        return frozenset() if question is None else frozenset(question.accepted)

    def join(self, worker: str, incarnation: int, places: int, now: float) -> bool:
        """Take a worker that is ready; return False if it was given up, or if this incarnation is over.

        A newer incarnation ends the one before, which counts as its death; the same one changes its places.

        Args:
            worker: its name.
            incarnation: counts the starts of its process.
            places: questions that it plays at the same time, >= 1.
            now: the time in seconds.

        Raises:
            InputError: ``places`` below 1.
        """
        if places < 1:
            raise InputError(f"worker {worker} must have at least 1 place, got {places}")
        there = self._workers.get(worker)
        if there is not None and there.incarnation == incarnation:
            there.places, there.heard = places, now
            return True
        if incarnation <= self._last.get(worker, incarnation - 1):
            return False
        if there is not None:
            self.died(worker, there.incarnation)
        if worker in self.given_up:
            return False
        self._last[worker] = incarnation
        self._workers[worker] = Worker(worker, incarnation, places, now)
        self._measured = -math.inf
        return True

    def accept(self, worker: str, incarnation: int, reports: Sequence[Report], now: float) -> list[Accepted]:
        """Return the samples and decisions that count, in order, to be committed in one transaction.

        Args:
            worker: the name of the worker that reports; no reports are a sign of life.
            incarnation: its incarnation.
            reports: the news of its leases.
            now: the time in seconds.
        """
        there = self._workers.get(worker)
        if there is None or there.incarnation != incarnation:
            for report in reports:
                self._fence(report)
            return []
        was_full = len(there.held) >= there.places
        found, drawn, ended = [], 0, 0
        for report in reports:
            question = there.held.get(report.question)
            if question is None or question.lease is None or question.lease.number != report.number:
                self._fence(report)
                continue
            accepted = self._take(there, question, report)
            drawn, ended = drawn + len(accepted.keys), ended + accepted.decided
            if accepted.keys or accepted.decided:
                found.append(accepted)
        if was_full:
            there.full_s, there.samples = there.full_s + now - there.heard, there.samples + drawn
        there.heard, there.pace = now, max(ended, PACE_DECAY * there.pace)
        if ended:
            self._deaths.pop(worker, None)
        return found

    def orders(self, worker: str, incarnation: int, now: float) -> Orders:
        """Return the leases to play and to release; they count as delivered, or else the worker must be reported dead.

        Args:
            worker: the worker to instruct.
            incarnation: its incarnation.
            now: the time in seconds.
        """
        there = self._workers.get(worker)
        if there is None or there.incarnation != incarnation:
            return Orders()
        if now >= self._measured + SPEEDS_EVERY_S:
            self._measured = now
            self._weight = measure_speeds(self._workers.values())
        grants = [self._grant(there, question) for question in there.reserved]
        there.reserved.clear()
        room = self._quota(there) - len(there.held)
        while room > 0 and (question := self._next(there)) is not None:
            grants.append(self._grant(there, question))
            room -= 1
        if self.options.move_margin and there.load < there.places and not self._fresh and not self._returned:
            self._take_back_for(there)
        held = there.held.values() if there.recalled else ()
        return Orders(tuple(grants), tuple(q.lease for q in held if q.receiver is not None and q.lease is not None))

    def died(self, worker: str, incarnation: int) -> bool:
        """End an incarnation: its questions go on elsewhere; return False if it was not there any more.

        A question that was in play gets a strike, unless a sample of it arrived under this lease; at the limit it is
        set aside. The worker whose death sets a question aside is not charged with that death.
        """
        there = self._workers.get(worker)
        if there is None or there.incarnation != incarnation:
            return False
        del self._workers[worker]
        self._measured = -math.inf
        set_aside = len(self.failed)
        for place, question in enumerate([*there.held.values()]):
            if place < there.places and not question.progressed:
                question.strikes += 1
            self._end_lease(there, question)
            if question.strikes >= self.options.question_deaths:
                self.failed.append(question.id)
            else:
                self._return(question)
        for question in there.reserved:
            self._return(question)
        if len(self.failed) == set_aside:
            self._deaths[worker] = self._deaths.get(worker, 0) + 1
            if self._deaths[worker] >= self.options.worker_deaths:
                self.given_up.append(worker)
        return True

    def expire(self, now: float) -> list[str]:
        """End the workers that have been silent for too long, and return their names."""
        silent = [w for w in self._workers.values() if now - w.heard > self.options.silence_s]
        return [w.name for w in silent if self.died(w.name, w.incarnation)]

    def _fence(self, report: Report) -> None:
        self.dropped.fenced += len(report.keys) + (report.decided_on is not None)

    def _take(self, holder: Worker, question: Question, report: Report) -> Accepted:
        """Return what counts of a report under the present lease of a question."""
        fresh = tuple(key for key in dict.fromkeys(report.keys) if key not in question.accepted)
        self.dropped.duplicates += len(report.keys) - len(fresh)
        if fresh:
            question.accepted.update(fresh)
            question.strikes, question.progressed = 0, True
            if holder.suspect == question.id:
                holder.suspect = None
        decided = report.decided_on is not None and question.accepted.issuperset(report.decided_on)
        if decided:
            self._end_lease(holder, question)
            self.decided += 1
        else:
            self.dropped.early += report.decided_on is not None
            if report.released:
                receiver = question.receiver
                self._end_lease(holder, question)
                self._return(question, receiver)
        return Accepted(question.id, fresh, decided)

    def _end_lease(self, holder: Worker, question: Question) -> None:
        """Take a question from its holder, who knows of it already."""
        del holder.held[question.id]
        if holder.suspect == question.id:
            holder.suspect = None
        if question.receiver is not None:
            question.receiver.inbound -= 1
            holder.recalled -= 1
        question.lease = question.receiver = None
        self._leased -= 1

    def _return(self, question: Question, receiver: Worker | None = None) -> None:
        """Let a question wait for its next lease, with the worker that it was taken back for where that is alive."""
        if question.strikes and question.strikes >= self.options.question_deaths - 1:
            self._suspects.append(question)
        elif receiver is not None and self._workers.get(receiver.name) is receiver:
            receiver.reserved.append(question)
        else:
            self._returned.append(question)

    def _quota(self, worker: Worker) -> int:
        """Return the questions that a worker may hold: its places and those to prefetch, or its share of the last."""
        most = worker.places + worker.prefetch(self.options.prefetch)
        return min(most, math.ceil(self.left * worker.weight / self._weight))

    def _next(self, worker: Worker) -> Question | None:
        """Return the next question that a worker may hold: one suspect at a time, then returned ones, then fresh."""
        if self._suspects and worker.suspect is None:
            question = self._suspects.popleft()
            worker.suspect = question.id
            return question
        if self._returned:
            return self._returned.popleft()
        if not self._fresh:
            return None
        name = self._fresh.popleft()
        return Question(name, set(self._committed.get(name, ())))

    def _grant(self, worker: Worker, question: Question) -> Lease:
        self._numbers, self._leased = self._numbers + 1, self._leased + 1
        question.lease = Lease(question.id, self._numbers, worker.name, worker.incarnation)
        question.progressed = False
        worker.held[question.id] = question
        return question.lease

    def _take_back_for(self, receiver: Worker) -> None:
        """Take back questions of loaded workers for one that has places free, as long as that gains enough."""
        while receiver.load < receiver.places:
            giver = giver_for(receiver, self._workers.values(), self.options.move_margin)
            question = None if giver is None else question_to_move(giver)
            if giver is None or question is None:
                return
            question.receiver = receiver
            giver.recalled += 1
            receiver.inbound += 1
            self.moves += 1
