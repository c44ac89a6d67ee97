from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts.answers import Merged, canonical, merge
from tts.errors import InputError

written = st.sampled_from(["1", "1.0", "$1", "2", "2.00", "3", "x", "X", "x.", "y", "z", "", "  ", "**y**"])
answer_lists = st.lists(st.none() | written, max_size=12)
relations = st.frozensets(st.tuples(*[st.sampled_from(["1", "2", "3", "x", "y", "z"])] * 2), max_size=6)


def partition(labels: tuple[int, ...]) -> set[frozenset[int]]:
    return {frozenset(i for i, label in enumerate(labels) if label == c) for c in set(labels) - {-1}}


def closure(keys: list[str], relation: frozenset[tuple[str, str]]) -> set[tuple[str, str]]:
    """The smallest equivalence relation on ``keys`` that holds every sorted pair of ``relation``, by brute force."""
    related = {(a, b) for a, b in product(keys, keys) if a == b or (min(a, b), max(a, b)) in relation}
    while True:
        more = {(a, d) for a, b in related for c, d in related if b == c} | related
        if more == related:
            return related
        related = more


@given(answer_lists, relations)
def test_merge_is_the_equivalence_closure_of_both_tiers(
    answers: list[str | None], relation: frozenset[tuple[str, str]]
) -> None:
    merged = merge(answers, equal=lambda a, b: (a, b) in relation)
    keys = [None if a is None else canonical(a) for a in answers]
    same = closure([k for k in keys if k is not None], relation)
    assert len(merged.labels) == len(answers)
    for (key, label), (other_key, other_label) in product(zip(keys, merged.labels, strict=True), repeat=2):
        assert (label == -1) == (key is None)
        if key is not None and other_key is not None:
            assert (label == other_label) == ((key, other_key) in same)


@given(answer_lists, relations, st.data())
def test_the_partition_does_not_depend_on_the_order(
    answers: list[str | None], relation: frozenset[tuple[str, str]], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(answers))))
    one = merge(answers, equal=lambda a, b: (a, b) in relation)
    other = merge([answers[i] for i in order], equal=lambda a, b: (a, b) in relation)
    assert partition(one.labels) == {frozenset(order[i] for i in part) for part in partition(other.labels)}


@given(answer_lists)
def test_classes_are_numbered_by_first_appearance_and_represented_by_it(answers: list[str | None]) -> None:
    merged = merge(answers)
    seen = list(dict.fromkeys(label for label in merged.labels if label >= 0))
    assert seen == list(range(len(merged.classes))) and len(merged.tiers) == len(merged.classes)
    for c, representative in enumerate(merged.classes):
        first = answers[merged.labels.index(c)]
        assert first is not None and canonical(first) == representative
    assert merge(answers) == merged


def test_tiers_say_how_each_class_was_formed() -> None:
    answers = ["18", None, "18", "1/2", "0.5", "x", "y", "?!", ""]
    merged = merge(answers, equal=lambda a, b: {a, b} == {"x", "y"})
    assert merged == Merged(
        (0, -1, 0, 1, 1, 2, 2, 3, -1), ("18", "0.5", "x", "?!"), ("exact", "canonical", "pairwise", "exact")
    )


def test_pairs_already_joined_are_not_asked() -> None:
    asked = []
    merge(["1", "2", "3", "1.0"], equal=lambda a, b: bool(asked.append((a, b))) or True)
    assert asked == [("1", "2"), ("1", "3")]


def test_the_kind_decides_what_can_be_read() -> None:
    assert merge(["(B)", "b", "Answer: B", "A train"], kind="choice").labels == (0, 0, 0, -1)
    assert merge(["1", "x"], kind="number").labels == (0, -1)
    assert merge([]) == Merged((), (), ())
    with pytest.raises(InputError, match="kind"):
        merge(["1"], kind="latex")
