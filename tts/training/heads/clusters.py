"""Clusters of questions, and the accuracy in each as the target of its responses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tts.models.head import Head
from tts.training.grace.probe import fit_probe
from tts.training.heads.fit import Bools, Floats, Ints, linear, shares
from tts.training.heads.recipe import HeadRecipe


def cluster_questions(vectors: Floats, *, size: int) -> NDArray[np.int64]:
    """Return the number of each question's cluster, 0 to clusters - 1, [questions].

    Clusters are merged bottom-up by Ward's criterion on standardised vectors, until there are questions / size.

    Args:
        vectors: embeddings of distinct questions, [questions, width].
        size: questions in a cluster, on average, >= 1.

    Source:
        Apricot, arXiv 2403.05973, which standardises embeddings too and clusters by HDBSCAN; Ward's clusters have like
        sizes and leave no question out.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    count = max(1, round(len(vectors) / size))
    if len(vectors) == 1 or count == 1:
        return np.zeros(len(vectors), dtype=np.int64)
    scale = vectors.std(axis=0)
    standard = (vectors - vectors.mean(axis=0)) / np.where(scale == 0, 1.0, scale)
    found = fcluster(linkage(standard, "ward"), count, "maxclust")
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def fit_clustered(states: Floats, correct: Bools, question: Ints, vectors: Floats, recipe: HeadRecipe) -> Head:
    """Return the head fitted on the share of right responses in each response's cluster of questions.

    Args:
        states: pooled hidden states of question and response, [responses, width].
        correct: [responses].
        question: number of each response's question, [responses].
        vectors: an embedding of each distinct question, in rising order of their numbers, [questions, width].
        recipe: the recipe.

    Source:
        Apricot, arXiv 2403.05973. The paper fine-tunes DeBERTa on the squared error; here the auxiliary model is
        frozen, and the loss is the log loss.
    """
    _, of = np.unique(question, return_inverse=True)
    group = cluster_questions(vectors, size=recipe.cluster_size)[of]
    return linear(fit_probe(states, shares(correct, group)[group], ridge=recipe.ridge))
