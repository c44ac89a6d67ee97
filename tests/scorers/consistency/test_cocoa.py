"""CoCoA is uncertainty times disagreement, by hand, and ROUGE-L is what a table of lengths gives."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scorers.consistency.cases import drawn, raw
from tts.errors import MissingSignalError
from tts.scorers.consistency.cocoa import answer_disagreement, text_disagreement
from tts.scorers.consistency.rouge import common_subsequence, rouge_l, words_of
from tts.scorers.consistency.scores import CONSISTENCY_SCORES
from tts.types import End, Sample, Trace

NAMES = tuple(name for name in CONSISTENCY_SCORES if name.startswith("cocoa"))
WORDS = st.lists(st.sampled_from("abcd"), max_size=90)


def by_table(first: list[str], second: list[str]) -> int:
    lengths = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            lengths[i + 1][j + 1] = lengths[i][j] + 1 if a == b else max(lengths[i][j + 1], lengths[i + 1][j])
    return lengths[-1][-1]


@settings(deadline=None)
@given(WORDS, WORDS)
def test_the_common_subsequence_is_that_of_a_table_of_lengths(first: list[str], second: list[str]) -> None:
    found = common_subsequence(first, second)
    assert found == common_subsequence(second, first) == by_table(first, second)
    words = len(first) + len(second)
    assert rouge_l(first, second) == (2 * found / words if words else 0.0)
    assert rouge_l(first, first) == (1.0 if first else 0.0)


def test_words_and_signs_in_lower_case_are_compared() -> None:
    assert words_of("So 3+4 = 7.\n") == ["so", "3", "+", "4", "=", "7", "."]
    assert rouge_l(words_of("the cat sat"), words_of("The dog sat.")) == pytest.approx(4 / 7)


def test_disagreement_is_the_mean_over_the_other_samples() -> None:
    assert answer_disagreement(["a", "a", "b", None, None]).tolist() == [0.75, 0.75, 1.0, 1.0, 1.0]
    assert text_disagreement(["a b", "a b", "a c", "d"]).tolist() == pytest.approx(
        [1 - (1 + 0.5) / 3, 1 - (1 + 0.5) / 3, 1 - (0.5 + 0.5) / 3, 1.0]
    )
    assert answer_disagreement(["a"]).tolist() == text_disagreement(["a"]).tolist() == [1.0]
    assert answer_disagreement([]).tolist() == text_disagreement([]).tolist() == []
    assert text_disagreement(["", ""]).tolist() == [1.0, 1.0], "texts without words have nothing in common"


def test_each_kind_reads_its_uncertainty() -> None:
    samples = [drawn("7", 0.5, 0.25, text="a b"), drawn("7", 0.5, text="a c"), drawn("8", 0.1, text="d")]
    uncertainty = {
        "msp": [math.log(8), math.log(2), math.log(10)],
        "ppl": [math.log(8) / 2, math.log(2), math.log(10)],
        "mte": [0.15, 0.1, 0.1],
    }
    for kind, values in uncertainty.items():
        assert raw(f"cocoa_{kind}", samples) == pytest.approx([-values[0] / 2, -values[1] / 2, -values[2]])
        expected = [-values[0] * 0.75, -values[1] * 0.75, -values[2]]
        assert raw(f"cocoa_{kind}_text", samples) == pytest.approx(expected)
    natural = CONSISTENCY_SCORES["cocoa_msp"].probability
    assert natural(-math.log(8) / 2) == pytest.approx(8**-0.5)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_alone_has_its_uncertainty_and_agreeing_ones_have_none(name: str) -> None:
    one = drawn("7", 0.5, 0.25)
    alone = {"msp": math.log(8), "ppl": math.log(8) / 2, "mte": 0.15}[name.split("_")[1]]
    assert raw(name, [one]) == pytest.approx([-alone])
    both = raw(name, [one, drawn("7", 0.1)])
    assert both == [0.0, 0.0] and math.copysign(1, both[0]) == 1.0
    failed = Sample(end=End.FAILED, error="server is gone")
    assert raw(name, [one, failed])[0] == pytest.approx(-alone), "a failed sample is none"
    unread = raw(name, [one, drawn(None, 0.5, text="hm")])
    assert unread == pytest.approx([-alone, -(0.1 if "mte" in name else math.log(2))]), "no answer equals no other"


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["1", "2", None]), st.sampled_from(["a b", "a c", "c"]), st.floats(0.1, 1.0)),
        min_size=1,
        max_size=7,
    ),
    st.randoms(use_true_random=False),
    st.sampled_from(NAMES),
)
def test_a_score_belongs_to_its_sample_in_any_order(draws: list, random: object, name: str) -> None:
    samples = [drawn(answer, p, text=text) for answer, text, p in draws]
    order = [*range(len(samples))]
    random.shuffle(order)  # type: ignore[attr-defined]
    values = raw(name, samples)
    assert raw(name, [samples[i] for i in order]) == pytest.approx([values[i] for i in order])
    assert all(value <= 0.0 for value in values)


def test_missing_signals_and_texts_get_one_sentence() -> None:
    with pytest.raises(
        MissingSignalError, match=r"^cocoa_mte reads every .* sample 0 has none: draw it with `signals.e"
    ):
        raw("cocoa_mte", [Sample("a", "1", trace=Trace(logprobs=(-1.0,)))])
    bare = [drawn("1", 0.5), Sample("", "2", index=1, trace=Trace(logprobs=(-1.0,)))]
    with pytest.raises(
        MissingSignalError, match=r"^cocoa_msp_text compares texts and sample 1 has none: .* cocoa_msp, w"
    ):
        raw("cocoa_msp_text", bare)
    assert raw("cocoa_msp", bare) == pytest.approx([-math.log(2), -1.0])
