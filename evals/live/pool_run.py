"""The run of a pool file that a live session draws into: its key, its cache, and what it holds afterwards."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from evals.live.draws import DrawCounts, count_draws
from evals.live.hooks import Hooks, ProgressListener
from evals.live.runner import Played, Started
from evals.tasks import Task
from tts.engines.base import Capabilities, Engine
from tts.engines.config import EngineConfig
from tts.engines.kinds import CountsTokens, LiveEngine
from tts.errors import InputError, UnsupportedError
from tts.files import check_writable
from tts.pool import PoolSampleCache, PoolStore, RunKey
from tts.pool.files import pool_format
from tts.requirements import Requirements, missing
from tts.runtime.driver import Result
from tts.runtime.runner import Runner
from tts.scorers.available import live_source
from tts.scorers.config import OpenScorer
from tts.types import Problem, Signals

T = TypeVar("T", Played, Result)

NO_SIGNALS = Signals()


@dataclass(frozen=True)
class PoolRun:
    """The run of a pool file that holds a session's samples.

    Attributes:
        path: the pool file.
        number: the run's number within the file.
        samples: all samples that the run holds.
        drawn: samples that this session added.
        truncated: samples that this session added to the run of draws that a strategy may truncate.
        tokens: tokens that this session generated for them.
        redrawn: tokens that it generated for strategies that continue draws; a repeated command draws them anew.
        trees: by the name of such a strategy, the number of the run that holds its trees.
    """

    path: Path
    number: int
    samples: int
    drawn: int
    truncated: int
    tokens: int
    redrawn: int = 0
    trees: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return one line about the run."""
        held = ", ".join(f"run {number} holds the trees of {name}" for name, number in self.trees.items())
        beams = f"{held} ({self.redrawn} tokens, drawn anew when the command is repeated)"
        if self.redrawn and not self.samples:
            return f"{self.path}: {beams}"
        extra = (
            f"; {self.truncated} more that a strategy may have truncated are in a separate run"
            if self.truncated
            else ""
        )
        return (
            f"{self.path}: run {self.number} holds {self.samples} samples, {self.drawn} of them drawn now "
            f"({self.tokens} tokens{extra})" + (f"; {beams}" if self.redrawn else "")
        )


def of_one_run(sessions: Sequence[PoolRun]) -> PoolRun:
    """Return the run that several sessions drew into, one after the other, with the sums of their draws."""
    sums = {name: sum(getattr(s, name) for s in sessions) for name in ("drawn", "truncated", "tokens", "redrawn")}
    trees = {name: number for session in sessions for name, number in session.trees.items()}
    return replace(sessions[-1], **sums, trees=trees)


def pool_target(out: str | None, inputs: Sequence[str | Path | None]) -> Path | None:
    """Return the pool file to write; None where none is named, see :func:`evals.live.dated_pool.dated_pool`.

    Raises:
        InputError: its suffix is not SQLite's, its folder does not exist, or it is an input.
    """
    if out is None:
        return None
    path = Path(out)
    pool_format(path, "sqlite")
    check_writable(path, [name for name in inputs if name is not None])
    return path


def run_key(config: EngineConfig, task: Task, *, model: str, revision: str) -> RunKey:
    """Return everything that two draws must share to be interchangeable."""
    return RunKey(model, revision, task.template, dict(config.key))


def key_within(store: PoolStore, key: RunKey, signals: Signals, capabilities: Capabilities) -> tuple[RunKey, str]:
    """Return the key of the run of a pool to draw into, and a sentence where that is not the plain one.

    Recorded samples serve whatever their recorded signals suffice for; what they lack is read from their texts. Where
    the engine cannot read it, the run stays as it is, and a run with the same key and the signals beside it takes the
    draws.

    Args:
        store: the pool.
        key: of the draws.
        signals: the signals that the draws must record.
        capabilities: those of the engine.
    """
    apart = replace(key, sampling={**key.sampling, "signals": signals.to_json()})
    runs = [run for run in store.runs() if run.samples and _same_draws(run.key, key)]
    if not runs:
        return key, ""
    serving = next((run for run in runs if run.signals.covers(signals)), None)
    if serving is not None:
        return serving.key, ""
    numbers = ", ".join(str(run.id) for run in runs)
    fitting = next((run for run in runs if run.signals.top in (0, signals.top)), None)
    drawn = fitting is not None and (fitting.signals.processed or not signals.processed)
    if fitting is not None and drawn and capabilities.unreadable(signals.readable) is None:
        return fitting.key, f"run {fitting.id} lacks signals that this run needs, so they are read from its samples"
    return apart, f"run {numbers} lacks signals that this run needs, so the samples are drawn anew with them"


def _same_draws(one: RunKey, other: RunKey) -> bool:
    plain = replace(one, sampling={name: value for name, value in one.sampling.items() if name != "signals"})
    return plain.columns == other.columns


