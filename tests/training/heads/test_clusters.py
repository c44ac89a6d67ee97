"""Clusters of questions: alike questions are together, and a response's target is the accuracy in its cluster."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logit

from tts.training.heads.clusters import cluster_questions, fit_clustered
from tts.training.heads.recipe import HeadRecipe

CENTRES = np.array([[0.0, 0.0, 7.0], [100.0, 0.0, 7.0], [0.0, 0.01, 7.0]])  # the third is far once it is standardised


def test_alike_questions_share_a_cluster_whatever_the_scale_of_a_direction() -> None:
    rng = np.random.default_rng(0)
    vectors = np.repeat(CENTRES, 4, 0) + rng.normal(size=(12, 3)) * [1, 1e-4, 0]
    found = cluster_questions(vectors, size=4)
    assert sorted(set(found.tolist())) == [0, 1, 2]
    assert all(len(set(found[i : i + 4].tolist())) == 1 for i in (0, 4, 8))
    assert len(set(cluster_questions(vectors, size=1).tolist())) == 12
    assert cluster_questions(vectors, size=100).tolist() == [0] * 12
    assert cluster_questions(vectors[:1], size=1).tolist() == [0]


def test_the_target_of_a_response_is_the_accuracy_in_its_cluster_of_questions() -> None:
    question = np.repeat([3, 5, 8, 9], 4)  # two clusters of two questions
    vectors = np.array([[0.0, 0.0], [0.1, 0.0], [5.0, 5.0], [5.1, 5.0]])
    correct = np.array([1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0], dtype=bool)
    states = np.repeat([[1.0], [1.0], [-1.0], [-1.0]], 4, 0)
    head = fit_clustered(states, correct, question, vectors, HeadRecipe("apricot", cluster_size=2, ridge=1e-9))
    assert head.log_odds(np.array([[1.0], [-1.0]])) == pytest.approx(logit([6 / 8, 2 / 8]), abs=1e-4)
