"""The event loop that owns every engine of the front door: one, in a thread of its own, started on first use.

An engine belongs to one event loop. With a loop of its own the front door works from any thread, and inside a loop
that is running already, such as a notebook's.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """An event loop in a thread of its own; any thread may give it work."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine and return its future."""
        return asyncio.run_coroutine_threadsafe(work, self._running())

    def run(self, work: Coroutine[Any, Any, T], /) -> T:
        """Run a coroutine to its end and return its result, as ``asyncio.run`` does.

        Raises:
            KeyboardInterrupt: on Ctrl-C, after the coroutine has been cancelled and has cleaned up.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("this call waits for the event loop that it runs in: use the async form")
        future = self.submit(work)
        try:
            return future.result()
        except KeyboardInterrupt:
            self.cancel(future)
            raise

    async def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Await a coroutine from any other event loop; a cancellation reaches it."""
        return await asyncio.wrap_future(self.submit(work))

    async def settled(self) -> None:
        """Wait, in any other event loop, until what was cancelled has cleaned up."""
        await self.wait(_settle())

    def cancel(self, future: Future[Any]) -> None:
        """Cancel a coroutine and wait until it has cleaned up."""
        future.cancel()
        self.submit(_settle()).result()

    def close(self) -> None:
        """End the loop and its thread; the next call starts them again."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return
        # Connections of servers close with the generators that hold them.
        asyncio.run_coroutine_threadsafe(loop.shutdown_asyncgens(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="tts-loop", daemon=True)
                self._thread.start()
            return self._loop


async def _settle() -> None:
    """Let cancelled tasks of this loop reach their end."""
    own = asyncio.current_task()
    waiting = [task for task in asyncio.all_tasks() if task is not own and task.cancelling()]
    await asyncio.gather(*waiting, return_exceptions=True)


LOOP = LoopThread()
"""The loop of every engine that the front door opens; connections to servers close as it ends with the process."""
atexit.register(LOOP.close)
