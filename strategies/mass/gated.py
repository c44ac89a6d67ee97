"""A vote by mass that steps aside where texts vary too freely to be seen: it counts votes there.

The mass of an answer tells more than its votes only where a few draws see much of the model's distribution. Where every
text is new and improbable, which text is the most probable one says little about its answer. Where only some answers
come with a probability, as from a server that returns none for calls of tools, masses would leave the others out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from strategies.draw_arrays import DrawArrays
from strategies.live_evidence import LiveEvidence
from strategies.mass.seen import SeenMass
from strategies.replay_evidence import ReplayEvidence
from strategies.stopping import Beta, MassCertificate, StoppingRule
from strategies.vote import BUDGET, Decisions, Vote
from strategies.weighting import Mass, Uniform, Weighting
from tts.errors import InputError
from tts.requirements import Requirements
from tts.strategy import TIME_LIMIT, Steps, TimeUp
from tts.types import Decision, Draw, Problem, Signals


@dataclass(frozen=True)
class MassGated:
    """The vote by mass with its certificate, or votes with the Beta rule where the first draws have seen too little.

    Until ``probe`` draws are there, only the certificate may stop. Where they have seen less mass than ``least``, and
    once a draw with an answer has no probability, the strategy goes on, with all draws so far, as Adaptive-Consistency
    (2305.11860) does.

    Attributes:
        name: the strategy's name in tables.
        budget: the most draws per question, >= 1.
        probe: the draws after which it may step aside, >= 1.
        least: in [0, 1]: the mass that these must have seen for the vote by mass; 0 asks for none.
        share: of the certificate, see :class:`~strategies.stopping.MassCertificate`.
        weighting: the weight of a vote where it has stepped aside.
        level: of the Beta rule, see :class:`~strategies.stopping.Beta`.
        needs_mass: it reads masses, where there are any.
        prune: it prunes no draw.
    """

    name: str
    budget: int
    probe: int = 3
    least: float = 0.1
    share: float = 1.0
    weighting: Weighting = field(default_factory=Uniform)
    level: float = 0.95
    needs_mass: ClassVar[bool] = True
    prune: ClassVar[None] = None

    def __post_init__(self) -> None:
        """Refuse values outside their ranges."""
        if self.probe < 1:
            raise InputError(f"strategy {self.name} needs probe >= 1, got {self.probe}")
        if not 0.0 <= self.least <= 1.0:
            raise InputError(f"strategy {self.name} needs least in [0, 1], got {self.least}")
        _ = self.by_mass, self.by_votes

    @cached_property
    def by_mass(self) -> Vote:
        """The vote where enough mass is seen."""
        return Vote(self.name, self.budget, Mass(), (MassCertificate(self.share),))

    @cached_property
    def by_votes(self) -> Vote:
        """The vote where it is not."""
        return Vote(self.name, self.budget, self.weighting, (Beta(self.level),))

    @property
    def stop(self) -> tuple[StoppingRule, ...]:
        """The rules of both votes."""
        return self.by_mass.stop + self.by_votes.stop

    @property
    def requires(self) -> Requirements:
        """The probabilities of texts where the source has them; confidences, if votes are weighted by them."""
        return Requirements(
            confidence=self.weighting.needs_confidence, sequential=True, preferred=Signals(processed=True)
        )

    def run(self, problem: Problem) -> Steps:
        """Play one question; see :class:`~tts.strategy.Strategy`."""
        masses, votes = LiveEvidence(Mass()), LiveEvidence(self.weighting, needs_mass=True)
        vote, evidence, reason = self.by_mass, masses, BUDGET
        while masses.n < self.budget and reason is BUDGET:
            try:
                samples = yield Draw(1)
            except TimeUp as up:
                samples, reason = [*up.samples], TIME_LIMIT
            for sample in samples:
                masses.add(sample)
                votes.add(sample)
            probed = masses.n >= self.probe or masses.n == self.budget or reason is TIME_LIMIT
            if probed and (masses.unseen_mass > 1.0 - self.least or masses.unknown_mass):
                vote, evidence = self.by_votes, votes
            (rule,) = vote.stop
            if reason is BUDGET and rule.fires(evidence):
                return vote.decision(evidence, evidence.leader, rule)
        return vote.decision(evidence, evidence.leader, None, reason=reason)

    def saw_too_little(self, decision: Decision) -> bool:
        """Return whether votes decided since the first draws had seen too little mass."""
        if decision.reason == MassCertificate.name:
            return False
        first = SeenMass()
        for sample in decision.samples[: self.probe]:
            first.add(sample, -1)
        return 1.0 - first.total > 1.0 - self.least

    def decide(self, draws: DrawArrays) -> Decisions:
        """Play every row of a replay; equal to ``run`` on each row's draws.

        Args:
            draws: the draws; those beyond the budget are ignored.

        Returns:
            One decision per row.
        """
        masses, votes = ReplayEvidence.of(draws, Mass()), ReplayEvidence.of(draws, self.weighting)
        horizon = min(self.budget, draws.n_draws)
        probe = min(self.probe, horizon)
        (certificate,), (beta,) = self.by_mass.stop, self.by_votes.stop
        certified = masses.first(certificate)
        steps = np.arange(1, draws.n_draws + 1)[:, None]
        never = draws.n_draws + 1
        left = (masses.unseen_mass > 1.0 - self.least) | draws.unknown_mass
        leaving = np.where(left & (steps >= probe), steps, never).min(axis=0)
        aside = (leaving <= horizon) & (certified >= leaving)
        settled = np.where(beta.fires(votes) & (steps >= leaving), steps, never).min(axis=0)
        first = np.where(aside, settled, certified)
        used = np.minimum(first, horizon).astype(np.intp)
        rows = np.arange(draws.n_rows)
        label = np.where(aside, votes.leader[used - 1, rows], masses.leader[used - 1, rows])
        return Decisions(label, used, np.where(first <= horizon, aside.astype(np.int8), np.int8(-1)))
