"""Where a sample ends while it is drawn, token by token: one rule for engines that draw and for those that are told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from tts.boundaries import CUTS
from tts.types import Boundary, End, Signals

LOOKS = ("confidence_below", "step_below", "group_below", "entropy_above")
"""Kinds of boundaries that are found by looking at what was drawn, so that whoever draws cannot be told of them."""


class DrawState(Protocol):
    """What has been noted of a sample so far: ``sums`` are the running sums of its top-k confidences, from 0 on."""

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


def ending(sample: DrawState, ends: Collection[Any], is_step: Callable[[Any], bool]) -> End | None:
    """Why a sample ends with its newest token, or None where it goes on.

    One that may have no more tokens has ended, even where it would pause: nothing can continue it. What is pruned at a
    boundary is not continued anyway, and ends there as a recording would (:mod:`tts.boundaries`).

    Args:
        sample: with at least one token.
        ends: the tokens that end a sample.
        is_step: whether a token ends a step.
    """
    if sample.tokens[-1] in ends:
        return End.STOP
    full, kind = len(sample.tokens) >= sample.limit, sample.until.kind
    if full and kind not in CUTS:
        return End.LENGTH
    if kind != "end" and _crosses(sample, is_step):
        return End.BOUNDARY
    return End.LENGTH if full else None


def _crosses(sample: DrawState, is_step: Callable[[Any], bool]) -> bool:
    """Whether the newest token crosses the sample's own boundary."""
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
    below = sample.watched[sample.signals.watch[0]][-1] < value
    return below and (kind == "confidence_below" or is_step(newest))
