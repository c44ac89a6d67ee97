"""The one thread in which a decoder computes, and the seconds that it has computed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any


class Worker:
    """Runs one function after another in a thread of its own.

    Attributes:
        seconds: the time that the functions took, waiting not counted.
    """

    def __init__(self) -> None:
        """Start idle."""
        self.seconds = 0.0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tts-transformers")

    async def compute(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run a function to its end, also where the task that waits for it is cancelled."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._timed, function, args)

    def close(self) -> None:
        """End the thread once its current function is done."""
        self._thread.shutdown(wait=True)

    def _timed(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        started = perf_counter()
        try:
            return function(*args)
        finally:
            self.seconds += perf_counter() - started
