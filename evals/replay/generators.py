"""Replays of strategies that are only generators, through the driver, one question and order after the other.

Slower than :mod:`evals.replay.vectorised`, but any strategy that stops or selects can be compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.vote import BUDGET, Decisions
from tts.engines.replay import ReplayEngine
from tts.runtime.driver import run_all
from tts.strategy import Strategy
from tts.types import Decision, Problem, Sample

Array = NDArray[Any]


def play_generator(
    strategy: Strategy,
    samples: Sequence[Sequence[Sample]],
    labels: Array,
    classes: Sequence[tuple[str, ...]],
    orders: Array,
    scores: Array | None,
) -> Decisions:
    """Replay a strategy on every question and order; it must not run inside an event loop.

    Args:
        strategy: a strategy that draws from no prefix.
        samples: the recorded samples of each question.
        labels: the answer class of each sample, [questions, samples].
        classes: the canonical answer of each class, a tuple a question.
        orders: sample indices, [questions, permutations, draws].
        scores: confidences, [questions, samples] or [questions, permutations, draws]; None leaves the recorded ones.

    Returns:
        One decision a row, rows being questions x permutations; a stopped draw costs the tokens up to its stop.
    """
    questions, count = orders.shape[:2]
    problems = [Problem(str(q), "") for q in range(questions)]
    answered = [
        [replace(s, answer=classes[q][k] if k >= 0 else None) for s, k in zip(mine, labels[q], strict=False)]
        for q, mine in enumerate(samples)
    ]

    def drawn(q: int, p: int) -> list[Sample]:
        order = orders[q, p].tolist()
        if scores is None:
            return [answered[q][i] for i in order]
        values = scores[q, p] if scores.ndim == 3 else scores[q, order]
        return [
            replace(answered[q][i], confidence=None if np.isnan(c) else float(c))
            for i, c in zip(order, values.tolist(), strict=False)
        ]

    async def play() -> list[list[Decision]]:
        found = []
        for p in range(count):
            recording = ReplayEngine({problem.id: drawn(q, p) for q, problem in enumerate(problems)})
            found.append([r.decision for r in await run_all(strategy, problems, recording)])
        return found

    decided = [decision for of_question in zip(*asyncio.run(play()), strict=True) for decision in of_question]
    known = [{answer: k for k, answer in enumerate(classes[q])} for q in range(questions) for _ in range(count)]
    usages = [[s.usage for s in d.samples] for d in decided]
    counted = all(u is not None for row in usages for u in row)
    return Decisions(
        label=np.array(
            [-1 if d.answer is None else mine[d.answer] for d, mine in zip(decided, known, strict=True)], dtype=np.int64
        ),
        used=np.array([len(d.samples) for d in decided]),
        rule=np.array([-1 if d.reason == BUDGET else 0 for d in decided], dtype=np.int8),
        tokens=np.array([sum(u.generated for u in row if u is not None) for row in usages], dtype=np.float64)
        if counted
        else None,
    )
