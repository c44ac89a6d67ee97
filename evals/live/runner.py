"""Live runs: draw samples or play strategies over a task, every draw into a pool, none of them twice.

Knows nothing about terminals: a :class:`~evals.live.hooks.ProgressListener` receives each finished question.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, ClassVar

from evals.config import RunConfig, SampleConfig
from evals.live.hooks import ProgressListener, QuestionCost
from evals.live.plan import Plan, PlannedStrategy
from evals.tasks import Task
from strategies.mass.asides import aside_sentence
from tts.engines.base import Engine
from tts.engines.streams import settle
from tts.pool import PoolSampleCache
from tts.pool.trees import PoolTrees
from tts.requirements import Requirements
from tts.runtime.cache import SampleCache
from tts.runtime.driver import Options, Result, run
from tts.runtime.runner import Runner
from tts.scorers.base import Scorer
from tts.strategy import Steps
from tts.training.finece.tree import Tree
from tts.types import Decision, Draw, End, Problem, Sample, Signals, Trace

Started = Callable[[Runner], None]
NO_TRACE = Trace()
REFRESH_S = 0.25
"""Seconds between two refreshes of the progress."""


@dataclass(frozen=True)
class Played:
    """A strategy's results, one per problem in the order of the problems, and which decisions are right.

    ``right`` is None where no right answers are known, ``rewards`` where the task has no graded metric; ``asides`` are
    the sentences of :func:`~strategies.mass.asides.aside_sentence`, and ``trees`` is the number of the run that holds
    the draws of a strategy that continues draws, None of others. The samples of the decisions carry no text, tokens
    and trace.
    """

    planned: PlannedStrategy
    results: Sequence[Result]
    right: Sequence[bool] | None
    rewards: Sequence[float] | None = None
    asides: Sequence[str] = ()
    trees: int | None = None


@dataclass(frozen=True)
class CollectSamples:
    """A strategy that draws ``budget`` samples and decides nothing."""

    budget: int
    name: ClassVar[str] = "collect"
    requires: ClassVar[Requirements] = Requirements()

    def run(self, problem: Problem) -> Steps:
        """Play one question; see :class:`~tts.strategy.Strategy`."""
        samples: list[Sample] = []
        for _ in range(self.budget):
            samples += yield Draw(1)
        return Decision(None, tuple(samples), "budget")


async def draw_samples(
    config: SampleConfig,
    task: Task,
    engine: Engine,
    cache: SampleCache,
    *,
    signals: Signals,
    watch: ProgressListener,
    started: Started | None = None,
) -> list[Result]:
    """Draw ``n`` samples of every problem into the cache, the samples of one question at the same time."""
    # As many questions as fill a batch, and one to fill the gaps.
    questions = -(-config.engine.max_batch_size // config.samples) + 1
    options = replace(_options(config, questions, config.samples - 1), join_answers=False)

    def share(result: Result) -> float:
        return sum(bool(task.grade(result.problem, s)) for s in result.decision.samples) / config.samples

    watch.start("samples", len(task.problems), config.samples)
    return await _play_all(
        CollectSamples(config.samples), task, engine, None, options, signals, cache, share, watch, started
    )


def _options(config: SampleConfig | RunConfig, concurrency: int, lookahead: int) -> Options:
    """Return the options of a run; draws wait for servers in their client, and for a batch in the driver."""
    return Options(
        concurrency=concurrency,
        lookahead=lookahead,
        rows=config.engine.rows,
        share_rows=config.engine.kind != "openai",
        read_truncated=config.read_truncated,
    )


async def draw_trees(
    tree: Tree,
    task: Task,
    engine: Engine,
    cache: SampleCache,
    *,
    rows: int,
    signals: Signals,
    watch: ProgressListener,
    started: Started | None = None,
) -> list[Result]:
    """Draw the tree of every problem into the cache, which must keep forks; ``rows`` fit into a batch."""
    options = Options(concurrency=-(-rows // tree.config.k) + 1, rows=rows, join_answers=False)

    def share(result: Result) -> float:
        samples = result.decision.samples
        return sum(bool(task.grade(result.problem, s)) for s in samples) / len(samples)

    watch.start("trees", len(task.problems))
    return await _play_all(tree, task, engine, None, options, signals, cache, share, watch, started)


async def play(
    config: RunConfig,
    plan: Plan,
    task: Task,
    engine: Engine,
    cache: PoolSampleCache,
    *,
    watch: ProgressListener,
    started: Started | None = None,
) -> list[Played]:
    """Play every strategy over every problem, one strategy after another; they share their draws through the cache.

    Draws that continue others are not shared: the trees of such a strategy have a run of their own. ``watch`` and
    ``started`` receive each strategy and its runner.
    """
    concurrency = config.concurrency or config.engine.max_batch_size
    options = replace(_options(config, concurrency, config.lookahead), min_in_flight=config.min_in_flight)

    def right(result: Result) -> bool:
        spellings = result.spellings or (result.decision.answer,)
        return any(task.grade(result.problem, Sample(answer=answer)) for answer in spellings)

    played: dict[int, Played] = {}
    order = [*range(len(plan.strategies))]
    if plan.judge is not None and plan.judge.compares_samples:  # the largest set of samples decides their confidences
        order.sort(key=lambda i: -plan.strategies[i].strategy.budget)
    for i in order:
        planned = plan.strategies[i]
        budget = None if planned.strategy.requires.branching else planned.strategy.budget
        watch.start(planned.method.name, len(task.problems), budget)
        asides: list[str] = []
        trees = cache.trees(_described(planned)) if planned.strategy.requires.branching else None
        results = await _play_all(
            planned.strategy,
            task,
            engine,
            plan.judge,
            options,
            plan.signals,
            cache,
            right,
            watch,
            started,
            asides,
            trees,
        )
        rewards = None
        if task.graded and task.metric and task.reward is not None:
            rewards = [task.reward(r.problem, r.decision.answer) for r in results]
        grades = [right(r) for r in results] if task.graded else None
        played[i] = Played(planned, results, grades, rewards, asides, None if trees is None else trees.run)
    return [played[i] for i in sorted(played)]


def _described(planned: PlannedStrategy) -> dict[str, Any]:
    """Return a strategy with everything that it decides by, ready for JSON."""
    params = {**planned.method.params, **planned.params}
    return {"name": planned.method.name, "budget": planned.strategy.budget, "params": _plain(params)}


def _plain(value: Any) -> Any:
    """Return a parameter as JSON values, a component as a mapping."""
    if is_dataclass(value) and not isinstance(value, type):
        return {"name": getattr(value, "name", type(value).__name__), **_plain(_fields(value))}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _fields(component: Any) -> dict[str, Any]:
    return {field.name: getattr(component, field.name) for field in fields(component)}


async def _play_all(
    strategy: Any,
    task: Task,
    engine: Engine,
    scorer: Scorer | None,
    options: Options,
    signals: Signals,
    cache: SampleCache,
    right: Callable[[Result], float],
    watch: ProgressListener,
    started: Started | None,
    asides: list[str] | None = None,
    trees: PoolTrees | None = None,
) -> list[Result]:
    """Return every result, in the order of the problems.

    ``asides`` receives the sentences on masses that told too little, and ``trees`` keeps every draw of a question.
    """
    results: dict[str, Result] = {}
    playing = run(
        strategy,
        task.problems,
        engine,
        extract=task.extract,
        scorer=scorer,
        options=options,
        signals=signals,
        cache=cache,
        equality=task.grader.equality,
        started=started,
    )
    async with _refreshing(watch), aclosing(playing):  # type: ignore[type-var]
        async for result in playing:
            watch.advance(right(result) if task.graded else None, _cost(result))
            if asides is not None and (sentence := aside_sentence(strategy, result.decision)) is not None:
                asides.append(sentence)
            if trees is not None:
                trees.put(result.problem, result.decision)
            results[result.problem.id] = _without_traces(result)
    watch.finish()
    return [results[problem.id] for problem in task.problems]


def _cost(result: Result) -> QuestionCost:
    """The cost of a question as a display shows it."""
    samples, usage = result.decision.samples, result.decision.usage
    return QuestionCost(
        samples=len(samples),
        recalled=result.cached,
        tokens=0 if usage is None else usage.generated,
        failed=sum(sample.end is End.FAILED for sample in samples),
        truncated=sum(sample.end is End.LENGTH for sample in samples),
    )


def _without_traces(result: Result) -> Result:
    """The result without texts, tokens and traces, which the pool keeps."""
    samples = tuple(replace(s, text="", token_ids=(), trace=NO_TRACE) for s in result.decision.samples)
    return replace(result, decision=replace(result.decision, samples=samples))


@asynccontextmanager
async def _refreshing(watch: ProgressListener) -> AsyncIterator[None]:
    """Refresh the progress regularly until the end of the block."""

    async def refresh() -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            watch.refresh()

    task = asyncio.create_task(refresh())
    try:
        yield
    finally:
        task.cancel()
        await settle([task])
