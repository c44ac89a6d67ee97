"""LiveEvidence: the running votes of one live question, updated in about a microsecond per draw.

Implements :class:`~strategies.evidence.Evidence` for one question;
:class:`~strategies.replay_evidence.ReplayEvidence` does so for many rows. The two facts that need the whole history
(``majority_log_e_values`` and ``log_wealth``) come from a ``ReplayEvidence`` of one row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from strategies.counts import LOG_INTEGER, dirichlet_leader_probability
from strategies.draw_arrays import DrawArrays
from strategies.mass.seen import SeenMass
from strategies.replay_evidence import ReplayEvidence
from strategies.stopping import StoppingRule
from strategies.weighting import Weighting
from tts.errors import UnsupportedError
from tts.types import Sample

NEVER = float("-inf")


class LiveEvidence:
    """The votes of one question under one weighting; unparsed samples count as draws and never vote."""

    __slots__ = (
        "_dynamic",
        "_fixed_weight",
        "_leader",
        "_leader_score",
        "_masses",
        "_needs_confidence",
        "_signed",
        "_votes_before",
        "answers",
        "best_confidence",
        "best_label",
        "confidence",
        "labels",
        "n",
        "parsed",
        "samples",
        "streak",
        "total_weight",
        "votes",
        "weighting",
        "weights",
    )

    def __init__(self, weighting: Weighting, *, needs_confidence: bool = False, needs_mass: bool = False) -> None:
        """Start with no draws.

        Args:
            weighting: the weight of a vote.
            needs_confidence: whether a parsed sample without a confidence is an error.
            needs_mass: whether masses are counted; they are where the weighting reads them.
        """
        self.weighting = weighting
        self.samples: list[Sample] = []
        self.labels: list[int] = []
        self.answers: dict[str, int] = {}
        self.votes: list[int] = []
        self.weights: list[Any] = []
        self.n = 0
        self.total_weight: Any = 0
        self.parsed = False
        self.confidence = float("nan")
        self.best_confidence = NEVER
        self.best_label = -1
        self.streak = 0
        self._needs_confidence = needs_confidence or weighting.needs_confidence
        self._masses = SeenMass() if needs_mass or weighting.needs_mass else None
        self._fixed_weight = None if weighting.needs_confidence or weighting.needs_mass else weighting.weigh(None)
        self._dynamic = weighting.dynamic
        self._signed = weighting.signed
        self._votes_before: list[tuple[int, ...]] = []  # votes of the others when each answer was first seen
        self._leader_score: Any = None
        self._leader = -1

    def add(self, sample: Sample, weight: float | None = None) -> None:
        """Count one sample; ``weight`` replaces the weight that the weighting gives its vote.

        Raises:
            UnsupportedError: the rule or weighting needs a confidence and the sample has none, or distinct texts have
                probabilities that sum to more than one.
        """
        self.n += 1
        self.samples.append(sample)
        self._leader_score = None
        answer = sample.answer
        if answer is None:
            self.parsed = False
            self.streak = 0
            self.labels.append(-1)
            if self._masses is not None:
                self._masses.add(sample, -1)
            return
        label = self.answers.get(answer)
        if label is None:
            label = self.answers[answer] = len(self.votes)
            self._votes_before.append(tuple(self.votes))
            self.votes.append(0)
            self.weights.append(0)
        self.streak = self.streak + 1 if self.parsed and self.labels[-1] == label else 1
        self.parsed = True
        self.labels.append(label)
        weight = self._fixed_weight if weight is None else weight
        if self._masses is not None:
            mass = self._masses.add(sample, label)
            if weight is None and self.weighting.needs_mass:
                weight = self.weighting.weigh(mass)
        if self._needs_confidence:
            confidence = sample.confidence
            if confidence is None or not 0.0 <= confidence <= 1.0:
                raise UnsupportedError(
                    f"this strategy needs samples with a confidence in [0, 1], got {confidence} on draw {self.n}: "
                    "score the samples, calibrate raw scores, or choose a strategy that only counts"
                )
            self.confidence = confidence
            if confidence > self.best_confidence:
                self.best_confidence, self.best_label = confidence, label
            if weight is None:
                weight = self.weighting.weigh(confidence)
        self.votes[label] += 1
        self.weights[label] += weight
        self.total_weight += weight

    @property
    def scores(self) -> list[Any]:
        """Score of each answer seen, in order of discovery; votes where no draw has a mass to weigh."""
        if self.weighting.needs_mass and not self.total_weight:
            return self.votes
        if self._dynamic:
            bonus = LOG_INTEGER[len(self.votes)]
            return [w + v * bonus for w, v in zip(self.weights, self.votes, strict=True)]
        return self.weights

    @property
    def leader(self) -> int:
        """Label of the leading answer, -1 before the first parsed draw."""
        if self._leader_score is None:
            scores = self.scores
            self._leader_score = max(scores, default=0)
            self._leader = scores.index(self._leader_score) if scores else -1
        return self._leader

    @property
    def leader_score(self) -> Any:
        """Score of the leading answer."""
        if self._leader_score is None:
            _ = self.leader
        return self._leader_score

    @property
    def runner_up_score(self) -> Any:
        """Score of the runner-up, 0 if there is none."""
        second: Any = NEVER if self._signed else 0
        if len(self.votes) > 1:
            leader = self.leader
            for label, score in enumerate(self.scores):
                if score > second and label != leader:
                    second = score
        return second

    @property
    def posterior(self) -> Any:
        """P(leading answer); scores are log-odds and any unseen answer scores 0."""
        lead = self.leader_score if self.votes else NEVER
        top = max(lead, 0.0)
        mass = np.exp(-top)
        for score in self.scores:
            mass = mass + np.exp(score - top)
        return np.exp(lead - top) / mass

    @property
    def mode_probability(self) -> float:
        """P(the leading answer is the most probable one) under a flat Dirichlet prior."""
        return dirichlet_leader_probability(tuple(sorted(self.votes, reverse=True)))

    def answer(self, label: int) -> str | None:
        """Return the answer with this label, or None for -1."""
        return None if label < 0 else next(a for a, k in self.answers.items() if k == label)

    def p_correct(self, label: int, rule: StoppingRule | None = None) -> float | None:
        """Return P(the answer with this label is right), in [0, 1], or None where the votes do not estimate it.

        Log-odds votes estimate it for the leader only, by its posterior. Otherwise it is known only where a rule
        accepted the latest sample for its confidence.

        Args:
            label: the answer's label, -1 for no answer.
            rule: the stopping rule that fired, or None.
        """
        if label < 0:
            return None
        if self._signed:
            return float(self.posterior) if label == self.leader else None
        accepted = rule is not None and rule.answer == "current" and rule.needs_confidence
        return float(self.confidence) if accepted else None

    def vote_share(self, label: int) -> float | None:
        """Return the share of all votes that the answer with this label has, in [0, 1], or None without votes.

        Votes count their weights; where weights may be negative, each vote counts one.
        """
        if label < 0:
            return None
        votes, total = (self.votes, sum(self.votes)) if self._signed else (self.weights, self.total_weight)
        return min(float(votes[label] / total), 1.0) if total > 0 else None  # a sum may round above the total

    def _row(self) -> ReplayEvidence:
        """Return the draws so far as the evidence of one row."""
        labels = np.array(self.labels, dtype=np.int16)[:, None]
        confidence = None
        if self._needs_confidence:
            confidence = np.array([np.nan if s.confidence is None else s.confidence for s in self.samples])[:, None]
        return ReplayEvidence.of(DrawArrays(labels, confidence), self.weighting)

    @property
    def leader_rank(self) -> int:
        """Number of distinct answers seen before the leading one."""
        return self.leader

    @property
    def leader_repeats(self) -> int:
        """Votes of the leading answer after its first."""
        return self.votes[self.leader] - 1 if self.votes else 0

    @property
    def rival_votes(self) -> int:
        """Votes of the leader's strongest rival since the leading answer was first seen."""
        leader = self.leader
        before = self._votes_before[leader] if self.votes else ()
        earlier = [now - then for now, then in zip(self.votes, before, strict=False)]
        return max(earlier + self.votes[leader + 1 :], default=0)

    @property
    def majority_log_e_values(self) -> tuple[float, float]:
        """Log e-values of the Martingale Majority Certificate."""
        run, rest = self._row().majority_log_e_values
        return float(run[-1, 0]), float(rest[-1, 0])

    @property
    def has_mass(self) -> bool:
        """True if the probability of a text is known."""
        return self._masses is not None and self._masses.total > 0.0

    @property
    def unknown_mass(self) -> bool:
        """True once a draw with an answer had no probability."""
        return self._masses is None or self._masses.unknown

    def mass_facts(self, label: int) -> dict[str, Any]:
        """Return what is known of masses for a :class:`~tts.types.Decision`, by the names of its fields.

        Args:
            label: of the answer that is decided on, -1 for none.
        """
        if self._masses is None or not self.has_mass:
            return {}
        masses = self._masses.by_label
        rival = max((mass for other, mass in enumerate(masses) if other != label), default=0.0)
        return {
            "certified": label >= 0 and masses[label] - rival > self.unseen_mass,
            "masses": dict(zip(self.answers, masses, strict=True)),
            "unseen_mass": self.unseen_mass,
        }

    @property
    def leader_mass(self) -> float:
        """Mass of the leading answer."""
        return self._masses.by_label[self.leader] if self._masses is not None and self.votes else 0.0

    @property
    def runner_up_mass(self) -> float:
        """Largest mass of any other answer, 0 if there is none."""
        if self._masses is None:
            return 0.0
        leader = self.leader
        return max((mass for label, mass in enumerate(self._masses.by_label) if label != leader), default=0.0)

    @property
    def unseen_mass(self) -> float:
        """One minus the mass of all texts seen."""
        return 1.0 if self._masses is None else max(1.0 - self._masses.total, 0.0)

    @property
    def log_wealth(self) -> float:
        """Log wealth of the bets on the leading answer against its strongest rival."""
        return float(self._row().log_wealth[-1, 0])
