"""A summary of a pool, to read before using it."""

from __future__ import annotations

from statistics import fmean
from typing import TypedDict

from tts.pool.records import Entry, Pool


class PoolSummary(TypedDict):
    """The numbers of a pool's summary; a share or a mean is None where there is nothing to take it of."""

    path: str
    sha256: str
    models: list[str]
    questions: int
    samples: int
    samples_min: int
    samples_max: int
    parsed: float
    accuracy: float | None
    distinct_answers: float
    has_confidence: bool
    confidence_min: float | None
    confidence_mean: float | None
    confidence_max: float | None
    tokens_mean: float | None


def describe(pool: Pool) -> PoolSummary:
    """Summarise a pool as a dictionary that JSON can hold.

    - ``samples``, ``samples_min``, ``samples_max``: in all, and the fewest and most of a question.
    - ``parsed``: share of samples in [0, 1] whose answer could be read.
    - ``accuracy``: single-draw accuracy in [0, 1]: the mean over questions of the share of their graded samples that
      are right, so that every question counts the same; None where nothing is graded.
    - ``distinct_answers``: how many different recorded answers a question has, the mean over questions.
    - ``confidence_*``: over the samples that have one.
    - ``tokens_mean``: delivered tokens a sample; None unless every sample has counts.
    """
    samples = [sample for entry in pool.entries for sample in entry.samples]
    accuracies = [share for entry in pool.entries if (share := _accuracy(entry)) is not None]
    confidences = [s.confidence for s in samples if s.confidence is not None]
    tokens = [s.usage.delivered for s in samples if s.usage is not None]
    return {
        "path": pool.path,
        "sha256": pool.sha256,
        "models": list(pool.models),
        "questions": pool.questions,
        "samples": len(samples),
        "samples_min": pool.samples_min,
        "samples_max": pool.samples_max,
        "parsed": sum(s.answer is not None for s in samples) / len(samples),
        "accuracy": fmean(accuracies) if accuracies else None,
        "distinct_answers": fmean(len({s.answer for s in e.samples} - {None}) for e in pool.entries),
        "has_confidence": pool.has_confidence,
        "confidence_min": min(confidences, default=None),
        "confidence_mean": fmean(confidences) if confidences else None,
        "confidence_max": max(confidences, default=None),
        "tokens_mean": fmean(tokens) if pool.has_tokens else None,
    }


def _accuracy(entry: Entry) -> float | None:
    graded = [correct for correct in entry.correct if correct is not None]
    return sum(graded) / len(graded) if graded else None
