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
    entries = pool.narrow().entries
    accuracies = [share for entry in entries if (share := _accuracy(entry)) is not None]
    distinct = fmean(len({sample.answer for sample in entry.samples} - {None}) for entry in entries)
    return summary_of(pool, accuracy=fmean(accuracies) if accuracies else None, distinct_answers=distinct)


def summary_of(pool: Pool, *, accuracy: float | None, distinct_answers: float) -> PoolSummary:
    """Return the summary of a pool whose answers were counted before; see :func:`describe`.

    Args:
        pool: the pool.
        accuracy: the single-draw accuracy, in [0, 1]; None where nothing is graded.
        distinct_answers: the mean number of different answers of a question.
    """
    facts = pool.facts
    return {
        "path": pool.path,
        "sha256": pool.sha256,
        "models": list(facts.models),
        "questions": facts.questions,
        "samples": facts.samples,
        "samples_min": facts.samples_min,
        "samples_max": facts.samples_max,
        "parsed": facts.parsed / facts.samples,
        "accuracy": accuracy,
        "distinct_answers": distinct_answers,
        "has_confidence": facts.has_confidence,
        "confidence_min": facts.confidence_min,
        "confidence_mean": facts.confidence_sum / facts.confidences if facts.confidences else None,
        "confidence_max": facts.confidence_max,
        "tokens_mean": facts.delivered / facts.samples if facts.has_tokens else None,
    }


def _accuracy(entry: Entry) -> float | None:
    graded = [correct for correct in entry.correct if correct is not None]
    return sum(graded) / len(graded) if graded else None
