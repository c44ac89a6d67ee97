"""Sampling parameters out of range are refused; seeds depend on the key alone."""

from __future__ import annotations

import pytest

from tts.engines.sampling import Sampling, SamplingChange, changed, seed_of
from tts.errors import InputError


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"temperature": -0.1}, "temperature must be at least 0, got -0.1"),
        ({"temperature": float("inf")}, "temperature must be at least 0, got inf"),
        ({"temperature": float("nan")}, "temperature must be at least 0, got nan"),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1, got 0.0"),
        ({"top_p": 1.1}, "top_p must be above 0 and at most 1, got 1.1"),
        ({"top_k": -1}, "top_k must be at least 0, got -1"),
        ({"max_tokens": 0}, "max_tokens must be at least 1, got 0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
    ],
)
def test_a_value_out_of_range_gets_one_sentence(given: dict[str, float], sentence: str) -> None:
    for kind in (Sampling, SamplingChange):
        if kind is SamplingChange and "top_k" in given:
            continue  # a request keeps the run's
        with pytest.raises(InputError) as caught:
            kind(**given)  # type: ignore[arg-type]
        assert str(caught.value) == sentence


def test_the_bounds_themselves_are_fine() -> None:
    assert Sampling(temperature=0, top_p=1, top_k=0, max_tokens=1, seed=0).temperature == 0


def test_a_change_keeps_what_it_does_not_name() -> None:
    own = Sampling(0.7, 0.9, 5, 100, 3)
    assert SamplingChange(temperature=0.0, seed=4).over(own) == Sampling(0.0, 0.9, 5, 100, 4)
    assert SamplingChange(top_p=1.0, max_tokens=7).over(own) == Sampling(0.7, 1.0, 5, 7, 3)
    assert changed(own, None) is own and changed(own, SamplingChange()) == own


def test_another_seed_alone_draws_from_the_same_distribution() -> None:
    assert not SamplingChange(seed=4).changes_samples
    assert SamplingChange(temperature=0.5, seed=4).changes_samples
    assert SamplingChange(stop=("x",)).changes_samples and SamplingChange(stop=("x",)).named == {}
    with pytest.raises(InputError, match="stop must hold texts of at least one character"):
        SamplingChange(stop=("x", ""))


@pytest.mark.parametrize("size", [4, 8])
def test_a_seed_is_the_same_for_the_same_key_and_fits_its_size(size: int) -> None:
    seeds = {seed_of(f"key {i}", size) for i in range(500)}
    assert len(seeds) == 500 and all(0 <= seed < 2 ** (8 * size - 1) for seed in seeds)
    assert max(seeds) > 2 ** (8 * size - 2)
    assert seed_of("key 0", size) in seeds
