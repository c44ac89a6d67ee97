"""Semantic entropy: the entropy of the answers of a question, each with the share or the mass of its samples.

The papers group samples by entailment in both directions. Here the groups are those of equal answers, as votes count
them.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def groups_of(answers: Sequence[Hashable | None]) -> NDArray[np.intp]:
    """Return the number of each answer's group, by first appearance, shape [len(answers)].

    No answer (None) equals no other one: it is a group of its own.
    """
    numbers: dict[Hashable, int] = {}
    groups = [numbers.setdefault(object() if answer is None else answer, len(numbers)) for answer in answers]
    return np.array(groups, dtype=np.intp)


def semantic_entropy(groups: ArrayLike, log_weights: ArrayLike) -> float:
    """Return the entropy of the groups of samples, in nats, from 0 to the logarithm of the number of groups.

    With w the weights, the probability of a group is P(g) = sum of w over its samples / sum of w over all samples, and
    the entropy is H = - sum over g of P(g) ln P(g).

    Args:
        groups: the group of each sample, integers >= 0, shape [samples].
        log_weights: the logarithm of each sample's weight, shape [samples]: 0 for frequencies ("discrete"), the
            log-probability of the sample for masses.

    Source:
        Kuhn et al., arXiv 2302.09664, equation 4; Farquhar et al., Nature 2024: normalised over the samples, and the
        discrete form.
    """
    logs = np.asarray(log_weights, dtype=np.float64)
    weights = np.exp(logs - logs.max())
    masses = np.bincount(np.asarray(groups), weights)
    shares = masses[masses > 0] / masses.sum()
    return max(0.0, float(-(shares * np.log(shares)).sum()))
