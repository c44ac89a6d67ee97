"""A sample ends at the first token that ends it, and for one reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from tts.engines.ending import find_end
from tts.types import (
    CONFIDENCE_BELOW,
    END,
    ENTROPY_ABOVE,
    GROUP_BELOW,
    STEP,
    STEP_BELOW,
    TOKENS,
    Boundary,
    End,
    Signals,
)

STOP, LINE_END, PLAIN = 0, 1, 5


@dataclass
class State:
    """A sample so far, as engines hold it."""

    until: Boundary = END
    tokens: Sequence[int] = (PLAIN,)
    limit: int = 10
    signals: Signals = field(default_factory=lambda: Signals(watch=(9,)))
    watched: Mapping[int, Sequence[float]] = field(default_factory=dict)
    entropy: Sequence[float] = ()
    sums: Sequence[float] = (0.0,)


def end(**state: object) -> End | None:
    return find_end(State(**state), {STOP}, lambda token: token == LINE_END)  # type: ignore[arg-type]


def test_a_plain_token_goes_on_and_an_end_token_ends() -> None:
    assert end() is None
    assert end(tokens=(PLAIN, STOP)) is End.STOP
    assert end(tokens=(PLAIN,) * 10) is End.LENGTH


@pytest.mark.parametrize(
    ("until", "state", "expected"),
    [
        (STEP, {}, None),
        (STEP, {"tokens": (PLAIN, LINE_END)}, End.BOUNDARY),
        (TOKENS(2), {}, None),
        (TOKENS(2), {"tokens": (PLAIN, PLAIN)}, End.BOUNDARY),
        (ENTROPY_ABOVE(1.0), {"entropy": (2.0, 1.0)}, None),
        (ENTROPY_ABOVE(1.0), {"entropy": (0.0, 1.1)}, End.BOUNDARY),
        (CONFIDENCE_BELOW(0.5), {"watched": {9: (0.2, 0.5)}}, None),
        (CONFIDENCE_BELOW(0.5), {"watched": {9: (0.9, 0.4)}}, End.BOUNDARY),
        (STEP_BELOW(0.5), {"watched": {9: (0.4,)}}, None),
        (STEP_BELOW(0.5), {"watched": {9: (0.4,)}, "tokens": (LINE_END,)}, End.BOUNDARY),
        (GROUP_BELOW(1.0, 2), {"sums": (0.0, 0.5)}, None),
        (GROUP_BELOW(1.0, 2), {"sums": (0.0, 0.5, 2.5), "tokens": (PLAIN, PLAIN)}, None),
        (GROUP_BELOW(1.0, 2), {"sums": (0.0, 0.5, 1.9), "tokens": (PLAIN, PLAIN)}, End.BOUNDARY),
    ],
)
def test_each_kind_of_boundary_is_crossed_by_the_newest_token(
    until: Boundary, state: dict[str, object], expected: End | None
) -> None:
    assert end(until=until, **state) is expected


def test_a_full_sample_has_ended_unless_a_boundary_prunes_it() -> None:
    full = {"tokens": (PLAIN, LINE_END), "limit": 2}
    assert end(until=STEP, **full) is End.LENGTH
    assert end(until=TOKENS(2), **full) is End.LENGTH
    assert end(until=STEP_BELOW(0.5), watched={9: (0.4,)}, **full) is End.BOUNDARY
    assert end(until=GROUP_BELOW(1.0, 2), sums=(0.0, 0.1, 0.2), **full) is End.BOUNDARY
    assert end(until=STEP_BELOW(0.5), watched={9: (0.6,)}, **full) is End.LENGTH


def test_an_end_token_goes_before_every_boundary() -> None:
    assert end(until=TOKENS(1), tokens=(STOP,)) is End.STOP
    assert end(until=STEP_BELOW(0.5), tokens=(STOP,), limit=1, watched={9: (0.4,)}) is End.STOP
