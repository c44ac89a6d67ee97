"""The samples of a pool that a model can learn from, and the pools that none can."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tts.errors import InputError
from tts.pool import Entry, Pool
from tts.types import End, Sample


def check_pool(pool: Pool, model: str, *, forks: bool = False) -> None:
    """Refuse a pool that no model can learn from, without its tokenizer.

    Args:
        pool: the pool.
        model: the base model's name.
        forks: whether responses that continue a prefix count.

    Raises:
        InputError: another model drew the pool, or the pool does not name its model; it holds no texts, no graded
            samples, or only samples of one grade.
    """
    if not pool.models:
        raise InputError(
            f"{pool.path} does not name the model that drew it: a model learns from its own responses, "
            "so draw a pool with `tts sample`, or leave pool out"
        )
    if set(pool.models) != {model}:
        raise InputError(
            f"{pool.path} was drawn by {', '.join(pool.models)} and the base model is {model}: "
            "a model learns from its own responses, so draw a pool with it, or leave pool out"
        )
    grades = [
        correct for entry in pool.entries for sample, correct in usable(entry, forks) if sample.text or sample.token_ids
    ]
    if not grades:
        raise InputError(f"{pool.path} holds no texts to learn from: draw a pool with `tts sample`")
    known = [grade for grade in grades if grade is not None]
    if not known:
        raise InputError(
            f"{pool.path} holds no graded samples: a model learns which responses are right, so grade them"
        )
    check_grades(pool, known)


def usable(entry: Entry, forks: bool) -> Iterator[tuple[Sample, bool | None]]:
    """Yield the samples that are whole responses, and with ``forks`` completions too, with their grades or None."""
    for sample, correct in zip(entry.samples, entry.correct, strict=True):
        if sample.end not in (End.FAILED, End.ABORTED, End.BOUNDARY) and (forks or not sample.given):
            yield sample, correct


def check_grades(pool: Pool, grades: Sequence[bool]) -> None:
    """Refuse grades of one kind only.

    Raises:
        InputError: all are right, all are wrong, or there are none.
    """
    if len(set(grades)) < 2:
        which = "right" if grades and grades[0] else "wrong"
        raise InputError(
            f"{pool.path}: every usable response is {which} ({len(grades)} of them): a model learns from right and "
            f"wrong ones, so draw responses to {'harder' if which == 'right' else 'easier'} questions"
        )
