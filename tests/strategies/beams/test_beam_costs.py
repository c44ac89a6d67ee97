"""Beams stop pruning where a check costs more tokens than it is expected to save."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from strategies.beam import PrunedBeams
from strategies.pruning import (
    NoPruning,
    TopK,
)
from tests.strategies.beams.cases import (
    Reply,
    played,
)
from tts.types import (
    END,
    STEP,
    Draw,
    End,
    Sample,
    Usage,
)


def priced(cost: int) -> Reply:
    """Return replies: beams of 40 tokens that pause after each 10 and cost the scorer ``cost`` tokens at each check."""

    def reply(draw: Draw, number: int) -> Sample:
        before = draw.prefix.token_ids if draw.prefix else ()
        whole = draw.until == END or len(before) == 30
        ids = (*before, *range(40 - len(before) if whole else 10))
        usage = Usage(delivered=len(ids) - len(before), scorer_prefill=cost - cost // 3, scorer_decode=cost // 3)
        end = End.STOP if whole else End.BOUNDARY
        return Sample(str(number), "a" if whole else None, end, (number * 7 % 5) / 5, number, ids, usage=usage)

    return reply


def checks(asked: Sequence[Draw]) -> list[int]:
    """Return the number of checks of each wave, which is the number of lengths that its prefixes have."""
    waves: list[set[int]] = []
    for draw in asked:
        if draw.prefix is None:
            waves.append(set())
        else:
            waves[-1].add(len(draw.prefix.token_ids))
    return [len(lengths) for lengths in waves]


@pytest.mark.parametrize(
    ("options", "price", "positions"),
    [
        # two of four are pruned and replaced by forks, which save 20, 40 and 60 tokens at the three positions
        ({}, 0, [3, 3]),
        ({}, 5, [3, 3]),  # four cost 20, which is not above 20
        ({}, 6, [1, 0]),  # 24 is, and the first position decides
        ({"length": None}, 6, [3, 1]),  # unknown until the first wave has ended
        ({"length": None, "budget": 12}, 6, [3, 1, 0]),
        # without forks two of four pruned save 30 tokens each, after that two are left and none is pruned
        ({"fork": False}, 0, [3, 3, 3, 3]),
        ({"fork": False}, 15, [2, 1, 1, 1]),  # 60 is not above 60; 30 is above 0
        ({"fork": False}, 16, [1, 0, 0]),
        ({"fork": False, "length": 10.0}, 1, [1, 0, 0]),  # no rest is expected, so there is nothing to save
        ({"pruner": NoPruning()}, 0, [3, 3]),
        ({"pruner": NoPruning()}, 1, [1, 0]),
    ],
)
def test_pruning_is_off_from_where_it_costs_more_than_it_saves(
    options: dict[str, Any], price: int, positions: list[int]
) -> None:
    strategy = replace(PrunedBeams(width=4, budget=8, pruner=TopK(2), length=40.0), **options)
    decision, asked = played(strategy, priced(price))
    assert checks(asked) == positions
    assert sum(s.end is End.STOP for s in decision.samples) == strategy.budget


def test_the_pruning_that_showed_the_cost_still_counts() -> None:
    _, asked = played(PrunedBeams(width=4, pruner=TopK(1), length=40.0), priced(100))
    assert [(d.n, d.until) for d in asked] == [(4, STEP), (4, END)]


def test_without_token_counts_pruning_is_never_off() -> None:
    def uncounted(draw: Draw, number: int) -> Sample:
        return replace(priced(1000)(draw, number), usage=None)

    decision, asked = played(PrunedBeams(width=4, budget=8, length=40.0), uncounted)
    assert (checks(asked), decision.usage) == ([3, 3], None)
