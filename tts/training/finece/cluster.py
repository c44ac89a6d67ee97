"""Clustering of partial answers: average linkage on cosine distance, one representative a cluster.

Takes vectors and returns indices; uses no model. ``tfidf`` computes vectors of texts without a model.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"\w+|[^\w\s]")


def tfidf(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return term frequency times smoothed inverse document frequency of words and signs, [texts, words]."""
    counts = [Counter(_WORD.findall(text.lower())) for text in texts]
    words = sorted({word for count in counts for word in count})
    at = {word: i for i, word in enumerate(words)}
    table = np.zeros((len(texts), len(words)))
    for row, count in enumerate(counts):
        for word, times in count.items():
            table[row, at[word]] = times
    idf = np.log((1 + len(texts)) / (1 + (table > 0).sum(0))) + 1
    return np.asarray(table * idf, dtype=np.float64)


def representatives(vectors: NDArray[Any], *, most: int, threshold: float | None = None) -> list[int]:
    """Return one representative of each cluster, of the largest clusters first.

    Clusters are merged bottom-up by the mean cosine distance between their members, until no two are nearer than the
    threshold, or until ``most`` are left. The representative has the largest total similarity to its cluster.

    Args:
        vectors: shape [n, width], n >= 1; a vector of zeros has distance 1 to every other.
        most: clusters to return, >= 1; the largest ones where the threshold leaves more.
        threshold: a cosine distance in [0, 2], or None.

    Returns:
        At most ``most`` indices, at least one; equal vectors never represent two clusters.

    Source:
        FineCE, arXiv 2508.12040, equations 3 and 4 and algorithm 1: the semantic centroid.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    size = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, size, out=np.zeros_like(vectors, dtype=np.float64), where=size > 0)
    likeness = unit @ unit.T
    if len(vectors) == 1:
        return [0]
    distance = np.clip(1 - likeness, 0, 2).round(12)  # equal vectors have distance 0, without rounding error
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), "average")
    group = fcluster(tree, threshold or 0.0, "distance")
    if threshold is None and group.max() > most:  # otherwise there are no more distinct vectors
        group = fcluster(tree, most, "maxclust")
    members = [np.flatnonzero(group == name) for name in np.unique(group)]
    members.sort(key=lambda some: (-len(some), int(some[0])))
    return [int(some[likeness[np.ix_(some, some)].sum(1).argmax()]) for some in members[:most]]
