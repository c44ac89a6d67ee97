"""The beam family: partial samples drawn to a boundary, pruned by confidence, the survivors forked.

:class:`~strategies.pruning.Pruner` is the seam: how many copies of each unfinished beam live on. ``PrunedBeams`` needs
a scorer that judges partial samples and an engine that continues one; a recording is refused, because nobody recorded
the forks.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from strategies.base import Steps
from strategies.live_evidence import LiveEvidence
from strategies.pruning import Copies, Pruner, TopK, generator, ranked, saving
from strategies.stopping import Never, StoppingRule
from strategies.vote import BUDGET
from strategies.weighting import Linear, Weighting
from tts.errors import InputError, UnsupportedError
from tts.scorers.trace_scores import TOP
from tts.types import END, STEP, Boundary, Decision, Draw, End, Problem, Sample, Signals, total_usage

NEEDS: Mapping[str, Signals] = {
    "step_below": Signals(steps=True),
    "group_below": Signals(top=TOP),
    "entropy_above": Signals(entropy=True),
}
"""What must be collected for draws to end at boundaries of some kinds, a watched token apart: the scorer names it."""


@dataclass(frozen=True)
class PrunedBeams:
    """Confidence-guided pruning of partial beams, then a confidence-weighted vote over the finished ones.

    Beams are drawn in waves of ``width``. Those of a wave that pause at a boundary are judged together: the pruner says
    how many copies of each live on, each copy is drawn to the next boundary, and so on until all have ended. A beam
    that has ended votes, one that failed counts as ended and has no vote; a partial sample never votes. Waves follow
    each other until ``budget`` beams have ended or a rule fires, which it may in the middle of a wave.

    Pruning switches itself off where it costs more than it saves. At each position the tokens that scorers read and
    drew for the beams that paused there (their part of ``Usage.scorer_prefill`` and ``scorer_decode``) are compared
    with the tokens that pruning them is expected to save (:func:`~strategies.pruning.saving`): the prefix of each fork,
    and the rest of each pruned beam that no fork replaces, where a whole sample is expected to take ``length`` tokens.
    Where they cost more, this pruning still counts, as it is paid for, and its survivors are drawn to their end without
    being judged again; later waves of the question are judged at earlier positions only, and not at all where it was
    the first. Further positions would not be better: a longer prefix costs more to judge, a shorter rest saves less.
    A scorer that reads the pass that drew costs nothing, so with it nothing is ever switched off; nor is it while the
    expected length is unknown, or where the source counts no tokens.

    Attributes:
        name: what tables call it.
        width: the most beams in play at a time, >= 1, behind a wave's first position.
        budget: beams of a question that end, at the most, >= 1; pruned ones do not count. The last wave is smaller.
        pruner: how many copies of each beam live on at a position.
        until: where beams pause to be judged.
        positions: the most positions at which a wave is judged, >= 1; what has not ended at the last one is drawn to
            its end.
        fork: whether several copies of a beam may live on; False leaves the places of pruned beams empty.
        weighting: how much the vote of a finished beam counts.
        stop: rules, asked in this order whenever a beam has ended; the first that fires decides at once.
        begin: beams that a wave begins, >= width, of which no more than ``width`` live on at its first position, and in
            their proportion in a smaller wave; those that have ended there vote, whatever the budget. None: ``width``.
        length: expected tokens of a whole sample, > 0; None takes the mean of the question's beams that have ended, and
            until there is one it is unknown.
    """

    name: str = "pruned_beams"
    width: int = 4
    budget: int = 4
    pruner: Pruner = field(default_factory=TopK)
    until: Boundary = STEP
    positions: int = 8
    fork: bool = True
    weighting: Weighting = field(default_factory=Linear)
    stop: tuple[StoppingRule, ...] = (Never(),)
    begin: int | None = None
    length: float | None = None
    branches: ClassVar[bool] = True
    needs_confidence: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse beams that could not be drawn, and rules that mean nothing under the weighting."""
        for key in ("width", "budget", "positions"):
            if getattr(self, key) < 1:
                raise InputError(f"strategy {self.name} needs {key} >= 1, got {getattr(self, key)}")
        if self.begin is not None and self.begin < self.width:
            raise InputError(f"strategy {self.name} needs begin >= width or null, got {self.begin} and {self.width}")
        if self.length is not None and not self.length > 0:
            raise InputError(f"strategy {self.name} needs length > 0 or null, got {self.length}")
        for rule in self.stop:
            rule.check(self.weighting)

    @property
    def needs(self) -> Signals:
        """What must be collected for draws to end where they shall."""
        return NEEDS.get(self.until.kind, Signals())

    def run(self, problem: Problem) -> Steps:
        """Play one question; see :class:`~strategies.base.Strategy`."""
        tally = LiveEvidence(self.weighting, needs_confidence=True)
        given: list[Sample] = []
        last = self.positions  # the last position at which a wave is judged
        while tally.n < self.budget:
            goal = min(tally.n + self.width, self.budget)
            room = goal - tally.n
            draws = [Draw(self._begun(room), until=self.until) if last else Draw(room)]
            for position in count(1):
                paused, rule = yield from self._drawn(draws, tally, given)
                if rule is not None:
                    return _decision(tally, given, rule)
                if not paused or tally.n >= goal:
                    break
                free = goal - tally.n if self.fork else min(goal - tally.n, len(paused))
                copies = self._copies(paused, free, generator(f"{problem.id}|{len(given)}"))
                if self._costs_more_than_it_saves(paused, copies, tally):
                    last = position - 1
                draws = _forks(paused, copies, self.until if position < last else END)
        return _decision(tally, given, None)

    def _begun(self, room: int) -> int:
        """Beams that a wave begins of which ``room`` may end."""
        return room if self.begin is None else -(-self.begin * room // self.width)

    def _drawn(
        self, draws: Sequence[Draw], tally: LiveEvidence, given: list[Sample]
    ) -> Generator[Draw, list[Sample], tuple[list[Sample], StoppingRule | None]]:
        """Ask for these draws and count the beams that end: those that paused instead, and the rule that fired."""
        paused: list[Sample] = []
        for draw in draws:
            beams = yield draw
            given += beams
            for beam in beams:
                if beam.end is End.BOUNDARY and draw.until != END:
                    paused.append(beam)
                    continue
                tally.add(beam)
                for rule in self.stop:
                    if rule.fires(tally):
                        return paused, rule
        return paused, None

    def _copies(self, paused: Sequence[Sample], free: int, rng: np.random.Generator) -> Copies:
        """Copies of each beam, shape [len(paused)], at least one in all.

        Raises:
            InputError: the pruner keeps none, or more than there is room for.
        """
        copies = np.asarray(self.pruner.copies(confidences(paused), free, rng))
        if copies.shape != (len(paused),) or copies.min() < 0 or not 1 <= copies.sum() <= free:
            raise InputError(
                f"pruner {type(self.pruner).__name__} gave {copies.tolist()} copies of {len(paused)} beams with room "
                f"for {free}: give one number a beam, from 1 to {free} in all"
            )
        return copies if self.fork else np.minimum(copies, 1)

    def _costs_more_than_it_saves(self, paused: Sequence[Sample], copies: Copies, tally: LiveEvidence) -> bool:
        ended = [len(beam.token_ids) for beam in tally.samples if beam.token_ids and beam.end is not End.FAILED]
        length = self.length if self.length is not None else sum(ended) / len(ended) if ended else None
        spent = total_usage(paused)
        if length is None or spent is None:
            return False
        drawn = np.array([len(beam.token_ids) for beam in paused], dtype=np.float64)
        return spent.scorer_prefill + spent.scorer_decode > saving(copies, drawn, length)


def confidences(beams: Sequence[Sample]) -> NDArray[np.float64]:
    """The confidences of partial samples, shape [len(beams)].

    Raises:
        UnsupportedError: a beam was not scored.
    """
    if any(beam.confidence is None for beam in beams):
        raise UnsupportedError("pruning beams needs a scorer that judges partial samples, and a beam came unscored")
    return np.array([beam.confidence for beam in beams], dtype=np.float64)


def _forks(paused: Sequence[Sample], copies: Copies, until: Boundary) -> list[Draw]:
    """One draw for the copies of each survivor, the most confident first."""
    return [Draw(int(copies[i]), prefix=paused[i], until=until) for i in ranked(confidences(paused)) if copies[i]]


def _decision(tally: LiveEvidence, given: Sequence[Sample], rule: StoppingRule | None) -> Decision:
    """Return the decision of the finished beams; ``rule`` fired, or is None at the end of the budget."""
    label = tally.labels[-1] if rule is not None and rule.answer == "current" else tally.leader
    return Decision(
        answer=tally.answer(label),
        samples=tuple(given),
        reason=BUDGET if rule is None else rule.name,
        p_correct=tally.p_correct(label, rule),
        vote_share=tally.vote_share(label),
        usage=total_usage(given),
    )
