"""Semantic entropy is what the papers define, by hand, and does not depend on order or copies."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scorers.consistency.cases import drawn, raw
from tts.errors import MissingSignalError
from tts.scorers.consistency.scores import CONSISTENCY_SCORES, ConsistencyScorer
from tts.scorers.consistency.semantic_entropy import groups_of, semantic_entropy
from tts.types import End, Sample

NAMES = ("semantic_entropy", "semantic_entropy_normalised", "semantic_entropy_discrete")
DRAWS = st.lists(
    st.tuples(st.sampled_from(["1", "2", "3", None]), st.lists(st.floats(-3.0, 0.0), min_size=1, max_size=4)),
    min_size=1,
    max_size=8,
)


def entropy(*shares: float) -> float:
    return -sum(share * math.log(share) for share in shares)


def test_groups_are_those_of_equal_answers_and_no_answer_equals_no_other() -> None:
    assert groups_of(["a", None, "b", "a", None]).tolist() == [0, 1, 2, 0, 3]
    assert semantic_entropy([0, 1, 2, 0], np.zeros(4)) == pytest.approx(entropy(0.5, 0.25, 0.25))
    assert semantic_entropy([0, 0, 1], np.log([0.1, 0.2, 0.1])) == pytest.approx(entropy(0.75, 0.25))
    assert semantic_entropy([0, 1], [-2000.0, -1000.0]) == 0.0, "a mass that underflows is none"
    assert math.copysign(1, semantic_entropy([0, 0], [0.0, 0.0])) == 1.0


def test_each_form_weighs_the_samples_in_its_own_way() -> None:
    samples = [drawn("7", 0.5, 0.5), drawn("7", 0.2), drawn("8", 0.8, 0.5)]
    masses, means = (0.25, 0.2, 0.4), (0.5, 0.2, 0.4**0.5)
    expected = [entropy((w[0] + w[1]) / sum(w), w[2] / sum(w)) for w in (masses, means, (1, 1, 1))]
    for name, value in zip(NAMES, expected, strict=True):
        assert raw(name, samples) == pytest.approx([-value] * 3), name
        natural = CONSISTENCY_SCORES[name].probability
        assert natural(-value) == pytest.approx(math.exp(-value)), name


def test_the_natural_map_is_one_over_the_number_of_equally_probable_answers() -> None:
    natural = CONSISTENCY_SCORES["semantic_entropy_discrete"].probability
    assert natural(raw("semantic_entropy_discrete", [Sample(answer=str(i)) for i in range(5)])[0]) == pytest.approx(0.2)
    for name in NAMES:
        assert raw(name, [drawn("7", 0.5)]) == [0.0], "one sample alone has entropy 0"
        assert raw(name, [drawn("7", 0.5), drawn("7", 0.1)]) == [0.0, 0.0]


@settings(deadline=None)
@given(DRAWS, st.randoms(use_true_random=False), st.sampled_from(NAMES))
def test_order_and_copies_change_nothing_and_all_samples_get_one_value(draws: list, random: object, name: str) -> None:
    samples = [drawn(answer, *map(math.exp, logprobs)) for answer, logprobs in draws]
    values = raw(name, samples)
    assert len({*values}) == 1 and -math.log(len(samples)) - 1e-9 <= values[0] <= 0.0
    shuffled = [*samples]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert raw(name, shuffled) == pytest.approx(values)
    answered = [sample for sample in samples if sample.answer is not None]
    if answered:
        assert raw(name, answered * 3) == pytest.approx(raw(name, answered) * 3)
        spelled = [Sample("t", f"<{s.answer}>", trace=s.trace) for s in answered]
        assert raw(name, spelled) == pytest.approx(raw(name, answered)), "the names of groups do not matter"


def test_a_sample_without_an_answer_is_a_group_and_a_failed_one_is_no_sample() -> None:
    samples = [drawn("7", 0.5), drawn(None, 0.5), drawn(None, 0.25)]
    failed = Sample(end=End.FAILED, error="server is gone")
    for name, shares in zip(NAMES, ((2, 2, 1), (2, 2, 1), (1, 1, 1)), strict=True):
        expected = -entropy(*(share / sum(shares) for share in shares))
        assert raw(name, samples) == pytest.approx([expected] * 3)
        found = raw(name, [samples[0], failed, *samples[1:]])
        assert math.isnan(found[1]) and found[0] == found[2] == found[3] == pytest.approx(expected)
        assert [math.isnan(value) for value in raw(name, [failed])] == [True]
        assert raw(name, []) == []


def test_an_empty_sample_has_no_mass_and_counts_as_a_group_in_the_discrete_form() -> None:
    samples = [drawn("7", 0.5), Sample()]
    assert raw("semantic_entropy", samples) == [0.0, 0.0]
    assert raw("semantic_entropy_discrete", samples) == pytest.approx([-math.log(2)] * 2)
    assert all(map(math.isnan, raw("semantic_entropy", [Sample()])))


def test_log_probabilities_that_are_missing_get_one_sentence() -> None:
    samples = [drawn("7", 0.5), Sample("so 8", "8", index=1)]
    for name in NAMES[:2]:
        with pytest.raises(
            MissingSignalError,
            match=f"^{name} reads every sample of a question: trace score .* reads log-probabilities and sample 1 has "
            "none: draw it with an engine that keeps them, or choose another score$",
        ):
            raw(name, samples)
    assert raw(NAMES[2], samples) == pytest.approx([-math.log(2)] * 2)
    assert ConsistencyScorer(NAMES[0]).needs.logprobs and not ConsistencyScorer(NAMES[2]).needs.logprobs
