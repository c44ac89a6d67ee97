"""Checks that every recorded sample must pass, in every file format."""

from __future__ import annotations

import math

from tts.types import Sample, Usage

_INT32 = (-(2**31), 2**31 - 1)
_INT64_MAX = 2**63 - 1


def text_fault(text: str) -> str | None:
    """Say why a string cannot be kept as UTF-8, or None where it can."""
    if text.isascii():
        return None
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return f"holds the lone surrogate {text[error.start]!a}, which is not valid text"
    return None


def sample_fault(sample: Sample, correct: bool | None) -> str | None:
    """Return the fault of a sample or its grade, with the name of the field, or None if there is none.

    Allowed: index in [0, 2^63); an answer that is not empty, or None; a finite confidence (any scale: a raw reward
    logit is legal here), or None; a finite probe, or None; token counts in [0, 2^63); token ids in [-2^31, 2^31);
    given tokens in [0, tokens]; the parent's index in [0, index), or None; owners of watched tokens only; ``correct``
    not True where the answer is None.
    """
    if not 0 <= sample.index <= _INT64_MAX:
        return f"index must be from 0 to {_INT64_MAX}, got {sample.index}"
    if sample.answer is None:
        if correct:
            return "correct must not be true where no answer could be read"
    elif not sample.answer:
        return "answer must not be empty: None means that no answer could be read"
    elif fault := text_fault(sample.answer):
        return f"answer {fault}"
    for call in sample.calls:
        if fault := text_fault(call.name) or text_fault(call.arguments) or text_fault(call.id):
            return f"a call of a tool {fault}"
    if sample.confidence is not None and not math.isfinite(sample.confidence):
        return f"confidence must be a finite number or None, got {sample.confidence}"
    if sample.trace.probe is not None and not math.isfinite(sample.trace.probe):
        return f"probe must be a finite number or None, got {sample.trace.probe}"
    if fault := text_fault(sample.text):
        return f"text {fault}"
    for name in ("error", "failure", "reasoning"):
        if (text := getattr(sample, name)) is not None and (fault := text_fault(text)):
            return f"{name} {fault}"
    for name in ("started_s", "first_s", "finished_s", "in_flight", "machine_s"):
        if (time := getattr(sample, name)) is not None and not math.isfinite(time):
            return f"{name} must be a finite number or None, got {time}"
    if sample.usage is not None and (fault := _usage_fault(sample.usage)):
        return fault
    if not 0 <= sample.given <= len(sample.token_ids):
        return f"given must be from 0 to the sample's {len(sample.token_ids)} tokens, got {sample.given}"
    if sample.parent is not None and not 0 <= sample.parent < sample.index:
        return f"parent must be the index of a sample before this one, got {sample.parent} for sample {sample.index}"
    ids = (*sample.token_ids, *sample.trace.watched)
    for owner, tokens in sample.trace.owners.items():
        if fault := text_fault(owner):
            return f"owner {owner!a} of watched tokens {fault}"
        if not tokens or any(token not in sample.trace.watched for token in tokens):
            return f"owner {owner!a} must own watched tokens, got {', '.join(map(str, tokens)) or 'none'}"
    if ids and not (_INT32[0] <= min(ids) and max(ids) <= _INT32[1]):
        return f"token ids must be from {_INT32[0]} to {_INT32[1]}, got {min(ids)} to {max(ids)}"
    return None


def _usage_fault(usage: Usage) -> str | None:
    for name in Usage.__slots__:
        count = getattr(usage, name)
        if not 0 <= count <= _INT64_MAX:
            return f"usage.{name} must be a count from 0 to {_INT64_MAX}, got {count}"
    return None
