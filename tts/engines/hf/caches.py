"""The decoder's caches: keys and values as a Hugging Face model takes them, and states of sequences to read again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


class KVCacheView:
    """A view of the cache for one pass: the model writes at each row's columns and reads the columns in use."""

    is_compileable = False

    def __init__(self, kv: Tensor, columns: Tensor, width: int) -> None:
        """View a cache.

        Args:
            kv: keys and values, [layers, 2, rows, heads, length, dim].
            columns: where the new tokens go, [rows, new].
            width: the columns to read, from 0 on.
        """
        self._kv, self._columns, self._width = kv, columns, width
        self._rows = torch.arange(columns.shape[0], device=kv.device)[:, None]

    def update(self, key: Tensor, value: Tensor, layer: int, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Write the keys and values of the new tokens, [rows, heads, new, dim], and return all columns in use."""
        keys, values = self._kv[layer, 0], self._kv[layer, 1]
        keys[self._rows, :, self._columns] = key.transpose(1, 2)
        values[self._rows, :, self._columns] = value.transpose(1, 2)
        return keys[:, :, : self._width], values[:, :, : self._width]

    def get_seq_length(self, *_: Any) -> int:
        """Return the columns in use; models call this only where they get no positions."""
        return self._width


class TokenLRU(Generic[T]):
    """A least-recently-used cache bounded by total tokens; the newest entry is never evicted.

    Attributes:
        max_tokens: the most tokens to hold, >= 0.
        tokens: the tokens held now.
    """

    def __init__(self, max_tokens: int) -> None:
        """Start empty."""
        self.max_tokens, self.tokens = max_tokens, 0
        self._values: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        """Return whether the key is cached; does not refresh its recency."""
        return key in self._values

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the keys, the least recently used first."""
        return iter(self._values)

    def get(self, key: Hashable) -> T | None:
        """Return the value and refresh its recency; None without one."""
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: Hashable, value: T, tokens: int) -> None:
        """Store a value of this many tokens as the newest, in place of an older value of the key."""
        _, replaced = self._values.pop(key, (None, 0))
        self._values[key] = value, tokens
        self.tokens += tokens - replaced
        while self.tokens > self.max_tokens and len(self._values) > 1:
            _, (_, freed) = self._values.popitem(last=False)
            self.tokens -= freed

    def clear(self) -> None:
        """Remove everything."""
        self._values.clear()
        self.tokens = 0
