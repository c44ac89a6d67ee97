"""The run of a pool: its line, its target, and what an interrupt leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from evals.config import SampleConfig
from evals.live.hooks import Hooks, Silent
from evals.live.pool_run import PoolRun, pool_target
from evals.live.sample_session import sample_task
from tests.cli.cases import FAKE
from tts.config import load_config
from tts.engines.base import Chunk, Request
from tts.engines.fake.engine import FakeEngine
from tts.errors import InputError
from tts.pool import load_pool
from tts.types import Problem


def test_the_line_names_the_run_and_what_was_drawn() -> None:
    assert str(PoolRun(Path("p.sqlite"), 2, 10, 4, 0, 99)) == (
        "p.sqlite: run 2 holds 10 samples, 4 of them drawn now (99 tokens)"
    )
    assert "3 more that a strategy may have truncated" in str(PoolRun(Path("p.sqlite"), 2, 10, 4, 3, 99))


def test_a_target_is_a_sqlite_file_that_is_no_input(tmp_path: Path) -> None:
    assert pool_target(str(tmp_path / "p.sqlite"), [None]) == tmp_path / "p.sqlite"
    assert pool_target(None, []) is None
    with pytest.raises(InputError, match="must end in"):
        pool_target(str(tmp_path / "p.jsonl"), [])
    (tmp_path / "in.sqlite").touch()
    with pytest.raises(InputError, match="it is an input"):
        pool_target(str(tmp_path / "in.sqlite"), [tmp_path / "in.sqlite"])


class Uncounted:
    """A fake engine that counts no tokens itself."""

    capabilities = FakeEngine.capabilities

    def __init__(self) -> None:
        self._engine = FakeEngine()

    def sample(self, request: Request) -> AsyncIterator[Chunk]:
        return self._engine.sample(request)

    def prompt_ids(self, problem: Problem) -> tuple[int, ...]:
        return self._engine.prompt_ids(problem)


@pytest.mark.parametrize("engine", [FakeEngine, Uncounted])
def test_tokens_are_counted_as_they_are_drawn(tmp_path: Path, engine: Callable[[], Any]) -> None:
    counters: list[Callable[[], int]] = []
    seen = []

    @contextmanager
    def progress(drawn: Callable[[], int]) -> Iterator[Silent]:
        counters.append(drawn)
        yield Silent()

    def execute(work: Coroutine[Any, Any, Any], /) -> Any:
        async def watched() -> Any:
            running = asyncio.ensure_future(work)
            while not running.done():
                seen.append(counters[0]())
                await asyncio.sleep(0)
            return await running

        return asyncio.run(watched())

    out = tmp_path / "p.sqlite"
    config = load_config(SampleConfig, [], [*FAKE, "task.questions=2", "samples=2", f"out={out}"])
    opened = Hooks(progress=progress, execute=execute, open_engine=lambda *_: nullcontext(engine()))
    sample_task(config, hooks=opened)
    lengths = [len(sample.token_ids) for entry in load_pool(out).entries for sample in entry.samples]
    assert 0 < min(filter(None, seen)) <= len(lengths) < min(lengths)  # long before a sample ends
    assert seen == sorted(seen) and seen[-1] <= counters[0]() == sum(lengths)
