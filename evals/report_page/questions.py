"""Questions as the page shows them: samples in the order drawn, the vote as it grew, and each strategy's decision."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from evals.metrics.scored import grades
from evals.report_page.token_texts import Decode, token_texts
from evals.report_page.visible_traces import Positions, traces_of
from evals.report_page.vote_growth import posteriors
from tts.answers import Grader, merge
from tts.pool import Entry
from tts.types import Sample

if TYPE_CHECKING:
    from evals.comparison.decided import QuestionDecision

MAX_TEXT = 20_000
"""The most characters of a text on the page."""


def question_mapping(
    entry: Entry,
    decisions: Sequence[QuestionDecision],
    *,
    grader: Grader,
    decode: Decode | None = None,
    positions: Positions | None = None,
    most: int | None = MAX_TEXT,
) -> dict[str, Any]:
    """Return a question, ready for JSON.

    Args:
        entry: the question and its samples.
        decisions: one a strategy, in the order of the comparison; none without one.
        grader: the rule by which answers are equal and right.
        decode: the tokenizer of the model; None leaves texts whole.
        positions: counts the traces of graded samples.
        most: the most characters of a text; None leaves all of them.
    """
    samples, problem = entry.samples, entry.problem
    mine = grader.on(problem)
    merged = merge([sample.answer for sample in samples], kind=mine.kind, equal=mine.equal)
    right = grades(entry, grader)
    if positions is not None:
        for sample, grade in zip(samples, right, strict=True):
            if grade is not None:
                positions.add(sample, grade)
    text, left_out = shortened(problem.question, most)
    return {
        "id": problem.id,
        "question": text,
        **({"question_left_out": left_out} if left_out else {}),
        "gold": [shortened(gold, most)[0] for gold in problem.golds],
        "answers": [shortened(answer, most)[0] for answer in merged.classes],
        "samples": [
            _sample(sample, label, grade, decode, most)
            for sample, label, grade in zip(samples, merged.labels, right, strict=True)
        ],
        "posteriors": posteriors(merged.labels, [sample.confidence for sample in samples]),
        "decisions": [decision_mapping(one) for one in decisions],
    }


def shortened(text: str, most: int | None) -> tuple[str, int]:
    """Return the first characters of a text, at most ``most``, and the number of those that are left out."""
    return text[:most], 0 if most is None else max(0, len(text) - most)


def _sample(sample: Sample, label: int, right: bool | None, decode: Decode | None, most: int | None) -> dict[str, Any]:
    text, left_out = shortened(sample.text, most)
    pieces = None if decode is None or left_out else token_texts(sample, decode)
    usage = sample.usage
    return {
        "index": sample.index,
        "answer": label,
        "right": right,
        "confidence": sample.confidence,
        "tokens": None if usage is None else usage.generated,
        "end": str(sample.end),
        **({"pieces": pieces} if pieces is not None else {"text": text}),
        **({"text_left_out": left_out} if left_out else {}),
        **({"reasoning": shortened(sample.reasoning, most)[0]} if sample.reasoning else {}),
        **({"calls": [f"{call.name}({call.arguments})" for call in sample.calls]} if sample.calls else {}),
        **({"error": sample.error} if sample.error else {}),
        **({"given": sample.given} if sample.given else {}),
        **({} if left_out else {"traces": traces_of(sample)}),
    }


def decision_mapping(decision: QuestionDecision) -> dict[str, Any]:
    """Return a decision, ready for JSON."""
    return {
        "answer": decision.answer,
        "right": decision.correct,
        "p_correct": decision.p_correct,
        "vote_share": decision.vote_share,
        "used": len(decision.samples),
        "tokens": decision.tokens,
        "stopped_by": decision.stopped_by,
        "cause": decision.cause,
    }


def cached(decode: Decode) -> Decode:
    """Return the decoder with a memory of what it has decoded: tokens come in the same pairs again and again."""
    known = lru_cache(maxsize=1 << 18)(lambda ids: decode(ids))
    return lambda ids: known(tuple(ids))
