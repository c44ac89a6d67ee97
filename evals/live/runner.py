"""Live runs: draw samples or play strategies over a task, every draw into a pool, none of them twice.

Knows nothing about terminals; whoever watches is told of each question and now and then of the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Protocol

from evals.live.live_config import RunConfig, SampleConfig
from evals.live.plan import Entrant, Plan
from evals.tasks import Task
from strategies.base import Steps
from tts.engines.base import Engine
from tts.engines.config import EngineConfig
from tts.errors import InputError
from tts.pool import PoolSampleCache, PoolStore, RunKey
from tts.runtime.cache import SampleCache
from tts.runtime.driver import Options, Result, run
from tts.runtime.session import settle
from tts.scorers.base import Scorer
from tts.scorers.config import OpenScorer
from tts.training.finece.tree import Tree
from tts.types import Decision, Draw, Problem, Sample, Signals, Trace

NO_TRACE = Trace()
BEAT = 0.25
"""Seconds between two looks at the clock."""


class Watch(Protocol):
    """Is told how a run goes."""

    def begin(self, label: str, questions: int) -> None:
        """So many questions are about to be played."""
        ...

    def step(self, right: float) -> None:
        """One more is done, and this share of it is right."""
        ...

    def tick(self) -> None:
        """Some time has passed."""
        ...

    def end(self) -> None:
        """All of them are done."""
        ...


@dataclass(frozen=True)
class Played:
    """What a strategy did: one result a problem, in the order of the problems, and which decisions are right.

    The samples of the decisions have no text, tokens and trace any more.
    """

    entrant: Entrant
    results: Sequence[Result]
    right: Sequence[bool]


@dataclass(frozen=True)
class Collect:
    """Draws ``budget`` samples, one after the other, and decides nothing."""

    budget: int
    name: ClassVar[str] = "collect"
    branches: ClassVar[bool] = False
    needs_confidence: ClassVar[bool] = False

    def run(self, problem: Problem) -> Steps:
        """Play one question; see :class:`~strategies.base.Strategy`."""
        samples: list[Sample] = []
        for _ in range(self.budget):
            samples += yield Draw(1)
        return Decision(None, None, tuple(samples), "budget")


def run_key(
    config: EngineConfig, task: Task, signals: Signals, scorer: OpenScorer | None, *, model: str, revision: str
) -> RunKey:
    """Everything that two draws must share to be interchangeable."""
    # Signals that came later are named where they are collected, so that runs from before can go on.
    collected = {key: value for key, value in asdict(signals).items() if value or key not in ("steps", "probe")}
    sampling: dict[str, object] = {**config.key, "signals": collected, "answers": task.reading}
    if scorer is not None:
        sampling["scorer"] = scorer.key
    return RunKey(model, revision, task.template, sampling)


def check_signals(engine: Engine, signals: Signals) -> None:
    """Refuse, before a pool is made, what this engine cannot record.

    Raises:
        InputError: naming it.
    """
    if lacking := engine.capabilities.lacking(signals):
        raise InputError(f"{type(engine).__name__} cannot record {lacking}, which this configuration asks for")


def check_prompts(engine: Engine, problems: Sequence[Problem]) -> None:
    """Read every prompt before a pool is made, where the engine can.

    Raises:
        InputError: a prompt leaves no room in the model's context.
    """
    if (read := getattr(engine, "prompt_ids", None)) is not None:
        for problem in problems:
            read(problem)


def open_memory(
    store: PoolStore, key: RunKey, task: Task, config: Mapping[str, Any], *, forks: bool = False
) -> tuple[int, PoolSampleCache]:
    """Add the problems, start or resume the run, and remember into it, ``forks`` too where one strategy has the run.

    Returns:
        (the run's number in the file, its memory).

    Raises:
        InputError: the file holds another problem of the same id.
    """
    store.add_problems(task.problems)
    number = store.open_run(key, config)

    def cuts() -> int:
        return store.open_run(replace(key, sampling={**key.sampling, "until": "group_below"}), config)

    return number, PoolSampleCache(store, number, task.grade, cuts=cuts, forks=forks)


async def draw_samples(
    config: SampleConfig, task: Task, engine: Engine, memory: SampleCache, *, signals: Signals, watch: Watch
) -> list[Result]:
    """Draw ``n`` samples of every problem into the memory, those of one question at the same time."""
    questions = -(-config.engine.rows // config.n) + 1  # as many as fill a batch, and one to fill the gaps
    options = Options(concurrency=questions, lookahead=config.n - 1)

    def share(result: Result) -> float:
        return sum(task.grade(result.problem, s) for s in result.decision.samples) / config.n

    watch.begin("samples", len(task.problems))
    return await _all(Collect(config.n), task, engine, None, options, signals, memory, share, watch)


async def draw_trees(
    tree: Tree, task: Task, engine: Engine, memory: SampleCache, *, rows: int, signals: Signals, watch: Watch
) -> list[Result]:
    """Draw the tree of every problem into the memory, which must remember forks; ``rows`` fit into a batch."""
    options = Options(concurrency=-(-rows // tree.config.k) + 1)

    def share(result: Result) -> float:
        samples = result.decision.samples
        return sum(task.grade(result.problem, s) for s in samples) / len(samples)

    watch.begin("trees", len(task.problems))
    return await _all(tree, task, engine, None, options, signals, memory, share, watch)


async def play(
    config: RunConfig, plan: Plan, task: Task, engine: Engine, memory: SampleCache, *, watch: Watch
) -> list[Played]:
    """Play every strategy over every problem, one strategy after the other; they share their draws by the memory."""
    options = Options(
        concurrency=config.concurrency or config.engine.rows, lookahead=config.lookahead, fill=config.fill
    )

    def right(result: Result) -> bool:
        return task.grade(result.problem, Sample(answer=result.decision.answer))

    played = []
    for entrant in plan.entrants:
        watch.begin(entrant.method.name, len(task.problems))
        results = await _all(entrant.strategy, task, engine, plan.judge, options, plan.signals, memory, right, watch)
        played.append(Played(entrant, results, [right(r) for r in results]))
    return played


async def _all(
    strategy: Any,
    task: Task,
    engine: Engine,
    scorer: Scorer | None,
    options: Options,
    signals: Signals,
    memory: SampleCache,
    right: Callable[[Result], float],
    watch: Watch,
) -> list[Result]:
    """Every result, in the order of the problems."""
    results: dict[str, Result] = {}
    playing = run(
        strategy,
        task.problems,
        engine,
        extract=task.extract,
        scorer=scorer,
        options=options,
        signals=signals,
        memory=memory,
    )
    async with _ticking(watch), aclosing(playing):  # type: ignore[type-var]
        async for result in playing:
            watch.step(right(result))
            results[result.problem.id] = _light(result)
    watch.end()
    return [results[problem.id] for problem in task.problems]


def _light(result: Result) -> Result:
    """The result without texts, tokens and traces, which the pool keeps and memory need not."""
    samples = tuple(replace(s, text="", token_ids=(), trace=NO_TRACE) for s in result.decision.samples)
    return replace(result, decision=replace(result.decision, samples=samples))


@asynccontextmanager
async def _ticking(watch: Watch) -> AsyncIterator[None]:
    """Tell the watch that time passes, until the end of the block."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(BEAT)
            watch.tick()

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        await settle([task])
