"""The end of a sample while it is drawn, token by token: one rule for engines that draw and engines that stream."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from tts.boundaries import TRUNCATABLE
from tts.types import Boundary, End, Signals


class DrawState(Protocol):
    """The tokens and signals of a sample so far; ``sums`` are the running sums of its top-k confidences, from 0 on."""

    @property
    def limit(self) -> int: ...  # noqa: D102
    @property
    def until(self) -> Boundary: ...  # noqa: D102
    @property
    def signals(self) -> Signals: ...  # noqa: D102
    @property
    def tokens(self) -> Sequence[Any]: ...  # noqa: D102
    @property
    def watched(self) -> Mapping[int, Sequence[float]]: ...  # noqa: D102
    @property
    def entropy(self) -> Sequence[float]: ...  # noqa: D102
    @property
    def sums(self) -> Sequence[float]: ...  # noqa: D102


def find_end(sample: DrawState, ends: Collection[Any], is_step: Callable[[Any], bool]) -> End | None:
    """Return why a sample ends with its newest token; None if it goes on.

    A sample of ``limit`` tokens has ended, even at a boundary where it would pause: nothing can continue it. Boundaries
    that prune come first, since a pruned sample is not continued: it ends there as a recording would
    (:mod:`tts.boundaries`).

    Args:
        sample: has at least one token.
        ends: the tokens that end a sample.
        is_step: returns whether a token ends a step.
    """
    if sample.tokens[-1] in ends:
        return End.STOP
    full, kind = len(sample.tokens) >= sample.limit, sample.until.kind
    if full and kind not in TRUNCATABLE:
        return End.LENGTH
    if kind != "end" and _crosses(sample, is_step):
        return End.BOUNDARY
    return End.LENGTH if full else None


def _crosses(sample: DrawState, is_step: Callable[[Any], bool]) -> bool:
    """Return whether the newest token crosses the sample's boundary."""
    kind, value, n, newest = sample.until.kind, sample.until.value, len(sample.tokens), sample.tokens[-1]
    if kind == "step":
        return is_step(newest)
    if kind == "tokens":
        return n >= value
    if kind == "entropy_above":
        return sample.entropy[-1] > value
    if kind == "group_below":
        window = sample.until.window
        return n >= window and (sample.sums[-1] - sample.sums[-1 - window]) / window < value
    token = sample.signals.confidence_token
    below = token is not None and sample.watched[token][-1] < value
    return below and (kind == "confidence_below" or is_step(newest))
