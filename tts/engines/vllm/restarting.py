"""A vLLM engine client that belongs to one event loop and is started again once after it dies.

Imports vLLM only inside functions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tts.engines.vllm.counters import Counters
from tts.errors import EngineError, UnsupportedError, first_line


def starter(config: Any, *, model: str, counters: Counters | None) -> Callable[[], Any]:
    """Return a function that starts an ``AsyncLLM``, and raises an ``EngineError`` if vLLM does not start.

    Args:
        config: vLLM's ``VllmConfig``.
        model: the model's name, for the error.
        counters: the counts that vLLM's stat logger adds to; None turns vLLM's statistics off.
    """
    from vllm.v1.engine.async_llm import AsyncLLM

    def start() -> Any:
        try:
            loggers = None if counters is None else [counters.logger]
            return AsyncLLM.from_vllm_config(config, stat_loggers=loggers, disable_log_stats=counters is None)
        except (RuntimeError, ValueError) as error:
            raise EngineError(
                f"vLLM did not start with model {model} ({first_line(error)}): see what it logged above"
            ) from None

    return start


class RestartingLLM:
    """An ``AsyncLLM`` that survives one death.

    Attributes:
        current: the running ``AsyncLLM``; None after :meth:`close`.
        restarts: number of times that it was started again.
    """

    def __init__(self, start: Callable[[], Any], *, notify: Callable[[str], None]) -> None:
        """Start it.

        Args:
            start: returns a new ``AsyncLLM``.
            notify: receives one sentence when vLLM died and is started again.
        """
        self.current = start()
        self.restarts = 0
        self._start, self._notify = start, notify
        self._loop: asyncio.AbstractEventLoop | None = None
        self._restart_lock = asyncio.Lock()

    async def get(self) -> Any:
        """Return the running ``AsyncLLM``, started again if it has died.

        Raises:
            UnsupportedError: another event loop used it first.
            EngineError: it died a second time.
        """
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise UnsupportedError("a vLLM engine belongs to the event loop that it was first used in: load another")
        if not self.current.errored:
            return self.current
        async with self._restart_lock:
            if self.current.errored:
                if self.restarts:
                    raise EngineError("vLLM died again after it was started anew: see what it logged")
                self.restarts += 1
                self._notify("vLLM died: its samples failed, and it is started again, once")
                self.current.shutdown()
                self.current = await asyncio.to_thread(self._start)
        return self.current

    def close(self) -> None:
        """End vLLM's processes."""
        if (llm := self.current) is not None:
            self.current = None
            llm.shutdown()
