"""Usage adds up, samples name their optional fields, and a decision counts what failed."""

from __future__ import annotations

from dataclasses import astuple, fields

from hypothesis import given
from hypothesis import strategies as st

from tts.types import SAMPLE_EXTRAS, Decision, End, Sample, Usage, total_usage

USAGES = st.builds(Usage, *[st.integers(0, 10**9)] * len(fields(Usage)))


@given(USAGES, USAGES)
def test_usage_adds_field_by_field_and_its_totals_add_too(a: Usage, b: Usage) -> None:
    assert astuple(a + b) == tuple(x + y for x, y in zip(astuple(a), astuple(b), strict=True))
    assert (a + b).generated == a.generated + b.generated
    assert a.total == sum(astuple(a))


@given(st.lists(st.none() | USAGES, max_size=5))
def test_the_usage_of_samples_is_unknown_where_one_is_unknown(usages: list[Usage | None]) -> None:
    found = total_usage([Sample(usage=usage) for usage in usages])
    known = [usage for usage in usages if usage is not None]
    assert found == (sum(known, Usage()) if len(known) == len(usages) else None)


def test_optional_fields_of_a_sample_are_none_until_they_are_recorded() -> None:
    names = {field.name for field in fields(Sample)}
    assert set(SAMPLE_EXTRAS) <= names
    assert all(getattr(Sample(), name) is None for name in SAMPLE_EXTRAS)


def test_a_decision_counts_its_failed_draws() -> None:
    samples = (Sample(end=End.FAILED), Sample(answer="4"), Sample(end=End.FAILED), Sample(end=End.LENGTH))
    assert Decision("4", samples, "budget").failed == 2
