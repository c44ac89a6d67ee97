"""Boundaries refuse values that no token can meet."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tts.types import (
    CONFIDENCE_BELOW,
    END,
    ENTROPY_ABOVE,
    GROUP_BELOW,
    STEP,
    STEP_BELOW,
    TOKENS,
    Boundary,
    Draw,
    Sample,
)


def test_a_draw_asks_for_one_whole_sample_unless_it_says_otherwise() -> None:
    assert Draw() == Draw(1, None, END)


def test_a_draw_may_continue_several_prefixes_one_sample_each() -> None:
    a, b = Sample("a", token_ids=(1,)), Sample("b", token_ids=(2,))
    draw = Draw.of([a, b], until=STEP)
    assert (draw.n, draw.prefix, draw.prefixes, draw.continues) == (2, None, (a, b), True)
    assert [draw.single(k) for k in range(2)] == [Draw(1, a, STEP), Draw(1, b, STEP)]
    assert Draw.of([a]) == Draw(1, a) == Draw(3, a).single(2) and Draw(3, a).continues
    assert Draw(3).single(0) == Draw() and not Draw(3).continues


@pytest.mark.parametrize(
    ("n", "prefix", "found"), [(3, None, "2 and none beside"), (2, Sample("c"), "2 and one beside")]
)
def test_prefixes_are_one_of_each_sample(n: int, prefix: Sample | None, found: str) -> None:
    with pytest.raises(ValueError, match=rf"Draw\({n}\) needs {n} prefixes and no prefix beside them, got {found}"):
        Draw(n, prefix, prefixes=(Sample("a"), Sample("b")))


def test_boundaries_are_values() -> None:
    made = {END, STEP, TOKENS(3), TOKENS(4), CONFIDENCE_BELOW(0.3), STEP_BELOW(0.3), GROUP_BELOW(0.3, 4)}
    assert len(made) == 7 and TOKENS(3) in made and GROUP_BELOW(0.3, 4) in made and GROUP_BELOW(0.3, 5) not in made
    assert GROUP_BELOW(-1.5, 7) == Boundary("group_below", -1.5, 7)
    assert ENTROPY_ABOVE(0.0) == Boundary("entropy_above")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: TOKENS(0), r"TOKENS\(k\) needs k >= 1, got 0"),
        (lambda: CONFIDENCE_BELOW(1.5), r"needs tau in \[0, 1\], got 1.5"),
        (lambda: STEP_BELOW(float("nan")), r"needs tau in \[0, 1\], got nan"),
        (lambda: GROUP_BELOW(1.0, 0), "needs window >= 1, got 0"),
        (lambda: ENTROPY_ABOVE(-0.1), "needs value >= 0, got -0.1"),
        (lambda: ENTROPY_ABOVE(float("nan")), "needs value >= 0, got nan"),
    ],
)
def test_values_out_of_range_are_refused(make: Callable[[], Boundary], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()
