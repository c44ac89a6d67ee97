"""What was read of sequences and may be of use again: a bounded number of tokens, those that were used last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class TokenLRU(Generic[T]):
    """Values worth some tokens each; those not used for longest go first, the newest stays whatever it is worth.

    Attributes:
        bound: the most tokens to hold, >= 0.
        held: tokens that are held.
    """

    def __init__(self, bound: int) -> None:
        """Hold nothing yet."""
        self.bound, self.held = bound, 0
        self._values: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        """Whether a value is held; asking is no use of it."""
        return key in self._values

    def get(self, key: Hashable) -> T | None:
        """The value, used now, or None."""
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: Hashable, value: T, tokens: int) -> None:
        """Hold a value worth so many tokens, used now, in place of an older one."""
        _, before = self._values.pop(key, (None, 0))
        self._values[key] = value, tokens
        self.held += tokens - before
        while self.held > self.bound and len(self._values) > 1:
            _, (_, freed) = self._values.popitem(last=False)
            self.held -= freed

    def clear(self) -> None:
        """Hold nothing any more."""
        self._values.clear()
        self.held = 0
