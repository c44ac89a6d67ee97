"""The questions that a runner takes: a number in progress, a number that wait in order of arrival, and no more."""

from __future__ import annotations

import asyncio
from collections import deque

from tts.errors import BusyError, InputError


class Admission:
    """Places for questions.

    Attributes:
        max_questions: questions in progress, >= 1.
        max_waiting: questions that wait for a place, >= 0.
        in_progress: questions that hold a place.
    """

    def __init__(self, max_questions: int, max_waiting: int) -> None:
        """Start with every place free.

        Raises:
            InputError: a number out of range.
        """
        for key, value, least in (("max_questions", max_questions, 1), ("max_waiting", max_waiting, 0)):
            if value < least:
                raise InputError(f"{key} must be at least {least}, got {value}")
        self.max_questions, self.max_waiting = max_questions, max_waiting
        self.in_progress = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """Questions that wait for a place."""
        return len(self._queue)

    async def enter(self) -> None:
        """Take a place; wait for one behind those that came before.

        Raises:
            BusyError: as many questions wait as may.
        """
        if self.in_progress < self.max_questions and not self._queue:
            self.in_progress += 1
            return
        if len(self._queue) >= self.max_waiting:
            raise BusyError(
                f"{self.in_progress} questions are in progress and {len(self._queue)} wait, the most that max_questions"
                f"={self.max_questions} and max_waiting={self.max_waiting} allow: ask again later, or raise them"
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the place came together with the cancellation
                self.leave()
            elif turn in self._queue:
                self._queue.remove(turn)
            raise

    def leave(self) -> None:
        """Give a place back; the question that waits longest takes it."""
        self.in_progress -= 1
        while self._queue and self.in_progress < self.max_questions:
            turn = self._queue.popleft()
            if not turn.done():  # it was cancelled otherwise, and has not noticed yet
                self.in_progress += 1
                turn.set_result(None)
