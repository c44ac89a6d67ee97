"""Samples with the probabilities of their tokens, and their consistency scores."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tts.scorers.consistency.scores import CONSISTENCY_SCORES
from tts.types import Sample, Trace


def drawn(answer: str | None, *tokens: float, text: str = "some text") -> Sample:
    """Return a sample with tokens of these probabilities; their entropies are 0.1, 0.2, ... nats."""
    entropy = tuple(0.1 * (place + 1) for place in range(len(tokens)))
    return Sample(text, answer, trace=Trace(logprobs=tuple(map(math.log, tokens)), entropy=entropy))


def raw(name: str, samples: Sequence[Sample]) -> list[float]:
    """Return the raw scores of samples by their own answers."""
    found: list[float] = CONSISTENCY_SCORES[name].raw(samples, [sample.answer for sample in samples]).tolist()
    return found
