"""The rows of an engine's batch, shared fairly among questions: a free row goes to the question that has the fewest.

A question that has not had any goes first, so that a new question begins within the time of one sample, however many
draws of others wait.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Rows:
    """The rows of one engine.

    Attributes:
        limit: the number of rows; None if they are not limited.
        held: rows that draws hold.
    """

    def __init__(self, limit: int | None = None) -> None:
        """Start with every row free."""
        self.limit, self.held = limit, 0
        self._waiting: dict[int, dict[RowShare, None]] = {}  # the questions that wait, by rank

    def share(self) -> RowShare:
        """Return the share of a question that holds no row yet."""
        return RowShare(self)

    @property
    def waiting(self) -> int:
        """Draws that wait for a row."""
        return sum(len(share.queue) for level in self._waiting.values() for share in level)

    def has_free(self) -> bool:
        """Return whether a draw gets a row at once."""
        return self.limit is None or (self.held < self.limit and not self._waiting)

    def enlist(self, share: RowShare) -> None:
        """Let a question wait behind those that hold as many rows."""
        self._waiting.setdefault(share.rank, {})[share] = None

    def delist(self, share: RowShare) -> None:
        """Take a question from those that wait."""
        level = self._waiting.get(share.rank, {})
        level.pop(share, None)
        if not level:
            self._waiting.pop(share.rank, None)

    def resize(self, limit: int) -> None:
        """Take another number of rows; where there are fewer, those that draws hold are given back first."""
        self.limit = limit
        self.hand_out()

    def hand_out(self) -> None:
        """Give each free row to a question that waits and has the fewest; of several, to the one waiting longest."""
        while self._waiting and (self.limit is None or self.held < self.limit):
            share = next(iter(self._waiting[min(self._waiting)]))
            self.delist(share)
            turn = share.queue.popleft()
            if not turn.done():  # its draw was cancelled otherwise, and has not noticed yet
                self.held += 1
                share.take()
                turn.set_result(None)
            if share.queue:
                self.enlist(share)


class RowShare:
    """The rows of one question: a context that holds one of them, for any number of its draws at the same time.

    Attributes:
        held: rows that its draws hold.
        queue: its draws that wait, the longest first.
    """

    def __init__(self, rows: Rows) -> None:
        """Hold nothing yet."""
        self._rows, self.held, self._begun = rows, 0, False
        self.queue: deque[asyncio.Future[None]] = deque()

    @property
    def rank(self) -> int:
        """The rows that it holds; -1 if it has not had any."""
        return self.held if self._begun else -1

    def take(self) -> None:
        """Hold one more row."""
        self.held, self._begun = self.held + 1, True

    async def __aenter__(self) -> None:
        """Hold one row more; wait for it where none is free."""
        if self._rows.has_free():
            self._rows.held += 1
            self.take()
        else:
            await self._wait()

    async def __aexit__(self, *_: object) -> None:
        """Give one row back."""
        self._give_back()

    async def _wait(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self.queue:
            self._rows.enlist(self)
        self.queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the row came together with the cancellation
                self._give_back()
            elif turn in self.queue:
                self.queue.remove(turn)
                if not self.queue:
                    self._rows.delist(self)
            raise

    def _give_back(self) -> None:
        if self.queue:
            self._rows.delist(self)
        self._rows.held -= 1
        self.held -= 1
        if self.queue:
            self._rows.enlist(self)
        self._rows.hand_out()
