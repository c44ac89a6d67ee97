"""Scores of samples: which samples a scorer judges, what it may return, and the share of its cost that each bears."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tts.errors import UNREADABLE, UnsupportedError
from tts.runtime.ledger import NOTHING, failed, shares
from tts.types import End, Problem, Sample, Usage


def needs_score(sample: Sample) -> bool:
    """Return whether the scorer judges the sample: it did not fail, and it has no confidence from the cache."""
    return sample.confidence is None and sample.end is not End.FAILED


def is_empty(sample: Sample) -> bool:
    """Return whether a whole sample holds nothing that a scorer could read: no answer, no text and no signals."""
    trace = sample.trace
    silent = sample.answer is None and not sample.text.strip() and not trace.logprobs and not trace.watched
    return needs_score(sample) and sample.end is not End.BOUNDARY and silent


def with_calls(sample: Sample) -> Sample:
    """Return a sample as a scorer reads it: the text with the calls of tools behind it, which have no trace."""
    if not sample.calls:
        return sample
    calls = [f"{call.name}({call.arguments})" for call in sample.calls]
    return replace(sample, text="\n".join([text for text in (sample.text, *calls) if text]))


def checked_scores(
    scorer: str, problem: Problem, samples: Sequence[Sample], scores: Any, *, abstains: bool = False
) -> list[float]:
    """Return a scorer's confidences of samples as plain numbers.

    Args:
        scorer: its name.
        problem: the problem of the samples.
        samples: those that it judged.
        scores: its result.
        abstains: whether a score may be NaN.

    Raises:
        UnsupportedError: they are not one number in [0, 1] a sample.
    """
    values, one_each = np.asarray(scores, dtype=np.float64), (len(samples),)
    if values.shape != one_each:
        raise UnsupportedError(
            f"scorer {scorer} gave scores of shape {values.shape} for {len(samples)} samples of problem "
            f"{problem.id!r}, expected {one_each}"
        )
    for sample, value in zip(samples, values, strict=True):
        if not 0.0 <= value <= 1.0 and not (abstains and np.isnan(value)):
            raise UnsupportedError(
                f"scorer {scorer} gave {value} for draw {sample.index} of problem {problem.id!r}, "
                "and a confidence must be in [0, 1]: calibrate raw scores first"
            )
    return [float(value) for value in values]


def with_scores(samples: Sequence[Sample], scores: Sequence[float], cost: Usage, *, scorer: str = "") -> list[Sample]:
    """Return the samples; those that needed a score have it, and an equal share of the cost; with NaN they have failed.

    Args:
        samples: scored and unscored ones.
        scores: one a sample that needed one.
        cost: of the scoring.
        scorer: its name, for the reason of a failure.
    """
    scored = iter(zip(scores, shares(cost, len(scores)), strict=True))
    out = []
    for sample in samples:
        if needs_score(sample):
            confidence, share = next(scored)
            usage = sample.usage if share is NOTHING else (sample.usage or NOTHING) + share
            known = not np.isnan(confidence)
            sample = replace(sample, confidence=confidence if known else None, usage=usage)
            sample = sample if known else failed(sample, f"scorer {scorer} could not read a score", UNREADABLE)
        out.append(sample)
    return out
