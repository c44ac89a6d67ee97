"""The sizes of a pool's samples and the fields that they have, counted once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tts.types import End

if TYPE_CHECKING:
    from tts.pool.records import Entry


@dataclass(frozen=True, slots=True)
class Facts:
    """Counts of a pool's samples.

    Attributes:
        questions: the number of questions, >= 1.
        samples: the number of samples.
        samples_min: the fewest samples of any question.
        samples_max: the most samples of any question.
        parsed: samples with an answer.
        scored: samples with an answer and a confidence.
        confidences: samples with a confidence, be it with an answer or not.
        confidence_sum: the sum of all confidences.
        confidence_min: the least confidence; None without any.
        confidence_max: the greatest confidence; None without any.
        counted: samples with token counts.
        delivered: the delivered tokens of these.
        graded: samples with a grade.
        continued: samples that continue a prefix.
        timed: samples that record their share of the machine.
        topless: whether any sample that did not fail lacks top-k confidences.
        stepless: whether any sample that did not fail lacks watched probabilities or the ends of steps.
        weighed: samples that the model ended with log-probabilities of the distributions that they were drawn from.
        models: the distinct models that questions name, in order of first appearance.
        judged: by the label of a scorer, the samples with an answer that it has judged.
    """

    questions: int
    samples: int
    samples_min: int
    samples_max: int
    parsed: int
    scored: int
    confidences: int
    confidence_sum: float
    confidence_min: float | None
    confidence_max: float | None
    counted: int
    delivered: int
    graded: int
    continued: int
    timed: int
    topless: bool
    stepless: bool
    models: tuple[str, ...] = ()
    judged: Mapping[str, int] = field(default_factory=dict)
    weighed: int = 0

    @property
    def has_confidence(self) -> bool:
        """True if at least one answer was read and every sample with an answer has a confidence."""
        return 0 < self.parsed == self.scored

    @property
    def has_tokens(self) -> bool:
        """True if every sample has token counts."""
        return self.counted == self.samples


def facts_of(entries: Iterable[Entry]) -> Facts:
    """Count the samples of questions, reading each once.

    Args:
        entries: at least one.
    """
    sizes: list[int] = []
    parsed = scored = counted = delivered = graded = continued = timed = weighed = 0
    topless = stepless = False
    values: list[float] = []
    models: dict[str, None] = {}
    judged: dict[str, int] = {}
    for entry in entries:
        sizes.append(len(entry.samples))
        if "model" in entry.meta:
            models[entry.meta["model"]] = None
        graded += sum(grade is not None for grade in entry.correct)
        for label, scores in entry.scores.items():
            known = sum(s is not None and x.answer is not None for s, x in zip(scores, entry.samples, strict=True))
            judged[label] = judged.get(label, 0) + known
        for sample in entry.samples:
            if sample.answer is not None:
                parsed += 1
                scored += sample.confidence is not None
            if sample.confidence is not None:
                values.append(sample.confidence)
            if sample.usage is not None:
                counted += 1
                delivered += sample.usage.delivered
            continued += sample.given > 0
            timed += sample.machine_s is not None
            weighed += sample.end is End.STOP and bool(sample.trace.processed)
            if sample.end is not End.FAILED:
                topless |= not sample.trace.top
                trace = sample.trace
                stepless |= not (trace.steps and len(trace.confidence) == len(trace.steps))
    return Facts(
        len(sizes), sum(sizes), min(sizes), max(sizes), parsed, scored, len(values), sum(values),
        min(values, default=None), max(values, default=None), counted, delivered, graded, continued, timed, topless,
        stepless, tuple(models), judged, weighed,
    )  # fmt: skip


def joined_facts(parts: Sequence[Facts]) -> Facts:
    """Return the counts of the samples of several parts together.

    Questions are taken to be different ones; of a question in two parts ``questions``, ``samples_min`` and
    ``samples_max`` say nothing.

    Args:
        parts: at least one.
    """

    def total(name: str) -> Any:
        return sum(getattr(one, name) for one in parts)

    def known(name: str) -> list[float]:
        return [value for one in parts if (value := getattr(one, name)) is not None]

    judged: dict[str, int] = {}
    for one in parts:
        for label, count in one.judged.items():
            judged[label] = judged.get(label, 0) + count
    return Facts(
        **{name: total(name) for name in _SUMS},
        samples_min=min(one.samples_min for one in parts),
        samples_max=max(one.samples_max for one in parts),
        confidence_min=min(known("confidence_min"), default=None),
        confidence_max=max(known("confidence_max"), default=None),
        topless=any(one.topless for one in parts),
        stepless=any(one.stepless for one in parts),
        models=tuple(dict.fromkeys(model for one in parts for model in one.models)),
        judged=judged,
    )


_SUMS = (
    *("questions", "samples", "parsed", "scored", "confidences", "confidence_sum"),
    *("counted", "delivered", "graded", "continued", "timed", "weighed"),
)
