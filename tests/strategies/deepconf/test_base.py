"""The bar of DeepConf, what it requires of samples, and options that are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.deepconf import DeepConfOffline, DeepConfOnline, percentile_bar
from tests.strategies.cases import sizes
from tests.strategies.deepconf.cases import (
    replayed,
)
from tts.errors import InputError, UnsupportedError
from tts.strategy import Strategy
from tts.types import Sample, Signals


@sizes(quick=30, full=100)
def test_the_bar_is_numpys_percentile_of_what_is_there(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(st.lists(st.floats(0, 30), min_size=1, max_size=40), st.floats(1, 100), st.integers(0, 3))
    def check(values: list[float], eta: float, missing: int) -> None:
        column = np.array(values + [np.nan] * missing)[:, None]
        bar = percentile_bar(column, eta)[0]
        assert bar == pytest.approx(np.percentile(values, 100 - eta), abs=1e-9)
        assert bar <= max(values), "at least one trace stays"
        assert np.isnan(percentile_bar(np.full((3, 1), np.nan), eta)[0])

    check()


def test_samples_without_traces_are_refused() -> None:
    for strategy in (DeepConfOffline("x", 1), DeepConfOnline("x", 1)):
        with pytest.raises(UnsupportedError, match=r"sample 0 has none: draw it with `signals.top` above 0"):
            replayed(strategy, [Sample("t", "a")])
        assert strategy.requires.signals == Signals(top=20)
        assert isinstance(strategy, Strategy)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"budget": 0}, "budget >= 1, got 0"),
        ({"eta": 0}, r"eta in \(0, 100\], a percentage, got 0"),
        ({"eta": 101.0}, "a percentage, got 101"),
        ({"window": 0}, "window >= 1, got 0"),
        ({"top": 0}, "top >= 1, got 0"),
        ({"metric": "median"}, "metric bottom10, tail, lowest, mean, got 'median'"),
        ({"warmup": 0}, r"warmup >= 1 and tau in \(0, 1\], got 0 and 0.95"),
        ({"tau": 0.0}, r"warmup >= 1 and tau in \(0, 1\], got 8 and 0.0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(options: dict[str, Any], sentence: str) -> None:
    for kind in (DeepConfOnline, DeepConfOffline):
        if kind is DeepConfOnline or not {"warmup", "tau"} & set(options):
            with pytest.raises(InputError, match=sentence):
                kind(**{"name": "x", "budget": 4, **options})
