"""A live run from its configuration to its results: the one path that the command line and Python share.

Everything that can be refused is refused before the first draw. Every sample goes into a pool, so that an interrupted
run continues where it was when it is repeated. Knows nothing about terminals: :class:`Hooks` carries what a caller
wants to see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from evals.config import RunConfig, SampleConfig
from evals.live.plan import Plan, plan
from evals.live.progress import ProgressListener, Silent
from evals.live.runner import Played, draw_samples, draw_trees, play
from evals.tasks import Task, load_task
from tts.engines.base import Engine
from tts.engines.config import EngineConfig, LiveEngine, open_engine, recorded_signals
from tts.errors import InputError, UnsupportedError
from tts.files import check_outputs
from tts.pool import PoolSampleCache, PoolStore, RunKey
from tts.pool.files import pool_format
from tts.prompts import Prompt
from tts.runtime.driver import Result
from tts.scorers.config import OpenScorer
from tts.training.finece.tree import Tree
from tts.types import Problem, Signals

T = TypeVar("T")


class Execute(Protocol):
    """Runs a coroutine to its end and returns its result, as ``asyncio.run`` does."""

    def __call__(self, work: Coroutine[Any, Any, T], /) -> T:
        """Return the coroutine's result."""
        ...


def _no_progress(_: Callable[[], int]) -> AbstractContextManager[ProgressListener]:
    return nullcontext(Silent())


@dataclass(frozen=True)
class Hooks:
    """How a session reports to its caller.

    Attributes:
        progress: opens a display; it receives a function that returns the tokens drawn so far.
        notify: receives one sentence about anything that takes time or changes something.
        execute: runs a coroutine to its end.
    """

    progress: Callable[[Callable[[], int]], AbstractContextManager[ProgressListener]] = _no_progress
    notify: Callable[[str], None] = field(default=lambda _: None)
    execute: Execute = asyncio.run


SILENT = Hooks()


@dataclass(frozen=True)
class PoolRun:
    """The run of a pool file that holds a session's samples.

    Attributes:
        path: the pool file.
        number: the run's number within the file.
        samples: all samples that the run holds.
        drawn: samples that this session added.
        truncated: samples that this session added to the run of draws that a strategy may truncate.
        tokens: tokens that this session generated.
    """

    path: Path
    number: int
    samples: int
    drawn: int
    truncated: int
    tokens: int

    def __str__(self) -> str:
        """Return one line about the run."""
        extra = (
            f"; {self.truncated} more that a strategy may have truncated are in a separate run"
            if self.truncated
            else ""
        )
        return (
            f"{self.path}: run {self.number} holds {self.samples} samples, {self.drawn} of them drawn now "
            f"({self.tokens} tokens{extra})"
        )


@dataclass(frozen=True)
class RunOutcome:
    """The outcome of :func:`run_strategies`.

    Attributes:
        task: the task that was played.
        model: the model's name.
        revision: its revision or fingerprint; empty where none is known.
        plan: the strategies and the scorer.
        played: one entry per strategy, in the order of the plan.
        pool: where the samples are.
    """

    task: Task
    model: str
    revision: str
    plan: Plan
    played: Sequence[Played]
    pool: PoolRun


@dataclass(frozen=True)
class SampleOutcome:
    """Samples drawn into a pool: one result per problem, in the order of the problems, and where they are."""

    results: Sequence[Result]
    pool: PoolRun


def pool_target(out: str | None, inputs: Sequence[str | Path | None]) -> Path:
    """Return the pool file to write.

    Raises:
        InputError: no file is named, its suffix is not SQLite's, its folder does not exist, or it is an input.
    """
    if out is None:
        raise InputError("out names no pool: give out=FILE.sqlite, where every sample is kept")
    path = Path(out)
    pool_format(path, "sqlite")
    check_outputs([path], [Path(name) for name in inputs if name is not None])
    return path


def run_strategies(config: RunConfig, *, hooks: Hooks = SILENT) -> RunOutcome:
    """Play the configured strategies over the task, all of them on the same samples.

    Args:
        config: the task, the model, the strategies and the pool to write.
        hooks: what the caller wants to see.

    Raises:
        InputError: a configuration that cannot be played; nothing has been drawn then.
        UnsupportedError: the extra for this kind of engine is not installed.
    """
    path = pool_target(config.out, [config.fit, config.task.path, config.task.shots_path])
    task = load_task(config.task)
    model, revision = config.engine.identity
    chosen = plan(config, task, model=model, revision=revision)
    with opened(config.engine, task.prompt, hooks) as engine:
        chosen = chosen.within(engine.capabilities)
        key = run_key(config.engine, task, chosen.signals, chosen.scorer, model=model, revision=revision)

        def work(cache: PoolSampleCache, watch: ProgressListener) -> Coroutine[Any, Any, list[Played]]:
            return play(config, chosen, task, engine, cache, watch=watch)

        played, pool = _into_pool(path, key, task, engine, chosen.signals, asdict(config), work, hooks)
    return RunOutcome(task, model, revision, chosen, played, pool)


def sample_task(config: SampleConfig, *, hooks: Hooks = SILENT) -> tuple[Task, SampleOutcome]:
    """Draw the configured number of samples of every problem into a pool; samples that it holds are not drawn again.

    Returns:
        The task and its samples.

    Raises:
        InputError: a configuration that cannot be drawn from; nothing has been drawn then.
    """
    path = pool_target(config.out, [config.task.path, config.task.shots_path])
    task = load_task(config.task)
    with opened(config.engine, task.prompt, hooks) as engine:
        return task, sample_into(path, config, task, engine, hooks=hooks)


