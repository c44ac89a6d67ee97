"""The decoder's key-value cache in the form that a Hugging Face model takes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


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
