"""The vote family: weighting x stopping rule x selection x budget, as one strategy, its draws perhaps pruned in flight.

Most published methods are one line of :mod:`strategies.catalog` over this class. ``run`` plays it live, one draw after
the other; ``decide`` plays it over the columns of a replay. Both read the same weighting and the same rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from strategies.base import Steps
from strategies.columns import DrawArrays
from strategies.live_evidence import LiveEvidence
from strategies.replay_evidence import ReplayEvidence
from strategies.stopping import Never, StoppingRule
from strategies.weighting import Uniform, Weighting
from tts.errors import InputError
from tts.types import END, STEP_BELOW, Decision, Draw, Problem, Signals, total_usage

Select = Literal["vote", "best"]
BUDGET = "budget"


class Decisions(NamedTuple):
    """What a strategy decided on each row of a replay; every array has shape [rows].

    Attributes:
        label: the answer's label, -1 where it abstains because nothing was parsed.
        used: draws used.
        rule: index of the rule that stopped it, -1 for the budget.
    """

    label: NDArray[Any]
    used: NDArray[np.intp]
    rule: NDArray[Any]


@dataclass(frozen=True)
class Vote:
    """Draw, weigh, stop, choose.

    Attributes:
        name: what tables call it.
        budget: the most draws a question, >= 1.
        weighting: how much a vote counts.
        stop: stopping rules, asked in this order after each draw; the first that fires decides.
        select: "vote" returns the answer with the highest score, "best" that of the most confident sample.
        prune: in [0, 1]: a draw ends at the first step after which P(the token that the scorer watches) is below it. A
            pruned draw counts as a draw and costs what it had drawn, and it has no vote; where all are pruned there is
            no answer to give, and the strategy abstains. None and 0 let every draw run to its end. The bar is on the
            scale of the model, whatever map calibrates the confidences that votes weigh.
    """

    name: str
    budget: int
    weighting: Weighting = field(default_factory=Uniform)
    stop: tuple[StoppingRule, ...] = (Never(),)
    select: Select = "vote"
    prune: float | None = None
    branches: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse a combination that means nothing."""
        if self.budget < 1:
            raise InputError(f"strategy {self.name} needs budget >= 1, got {self.budget}")
        if self.select not in ("vote", "best"):
            raise InputError(f"strategy {self.name} needs select vote or best, got {self.select}")
        if self.prune is not None and not 0.0 <= self.prune <= 1.0:
            raise InputError(f"strategy {self.name} needs prune in [0, 1] or null, got {self.prune}")
        for rule in self.stop:
            rule.check(self.weighting)

    @property
    def needs_confidence(self) -> bool:
        """Whether samples must carry a confidence in [0, 1]."""
        return (
            self.weighting.needs_confidence
            or self.select == "best"
            or self.prune is not None
            or any(rule.needs_confidence for rule in self.stop)
        )

    @property
    def needs(self) -> Signals:
        """Where steps end, if draws are pruned there; the scorer watches the token."""
        return Signals(steps=self.prune is not None)

    @property
    def stride(self) -> int:
        """How many draws are asked for at once: as many as no rule wants to look between."""
        strides = {rule.stride for rule in self.stop} - {None}
        if not strides:
            return self.budget
        only = strides.pop()
        return min(only, self.budget) if only is not None and not strides else 1

    def run(self, problem: Problem) -> Steps:
        """Play one question; see :class:`~strategies.base.Strategy`."""
        tally = LiveEvidence(self.weighting, needs_confidence=self.needs_confidence)
        stride = self.stride
        until = END if self.prune is None else STEP_BELOW(self.prune)
        one = Draw(1, until=until)
        while tally.n < self.budget:
            ask = min(stride, self.budget - tally.n)
            for sample in (yield one if ask == 1 else Draw(ask, until=until)):
                tally.add(sample)
            for rule in self.stop:
                if rule.fires(tally):
                    label = tally.labels[-1] if rule.answer == "current" else self._chosen(tally)
                    return self._decision(tally, label, rule)
        return self._decision(tally, self._chosen(tally), None)

    def _chosen(self, tally: LiveEvidence) -> int:
        return tally.best_label if self.select == "best" else tally.leader

    def _decision(self, tally: LiveEvidence, label: int, rule: StoppingRule | None) -> Decision:
        """Return the decision for the answer with this label; ``rule`` fired, or is None at the end of the budget."""
        if self.select == "best":
            p_correct = float(tally.best) if label >= 0 and label == tally.best_label else None
            vote_share = None
        else:
            p_correct, vote_share = tally.p_correct(label, rule), tally.vote_share(label)
        return Decision(
            answer=tally.answer(label),
            samples=tuple(tally.samples),
            reason=BUDGET if rule is None else rule.name,
            p_correct=p_correct,
            vote_share=vote_share,
            usage=total_usage(tally.samples),
        )

    def decide(self, columns: DrawArrays) -> Decisions:
        """Play every row of a replay; equal to ``run`` on each row's draws.

        Args:
            columns: the draws, pruned ones unparsed; those beyond the budget are not looked at.

        Returns:
            One decision a row.
        """
        evidence = ReplayEvidence.of(columns, self.weighting)
        horizon = min(self.budget, columns.draws)
        used = np.full(columns.rows, horizon, dtype=np.intp)
        rule_at = np.full(columns.rows, -1, dtype=np.int8)
        for index, rule in enumerate(self.stop):
            if isinstance(rule, Never):
                continue
            first = evidence.first(rule)
            earlier = (first < used) | ((first == used) & (rule_at < 0))
            np.copyto(used, first, where=earlier)
            np.copyto(rule_at, index, where=earlier)
        return Decisions(self._labels(evidence, used, rule_at), used, rule_at)

    def _labels(self, evidence: ReplayEvidence, used: NDArray[np.intp], rule_at: NDArray[np.int8]) -> NDArray[Any]:
        columns = evidence.columns
        chosen = columns.best_label if self.select == "best" else evidence.leader
        rows = np.arange(columns.rows)
        label: NDArray[Any] = chosen[used - 1, rows]
        for index, rule in enumerate(self.stop):
            if rule.answer == "current":
                mine = rule_at == index
                label = np.where(mine, columns.labels[used - 1, rows], label)
        return label
