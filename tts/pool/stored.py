"""The names that pool files use for the fields of :mod:`tts.types`; files that are already drawn fix them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tts.types import Trace, Usage

USAGE = {field: "kept" if field == "delivered" else field for field in Usage.__slots__}
"""The stored name of each token count, by the field of ``Usage``."""

_VALUES = 11
_OWNER = "finece"


def assumed_owners(watched: Iterable[int]) -> Mapping[str, tuple[int, ...]]:
    """Return the owners of watched tokens that a file without owners means.

    Pools drawn before traces had owners do not store them; there, eleven watched tokens are FineCE's value tokens.
    """
    tokens = tuple(watched)
    return {_OWNER: tokens} if len(tokens) == _VALUES else {}


def stored_owners(trace: Trace) -> Mapping[str, tuple[int, ...]] | None:
    """Return the owners to store with a trace; None where a reader assumes the same."""
    return None if trace.owners == assumed_owners(trace.watched) else trace.owners
