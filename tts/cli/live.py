"""What ``tts sample`` and ``tts run`` have in common: their configuration, their pool, and Ctrl-C."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from tts.cli.options import check_outputs
from tts.cli.progress import Progress, tell
from tts.errors import InputError

if TYPE_CHECKING:
    from evals.finece_config import FineceConfig
    from evals.live.live_config import SampleConfig
    from evals.tasks import Task
    from tts.engines.config import EngineConfig, LiveEngine
    from tts.engines.hf.engine import TransformersEngine
    from tts.pool import PoolSampleCache, PoolStore
    from tts.prompts import Prompt
    from tts.runtime.driver import Result
    from tts.types import Signals

T = TypeVar("T")
C = TypeVar("C")

ConfigArguments = Annotated[
    list[str] | None,
    typer.Argument(metavar="CONFIG... KEY=VALUE...", help="YAML files, merged in order, and overrides."),
]


def configured(schema: type[C], arguments: Sequence[str] | None) -> tuple[C, list[Path]]:
    """The configuration, and the files it came from; what holds "=" and is no file is an override."""
    from tts.config import load_config

    given = list(arguments or ())
    overrides = [text for text in given if "=" in text and not os.path.isfile(text)]
    files = [Path(text) for text in given if text not in overrides]
    return load_config(schema, files, overrides), files


def pool_path(out: str | None, outputs: Sequence[Path | None], inputs: Sequence[Path | str | None]) -> Path:
    """Where the pool goes.

    Raises:
        InputError: nowhere, to a file that is read, or to one that is written already.
    """
    from tts.pool.files import pool_format

    if out is None:
        raise InputError("out names no pool: give out=FILE.sqlite, where every sample is kept")
    path = Path(out)
    pool_format(path, "sqlite")
    read = [Path(name) for name in inputs if name is not None]
    written = [name for name in outputs if name is not None]
    check_outputs(written, [path, *read])
    check_outputs([path], read)
    if any(other.resolve() == path.resolve() for other in written):
        raise InputError(f"cannot write {path} twice: give the pool and the JSON different names")
    return path


def model_directory(name: str) -> Path:
    """The directory that a training writes to, made where it is missing.

    Raises:
        InputError: it is a file, cannot be made, or holds a model that no training here has left.
    """
    out = Path(name)
    if out.exists() and not out.is_dir():
        raise InputError(f"cannot write {out}: it exists and is no directory; give out another name")
    if (out / "config.json").exists() and not (out / "checkpoint.pt").exists():
        raise InputError(f"cannot write {out}: it holds a model already; give out another name")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}") from None
    return out


@contextmanager
def opened(config: EngineConfig, prompt: Prompt) -> Iterator[LiveEngine]:
    """The engine, closed at the end; a line says what is being loaded."""
    from tts.engines.config import open_engine

    if config.kind == "openai":
        tell(f"asking {', '.join(config.openai.urls)} for {config.model}")
    elif config.kind != "fake":
        tell(f"loading {config.identity[0]}")
    engine = open_engine(config, prompt, tell)
    with closing(engine):
        yield engine


def live(
    path: Path, store: PoolStore, run: int, memory: PoolSampleCache, work: Callable[[Progress], Coroutine[Any, Any, T]]
) -> T:
    """Do the work under a progress display; where Ctrl-C ends it, say how to go on.

    Raises:
        KeyboardInterrupt: on Ctrl-C; the pool holds all that was handed over.
    """
    try:
        with Progress(lambda: memory.tokens) as progress:
            return asyncio.run(work(progress))
    except KeyboardInterrupt:
        held = next(r.samples for r in store.runs() if r.id == run)
        tell(f"tts: interrupted; {path} holds {held} samples: give the same command again to go on from there")
        raise


@dataclass(frozen=True)
class Drawn:
    """Samples in a pool: the results, the run that holds them, and a line about it."""

    results: list[Result]
    run: int
    kept: str


def draw(config: SampleConfig, task: Task, engine: LiveEngine, path: Path) -> Drawn:
    """Draw n samples of every problem into a pool, those that it does not hold yet.

    Raises:
        InputError: the engine cannot record the signals, or a prompt leaves no room.
    """
    from evals.live.runner import draw_samples
    from tts.engines.config import recorded_signals

    signals = recorded_signals(config.engine)

    def work(memory: PoolSampleCache, watch: Progress) -> Coroutine[Any, Any, list[Result]]:
        return draw_samples(config, task, engine, memory, signals=signals, watch=watch)

    return _drawn(config, task, engine, path, signals, {}, work)


def draw_trees(config: FineceConfig, task: Task, engine: TransformersEngine, path: Path) -> Drawn:
    """Draw completions of every problem and of prefixes into a pool, those that it does not hold yet.

    Raises:
        InputError: a prompt leaves no room.
    """
    from evals.live.runner import draw_trees
    from tts.engines.config import recorded_signals
    from tts.training.finece.cluster import tfidf
    from tts.training.finece.embed import model_embedding
    from tts.training.finece.tree import Tree

    embed = model_embedding(engine) if config.tree.embedding == "model" else tfidf
    tree = Tree(config.tree, engine.decode, embed)
    signals = recorded_signals(config.engine) | tree.needs

    def work(memory: PoolSampleCache, watch: Progress) -> Coroutine[Any, Any, list[Result]]:
        return draw_trees(tree, task, engine, memory, rows=config.engine.rows, signals=signals, watch=watch)

    return _drawn(config, task, engine, path, signals, {"tree": asdict(config.tree)}, work)


def _drawn(
    config: SampleConfig | FineceConfig,
    task: Task,
    engine: LiveEngine,
    path: Path,
    signals: Signals,
    more: Mapping[str, object],
    work: Callable[[PoolSampleCache, Progress], Coroutine[Any, Any, list[Result]]],
) -> Drawn:
    """Do the work into a run of a pool; ``more`` is what tells its draws from others, beside what is known of all."""
    from evals.live.runner import check_prompts, check_signals, open_memory, run_key
    from tts.pool import PoolStore

    model, revision = config.engine.identity
    key = run_key(config.engine, task, signals, None, model=model, revision=revision)
    key = replace(key, sampling={**key.sampling, **more})
    check_signals(engine, signals)
    check_prompts(engine, task.problems)
    with PoolStore.create_or_open(path) as store:
        run, memory = open_memory(store, key, task, asdict(config), forks=bool(more))
        results = live(path, store, run, memory, lambda watch: work(memory, watch))
        total = next(r.samples for r in store.runs() if r.id == run)
    return Drawn(results, run, kept(path, run, memory, total))


def kept(path: Path, run: int, memory: PoolSampleCache, total: int) -> str:
    """A line about the pool."""
    cut = f"; {memory.cut} more that a strategy may have cut short are in a run of their own" if memory.cut else ""
    return f"{path}: run {run} holds {total} samples, {memory.kept} of them drawn now ({memory.tokens} tokens{cut})"
