"""Offline DeepConf: the budget is drawn, and the most confident traces vote."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np

from strategies.deepconf.base import (
    DeepConfBase,
    Metric,
    TraceRows,
    decision_of,
    leader_after,
    percentile_bar,
    running_scores,
)
from strategies.draw_arrays import running
from strategies.live_evidence import LiveEvidence
from strategies.vote import BUDGET, Decisions
from strategies.weighting import Uniform
from tts.strategy import TIME_LIMIT, Steps, TimeUp
from tts.types import Draw, Problem


@dataclass(frozen=True)
class DeepConfOffline(DeepConfBase):
    """A vote of the most confident traces, weighted by their confidence, after the whole budget is drawn.

    Attributes:
        eta: percent of the answered traces that vote, in (0, 100]; the paper has 10 or 90 of hundreds. These are the
            traces with at least the (100 - eta)-th percentile of confidence, linearly interpolated.
    """

    _: KW_ONLY
    eta: float = 50.0
    metric: Metric = "bottom10"

    def run(self, problem: Problem) -> Steps:
        """Play one question; see :class:`~tts.strategy.Strategy`."""
        reason = BUDGET
        try:
            samples = yield Draw(self.budget)
        except TimeUp as up:
            samples, reason = [*up.samples], TIME_LIMIT
        answered = [s for s in samples if s.answer is not None]
        c = np.array([self.confidence(s) for s in answered])
        evidence = LiveEvidence(Uniform())
        if len(answered):
            bar = percentile_bar(c[:, None], self.eta)[0]
            for sample, value in zip(answered, c.tolist(), strict=True):
                if value >= bar:
                    evidence.add(sample, value)
        return decision_of(evidence, samples, reason)

    def decide(self, rows: TraceRows) -> Decisions:
        """Play every row of a replay; equal to ``run`` on each row's draws."""
        horizon = min(self.budget, len(rows.labels))
        labels = rows.labels[:horizon]
        c = np.where(labels >= 0, rows.measure(self.trace_score, self.window)[:horizon], np.nan)
        with np.errstate(invalid="ignore"):
            votes = c >= percentile_bar(c, self.eta)
        scores, names, _ = running_scores(np.where(votes, labels, -1), np.where(votes, c, 0.0))
        count = labels.shape[1]
        return Decisions(
            label=leader_after(np.full(count, horizon - 1), scores, names, votes),
            used=np.full(count, horizon),
            rule=np.full(count, -1, dtype=np.int8),
            tokens=None if rows.tokens is None else running(np.add, rows.tokens[:horizon])[-1],
        )
