"""The same pool under another score: confidences read off recorded traces, or off the answers themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from strategies.spec import unknown
from tts.answers import merge
from tts.errors import InputError, UnsupportedError
from tts.pool import Entry, Pool
from tts.scorers.consistency import frequency
from tts.scorers.traces import TRACE_SCORES, WINDOW, TraceScore

FREQUENCY = "frequency"
SCORES = (*TRACE_SCORES, FREQUENCY)


def rescored(
    pool: Pool,
    name: str,
    *,
    probability: bool = False,
    window: int = WINDOW,
    answers: str = "auto",
    equal: Callable[[str, str], bool] | None = None,
) -> Pool:
    """The pool with each answered sample's confidence replaced by a score, and that of any other by None.

    Args:
        pool: the recorded samples.
        name: a trace score (see :data:`~tts.scorers.traces.TRACE_SCORES`), raw, or "frequency": the share of the
            question's samples that give the sample's answer.
        probability: take the score's natural map to [0, 1], where it has one, instead of the raw score.
        window: tokens in a group, >= 1, for trace scores that look at groups.
        answers: the kind of answer, which says what counts as the same one; for "frequency" only.
        equal: a pairwise check that merges further answers; for "frequency" only.

    Raises:
        InputError: an unknown name, or an answered sample whose trace lacks what the score reads.
    """
    check_score(name)
    if name == FREQUENCY:
        return replace(pool, entries=tuple(_counted(entry, answers, equal) for entry in pool.entries))
    score = TRACE_SCORES[name]
    convert = score.probability if probability else None
    return replace(pool, entries=tuple(_read(pool.path, entry, score, convert, window) for entry in pool.entries))


def check_score(name: str) -> None:
    """Refuse a name that is no score.

    Raises:
        InputError: listing all of them.
    """
    if name not in SCORES:
        raise unknown("score", name, SCORES)


def is_probability(name: str) -> bool:
    """Whether the score, or its natural map, lies in [0, 1] and reads as a probability."""
    return name == FREQUENCY or TRACE_SCORES[name].probability is not None


def _counted(entry: Entry, answers: str, equal: Callable[[str, str], bool] | None) -> Entry:
    labels = merge([s.answer for s in entry.samples], kind=answers, equal=equal).labels
    shares = frequency([None if label < 0 else label for label in labels])
    return _with(entry, [None if label < 0 else float(p) for label, p in zip(labels, shares, strict=True)])


def _read(path: str, entry: Entry, score: TraceScore, convert: Callable[[float], float] | None, window: int) -> Entry:
    found: list[float | None] = []
    for sample in entry.samples:
        if sample.answer is None:
            found.append(None)
            continue
        try:
            raw = score.raw(sample, window=window)
        except UnsupportedError as error:
            raise InputError(f"{path}: question {entry.problem.id!r}: {error}") from None
        found.append(raw if convert is None else convert(raw))
    return _with(entry, found)


def _with(entry: Entry, confidences: list[float | None]) -> Entry:
    pairs = zip(entry.samples, confidences, strict=True)
    return replace(entry, samples=tuple(replace(sample, confidence=c) for sample, c in pairs))
