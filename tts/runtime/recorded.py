"""A strategy on the recorded samples of one question: the decision that a live run with the same samples takes.

Knows nothing about engines. The samples are handed over in recorded order, and those behind the decision are not looked
at, so that equal answers are found as a live run finds them: draw by draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

from tts.answers.meaning.equality import Equality
from tts.boundaries import TRUNCATABLE, truncate
from tts.errors import InputError, UnsupportedError
from tts.runtime.equal_answers import EqualAnswers
from tts.runtime.steps import PlayedSteps
from tts.strategy import Strategy
from tts.types import Decision, Draw, Problem, Sample, Usage


def decide(strategy: Strategy, problem: Problem, samples: Sequence[Sample]) -> Decision:
    """Play a strategy on recorded samples whose equal answers are equal strings, without an event loop.

    Args:
        strategy: a strategy that draws from no prefix.
        problem: the question.
        samples: its samples, in the order in which they are handed over.

    Raises:
        UnsupportedError: the strategy asks for partial samples.
        InputError: it asks for more samples than there are.
    """
    at, steps = 0, strategy.run(problem)
    try:
        draw = next(steps)
        while True:
            taken = _taken(strategy, problem, samples, at, draw)
            draw, at = steps.send(taken), at + draw.n
    except StopIteration as stop:
        decision: Decision = stop.value
        return decision


async def decide_equal(
    strategy: Strategy, problem: Problem, samples: Sequence[Sample], equality: Equality
) -> tuple[Decision, tuple[str, ...]]:
    """Play a strategy on recorded samples whose answers are compared as they come.

    Args:
        strategy: a strategy that draws from no prefix.
        problem: the question.
        samples: its samples, in the order in which they are handed over.
        equality: makes equal answers one answer.

    Returns:
        The decision, with the tokens of the comparisons in its usage, and the answers that are equal to its own.

    Raises:
        UnsupportedError: the strategy asks for partial samples.
        InputError: it asks for more samples than there are.
        EngineError: a model that compares answers fails.
    """
    answers, at = EqualAnswers(problem, equality, join=True), 0
    costs: list[Usage] = []
    with closing(PlayedSteps(strategy, problem)) as steps:
        try:
            draw = steps.start()
            while True:
                taken = _taken(strategy, problem, samples, at, draw)
                at += draw.n
                joined, reused = await answers.add(taken, graded=False, spend=costs.append)
                costs.append(reused)
                named = [answers.named(sample) for sample in taken]
                if joined:
                    steps.rename(named, answers.named)
                draw = steps.send(named)
        except StopIteration as stop:
            decision: Decision = stop.value
    usage = None if decision.usage is None else sum(costs, decision.usage)
    return replace(decision, usage=usage), answers.spellings(decision.answer)


def _taken(strategy: Strategy, problem: Problem, samples: Sequence[Sample], at: int, draw: Draw) -> list[Sample]:
    """Return the samples that serve a draw, truncated where it asks for that."""
    if draw.continues or draw.until.kind not in ("end", *TRUNCATABLE):
        raise UnsupportedError(f"strategy {strategy.name} asked a recording for partial samples")
    if at + draw.n > len(samples):
        raise InputError(
            f"strategy {strategy.name} asked for sample {at + draw.n} of problem {problem.id!r} and the "
            f"recording has {len(samples)}: lower its budget"
        )
    taken = samples[at : at + draw.n]
    return [truncate(sample, draw.until) for sample in taken] if draw.until.kind in TRUNCATABLE else list(taken)
