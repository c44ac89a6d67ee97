"""Check: how probable an answer that is given is right, from fresh draws of the same question.

A bare answer holds nothing that a scorer could read. Its share of the confidence in a few fresh draws ranks right and
wrong answers far better than a confidence read off the answer itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from strategies.live_evidence import LiveEvidence
from strategies.stopping.base import unit_interval
from strategies.vote import BUDGET
from strategies.weighting import Linear, Weighting
from tts.errors import InputError
from tts.requirements import Requirements
from tts.strategy import TIME_LIMIT, Steps, TimeUp
from tts.types import Decision, Draw, Problem, total_usage

CONFIDENT = "confident"
SETTLED = "settled"
FOR, AGAINST = 1 / 8, 3 / 8
"""The prior of P(answer), in sure votes: among those tried it ranks answers best after 2 to 8 draws, by a little."""


@dataclass(frozen=True)
class Check:
    """Draws samples of a question to tell how probable it is that a given answer is right.

    P(answer) is, for weights that are not negative, the answer's share of the weight with a weak prior, the mean of
    Beta(:data:`FOR` + w, :data:`AGAINST` + W - w) after votes of weight w for it among W. An answer without votes has
    the less, the more sure votes are against it. Log-odds weights give the posterior of CGES (2511.02603), where an
    answer without votes has at most that of all unseen ones. Samples without an answer count as draws and never vote;
    without any vote P(answer) is unknown: None.

    Attributes:
        answer: the answer to check, in the canonical form of the samples' answers.
        budget: the most draws, >= 1.
        weighting: the weight of a vote.
        confidence: in (1/2, 1): the draws end once P(answer) is at least this, or at most one minus this.
        threshold: in (0, 1): the draws end, too, once the rest of the budget cannot move P(answer) to its other side.
            This changes no comparison with the threshold, but P(answer) itself. For weights in [0, 1]; None never
            ends them for this reason.
        name: the strategy's name in tables.
    """

    answer: str
    budget: int
    weighting: Weighting = field(default_factory=Linear)
    confidence: float = 0.99
    threshold: float | None = None
    name: str = "check"

    def __post_init__(self) -> None:
        """Refuse meaningless values."""
        if self.budget < 1:
            raise InputError(f"strategy {self.name} needs budget >= 1, got {self.budget}")
        if not 0.5 < self.confidence < 1.0:
            raise InputError(f"strategy {self.name} needs confidence in (0.5, 1), got {self.confidence}")
        if self.threshold is not None:
            unit_interval(self.name, threshold=self.threshold)
            if not self.weighting.unit:
                raise InputError(
                    f"strategy {self.name} needs weights in [0, 1] for a threshold, got weighting "
                    f"{self.weighting.name}: leave threshold out"
                )

    @property
    def requires(self) -> Requirements:
        """Confidences, if the weighting reads them; the draws come in parts."""
        return Requirements(confidence=self.weighting.needs_confidence, sequential=True)

    def run(self, problem: Problem) -> Steps:
        """Play one question; see :class:`~tts.strategy.Strategy`."""
        evidence = LiveEvidence(self.weighting)
        reason = BUDGET
        while evidence.n < self.budget and reason is BUDGET:
            try:
                samples = yield Draw(self._least(evidence))
            except TimeUp as up:
                samples, reason = [*up.samples], TIME_LIMIT
            for sample in samples:
                evidence.add(sample)
            if reason is BUDGET:
                reason = self._reason(*self._weights(evidence), evidence) or BUDGET
        label, known = evidence.answers.get(self.answer), self._known(evidence)
        return Decision(
            answer=self.answer,
            samples=tuple(evidence.samples),
            reason=reason,
            p_correct=self._probability(evidence) if known else None,
            vote_share=(0.0 if label is None else evidence.vote_share(label)) if known else None,
            usage=total_usage(evidence.samples),
        )

    def _known(self, evidence: LiveEvidence) -> bool:
        """Return whether any vote counts."""
        return bool(evidence.votes) and (self.weighting.signed or float(evidence.total_weight) > 0.0)

    def _weights(self, evidence: LiveEvidence) -> tuple[float, float]:
        """Return the weight of the answer's votes and that of all votes."""
        label = evidence.answers.get(self.answer)
        return 0.0 if label is None else float(evidence.weights[label]), float(evidence.total_weight)

    def _probability(self, evidence: LiveEvidence) -> float:
        """Return P(answer) under the draws so far, of which one votes at least."""
        if not self.weighting.signed:
            return _share(*self._weights(evidence))
        label, scores = evidence.answers.get(self.answer), np.array([*map(float, evidence.scores), 0.0])
        odds = np.exp(scores - scores.max())  # the last one is that of all unseen answers
        return float(odds[-1 if label is None else label] / odds.sum())

    def _reason(self, mine: float, total: float, evidence: LiveEvidence) -> str | None:
        """Return why the draws may end before the budget is spent, or None."""
        if self._known(evidence) and _beyond(self._probability(evidence), self.confidence):
            return CONFIDENT
        return SETTLED if self._settled(mine, total, self.budget - evidence.n) else None

    def _settled(self, mine: float, total: float, left: int) -> bool:
        """Return whether ``left`` further votes of weight at most 1 keep P(answer) on its side of the threshold."""
        if self.threshold is None:
            return False
        lowest, highest = _share(mine, total + left), _share(mine + left, total + left)
        return lowest >= self.threshold or highest < self.threshold

    def _least(self, evidence: LiveEvidence) -> int:
        """Return the fewest draws after which the next check may end them; they are asked for at once."""
        left = self.budget - evidence.n
        if not self.weighting.unit:
            return 1
        mine, total = self._weights(evidence)
        for more in range(1, left):
            ends = ((mine + more, total + more), (mine, total + more))  # all of them for the answer, or all against
            if any(_beyond(_share(*end), self.confidence) or self._settled(*end, left - more) for end in ends):
                return more
        return left


def _share(mine: float, total: float) -> float:
    return (mine + FOR) / (total + FOR + AGAINST)


def _beyond(probability: float, confidence: float) -> bool:
    return probability >= confidence or probability <= 1.0 - confidence
