"""Fresh draws of the FineCE experiment: completions that check labels, and continuations for integration."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from evals.metrics import probability, ranking
from evals.metrics.counts import resampled
from evals.metrics.scored import ScoredSamples
from tts.engines.config import EngineConfig, open_engine
from tts.prompts import Prompt
from tts.requirements import Requirements
from tts.runtime.driver import Options, run_all
from tts.scorers.base import Scorer
from tts.scorers.integration import Integrated, integrate
from tts.scorers.metered import MeteredEngine
from tts.strategy import Steps
from tts.training.finece.labels import Labelled
from tts.types import Decision, Draw, End, Problem, Sample

Floats = NDArray[np.float64]
TEMPLATE = "{question}\n"


@dataclass(frozen=True)
class Again:
    """Draws ``n`` completions of the one prefix of each problem."""

    prefixes: dict[str, Sample]
    n: int
    name: ClassVar[str] = "again"
    requires: ClassVar[Requirements] = Requirements(branching=True)

    @property
    def budget(self) -> int:
        """Draws a problem."""
        return self.n

    def run(self, problem: Problem) -> Steps:
        """Play one problem; it decides nothing."""
        samples = yield Draw(self.n, prefix=self.prefixes[problem.id])
        return Decision(None, tuple(samples), "budget")


def fresh_shares(chosen: Sequence[tuple[Problem, Labelled]], extract: Any, *, draws: int, seed: int) -> Floats:
    """The share of right ones among fresh completions of each prefix, by the base model, [prefixes]."""
    engine = open_engine(EngineConfig(seed=seed, max_batch_size=128), Prompt(template=TEMPLATE), print)
    problems, prefixes = [], {}
    for number, (problem, one) in enumerate(chosen):
        named = replace(problem, id=f"{problem.id}/{number}")
        problems.append(named)
        prefixes[named.id] = Sample(engine.decode(one.ids), end=End.BOUNDARY, token_ids=one.ids)  # type: ignore[attr-defined]
    try:
        work = run_all(Again(prefixes, draws), problems, engine, extract=extract, options=Options(concurrency=2))
        results = asyncio.run(work)
    finally:
        engine.close()
    return np.array([np.mean([s.answer == r.problem.gold for s in r.decision.samples]) for r in results])


@dataclass(frozen=True)
class Looked:
    """Confidences of prefixes with what was drawn after them, for one width and depth.

    Attributes:
        width: continuations of a prefix.
        depth: steps ahead.
        levels: local confidences of each prefix's levels.
        parents: of all levels but the first, what each follows.
        tokens: drawn a prefix.
    """

    width: int
    depth: int
    levels: list[list[Floats]]
    parents: list[list[NDArray[np.int_]]]
    tokens: float

    def confidence(self, alpha: float) -> Floats:
        """Conf' of each prefix, [prefixes]."""
        pairs = zip(self.levels, self.parents, strict=True)
        return np.array([float(integrate(levels, parents, alpha)[0]) for levels, parents in pairs])


def looked(
    scorer: Scorer, model: EngineConfig, chosen: Sequence[tuple[Problem, Sample]], width: int, depth: int
) -> Looked:
    """Draw and judge what follows each prefix."""
    engine = open_engine(model, Prompt(template=TEMPLATE), print)
    judge = Integrated(scorer, width=width, depth=depth, alpha=0.5)

    async def one(problem: Problem, sample: Sample) -> tuple[Any, Any, int]:
        metered = MeteredEngine(engine)
        levels, parents = await judge.local_confidences(problem, [sample], metered)
        return levels, parents, metered.usage.scorer_decode

    async def everything() -> list[tuple[Any, Any, int]]:
        return await asyncio.gather(*(one(problem, sample) for problem, sample in chosen))

    try:
        found = asyncio.run(everything())
    finally:
        engine.close()
    levels, parents, tokens = zip(*found, strict=True)
    return Looked(width, depth, list(levels), list(parents), float(np.mean(tokens)))


def table(local: Floats, looks: Sequence[Looked], alphas: Sequence[float], correct: Any, question: Any) -> list[str]:
    """ECE and AUROC with and without integration, and its differences from the local confidence, paired by question."""
    from evals.metrics.stats import bootstrap_weights

    questions = len(np.unique(question))
    times = np.rint(bootstrap_weights(questions, 2000, 0) * questions)

    def both(confidence: Floats) -> tuple[Floats, Floats, float, float]:
        scored = ScoredSamples.of(confidence, correct, question)
        plain = next(iter(resampled(scored, np.ones((1, scored.questions)))))
        many = list(resampled(scored, times))
        return (
            np.concatenate([ranking.auroc(c) for c in many]),
            np.concatenate([probability.ece_equal_width(c) for c in many]),
            float(ranking.auroc(plain)[0]),
            float(probability.ece_equal_width(plain)[0]),
        )

    base = both(local)
    lines = [f"{'d':>2}{'w':>3}{'alpha':>7}{'AUROC':>8}{'minus local':>26}{'ECE':>8}{'minus local':>26}{'tokens':>8}"]
    lines.append(f"{0:2}{0:3}{'':7}{base[2]:8.3f}{'':26}{base[3]:8.3f}{'':26}{0:8.0f}")
    for look, alpha in itertools.product(looks, alphas):
        found = both(look.confidence(alpha))
        cells = []
        for i in (0, 1):
            low, high = np.quantile(found[i] - base[i], [0.025, 0.975])
            cells.append(f"{found[2 + i] - base[2 + i]:+.3f} [{low:+.3f}, {high:+.3f}]")
        lines.append(
            f"{look.depth:2}{look.width:3}{alpha:7.1f}{found[2]:8.3f}{cells[0]:>26}{found[3]:8.3f}{cells[1]:>26}"
            f"{look.tokens:8.0f}"
        )
    return lines
