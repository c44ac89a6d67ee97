"""Online DeepConf: whole warm-up traces set a bar, further traces stop below it, and consensus stops the question."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace

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
from tts.errors import InputError
from tts.requirements import Requirements
from tts.strategy import TIME_LIMIT, Steps, TimeUp
from tts.types import GROUP_BELOW, Draw, End, Problem

CONSENSUS = "consensus"


@dataclass(frozen=True)
class DeepConfOnline(DeepConfBase):
    """A vote weighted by the confidence of traces, each stopped as soon as a group of its tokens falls below a bar.

    The bar is the (100 - eta)-th percentile of the lowest group confidences of the warm-up. Warm-up traces below it and
    stopped traces do not vote. Sampling ends after the warm-up or any further trace once the leading answer has a share
    of at least ``tau`` of all weight. With a budget of at most ``warmup``, all traces are drawn whole.

    Attributes:
        eta: percent of the warm-up traces that stay above the bar, in (0, 100]: 90 is DeepConf-high, 10 DeepConf-low,
            which needs a large warm-up: of 8 traces it leaves one.
        warmup: whole traces before the bar is known, >= 1; the paper has 16 of up to 512.
        tau: consensus, in (0, 1].
    """

    _: KW_ONLY
    warmup: int = 8
    eta: float = 90.0
    tau: float = 0.95
    metric: Metric = "lowest"

    def __post_init__(self) -> None:
        """Refuse options outside their ranges."""
        super().__post_init__()
        if self.warmup < 1 or not 0.0 < self.tau <= 1.0:
            raise InputError(
                f"strategy {self.name} needs warmup >= 1 and tau in (0, 1], got {self.warmup} and {self.tau}"
            )

    @property
    def requires(self) -> Requirements:
        """Top-k confidences, one draw after another."""
        return replace(super().requires, sequential=True)

    def run(self, problem: Problem) -> Steps:
        """Play one question; see :class:`~tts.strategy.Strategy`."""
        reason = None
        try:
            samples = yield Draw(min(self.warmup, self.budget))
        except TimeUp as up:
            samples, reason = [*up.samples], TIME_LIMIT
        lowest = [np.nan if s.end is End.FAILED else self.confidence(s, "lowest") for s in samples]
        if not samples:
            return decision_of(LiveEvidence(Uniform()), samples, TIME_LIMIT)
        bar = float(percentile_bar(np.array(lowest)[:, None], self.eta)[0])
        evidence = LiveEvidence(Uniform())
        for sample, value in zip(samples, lowest, strict=True):
            if sample.answer is not None and value >= bar:
                evidence.add(sample, self.confidence(sample))
        # If every warm-up trace failed there is no bar, and nothing is stopped.
        further = Draw(1, until=GROUP_BELOW(bar if bar == bar else -np.inf, self.window))
        while reason is None and not self._agrees(evidence):
            if len(samples) >= self.budget:
                return decision_of(evidence, samples, BUDGET)
            try:
                new = yield further
            except TimeUp as up:
                new, reason = [*up.samples], TIME_LIMIT
            samples = [*samples, *new]
            for sample in new:
                if sample.answer is not None and sample.end is not End.BOUNDARY:
                    evidence.add(sample, self.confidence(sample))
        return decision_of(evidence, samples, reason or CONSENSUS)

    def _agrees(self, evidence: LiveEvidence) -> bool:
        return bool(evidence.total_weight > 0 and evidence.leader_score >= self.tau * evidence.total_weight)

    def decide(self, rows: TraceRows) -> Decisions:
        """Play every row of a replay; equal to ``run`` on each row's draws."""
        horizon = min(self.budget, len(rows.labels))
        first = min(self.warmup, horizon)
        labels, spent = rows.labels[:horizon], None if rows.tokens is None else rows.tokens[:horizon]
        lowest = rows.measure("deepconf_lowest", self.window)[:first]
        bar = percentile_bar(lowest, self.eta)
        votes = labels >= 0
        with np.errstate(invalid="ignore"):
            votes[:first] &= lowest >= bar
        if first < horizon:
            spared = rows.spared(np.where(np.isnan(bar), -np.inf, bar), first, self.window)[: horizon - first]
            votes[first:] &= spared < 0
            if spent is not None:
                spent = np.concatenate([spent[:first], spent[first:] - np.maximum(spared, 0)])
        c = rows.measure(self.trace_score, self.window)[:horizon]
        scores, names, total = running_scores(np.where(votes, labels, -1), np.where(votes, c, 0.0))
        agreed = (total > 0) & (scores.max(axis=0) >= self.tau * total)
        agreed[: first - 1] = False
        stopped = agreed.any(axis=0)
        last = np.where(stopped, agreed.argmax(axis=0), horizon - 1)
        return Decisions(
            label=leader_after(last, scores, names, votes),
            used=last + 1,
            rule=np.where(stopped, 0, -1).astype(np.int8),
            tokens=None if spent is None else np.take_along_axis(running(np.add, spent), last[None], axis=0)[0],
        )
