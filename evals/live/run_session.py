"""A live run from its configuration to its results: the one path that the command line and Python share.

Everything that can be refused is refused before the first draw. Every sample goes into a pool, so that an interrupted
run continues where it was when it is repeated. Knows nothing about terminals: :class:`Hooks` carries what a caller
wants to see.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from time import perf_counter
from typing import Any

from evals.config import RunConfig, SampleConfig
from evals.live.dated_pool import dated_pool
from evals.live.draws import DrawCounts
from evals.live.hooks import SILENT, Hooks, ProgressListener
from evals.live.parts import name_apart, split
from evals.live.plan import Plan, plan
from evals.live.pool_run import PoolRun, draw_into_pool, pool_target, run_key
from evals.live.prompt_form import in_taken_form
from evals.live.runner import Played, draw_samples, draw_trees, play
from evals.tasks import Task, load_task
from tts.engines.config import EngineConfig, LiveEngine, recorded_signals
from tts.pool import PoolSampleCache, RunKey
from tts.prompts import Prompt
from tts.runtime.driver import Result
from tts.training.finece.tree import Tree
from tts.types import Signals


@dataclass(frozen=True)
class RunPart:
    """The strategies of a run that share draws: those of one model and one scorer.

    Attributes:
        model: the model's name.
        revision: its revision or fingerprint; empty where none is known.
        plan: the strategies and the scorer.
        played: one entry per strategy, in the order of the plan.
        pool: where the samples are.
        draws: the numbers of its draws.
    """

    model: str
    revision: str
    plan: Plan
    played: Sequence[Played]
    pool: PoolRun
    draws: DrawCounts


@dataclass(frozen=True)
class RunOutcome:
    """The outcome of :func:`run_strategies`.

    Attributes:
        task: the task that was played.
        parts: one a model and scorer, the run's own first; all of them play the same questions.
        started: when drawing began, in UTC.
        seconds: the time that drawing and scoring took, without loading models.
    """

    task: Task
    parts: Sequence[RunPart]
    started: datetime
    seconds: float

    @property
    def played(self) -> list[Played]:
        """The strategies of all parts."""
        return [played for part in self.parts for played in part.played]

    @property
    def path(self) -> Path:
        """The pool file that holds every sample."""
        return self.parts[0].pool.path

    @property
    def skipped(self) -> Mapping[str, str]:
        """The strategies of "all" that cannot be played, with the reason."""
        return {name: why for part in reversed(self.parts) for name, why in part.plan.skipped.items()}


@dataclass(frozen=True)
class SampleOutcome:
    """Samples drawn into a pool: one result per problem, in the order of the problems, and where they are.

    Attributes:
        results: one per problem.
        pool: where the samples are.
        draws: their numbers.
    """

    results: Sequence[Result]
    pool: PoolRun
    draws: DrawCounts


def run_strategies(config: RunConfig, *, hooks: Hooks = SILENT) -> RunOutcome:
    """Play the configured strategies over the task, those of one model and one scorer on the same samples.

    Args:
        config: the task, the model, the strategies and the pool to write.
        hooks: what the caller wants to see.

    Raises:
        InputError: a configuration that cannot be played; nothing has been drawn then.
        UnsupportedError: the extra for this kind of engine is not installed.
    """
    return in_taken_form(config, hooks, lambda taken: _run(taken, hooks))


def _run(config: RunConfig, hooks: Hooks) -> RunOutcome:
    path = pool_target(config.out, [config.fit, config.task.path, config.task.shots_path])
    task = _task(config)
    configs = split(config)
    identities = [part.engine.identity for part in configs]
    plans = [plan(c, task, model=name, revision=rev) for c, (name, rev) in zip(configs, identities, strict=True)]
    plans = name_apart(configs, plans)
    _notify(task, hooks)
    parts, seconds, started = [], 0.0, datetime.now(UTC)
    planned = list(zip(configs, identities, plans, strict=True))
    for engine_config, group in groupby(planned, key=lambda part: part[0].engine):
        with opened(engine_config, task.prompt, hooks) as engine:
            for part, (model, revision), chosen in group:
                playable = chosen.within(engine.capabilities)
                key = run_key(part.engine, task, playable.signals, playable.scorer, model=model, revision=revision)
                if path is None:
                    path = dated_pool(asdict(config), key)
                    hooks.notify(_announcement(config, task, plans, path))
                clock = perf_counter()
                played = _play_part(path, key, part, task, playable, engine, hooks)
                seconds += perf_counter() - clock
                parts.append(played)
    return RunOutcome(task, parts, started, seconds)


def _announcement(config: RunConfig, task: Task, plans: Sequence[Plan], path: Path) -> str:
    """Return one line about a run that is about to start."""
    names = ", ".join(planned.method.name for plan in plans for planned in plan.strategies)
    return (
        f"{task.name}: {len(task.problems)} questions, model {config.engine.model}, strategies {names}, at most "
        f"{config.budget} samples a question; samples go to {path}"
    )


def _play_part(
    path: Path, key: RunKey, config: RunConfig, task: Task, chosen: Plan, engine: LiveEngine, hooks: Hooks
) -> RunPart:
    """Play the strategies of one model and one scorer into their own run of the pool."""

    def work(cache: PoolSampleCache, watch: ProgressListener) -> Coroutine[Any, Any, list[Played]]:
        return play(config, chosen, task, engine, cache, watch=watch)

    played, pool, draws = draw_into_pool(path, key, task, engine, chosen.signals, asdict(config), work, hooks)
    beams = [p for p in played if p.planned.strategy.requires.branching]
    spent = [result.decision.usage for p in beams for result in p.results]
    unstored = sum(usage.generated for usage in spent if usage is not None)
    return RunPart(key.model, key.revision, chosen, played, replace(pool, unstored=unstored), draws)


def sample_task(config: SampleConfig, *, hooks: Hooks = SILENT) -> tuple[Task, SampleOutcome]:
    """Draw the configured number of samples of every problem into a pool; samples that it holds are not drawn again.

    Returns:
        The task and its samples.

    Raises:
        InputError: a configuration that cannot be drawn from; nothing has been drawn then.
    """
    return in_taken_form(config, hooks, lambda taken: _sample(taken, hooks))


def _sample(config: SampleConfig, hooks: Hooks) -> tuple[Task, SampleOutcome]:
    path = pool_target(config.out, [config.task.path, config.task.shots_path])
    task = _task(config)
    _notify(task, hooks)
    with opened(config.engine, task.prompt, hooks) as engine:
        if path is None:
            path = dated_pool(asdict(config), _key(config.engine, task, recorded_signals(config.engine)))
            hooks.notify(
                f"{task.name}: {len(task.problems)} questions, model {config.engine.model}, {config.samples} samples "
                f"each; they go to {path}"
            )
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
    return SampleOutcome(*draw_into_pool(path, key, task, engine, signals, asdict(config), work, hooks))


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
    return SampleOutcome(*draw_into_pool(path, key, task, engine, signals, config, work, hooks, forks=True))


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
    with hooks.open_engine(config, prompt, hooks.notify) as engine:
        yield engine


def _task(config: RunConfig | SampleConfig) -> Task:
    """Return the task; answers of samples that were cut off are another reading of the same samples."""
    task = load_task(config.task, engine=config.engine)
    return replace(task, reading=f"{task.reading}, truncated too") if config.read_truncated else task


def _notify(task: Task, hooks: Hooks) -> None:
    for note in task.notes:
        hooks.notify(note)


def _key(config: EngineConfig, task: Task, signals: Signals) -> RunKey:
    model, revision = config.identity
    return run_key(config, task, signals, None, model=model, revision=revision)
