"""Every rule refuses options outside their ranges, and configurations find each rule by its name."""

from __future__ import annotations

import pytest

from strategies.stopping import (
    PPR,
    STOPPING_RULES,
    Beta,
    Confident,
    Dirichlet,
    Posterior,
    SamplingCost,
    Share,
    Unanimous,
)
from tts.errors import InputError


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Beta(1.0), r"level in \(0, 1\), got 1"),
        (lambda: Dirichlet(0.0), r"level in \(0, 1\), got 0"),
        (lambda: Confident(1.2), r"tau in \[0, 1\], got 1.2"),
        (lambda: Unanimous(0), "window >= 1, got 0"),
        (lambda: Share(0.0), r"tau in \(0, 1\], got 0"),
        (lambda: Share(min_draws=0), "min_draws >= 1, got 0"),
        (lambda: Posterior(1.0), r"gamma in \(0, 1\), got 1"),
        (lambda: SamplingCost(power=-1.0), "power >= 0, got -1"),
        (lambda: SamplingCost(0.0), r"cost_per_draw in \(0, 1\), got 0"),
        (lambda: PPR(delta=0.0), r"delta in \(0, 1\), got 0"),
        (lambda: PPR(categories=1), "categories >= 2, got 1"),
    ],
)
def test_options_out_of_range_are_refused_with_the_number_given(make, sentence):
    with pytest.raises(InputError, match=sentence):
        make()


def test_every_rule_has_the_name_that_a_configuration_gives_it():
    assert all(kind.name == name == kind().name for name, kind in STOPPING_RULES.items())
