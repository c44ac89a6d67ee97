"""Groups of like texts, and who stands for each."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tts.training.finece.cluster import representatives, tfidf

TEXTS = ["3 times 4 is 12", "4 times 3 is 12", "Ann has 7 red apples", "Ann has 8 red apples", "wait"]


def test_like_texts_share_a_group_and_the_largest_comes_first() -> None:
    texts = [TEXTS[2], TEXTS[0], TEXTS[1], TEXTS[0], TEXTS[3]]
    first, second = representatives(tfidf(texts), most=2)
    assert texts[first] in TEXTS[:2] and texts[second] in TEXTS[2:4]


def test_a_threshold_decides_how_many_groups_there_are() -> None:
    vectors = tfidf(TEXTS)
    assert len(representatives(vectors, most=5, threshold=2.0)) == 1
    assert len(representatives(vectors, most=5, threshold=0.0)) == 4  # the first two have the same words
    assert len(representatives(vectors, most=2, threshold=0.0)) == 2


def test_average_linkage_merges_by_the_mean_of_all_distances() -> None:
    """Three directions: the third is nearer to one of the first two than these are to it on average."""
    angles = np.radians([0, 40, 75, 180])
    vectors = np.column_stack([np.cos(angles), np.sin(angles)])
    distance = 1 - np.cos(angles[:, None] - angles[None])
    pair, mean = distance[1, 2], (distance[0, 1] + distance[0, 2]) / 2  # the nearest pair merges first
    assert pair < distance[0, 1] < mean
    between = (distance[0, 1] + mean) / 2
    assert len(representatives(vectors, most=4, threshold=between)) == 3  # single linkage would give 2
    assert len(representatives(vectors, most=4, threshold=mean + 1e-6)) == 2


def test_the_most_central_member_stands_for_its_group() -> None:
    angles = np.radians([0, 10, 25])
    assert representatives(np.column_stack([np.cos(angles), np.sin(angles)]), most=1) == [1]


@given(
    vectors=arrays(np.float64, st.tuples(st.integers(1, 7), st.just(3)), elements=st.integers(0, 3).map(float)),
    most=st.integers(1, 5),
    threshold=st.none() | st.floats(0, 2),
)
def test_no_representative_occurs_twice_and_there_is_always_one(
    vectors: np.ndarray, most: int, threshold: float | None
) -> None:
    found = representatives(vectors, most=most, threshold=threshold)
    assert 1 <= len(found) <= most and len(set(found)) == len(found)
    chosen = {tuple(vectors[i]) for i in found if vectors[i].any()}
    assert len(chosen) == sum(bool(vectors[i].any()) for i in found)


def test_rare_words_weigh_more() -> None:
    vectors = tfidf(["the cat", "the dog", "the cow"])
    common, rare = vectors[0].max(), sorted(vectors[0])[-2]
    assert common > rare > 0
    assert tfidf(["", "a"]).shape == (2, 1)
