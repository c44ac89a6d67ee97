"""Runs over several tasks and models: one run for each pair of them, all in one pool.

Every pair is checked and planned before the first draw. Tasks and models with equal names get longer ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from evals.config import RunConfig
from evals.live.dated_pool import dated_pool
from evals.live.hooks import SILENT, Hooks
from evals.live.outcome import RunOutcome
from evals.live.pool_run import pool_target
from evals.live.prompt_form import in_taken_form
from evals.live.run_session import PreparedRun, live_task, notify_all, play_prepared, prepare
from evals.tasks import TaskConfig
from tts.errors import InputError
from tts.pool import RunKey
from tts.types import Problem
from tts.wording import counted

LONGEST = 60
"""The most characters of the names of tasks, or of models, in the name of a dated pool."""
DEEPEST = 10
"""The number of folders from which on suffixes of files are tried to tell names apart."""


@dataclass(frozen=True)
class GridRun:
    """The run of one task by one model.

    Attributes:
        task: the task's name, which no other task of the grid has.
        model: the model's name, which no other model of the grid has.
        config: the configuration.
        outcome: what was played.
    """

    task: str
    model: str
    config: RunConfig
    outcome: RunOutcome


def run_grid(configs: Sequence[RunConfig], *, hooks: Hooks = SILENT) -> list[GridRun]:
    """Play the strategies on every task by every model, each pair as a run of its own in the same pool.

    Args:
        configs: one a pair of a task and a model, with the same ``out``.
        hooks: what the caller wants to see.

    Raises:
        InputError: a configuration that cannot be played, or a pair that is named twice; nothing has been drawn then.
        UnsupportedError: the extra for this kind of engine is not installed.
    """
    first = configs[0]
    inputs = [path for c in configs for path in (c.fit, c.task.path, c.task.shots_path)]
    path = pool_target(first.out, inputs)
    tasks, models = task_names([c.task for c in configs]), model_names([c.engine.model for c in configs])
    pairs = list(zip(tasks, models, strict=True))
    if len(set(pairs)) < len(pairs):
        doubled = next(pair for pair in pairs if pairs.count(pair) > 1)
        raise InputError(f"task {doubled[0]} with model {doubled[1]} is named twice: name each one once")
    prepared = [prepare(config, hooks if config is first else SILENT) for config in configs]
    shared = sharing_ids(tasks, prepared)
    for run in prepared:
        if run.config.engine.kind == "openai":  # one request; a local model would be loaded twice
            in_taken_form(run.config, replace(hooks, notify=lambda _: None), partial(_ask, hooks=hooks))
    notify_all((note for run in prepared for note in run.task.notes), hooks)

    def target(key: RunKey) -> Path:
        nonlocal path
        if path is None:
            path = dated_pool(asdict(first), key, names=(_all_of(tasks), _all_of(models)))
            hooks.notify(f"samples go to {path}")
        return path

    def play(config: RunConfig, task: str, run: PreparedRun) -> RunOutcome:
        run = run if config is run.config else prepare(config)
        if len(set(tasks)) > 1:
            run = replace(run, name=task, task=run.task.prefixed(f"{task}/") if task in shared else run.task)
        return play_prepared(run, target, hooks=hooks)

    found = []
    for (task, model), run in zip(pairs, prepared, strict=True):
        hooks.notify(
            f"{task}: {counted(len(run.task.problems), 'question')}, model {model}, strategies "
            f"{', '.join(run.strategies)}"
        )
        outcome = in_taken_form(run.config, hooks, partial(play, task=task, run=run))
        found.append(GridRun(task, model, run.config, outcome))
    return found


def _ask(config: RunConfig, hooks: Hooks) -> None:
    """Open the engine of a configuration and close it, so that a server refuses before the first draw."""
    with hooks.open_engine(config.engine, live_task(config).prompt, lambda _: None):
        pass


def _all_of(names: Sequence[str]) -> str:
    """Return names as a part of a file's name, each once."""
    return "+".join(name.replace("/", "_").replace(".", "_") for name in dict.fromkeys(names))[:LONGEST]


def sharing_ids(names: Sequence[str], runs: Sequence[PreparedRun]) -> set[str]:
    """Return the names of the tasks that share the id of a question with another task, which has another question.

    Args:
        names: of the tasks, one a run.
        runs: the runs.
    """
    seen: dict[str, tuple[str, Problem]] = {}
    shared: set[str] = set()
    for name, run in zip(names, runs, strict=True):
        for problem in run.task.problems:
            other, first = seen.setdefault(problem.id, (name, problem))
            if first != problem:
                shared |= {name, other}
    return shared


def task_names(tasks: Sequence[TaskConfig]) -> list[str]:
    """Return a name for each task: its own, or that of its file, with folders or options where names are equal.

    Args:
        tasks: the tasks; equal ones get the same name.
    """
    distinct: dict[str, TaskConfig] = {repr(task): task for task in tasks}
    found = _apart({key: _task_spellings(task) for key, task in distinct.items()})
    for name in {name for name in found.values() if [*found.values()].count(name) > 1}:
        options = {key: asdict(distinct[key]) for key, one in found.items() if one == name}
        differing = [part for part in asdict(tasks[0]) if len({repr(one[part]) for one in options.values()}) > 1]
        for key, one in options.items():
            found[key] = f"{name}({', '.join(f'{part}={one[part]}' for part in differing)})"
    return [found[repr(task)] for task in tasks]


def model_names(models: Sequence[str]) -> list[str]:
    """Return a name for each model: the last part of its own, or all of it where last parts are equal.

    Args:
        models: names and directories; equal ones get the same name.
    """
    found = _apart({model: lambda size, model=model: _end(Path(model), size) for model in models})  # type: ignore[misc]
    return [found[model] for model in models]


def _task_spellings(task: TaskConfig) -> Callable[[int], str]:
    """Return a function from a number of parts of a path to a name of the task."""
    if task.name != "jsonl" or task.path is None:
        return lambda size: task.name
    path = Path(task.path)
    plain = path.with_name(path.name.removesuffix(".gz").rpartition(".")[0] or path.name)
    return lambda size: _end(plain if size < DEEPEST else path, size)


def _end(path: Path, size: int) -> str:
    return "/".join(path.parts[-size:])


def _apart(spellings: Mapping[str, Callable[[int], str]]) -> dict[str, str]:
    """Return the shortest spelling of each key that no other key has, or the longest one."""

    def tried() -> Iterator[dict[str, str]]:
        for size in range(1, 2 * DEEPEST):
            yield {key: spelled(size) for key, spelled in spellings.items()}

    found: dict[str, str] = {}
    for names in tried():
        values = [*names.values()]
        for key, name in names.items():
            if key not in found and values.count(name) == 1:
                found[key] = name
        last = names
    return {key: found.get(key, last[key]) for key in spellings}
