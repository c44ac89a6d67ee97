"""A live run from its configuration to its results: the one path that the command line and Python share.

Everything that can be refused is refused before the first draw. Every sample goes into a pool, so that an interrupted
run continues where it was when it is repeated. Knows nothing about terminals: :class:`Hooks` carries what a caller
wants to see.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from time import perf_counter
from typing import Any

from evals.config import RunConfig, SampleConfig
from evals.live.dated_pool import dated_pool
from evals.live.hooks import SILENT, Hooks, ProgressListener
from evals.live.outcome import RunOutcome, RunPart
from evals.live.parts import name_apart, split
from evals.live.plan import Plan, plan
from evals.live.pool_run import draw_into_pool, pool_target, run_key
from evals.live.prompt_form import in_taken_form
from evals.live.runner import Played, Started, play
from evals.tasks import Task, load_task
from strategies.mass import MassError
from tts.engines.base import Capabilities
from tts.engines.config import EngineConfig
from tts.engines.kinds import LiveEngine
from tts.errors import InputError
from tts.pool import PoolSampleCache, RunKey
from tts.prompts import Prompt
from tts.scorers.config import union_of_signals
from tts.types import Signals
from tts.wording import counted


@dataclass(frozen=True)
class PreparedRun:
    """A run that is checked and planned, before anything is opened.

    Attributes:
        config: the whole configuration.
        task: the questions.
        parts: one a model and scorer: its configuration, its model with the revision, and its plan.
        name: tells the draws of the task from those of another in the same pool; empty where there is no other.
    """

    config: RunConfig
    task: Task
    parts: Sequence[tuple[RunConfig, tuple[str, str], Plan]]
    name: str = ""

    @property
    def strategies(self) -> list[str]:
        """The names of the strategies, in the order in which they are played."""
        return [planned.method.name for _, _, plan in self.parts for planned in plan.strategies]


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
    prepared = prepare(config, hooks)
    notify_all(prepared.task.notes, hooks)

    def target(key: RunKey) -> Path:
        if path is not None:
            return path
        dated = dated_pool(asdict(config), key)
        hooks.notify(_announcement(prepared, dated))
        return dated

    return play_prepared(prepared, target, hooks=hooks)


def prepare(config: RunConfig, hooks: Hooks = SILENT) -> PreparedRun:
    """Load the task and plan the strategies of a run.

    Args:
        config: of the run.
        hooks: what the caller wants to see.

    Raises:
        InputError: a configuration that cannot be played.
        UnsupportedError: the extra for this kind of engine is not installed.
    """
    task = live_task(config)
    configs = split(config)
    identities = [part.engine.identity for part in configs]
    plans = [
        plan(part, task, model=name, revision=revision, notify=hooks.notify)
        for part, (name, revision) in zip(configs, identities, strict=True)
    ]
    return PreparedRun(config, task, list(zip(configs, identities, name_apart(configs, plans), strict=True)))


def play_prepared(prepared: PreparedRun, target: Callable[[RunKey], Path], *, hooks: Hooks = SILENT) -> RunOutcome:
    """Play a run.

    Args:
        prepared: the run.
        target: returns the pool to write, given the key of the run's first draws.
        hooks: what the caller wants to see.

    Raises:
        InputError: the engine cannot play it; nothing has been drawn then.
    """
    task, path = prepared.task, None
    parts, seconds, started = [], 0.0, datetime.now(UTC)
    for engine_config, members in groupby(prepared.parts, key=lambda part: part[0].engine):
        group = list(members)
        with opened(engine_config, task.prompt, hooks) as engine:
            playing = [chosen.within(engine.capabilities, notify=hooks.notify) for _, _, chosen in group]
            shared = _signals_of_all(playing, engine.capabilities)
            for (part, (model, revision), _), playable in zip(group, playing, strict=True):
                key = run_key(part.engine, task, model=model, revision=revision)
                if prepared.name:
                    key = replace(key, sampling={**key.sampling, "task": prepared.name})
                path = target(key) if path is None else path
                clock = perf_counter()
                played = _play_part(path, key, part, task, replace(playable, shared=shared), engine, hooks)
                seconds += perf_counter() - clock
                parts.append(played)
    return RunOutcome(task, parts, started, seconds)


def _signals_of_all(plans: Sequence[Plan], capabilities: Capabilities) -> Signals:
    """Return the signals of every part of one engine, so that they share draws; none where one pass cannot serve all.

    Parts whose signals are at odds, or which the engine cannot collect in one pass, draw samples of their own.
    """
    try:
        signals = union_of_signals(*(plan.signals for plan in plans))
    except InputError:
        return Signals()
    return Signals() if capabilities.lacking(signals) else signals


def _announcement(run: PreparedRun, path: Path) -> str:
    """Return one line about a run that is about to start."""
    task, config = run.task, run.config
    return (
        f"{task.name}: {counted(len(task.problems), 'question')}, model {config.engine.model}, strategies "
        f"{', '.join(run.strategies)}, at most {config.budget} samples a question; samples go to {path}"
    )


def _play_part(
    path: Path, key: RunKey, config: RunConfig, task: Task, chosen: Plan, engine: LiveEngine, hooks: Hooks
) -> RunPart:
    """Play the strategies of one model and one scorer; those of one model share the samples of its run."""

    def work(cache: PoolSampleCache, watch: ProgressListener, started: Started) -> Coroutine[Any, Any, list[Played]]:
        return play(config, chosen, task, engine, cache, watch=watch, started=started)

    try:
        played, pool, _ = draw_into_pool(
            path, key, task, engine, chosen.signals, chosen.scorer, asdict(config), work, hooks
        )
    except MassError as error:
        raise error.named(f"engine {config.engine.kind} with model {key.model}") from None
    beams = [p for p in played if p.trees is not None]
    spent = [result.decision.usage for p in beams for result in p.results]
    redrawn = sum(usage.generated for usage in spent if usage is not None)
    trees = {p.planned.method.name: p.trees for p in beams if p.trees is not None}
    return RunPart(key.model, key.revision, chosen, played, replace(pool, redrawn=redrawn, trees=trees))


@contextmanager
def opened(config: EngineConfig, prompt: Prompt, hooks: Hooks = SILENT) -> Iterator[LiveEngine]:
    """Open the engine and close it at the end of the block.

    Raises:
        InputError: no such model or device, or a prompt that this model cannot be given.
        UnsupportedError: the extra for this kind of engine is not installed.
    """
    if config.kind == "openai":
        hooks.notify(f"asking {config.openai.given} for {config.model}")
    elif config.kind != "fake":
        hooks.notify(f"loading {config.identity[0]}")
    with hooks.open_engine(config, prompt, hooks.notify) as engine:
        yield engine


def live_task(config: RunConfig | SampleConfig) -> Task:
    """Return the task of a configuration; answers of samples that were cut off are another reading.

    Raises:
        InputError: as :func:`evals.tasks.load_task`.
    """
    task = load_task(config.task, engine=config.engine)
    if not config.read_truncated:
        return task
    return replace(task, reading=f"{task.reading}, truncated too", read_truncated=True)


def notify_all(notes: Iterable[str], hooks: Hooks) -> None:
    """Hand sentences to the caller, equal ones once."""
    for note in dict.fromkeys(notes):
        hooks.notify(note)
