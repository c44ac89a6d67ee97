"""Samples from a configuration: drawn into a pool that an interrupted command continues, without a decision."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from evals.config import SampleConfig
from evals.live.dated_pool import dated_pool
from evals.live.hooks import SILENT, Hooks, ProgressListener
from evals.live.outcome import SampleOutcome
from evals.live.pool_run import draw_into_pool, pool_target, run_key
from evals.live.prompt_form import in_taken_form
from evals.live.run_session import live_task, notify_all, opened
from evals.live.runner import Started, draw_samples, draw_trees
from evals.tasks import Task
from tts.engines.config import EngineConfig, recorded_signals
from tts.engines.kinds import LiveEngine
from tts.pool import PoolSampleCache, RunKey
from tts.runtime.driver import Result
from tts.training.finece.tree import Tree
from tts.wording import counted


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
    task = live_task(config)
    notify_all(task.notes, hooks)
    with opened(config.engine, task.prompt, hooks) as engine:
        if path is None:
            path = dated_pool(asdict(config), _key(config.engine, task))
            hooks.notify(
                f"{task.name}: {counted(len(task.problems), 'question')}, model {config.engine.model}, "
                f"{counted(config.samples, 'sample')} each; they go to {path}"
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

    def work(cache: PoolSampleCache, watch: ProgressListener, started: Started) -> Coroutine[Any, Any, list[Result]]:
        return draw_samples(config, task, engine, cache, signals=signals, watch=watch, started=started)

    key = _key(config.engine, task)
    return SampleOutcome(*draw_into_pool(path, key, task, engine, signals, None, asdict(config), work, hooks))


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

    def work(cache: PoolSampleCache, watch: ProgressListener, started: Started) -> Coroutine[Any, Any, list[Result]]:
        return draw_trees(
            tree,
            task,
            engine,
            cache,
            rows=engine_config.rows or engine_config.max_batch_size,
            signals=signals,
            watch=watch,
            started=started,
        )

    key = _key(engine_config, task)
    key = replace(key, sampling={**key.sampling, "tree": asdict(tree.config)})
    return SampleOutcome(*draw_into_pool(path, key, task, engine, signals, None, config, work, hooks, forks=True))


def _key(config: EngineConfig, task: Task) -> RunKey:
    model, revision = config.identity
    return run_key(config, task, model=model, revision=revision)
