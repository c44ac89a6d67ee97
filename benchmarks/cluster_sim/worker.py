"""A simulated worker: a batch in virtual time, and the questions that it plays.

A step of the batch takes a + b x rows and gives each row a token. Between two changes of the batch its steps are alike,
so time jumps from the end of one draw to the end of the next. A question that is not looked ahead on draws one sample
after the other, so that its end is one event; its samples in between are found by their cumulated lengths.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

import numpy as np

from benchmarks.cluster_sim.workload import Workload
from tts.runtime.cluster.lease import Report

ROUNDING_S = 1e-9


@dataclass(frozen=True)
class StepTime:
    """The time of a step: ``fixed_s + row_s x rows`` seconds."""

    fixed_s: float
    row_s: float

    def seconds(self, rows: int) -> float:
        """Return the time of a step of a number of rows."""
        return self.fixed_s + self.row_s * rows


@dataclass(slots=True, eq=False)
class Play:
    """A question in play.

    Attributes:
        question: its number.
        lease: the number of its lease.
        first: samples that the strategy was given.
        reported: samples that were reported.
        begun: the step at which its draw began, where it is not looked ahead on.
        ends: the ends of its samples after ``begun`` in steps, where it is not looked ahead on; computed when needed.
        in_flight: the first step of each draw in flight by its number; None where it is not looked ahead on.
        done: draws that ended before one that was asked for earlier.
    """

    question: int
    lease: int
    first: int
    reported: int
    begun: float = 0.0
    ends: list[int] | None = None
    in_flight: dict[int, float] | None = None
    done: set[int] = field(default_factory=set)


class SimulatedWorker:
    """One incarnation of a worker.

    Attributes:
        now: the time up to which it has been played, in seconds.
        playing: its questions in play.
        waiting: leases that wait for a place: question, lease and samples committed.
        drawn: tokens drawn so far, without those of questions in play that are followed as one.
    """

    def __init__(
        self, workload: Workload, step: StepTime, places: int, *, now: float, slowness: float, ahead: bool
    ) -> None:
        """Start with an empty batch; ``slowness`` multiplies the time of a step, ``ahead`` fills idle places."""
        self._work, self._step, self._places, self._slowness, self._ahead = workload, step, places, slowness, ahead
        self.now, self._steps, self._rows, self._bulk, self.drawn = now, 0.0, 0, 0, 0.0
        self.playing: dict[int, Play] = {}
        self.waiting: deque[tuple[int, int, int]] = deque()
        self._ends: list[tuple[float, int, Play, int]] = []
        self._order = count()
        self._news: list[Report] = []

    def grant(self, question: int, lease: int, committed: int) -> None:
        """Play a question as soon as a place is free."""
        self.waiting.append((question, lease, committed))
        self.fill()

    def recall(self, question: int, lease: int) -> None:
        """Stop a question, and report its samples and the release with the next report."""
        play = self.playing.get(question)
        if play is not None and play.lease == lease:
            self._remove(play)
            keys = range(play.reported, self._delivered(play))
            self._news.append(Report(str(question), lease, keys, released=True))
            self.fill()
        elif any(one[1] == lease for one in self.waiting):
            self.waiting = deque(one for one in self.waiting if one[1] != lease)
            self._news.append(Report(str(question), lease, released=True))

    def report(self, *, progress: bool) -> list[Report]:
        """Return the news since the last report; ``progress`` adds the samples of questions in play."""
        news, self._news = self._news, []
        for play in self.playing.values() if progress else ():
            delivered = self._delivered(play)
            if delivered > play.reported:
                news.append(Report(str(play.question), play.lease, range(play.reported, delivered)))
                play.reported = delivered
        return news

    @property
    def unfinished_tokens(self) -> float:
        """Tokens of the questions in play that are not part of ``drawn`` yet."""
        return sum(
            self._steps - begun
            for play in self.playing.values()
            for begun in ([play.begun] if play.in_flight is None else play.in_flight.values())
        )

    def next_end(self) -> float | None:
        """Return the time at which the next draw or question ends; None if nothing is in play."""
        self._skip_removed()
        return None if not self._ends else self.now + (self._ends[0][0] - self._steps) * self._seconds()

    def advance(self, until: float) -> None:
        """Play until a time."""
        while (end := self.next_end()) is not None and end <= until + ROUNDING_S:
            self.now = end
            self._steps, _, play, index = heappop(self._ends)
            if play.in_flight is None:
                self._finish(play)
            else:
                self._end_draw(play, play.in_flight, index)
        if self._rows and self.now < until:
            self._steps += (until - self.now) / self._seconds()
        self.now = max(self.now, until)

    def _seconds(self) -> float:
        return self._slowness * self._step.seconds(self._rows)

    def _skip_removed(self) -> None:
        """Drop the ends of draws that were aborted and of questions that are gone."""
        ends = self._ends
        while ends:
            _, _, play, index = ends[0]
            if self.playing.get(play.question) is play and (
                index < 0 if play.in_flight is None else index in play.in_flight
            ):
                return
            heappop(ends)

    def fill(self) -> None:
        """Start waiting questions in free places."""
        while self.waiting and len(self.playing) < self._places:
            question, lease, first = self.waiting.popleft()
            needed = int(self._work.counts[question])
            if first >= needed:  # a worker died between the last sample and the decision
                self._news.append(Report(str(question), lease, decided_on=range(needed)))
                continue
            play = Play(question, lease, first, first, self._steps)
            self.playing[question] = play
            if self._look_ahead():
                play.in_flight = {}
                self._top_up(play, play.in_flight)
            else:
                tokens = int(self._work.tokens[question]) - int(self._work.lengths[question, :first].sum())
                heappush(self._ends, (self._steps + tokens, next(self._order), play, -1))
                self._rows += 1
                self._bulk += 1
        if self._bulk and self._look_ahead():
            for play in [p for p in self.playing.values() if p.in_flight is None]:
                self._split(play)

    def _look_ahead(self) -> int:
        """Return the draws of a question that start before they are asked for: idle places, shared evenly."""
        return self._places // max(1, len(self.playing)) - 1 if self._ahead else 0

    def _split(self, play: Play) -> None:
        """Follow the draws of a question one by one from here on."""
        first = self._delivered(play)
        begun = self._begun(play, first)
        self.drawn += begun - play.begun
        play.first, play.in_flight, self._bulk = first, {first: begun}, self._bulk - 1
        end = begun + int(self._work.lengths[play.question, first])
        heappush(self._ends, (max(end, self._steps), next(self._order), play, first))

    def _top_up(self, play: Play, in_flight: dict[int, float]) -> None:
        """Start the draw that is asked for, and those ahead of it for which there is a place."""
        for index in range(play.first, min(play.first + 1 + self._look_ahead(), self._work.budget)):
            if index not in in_flight and index not in play.done:
                if index > play.first and self._rows >= self._places:
                    return
                in_flight[index] = self._steps
                self._rows += 1
                end = self._steps + int(self._work.lengths[play.question, index])
                heappush(self._ends, (end, next(self._order), play, index))

    def _end_draw(self, play: Play, in_flight: dict[int, float], index: int) -> None:
        """Deliver what has become deliverable in the order of submission."""
        self.drawn += self._steps - in_flight.pop(index)
        self._rows -= 1
        play.done.add(index)
        while play.first in play.done:
            play.done.remove(play.first)
            play.first += 1
        if play.first >= self._work.counts[play.question]:
            self._finish(play)
        elif index < play.first:
            self._top_up(play, in_flight)

    def _finish(self, play: Play) -> None:
        self._remove(play)
        needed = int(self._work.counts[play.question])
        keys = range(play.reported, needed)
        self._news.append(Report(str(play.question), play.lease, keys, decided_on=range(needed)))
        self.fill()

    def _remove(self, play: Play) -> None:
        """Take a question out of play, with its draws in flight."""
        del self.playing[play.question]
        if play.in_flight is None:
            self.drawn += self._steps - play.begun
            self._rows -= 1
            self._bulk -= 1
        else:
            self.drawn += sum(self._steps - begun for begun in play.in_flight.values())
            self._rows -= len(play.in_flight)

    def _delivered(self, play: Play) -> int:
        """Return the number of samples that the strategy was given."""
        if play.in_flight is not None:
            return play.first
        if play.ends is None:
            needed = int(self._work.counts[play.question])
            play.ends = np.cumsum(self._work.lengths[play.question, play.first : needed], dtype=int).tolist()
        ended = bisect_right(play.ends, self._steps - play.begun + 1e-6)
        return play.first + min(ended, len(play.ends) - 1)  # the last one ends with an event of its own

    def _begun(self, play: Play, index: int) -> float:
        """Return the step at which a draw began of a question that is not looked ahead on."""
        ends = play.ends
        return play.begun if index == play.first or ends is None else play.begun + ends[index - play.first - 1]
