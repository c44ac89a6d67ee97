"""Draws that outlive the process: each is kept in a pool file, and the same request draws nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from weakref import WeakValueDictionary

from evals.live.pool_run import key_within, open_cache, pool_target, run_key
from tts.agent.opening import Parts
from tts.engines.sampling import SamplingChange
from tts.pool import PoolSampleCache, PoolStore
from tts.pool.runs import canonical_json
from tts.types import Problem

OPEN = 256
"""Runs of the file that are open at the same time; each set of sampling parameters, seeds included, has its own."""


class KeptDraws:
    """A pool file with the draws of every question and of every check of an answer; used in one event loop."""

    def __init__(self, path: str) -> None:
        """Open the file; it is made where it does not exist.

        Raises:
            InputError: it is no pool, or cannot be written.
            PoolLockedError: another process writes to it.
        """
        target = pool_target(path, ())
        assert target is not None
        self.path: Path = target
        self._store = PoolStore.create_or_open(target)
        self._caches: dict[tuple[str, ...], tuple[int, PoolSampleCache]] = {}
        self._locks: WeakValueDictionary[tuple[int, str], asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def cache(
        self, parts: Parts, problem: Problem, sampling: SamplingChange | None
    ) -> AsyncIterator[PoolSampleCache]:
        """Lend the cache of a question; the same question at the same time waits, and then finds its draws.

        Args:
            parts: of the solver.
            problem: the question.
            sampling: the sampling parameters that the request changes.
        """
        number, cache = self._opened(parts, sampling)
        key = (number, problem.id)
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        async with lock:
            self._store.add_problem(problem)
            yield cache

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _opened(self, parts: Parts, sampling: SamplingChange | None) -> tuple[int, PoolSampleCache]:
        engine = parts.config.engine
        if sampling is not None:
            engine = replace(engine, **sampling.named)  # type: ignore[arg-type]
        model, revision = engine.identity
        signals = parts.planned.strategy.requires.collected(parts.engine.capabilities) | parts.signals
        key = run_key(engine, parts.task, model=model, revision=revision)
        scorer = "" if parts.scorer is None else canonical_json(parts.scorer.key)
        name = (*key.columns, scorer, str(signals), parts.task.reading)
        if name not in self._caches:
            key, _ = key_within(self._store, key, signals, parts.engine.capabilities)
            if len(self._caches) >= OPEN:
                self._caches.pop(next(iter(self._caches)))
            number, cache = open_cache(self._store, key, parts.task, {}, signals=signals, scorer=parts.scorer)
            cache.sampling = sampling
            self._caches[name] = number, cache
        return self._caches[name]


async def open_kept(path: str) -> KeptDraws:
    """Open a pool in the event loop that uses it.

    Raises:
        InputError: it is no pool, or cannot be written.
        PoolLockedError: another process writes to it.
    """
    return KeptDraws(path)
