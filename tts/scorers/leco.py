"""LeCo: the confidence of each step of a sample, from the probabilities of its tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FIRST = 5
"""Tokens of a step whose mean probability stands for the transition to it."""


def step_scores(logprobs: Sequence[float], steps: Sequence[bool], *, ended: bool = False) -> list[float]:
    """Return the score of each step, in (-inf, 2], none where steps and tokens do not match.

    With p the probabilities of the n tokens of a step and q = p / sum p: mean p + mean of the first 5 p
    - ln(KL(q || uniform)^(1/3) + 1), KL = ln n + sum q ln q. The tokens that end a step belong to none; a step without
    other tokens is left out.

    The authors' code takes tokens 4 to 8 of a step that begins with "Step", which takes the texts of tokens: left out.

    Args:
        logprobs: of the tokens, in nats, shape [tokens].
        steps: which tokens end a step, shape [tokens].
        ended: whether the last token ended the sample; alone it is no step, where there is another one.

    Source:
        Yao et al., arXiv 2403.19094, section 3.2; the cube root is that of the authors' code.
    """
    if len(logprobs) != len(steps):
        return []
    ends = np.flatnonzero(np.asarray(steps, dtype=bool))
    pieces = np.split(np.exp(np.asarray(logprobs, dtype=np.float64)), ends)
    bare = [piece[1:] if place else piece for place, piece in enumerate(pieces)]
    found = [piece for piece in bare if len(piece)]
    if ended and len(found) > 1 and len(bare[-1]) == 1:
        found.pop()
    return [_score(piece) for piece in found]


def _score(probabilities: NDArray[np.float64]) -> float:
    ratio = probabilities / probabilities.mean()
    logs = np.log(ratio, out=np.zeros_like(ratio), where=ratio > 0)
    divergence = max(0.0, float((ratio * logs - ratio + 1).mean()))  # mean ratio = 1: near 0 without rounding errors
    return float(probabilities.mean() + probabilities[:FIRST].mean() - np.log(np.cbrt(divergence) + 1))