def open_cache(
    store: PoolStore,
    key: RunKey,
    task: Task,
    config: Mapping[str, Any],
    *,
    signals: Signals = NO_SIGNALS,
    scorer: OpenScorer | None = None,
    forks: bool = False,
) -> tuple[int, PoolSampleCache]:
    """Add the problems to the pool and start or resume the run.

    Args:
        store: the pool, open for writing.
        key: what draws in this run share.
        task: the problems, and the rules that read and grade samples.
        config: the configuration, as stored beside the run.
        signals: the signals that the draws record.
        scorer: the scorer that judges them, or None.
        forks: whether continuations of prefixes are cached too, where one strategy alone uses the run.

    Returns:
        The run's number in the file, and its cache.

    Raises:
        InputError: the file holds another problem with the same id.
    """
    store.add_problems(task.problems)
    judge = None if scorer is None else store.open_scorer(scorer.name, scorer.key)

    def open_run(key: RunKey) -> int:
        number = store.open_run(key, config, signals=signals, reading=task.reading, scorer=judge)
        store.reread(number, task.reading, task.read)
        return number

    def truncated_run() -> int:
        return open_run(replace(key, sampling={**key.sampling, "until": "group_below"}))

    def tree_run(strategy: Mapping[str, object]) -> int:
        judged = {} if scorer is None else {"scorer": dict(scorer.key)}
        return open_run(replace(key, sampling={**key.sampling, "tree": {**strategy, **judged}}))

    number = open_run(key)
    cache = PoolSampleCache(
        store, number, task.grade, scorer=judge, truncated_run=truncated_run, tree_run=tree_run, forks=forks
    )
    return number, cache


def check_engine(engine: Engine, signals: Signals, problems: Sequence[Problem]) -> None:
    """Refuse, before a pool is made, signals that the engine cannot record and prompts that leave no room.

    Raises:
        InputError: naming the signal, or the problem whose prompt is too long.
    """
    able = engine.capabilities
    lack = missing(Requirements(signals=signals), live_source(None, able))
    if lack is not None and able.inexact and able.inexact in lack.reason:
        raise InputError(f"this configuration {lack}")
    if lacking := able.lacking(signals):
        raise InputError(f"this engine cannot record {lacking}, which this configuration asks for")
    with suppress(UnsupportedError):  # an engine that knows no tokens
        for problem in problems:
            engine.prompt_ids(problem)


def draw_into_pool(
    path: Path,
    key: RunKey,
    task: Task,
    engine: LiveEngine,
    signals: Signals,
    scorer: OpenScorer | None,
    config: Mapping[str, Any],
    work: Callable[[PoolSampleCache, ProgressListener, Started], Coroutine[Any, Any, list[T]]],
    hooks: Hooks,
    *,
    forks: bool = False,
) -> tuple[list[T], PoolRun, DrawCounts]:
    """Do the work with the cache of a run of the pool, and return its results, the run and the numbers of its draws.

    Raises:
        InputError: the engine cannot serve this work, or the pool cannot be made.
        KeyboardInterrupt: on Ctrl-C, with a sentence on how to continue; the pool holds every finished sample.
    """
    check_engine(engine, signals, task.problems)
    try:
        path.parent.mkdir(exist_ok=True)  # of a dated pool
    except OSError as error:
        raise InputError(f"cannot make the folder {path.parent}: {error.strerror}; give out=FILE.sqlite") from None
    with PoolStore.create_or_open(path) as store:
        key, sentence = key_within(store, key, signals, engine.capabilities)
        if sentence:
            hooks.notify(f"{path}: {sentence}")
        number, cache = open_cache(store, key, task, config, signals=signals, scorer=scorer, forks=forks)

        def held() -> int:
            return next(run.samples for run in store.runs() if run.id == number)

        try:
            tokens = _TokenCounter(engine)
            with hooks.progress(tokens) as watch:
                results = hooks.execute(work(cache, watch, tokens.watch))
        except KeyboardInterrupt:
            held_in_all = sum(run.samples for run in store.runs())  # trees have runs of their own
            raise KeyboardInterrupt(
                f"interrupted; {path} holds {held_in_all} samples: repeat the command to continue"
            ) from None
        found = (r for item in results for r in (item.results if isinstance(item, Played) else (item,)))
        draws = count_draws(found, task.grade)
        store.note_draws(number, draws.as_mapping())
        return results, PoolRun(path, number, held(), cache.stored, cache.truncated, cache.tokens), draws


class _TokenCounter:
    """Returns the tokens drawn so far: all that the engine counts, else those of the runners that it watches."""

    def __init__(self, engine: LiveEngine) -> None:
        self._engine = engine if isinstance(engine, CountsTokens) else None
        self._runners: list[Runner] = []

    def watch(self, runner: Runner) -> None:
        self._runners.append(runner)

    def __call__(self) -> int:
        if self._engine is not None:
            return self._engine.drawn
        return sum(runner.in_flight.drawn for runner in self._runners)
