"""Replays of whole pools on the same samples under the same permutations, some questions after the others.

A random permutation of i.i.d. draws is i.i.d., so any rule that reads the first draws only is evaluated without bias.
Averaging over permutations removes noise (an incomplete U-statistic). Decisions are added up as they are made, so that
memory does not grow with permutations.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.replay.arrays import PoolArrays
from evals.replay.orders import Orders
from evals.replay.outcome import Causes, Outcome, causes_of, first_right
from evals.replay.scores import Scores
from evals.replay.vectorised import Candidate, Replayed, check, decide
from tts.progress.phases import phase
from tts.wording import counted

Array = NDArray[Any]
CHUNK = 262_144
"""Draws replayed together: few enough that a column stays in the processor's cache."""
WINDOW = 4096
"""Questions that follow each other and may be replayed in another order."""


def replay(
    arrays: PoolArrays,
    candidates: Sequence[Candidate],
    orders: Orders,
    *,
    scores: Scores,
    rows: Array | None = None,
    count: int | None = None,
) -> list[Outcome]:
    """Replay every strategy on every question and permutation.

    Args:
        arrays: the pool.
        candidates: the strategies, each with the name of the scores that it reads.
        orders: sample indices of all questions, [questions, permutations, draws].
        scores: of all questions, by name, in [0, 1] where the sample is parsed: [questions, samples], permuted with the
            samples, or [questions, permutations, draws] for scores that belong to no sample.
        rows: the questions to play; None plays all.
        count: the first permutations to play; None plays all.

    Returns:
        One outcome a candidate, in the same order, of the questions ``rows``.

    Raises:
        InputError: a strategy reads top-k confidences, watched probabilities or scores that the pool lacks.
    """
    check(arrays, candidates, scores)
    rows = np.arange(arrays.questions) if rows is None else rows
    _, most, draws = orders.shape
    count = most if count is None else min(count, most)
    counterparts: list[Candidate] = []  # strategies that differ in their rules only share a counterpart
    beside: list[int | None] = []
    for candidate in candidates:
        if candidate.counterpart is None:
            beside.append(None)
            continue
        mine = Candidate(candidate.counterpart, candidate.scores)
        if mine not in counterparts:
            counterparts.append(mine)
        beside.append(len(candidates) + counterparts.index(mine))
    tallies = [_Tally(arrays, len(rows), count, draws) for _ in candidates]
    caused = any(candidate.causes for candidate in candidates)
    lock = Lock()

    def play(places: Array) -> None:
        drawn = orders[rows[places], :count]
        decided = decide(arrays, [*candidates, *counterparts], drawn, scores=scores, rows=rows[places])
        first = first_right(arrays, drawn, rows[places]) if caused else None
        prompts = _Prompts.of(arrays, rows[places])
        with lock:
            for candidate, tally, one, other in zip(candidates, tallies, decided, beside, strict=False):
                causes = None
                if candidate.causes and first is not None:
                    causes = causes_of(one, None if other is None else decided[other], first, draws)
                tally.add(places, one, causes, prompts)

    # Questions with equally many distinct answers go together, so that no chunk carries empty columns; those of a
    # window alone, so that a pool that is read in blocks is read about in its order.
    distinct = arrays.labels[rows].max(axis=1, initial=-1)
    order = np.lexsort((distinct, np.arange(len(rows)) // WINDOW))
    batch = max(1, CHUNK // (count * draws))
    parts = [order[i : i + batch] for i in range(0, len(rows), batch)]
    each = count * len(candidates)
    with (
        phase("replaying", "replay", len(rows) * each, facts=counted(len(candidates), "setting")) as advance,
        ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool,
    ):
        for part, _ in zip(parts, pool.map(play, parts), strict=True):
            advance(len(part) * each)
    return [tally.outcome for tally in tallies]


@dataclass(frozen=True)
class _Prompts:
    """Prompt tokens of the first draws of some questions, [questions, samples]: i-th draws cost as recorded i-th."""

    prompt: Array
    cached: Array

    @staticmethod
    def of(arrays: PoolArrays, rows: Array) -> _Prompts | None:
        if arrays.prompt is None or arrays.cached is None:
            return None
        return _Prompts(
            np.cumsum(arrays.prompt[rows], axis=1, dtype=np.float64),
            np.cumsum(arrays.cached[rows], axis=1, dtype=np.float64),
        )


class _Tally:
    """The sums of one strategy, filled some questions after the others."""

    def __init__(self, arrays: PoolArrays, questions: int, permutations: int, draws: int) -> None:
        counted = arrays.tokens is not None
        self.outcome = Outcome(
            permutations=permutations,
            correct=np.zeros(questions, dtype=np.min_scalar_type(permutations)),
            first=np.zeros(questions, dtype=bool),
            used=np.zeros(questions, dtype=np.min_scalar_type(permutations * draws)),
            tokens=np.zeros(questions, dtype=np.float64) if counted else None,
            abstained=0,
            prompt=0.0 if counted and arrays.prompt is not None else None,
            cached=0.0 if counted and arrays.cached is not None else None,
        )

    def add(self, places: Array, one: Replayed, causes: Causes | None, prompts: _Prompts | None) -> None:
        """Add the decisions on the questions at these places."""
        known = self.outcome
        known.correct[places] = one.correct.sum(axis=1)
        known.first[places] = one.correct[:, 0]
        known.used[places] = one.used.sum(axis=1)
        if known.tokens is not None and one.tokens is not None:
            known.tokens[places] = one.tokens.sum(axis=1)
        last = one.used.astype(np.intp) - 1
        self.outcome = replace(
            known,
            abstained=known.abstained + int(one.abstained.sum()),
            prompt=_read(known.prompt, None if prompts is None else prompts.prompt, last),
            cached=_read(known.cached, None if prompts is None else prompts.cached, last),
            causes=causes if known.causes is None or causes is None else known.causes + causes,
        )


def _read(known: float | None, tokens: Array | None, last: Array) -> float | None:
    if known is None or tokens is None:
        return None
    return known + float(np.take_along_axis(tokens, last, axis=1).sum())
