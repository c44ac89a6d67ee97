"""The vote family: weighting x stopping rule x selection x budget as one strategy, with optional pruning of draws.

Most published methods are a row of :mod:`strategies.catalog` over this class. ``run`` plays it live, one draw after the
other; ``decide`` plays it over the draws of a replay. Both use the same weighting and the same rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from strategies.draw_arrays import DrawArrays
from strategies.live_evidence import LiveEvidence
from strategies.replay_evidence import ReplayEvidence
from strategies.stopping import Never, StoppingRule
from strategies.weighting import Uniform, Weighting
from tts.errors import InputError
from tts.requirements import Requirements
from tts.strategy import TIME_LIMIT, Steps, TimeUp
from tts.types import END, STEP_BELOW, Decision, Draw, Problem, Signals, total_usage

Select = Literal["vote", "best"]
BUDGET = "budget"


class Decisions(NamedTuple):
    """The decisions of a strategy on each row of a replay; every array has shape [rows].

    Attributes:
        label: the answer's label, -1 if the strategy abstains because nothing was parsed.
        used: draws used, stopped ones included.
        rule: index of the stopping rule that fired, -1 for the budget.
        tokens: tokens of the draws used (a stopped draw counts up to its stop); None if they are not counted.
    """

    label: NDArray[Any]
    used: NDArray[np.intp]
    rule: NDArray[Any]
    tokens: NDArray[Any] | None = None


@dataclass(frozen=True)
class Vote:
    """A vote over samples that are drawn until a stopping rule fires or the budget is spent.

    Attributes:
        name: the strategy's name in tables.
        budget: the most draws per question, >= 1.
        weighting: the weight of a vote.
        stop: stopping rules, checked in this order after each draw; the first that fires decides.
        select: "vote" returns the answer with the highest score, "best" that of the most confident sample.
        prune: in [0, 1]: a draw ends at the first step after which P(the token that the scorer watches) is below it. A
            pruned draw counts as a draw, costs the tokens it has drawn, and has no vote; if all are pruned, the
            strategy abstains. None and 0 prune nothing. The bar is on the scale of the model, whatever calibration map
            the votes use.
    """

    name: str
    budget: int
    weighting: Weighting = field(default_factory=Uniform)
    stop: tuple[StoppingRule, ...] = (Never(),)
    select: Select = "vote"
    prune: float | None = None

    def __post_init__(self) -> None:
        """Refuse a meaningless combination."""
        if self.budget < 1:
            raise InputError(f"strategy {self.name} needs budget >= 1, got {self.budget}")
        if self.select not in ("vote", "best"):
            raise InputError(f"strategy {self.name} needs select vote or best, got {self.select}")
        if self.prune is not None and not 0.0 <= self.prune <= 1.0:
            raise InputError(f"strategy {self.name} needs prune in [0, 1] or null, got {self.prune}")
        for rule in self.stop:
            rule.check(self.weighting)

    @property
    def requires(self) -> Requirements:
        """Confidences and masses, if a part reads them; draws in turn, if a rule checks; for pruning, one token."""
        pruned = self.prune is not None
        confidence = (
            self.weighting.needs_confidence
            or self.select == "best"
            or pruned
            or any(rule.needs_confidence for rule in self.stop)
        )
        return Requirements(
            confidence=confidence,
            watched=pruned,
            sequential=any(rule.stride is not None for rule in self.stop),
            signals=Signals(steps=pruned, processed=self.needs_mass),
        )

    @property
    def needs_mass(self) -> bool:
        """True if a part reads masses."""
        return self.weighting.needs_mass or any(rule.needs_mass for rule in self.stop)

    @property
    def stride(self) -> int:
        """Number of draws requested at once: as many as no rule wants to check between."""
        strides = {rule.stride for rule in self.stop} - {None}
        if not strides:
            return self.budget
        only = strides.pop()
        return min(only, self.budget) if only is not None and not strides else 1

    def run(self, problem: Problem) -> Steps:
        """Play one question; see :class:`~tts.strategy.Strategy`."""
        evidence = LiveEvidence(self.weighting, needs_confidence=self.requires.confidence, needs_mass=self.needs_mass)
        stride = self.stride
        until = END if self.prune is None else STEP_BELOW(self.prune)
        one = Draw(1, until=until)
        while evidence.n < self.budget:
            count = min(stride, self.budget - evidence.n)
            try:
                samples = yield one if count == 1 else Draw(count, until=until)
            except TimeUp as up:
                for sample in up.samples:
                    evidence.add(sample)
                return self.decision(evidence, self.chosen(evidence), None, reason=TIME_LIMIT)
            for sample in samples:
                evidence.add(sample)
            for rule in self.stop:
                if rule.fires(evidence):
                    label = evidence.labels[-1] if rule.answer == "current" else self.chosen(evidence)
                    return self.decision(evidence, label, rule)
        return self.decision(evidence, self.chosen(evidence), None)

    def chosen(self, evidence: LiveEvidence) -> int:
        """Return the label of the answer that the evidence speaks for, -1 without one."""
        return evidence.best_label if self.select == "best" else evidence.leader

    def decision(
        self, evidence: LiveEvidence, label: int, rule: StoppingRule | None, *, reason: str = BUDGET
    ) -> Decision:
        """Return the decision for the answer with this label; ``rule`` fired, or ``reason`` where it is None."""
        if self.select == "best":
            p_correct = float(evidence.best_confidence) if label >= 0 and label == evidence.best_label else None
            vote_share = None
        else:
            p_correct, vote_share = evidence.p_correct(label, rule), evidence.vote_share(label)
        return Decision(
            answer=evidence.answer(label),
            samples=tuple(evidence.samples),
            reason=reason if rule is None else rule.name,
            p_correct=p_correct,
            vote_share=vote_share,
            usage=total_usage(evidence.samples),
            **evidence.mass_facts(label),
        )

    def decide(self, draws: DrawArrays) -> Decisions:
        """Play every row of a replay; equal to ``run`` on each row's draws.

        Args:
            draws: the draws, pruned ones unparsed; those beyond the budget are ignored.

        Returns:
            One decision per row.
        """
        evidence = ReplayEvidence.of(draws, self.weighting)
        horizon = min(self.budget, draws.n_draws)
        used = np.full(draws.n_rows, horizon, dtype=np.intp)
        rule_at = np.full(draws.n_rows, -1, dtype=np.int8)
        for index, rule in enumerate(self.stop):
            if isinstance(rule, Never):
                continue
            first = evidence.first(rule)
            earlier = (first < used) | ((first == used) & (rule_at < 0))
            np.copyto(used, first, where=earlier)
            np.copyto(rule_at, index, where=earlier)
        return Decisions(self._labels(evidence, used, rule_at), used, rule_at)

    def _labels(self, evidence: ReplayEvidence, used: NDArray[np.intp], rule_at: NDArray[np.int8]) -> NDArray[Any]:
        draws = evidence.draws
        chosen = draws.best_label if self.select == "best" else evidence.leader
        rows = np.arange(draws.n_rows)
        label: NDArray[Any] = chosen[used - 1, rows]
        for index, rule in enumerate(self.stop):
            if rule.answer == "current":
                stopped = rule_at == index
                label = np.where(stopped, draws.labels[used - 1, rows], label)
        return label
