"""The time of a question, which may be moved up while it is played."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Deadline:
    """A time on the clock of the running event loop.

    Attributes:
        at: the time.
    """

    def __init__(self, at: float) -> None:
        """Take the time."""
        self.at = at
        self._limit: asyncio.Timeout | None = None

    @property
    def passed(self) -> bool:
        """True once the time is up."""
        return asyncio.get_running_loop().time() >= self.at

    def move_up(self, at: float) -> None:
        """Take an earlier time; a later one changes nothing."""
        if at >= self.at:
            return
        self.at = at
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(at)

    async def wait(self, work: Awaitable[T]) -> T:
        """Await work, which is cancelled when the time is up.

        Raises:
            TimeoutError: the time was up; :attr:`passed` is True then.
        """
        try:
            async with asyncio.timeout_at(self.at) as self._limit:
                return await work
        finally:
            self._limit = None