def sample_into(
    path: Path, config: SampleConfig, task: Task, engine: LiveEngine, *, hooks: Hooks = SILENT
) -> SampleOutcome:
    """Draw as :func:`sample_task` does, with a task and an engine that are open already.

    Raises:
        InputError: the engine cannot record the signals, or a prompt leaves no room for an answer.
    """
    signals = recorded_signals(config.engine)

    def work(cache: PoolSampleCache, watch: ProgressListener) -> Coroutine[Any, Any, list[Result]]:
        return draw_samples(config, task, engine, cache, signals=signals, watch=watch)

    key = _key(config.engine, task, signals)
    return SampleOutcome(*_into_pool(path, key, task, engine, signals, asdict(config), work, hooks))


def grow_trees_into(
    path: Path,
    tree: Tree,
    engine_config: EngineConfig,
    task: Task,
    engine: LiveEngine,
    config: Mapping[str, Any],
    *,
    hooks: Hooks = SILENT,
) -> SampleOutcome:
    """Draw the completions of every problem, and of prefixes of them, that FineCE learns from.

    Args:
        path: the pool to write.
        tree: which prefixes are completed, and how often.
        engine_config: the configuration of ``engine``.
        task: the problems.
        engine: the open engine.
        config: the whole configuration, as stored beside the run.
        hooks: what the caller wants to see.

    Raises:
        InputError: a prompt leaves no room for an answer.
    """
    signals = recorded_signals(engine_config) | tree.requires.signals

    def work(cache: PoolSampleCache, watch: ProgressListener) -> Coroutine[Any, Any, list[Result]]:
        return draw_trees(tree, task, engine, cache, rows=engine_config.max_batch_size, signals=signals, watch=watch)

    key = _key(engine_config, task, signals)
    key = replace(key, sampling={**key.sampling, "tree": asdict(tree.config)})
    return SampleOutcome(*_into_pool(path, key, task, engine, signals, config, work, hooks, forks=True))


@contextmanager
def opened(config: EngineConfig, prompt: Prompt, hooks: Hooks = SILENT) -> Iterator[LiveEngine]:
    """Open the engine and close it at the end of the block.

    Raises:
        InputError: no such model or device, or a prompt that this model cannot be given.
        UnsupportedError: the extra for this kind of engine is not installed.
    """
    if config.kind == "openai":
        hooks.notify(f"asking {', '.join(config.openai.urls)} for {config.model}")
    elif config.kind != "fake":
        hooks.notify(f"loading {config.identity[0]}")
    with closing(open_engine(config, prompt, hooks.notify)) as engine:
        yield engine


def run_key(
    config: EngineConfig, task: Task, signals: Signals, scorer: OpenScorer | None, *, model: str, revision: str
) -> RunKey:
    """Return everything that two draws must share to be interchangeable."""
    sampling: dict[str, object] = {**config.key, "signals": signals.key, "answers": task.reading}
    if scorer is not None:
        sampling["scorer"] = scorer.key
    return RunKey(model, revision, task.template, sampling)


def open_cache(
    store: PoolStore, key: RunKey, task: Task, config: Mapping[str, Any], *, forks: bool = False
) -> tuple[int, PoolSampleCache]:
    """Add the problems to the pool and start or resume the run.

    Args:
        store: the pool, open for writing.
        key: what draws in this run share.
        task: the problems, and the rule that grades samples.
        config: the configuration, as stored beside the run.
        forks: whether continuations of prefixes are cached too, where one strategy alone uses the run.

    Returns:
        The run's number in the file, and its cache.

    Raises:
        InputError: the file holds another problem with the same id.
    """
    store.add_problems(task.problems)
    number = store.open_run(key, config)

    def truncated_run() -> int:
        return store.open_run(replace(key, sampling={**key.sampling, "until": "group_below"}), config)

    return number, PoolSampleCache(store, number, task.grade, truncated_run=truncated_run, forks=forks)


def check_engine(engine: Engine, signals: Signals, problems: Sequence[Problem]) -> None:
    """Refuse, before a pool is made, signals that the engine cannot record and prompts that leave no room.

    Raises:
        InputError: naming the signal, or the problem whose prompt is too long.
    """
    if lacking := engine.capabilities.lacking(signals):
        raise InputError(f"{type(engine).__name__} cannot record {lacking}, which this configuration asks for")
    with suppress(UnsupportedError):  # an engine that knows no tokens
        for problem in problems:
            engine.prompt_ids(problem)


def _key(config: EngineConfig, task: Task, signals: Signals) -> RunKey:
    model, revision = config.identity
    return run_key(config, task, signals, None, model=model, revision=revision)


def _into_pool(
    path: Path,
    key: RunKey,
    task: Task,
    engine: LiveEngine,
    signals: Signals,
    config: Mapping[str, Any],
    work: Callable[[PoolSampleCache, ProgressListener], Coroutine[Any, Any, list[T]]],
    hooks: Hooks,
    *,
    forks: bool = False,
) -> tuple[list[T], PoolRun]:
    """Do the work with the cache of a run of the pool.

    Raises:
        KeyboardInterrupt: on Ctrl-C, with a sentence that says how to continue; the pool holds every finished sample.
    """
    check_engine(engine, signals, task.problems)
    with PoolStore.create_or_open(path) as store:
        number, cache = open_cache(store, key, task, config, forks=forks)

        def held() -> int:
            return next(run.samples for run in store.runs() if run.id == number)

        try:
            with hooks.progress(lambda: cache.tokens) as watch:
                results = hooks.execute(work(cache, watch))
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"interrupted; {path} holds {held()} samples: give the same command again to go on from there"
            ) from None
        return results, PoolRun(path, number, held(), cache.stored, cache.truncated, cache.tokens)
