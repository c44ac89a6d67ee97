"""The beam family: partial samples are drawn to a boundary, pruned by confidence, and the survivors forked.

A :class:`~strategies.pruning.Pruner` decides how many copies of each unfinished beam survive. ``PrunedBeams`` needs a
scorer that scores partial samples and an engine that continues them; recorded pools hold no forks and are refused.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from numpy.typing import NDArray

from strategies.live_evidence import LiveEvidence
from strategies.pruning import Copies, Pruner, TopK, expected_saving, keyed_generator, rank_by_confidence
from strategies.stopping import Never, StoppingRule
from strategies.vote import BUDGET
from strategies.weighting import Linear, Weighting
from tts.boundaries import KINDS, signals_for
from tts.errors import InputError, UnsupportedError
from tts.requirements import Requirements
from tts.scorers.trace_scores import TOP
from tts.strategy import TIME_LIMIT, Steps, TimeUp
from tts.types import END, STEP, Boundary, Decision, Draw, End, Problem, Sample, total_usage


@dataclass(frozen=True)
class PrunedBeams:
    """Confidence-guided pruning of partial beams, followed by a confidence-weighted vote over the finished beams.

    Beams are drawn in waves of ``width``. The beams of a wave that pause at a boundary are checked together: the pruner
    decides how many copies of each survive, each copy is drawn to the next boundary, and so on until all have ended. A
    beam that has ended votes; a beam that failed counts as ended and has no vote; a partial sample never votes. Waves
    follow each other until ``budget`` beams have ended or a rule fires, possibly in the middle of a wave.

    Pruning switches itself off where it costs more than it saves. At each check, the tokens that scorers read and drew
    for the paused beams (their part of ``Usage.scorer_prefill`` and ``scorer_decode``) are compared with the tokens
    that pruning is expected to save (:func:`~strategies.pruning.expected_saving`): the prefix of each fork, and the
    rest of each pruned beam that no fork replaces, if a whole sample takes ``length`` tokens. If the check costs more,
    its pruning still applies, because it is paid for, and the survivors are drawn to their end without another check.
    Later waves of the question are checked fewer times, and never if it was the first check. Further checks would be no
    better: a longer prefix costs more to score, and a shorter rest saves less. A scorer that reads the pass that drew
    costs nothing, so it never switches pruning off. Pruning also stays on while the expected length is unknown, and if
    the source counts no tokens.

    Attributes:
        name: the strategy's name in tables.
        width: the most beams in play at a time after a wave's first check, >= 1.
        budget: the most beams of a question that end, >= 1; pruned ones do not count. The last wave may be smaller.
        pruner: the number of copies of each beam that survive a check.
        until: the boundary at which beams pause for a check.
        max_checks: the most checks of a wave, >= 1; beams that pause at the last one are then drawn to their end.
        fork: True if several copies of a beam may survive; False leaves the places of pruned beams empty.
        weighting: the weight of a finished beam's vote.
        stop: stopping rules, checked in this order whenever a beam has ended; the first that fires decides at once.
        start_width: beams at the start of a wave, >= width; at most ``width`` of them survive the first check. A
            smaller wave starts with proportionally fewer. Beams that end before the first check vote, whatever the
            budget. None takes ``width``.
        length: expected tokens of a whole sample, > 0; None takes the mean of the question's beams that have ended, and
            is unknown until there is one.
    """

    name: str = "pruned_beams"
    width: int = 4
    budget: int = 4
    pruner: Pruner = field(default_factory=TopK)
    until: Boundary = STEP
    max_checks: int = 8
    fork: bool = True
    weighting: Weighting = field(default_factory=Linear)
    stop: tuple[StoppingRule, ...] = (Never(),)
    start_width: int | None = None
    length: float | None = None

    def __post_init__(self) -> None:
        """Refuse beams that cannot be drawn, and rules that are meaningless under the weighting."""
        for key in ("width", "budget", "max_checks"):
            if getattr(self, key) < 1:
                raise InputError(f"strategy {self.name} needs {key} >= 1, got {getattr(self, key)}")
        if self.start_width is not None and self.start_width < self.width:
            raise InputError(
                f"strategy {self.name} needs start_width >= width or null, got {self.start_width} and {self.width}"
            )
        if self.length is not None and not self.length > 0:
            raise InputError(f"strategy {self.name} needs length > 0 or null, got {self.length}")
        for rule in self.stop:
            rule.check(self.weighting)

    @property
    def requires(self) -> Requirements:
        """Confidences of whole and partial samples, prefixes to continue, and the signals that end draws."""
        return Requirements(
            confidence=True,
            prefix_confidence=True,
            branching=True,
            pausing=True,
            sequential=True,
            watched=KINDS[self.until.kind].reads == "confidence",
            signals=signals_for(self.until, top=TOP),
        )

    def run(self, problem: Problem) -> Steps:
        """Play one question; see :class:`~tts.strategy.Strategy`."""
        evidence = LiveEvidence(self.weighting, needs_confidence=True)
        received: list[Sample] = []
        try:
            return (yield from self._played(problem, evidence, received))
        except TimeUp as up:
            received += up.samples
            for beam in (one for one in up.samples if one.end is not End.BOUNDARY):
                evidence.add(beam)
            return _decision(evidence, received, None, reason=TIME_LIMIT)

    def _played(self, problem: Problem, evidence: LiveEvidence, received: list[Sample]) -> Steps:
        checks = self.max_checks  # of a wave, at most
        while evidence.n < self.budget:
            goal = min(evidence.n + self.width, self.budget)
            room = goal - evidence.n
            draws = [Draw(self._starting(room), until=self.until) if checks else Draw(room)]
            for check in count(1):
                paused, rule = yield from self._drawn(draws, evidence, received)
                if rule is not None:
                    return _decision(evidence, received, rule)
                if not paused or evidence.n >= goal:
                    break
                free = goal - evidence.n if self.fork else min(goal - evidence.n, len(paused))
                copies = self._copies(paused, free, keyed_generator(f"{problem.id}|{len(received)}"))
                if self._costs_more_than_it_saves(paused, copies, evidence):
                    checks = check - 1
                draws = _forks(paused, copies, self.until if check < checks else END)
        return _decision(evidence, received, None)

    def _starting(self, room: int) -> int:
        """Return the number of beams that start a wave of which ``room`` may end."""
        return room if self.start_width is None else -(-self.start_width * room // self.width)

    def _drawn(
        self, draws: Sequence[Draw], evidence: LiveEvidence, received: list[Sample]
    ) -> Generator[Draw, list[Sample], tuple[list[Sample], StoppingRule | None]]:
        """Request these draws and count the beams that end; return the beams that paused, and the rule that fired."""
        paused: list[Sample] = []
        for draw in draws:
            beams = yield draw
            received += beams
            for beam in beams:
                if beam.end is End.BOUNDARY and draw.until != END:
                    paused.append(beam)
                    continue
                evidence.add(beam)
                for rule in self.stop:
                    if rule.fires(evidence):
                        return paused, rule
        return paused, None

    def _copies(self, paused: Sequence[Sample], free: int, rng: np.random.Generator) -> Copies:
        """Return the copies of each beam, shape [len(paused)], at least one in total.

        Raises:
            InputError: the pruner returns no copies, or more than there is room for.
        """
        copies = np.asarray(self.pruner.copies(confidences(paused), free, rng))
        if copies.shape != (len(paused),) or copies.min() < 0 or not 1 <= copies.sum() <= free:
            raise InputError(
                f"pruner {type(self.pruner).__name__} returned {copies.tolist()} copies of {len(paused)} beams with "
                f"room for {free}: return one number per beam, from 1 to {free} in total"
            )
        return copies if self.fork else np.minimum(copies, 1)

    def _costs_more_than_it_saves(self, paused: Sequence[Sample], copies: Copies, evidence: LiveEvidence) -> bool:
        ended = [len(beam.token_ids) for beam in evidence.samples if beam.token_ids and beam.end is not End.FAILED]
        length = self.length if self.length is not None else sum(ended) / len(ended) if ended else None
        spent = total_usage(paused)
        if length is None or spent is None:
            return False
        drawn = np.array([len(beam.token_ids) for beam in paused], dtype=np.float64)
        return spent.scorer_prefill + spent.scorer_decode > expected_saving(copies, drawn, length)


def confidences(beams: Sequence[Sample]) -> NDArray[np.float64]:
    """Return the confidences of partial samples, shape [len(beams)].

    Raises:
        UnsupportedError: a beam was not scored.
    """
    if any(beam.confidence is None for beam in beams):
        raise UnsupportedError("pruning beams needs a scorer that scores partial samples, and a beam has no confidence")
    return np.array([beam.confidence for beam in beams], dtype=np.float64)


def _forks(paused: Sequence[Sample], copies: Copies, until: Boundary) -> list[Draw]:
    """Return one draw for the copies of each survivor, the most confident first."""
    return [
        Draw(int(copies[i]), prefix=paused[i], until=until)
        for i in rank_by_confidence(confidences(paused))
        if copies[i]
    ]


def _decision(
    evidence: LiveEvidence, received: Sequence[Sample], rule: StoppingRule | None, *, reason: str = BUDGET
) -> Decision:
    """Return the decision of the finished beams; ``rule`` fired, or ``reason`` where it is None."""
    label = evidence.labels[-1] if rule is not None and rule.answer == "current" else evidence.leader
    return Decision(
        answer=evidence.answer(label),
        samples=tuple(received),
        reason=reason if rule is None else rule.name,
        p_correct=evidence.p_correct(label, rule),
        vote_share=evidence.vote_share(label),
        usage=total_usage(received),
    )
