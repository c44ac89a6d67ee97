"""Beams of the FineCE experiment: beams that fork are drawn live, all others are replayed.

A beam that pauses and goes on is the sample that a recording has, cut where it pauses; so a strategy that prunes beams
and does not fork them can be replayed exactly, under many orders. No pool records forks, so they are drawn live.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.tasks import Task
from strategies.beam import PrunedBeams
from tts.engines.config import EngineConfig, open_engine
from tts.errors import UnsupportedError
from tts.pool import Entry, Pool
from tts.runtime.driver import Options, run_all
from tts.scorers.base import Scorer
from tts.strategy import Steps
from tts.types import Decision, Draw, End, Problem, Sample, Usage

Floats = NDArray[np.float64]
Guide = Callable[[Sample, int, Entry], float]
"""Return the confidence of the first n tokens of a recorded sample."""


@dataclass(frozen=True)
class Played:
    """The results of beams, [questions, orders] each.

    Attributes:
        correct: whether the answer was right.
        tokens: drawn and read again, and those of scorers; without the question's prompt.
        ended: beams that ended.
    """

    correct: NDArray[np.bool_]
    tokens: Floats
    ended: Floats


def replayed(strategy: PrunedBeams, pool: Pool, judge: Guide, *, orders: int, seed: int = 0) -> Played:
    """Play beams that do not fork on recorded samples, each question under the same random orders for the same seed.

    Raises:
        UnsupportedError: they fork.
    """
    if strategy.fork:
        raise UnsupportedError(f"strategy {strategy.name} forks, and no pool records forks: draw it")
    shape = (len(pool.entries), orders)
    correct, tokens, ended = np.zeros(shape, dtype=bool), np.zeros(shape), np.zeros(shape)
    rng = np.random.default_rng(seed)
    for row, entry in enumerate(pool.entries):
        grades = {s.answer: bool(right) for s, right in zip(entry.samples, entry.correct, strict=True) if s.answer}
        ends = [[i + 1 for i, step in enumerate(s.trace.steps) if step] for s in entry.samples]
        for column in range(orders):
            decision = _one(strategy, entry, rng.permutation(len(entry.samples)), ends, judge)
            correct[row, column] = decision.answer is not None and grades[decision.answer]
            assert decision.usage is not None
            tokens[row, column] = decision.usage.total
            ended[row, column] = sum(s.end in (End.STOP, End.LENGTH) for s in decision.samples)
    return Played(correct, tokens, ended)


def _one(strategy: PrunedBeams, entry: Entry, order: Any, ends: Sequence[Sequence[int]], judge: Guide) -> Decision:
    """Play one question on its samples in one order; past the last of them, draws fail."""
    waiting = iter(order.tolist())

    def part(number: int, begun: int, draw: Draw) -> Sample:
        whole, size = entry.samples[number], len(entry.samples[number].token_ids)
        stop = size
        if draw.until.kind == "step":
            stop = next((n for n in ends[number] if n > begun), size)
        elif draw.until.kind == "tokens":
            stop = min(size, begun + int(draw.until.value))
        paused = stop < size
        return replace(
            whole,
            index=number,
            answer=None if paused else whole.answer,
            end=End.BOUNDARY if paused else whole.end,
            token_ids=whole.token_ids[:stop],
            confidence=judge(whole, stop, entry),
            usage=Usage(prompt=bool(begun), delivered=stop - begun),
            given=begun,
        )

    steps = strategy.run(entry.problem)
    try:
        draw = next(steps)
        while True:
            if draw.prefix is not None:
                found = [part(draw.prefix.index, len(draw.prefix.token_ids), draw)]
            else:
                found = []
                for _ in range(draw.n):
                    number = next(waiting, None)
                    found.append(Sample(end=End.FAILED, usage=Usage()) if number is None else part(number, 0, draw))
            draw = steps.send(found)
    except StopIteration as stop:
        decision: Decision = stop.value
        return decision


Asked = tuple[Draw, tuple[Sample, ...]]
"""A draw and its samples."""


@dataclass(frozen=True)
class Drawn:
    """The live draws of beams, by question and draw.

    A configuration that requests the same draws up to its end can be replayed on it: the same beams under a smaller
    budget of whole waves, under another stopping rule, or under another weighting of their votes.

    Attributes:
        task: the problems, and what grades answers.
        draws: the samples of each draw of each question, with what they used.
        prompts: tokens of each question's prompt.
    """

    task: Task
    draws: tuple[tuple[Asked, ...], ...]
    prompts: tuple[int, ...]

    def played(self, strategy: PrunedBeams) -> Played:
        """Play beams on it, [questions, 1].

        Raises:
            UnsupportedError: they ask for another draw than was recorded.
        """
        right, tokens, ended = [], [], []
        for problem, draws, prompt in zip(self.task.problems, self.draws, self.prompts, strict=True):
            decision = _again(strategy, problem, draws)
            usage = decision.usage
            assert usage is not None
            right.append(self.task.grade(problem, Sample(answer=decision.answer)))
            tokens.append(usage.total - usage.prompt_cached - min(prompt, usage.prompt))
            ended.append(sum(s.end in (End.STOP, End.LENGTH) for s in decision.samples))
        return Played(np.array(right)[:, None], np.array(tokens, dtype=float)[:, None], np.array(ended)[:, None] * 1.0)


class _Noting:
    """Plays beams and notes the samples of each draw."""

    def __init__(self, strategy: PrunedBeams) -> None:
        self.strategy, self.name, self.budget = strategy, strategy.name, strategy.budget
        self.requires, self.noted = strategy.requires, dict[str, list[Asked]]()

    def run(self, problem: Problem) -> Steps:
        steps = self.strategy.run(problem)
        mine = self.noted[problem.id] = []
        try:
            draw = next(steps)
            while True:
                samples = yield draw
                mine.append((draw, tuple(samples)))
                draw = steps.send(samples)
        except StopIteration as stop:
            decision: Decision = stop.value
            return decision


def drawn(strategy: PrunedBeams, task: Task, model: EngineConfig, scorer: Scorer) -> Drawn:
    """Draw beams of every problem of a task, once each."""
    engine = open_engine(model, task.prompt, print)
    noting = _Noting(strategy)
    try:
        options = Options(concurrency=max(2, model.max_batch_size // strategy.width))
        asyncio.run(run_all(noting, task.problems, engine, extract=task.extract, scorer=scorer, options=options))
        prompts = tuple(len(engine.prompt_ids(problem)) for problem in task.problems)  # type: ignore[attr-defined]
    finally:
        engine.close()
    return Drawn(task, tuple(tuple(noting.noted[problem.id]) for problem in task.problems), prompts)


def _again(strategy: PrunedBeams, problem: Problem, draws: Sequence[Asked]) -> Decision:
    """Return the decisions of beams on recorded draws."""
    steps = strategy.run(problem)
    try:
        draw = next(steps)
        for asked, samples in draws:
            if _key(draw) != _key(asked):
                raise UnsupportedError(f"strategy {strategy.name} asks for other draws than were recorded: draw it")
            draw = steps.send(list(samples))
    except StopIteration as stop:
        decision: Decision = stop.value
        return decision
    raise UnsupportedError(f"strategy {strategy.name} asks for more draws than were recorded: draw it")


def _key(draw: Draw) -> tuple[object, ...]:
    """Return the key of a draw's request."""
    begun = draw.prefix and (draw.prefix.index, draw.prefix.token_ids)
    return draw.n, draw.until, begun
