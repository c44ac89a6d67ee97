"""The part of an engine in front of several servers that a gateway looks after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class ServerCounts:
    """Numbers of servers.

    Attributes:
        up: those that have requests.
        listed: all of them.
    """

    up: int
    listed: int


@runtime_checkable
class HasServers(Protocol):
    """An engine that asks servers, which may join, fail and leave."""

    @property
    def servers(self) -> ServerCounts:
        """The numbers of servers."""
        ...

    async def connect(self) -> None:
        """Connect to the servers from the running event loop, and watch them there, where there are several."""
        ...

    def when_resized(self, receive: Callable[[int], None]) -> None:
        """Pass on the number of requests that the servers work on at a time, now and whenever their list changes.

        Args:
            receive: gets the number, in the event loop of the connections.
        """
        ...
