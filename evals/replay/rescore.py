"""The same pool under another score: a recorded one, one of the traces, stacked from several, or of all answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from evals.metrics.folds import halves
from evals.metrics.scored import grades
from tts.answers import merge
from tts.answers.meaning.equality import Equality
from tts.errors import InputError, UnsupportedError, suggestion
from tts.models.finece import OWNER
from tts.pool import Entry, Pool
from tts.progress.phases import tracked
from tts.runtime.scoring import with_calls
from tts.scorers.consistency.scores import CONSISTENCY_SCORES, FREQUENCY, ConsistencyScore
from tts.scorers.stacking.features import FEATURES, FINECE_FEATURES, LOGPROB_FEATURES
from tts.scorers.stacking.stacked import NAME, Stacked, fit_stacked
from tts.scorers.trace_scores import TRACE_SCORES, WINDOW, TraceScore
from tts.types import Sample

STACKED = NAME
SCORES = (*TRACE_SCORES, STACKED, *CONSISTENCY_SCORES)
"""The scores that are computed from recorded samples."""
CONFIDENCE = "confidence"
"""The confidence that was recorded with the samples, by the name of its field."""


def rescored(
    pool: Pool,
    name: str,
    *,
    probability: bool = False,
    raw: bool = False,
    window: int = WINDOW,
    answers: str = "auto",
    equality: Equality | None = None,
    seed: int = 0,
    features: Sequence[str] | None = None,
) -> Pool:
    """Return the pool with each answered sample's confidence replaced by a score.

    Args:
        pool: the recorded samples, as :func:`tts.pool.read_pool` returns them.
        name: the label of recorded scores; "confidence": the confidence that was recorded with the samples; a trace
            score (see :data:`~tts.scorers.trace_scores.TRACE_SCORES`), raw; one that compares the question's samples
            (see :data:`~tts.scorers.consistency.scores.CONSISTENCY_SCORES`), raw; or "stacked": see :func:`stacked`.
        probability: take the score's natural map to [0, 1], where it has one, instead of the raw score.
        raw: compute a score that the traces give even where the pool holds a scorer's scores of the same name.
        window: tokens in a group, >= 1, for trace scores that look at groups.
        answers: the kind of answer, which decides what answers are equal, for scores that compare samples.
        equality: merges further answers, for scores that compare samples.
        seed: decides the halves, >= 0; for "stacked" only.
        features: the scores to stack; for "stacked" only. None takes those of the pool's model, see
            :func:`given_features`.

    Raises:
        InputError: an unknown name, a sample whose trace lacks what the score reads (one without an answer matters to
            scores that compare samples alone), or what :func:`stacked` refuses.
    """
    check_score(name, pool)
    if name in pool.scorers and not (raw and name in SCORES and _given_by_traces(pool, name, window)):
        return pool.with_scores(name)
    if name == CONFIDENCE:
        return pool
    if name == STACKED:
        return stacked(pool, seed=seed, features=features)
    path = pool.path
    if name in CONSISTENCY_SCORES:
        compares = CONSISTENCY_SCORES[name]
        natural = compares.probability if probability else None
        needs = ("usage",) if name == FREQUENCY else ()
        return pool.with_confidences(lambda entry: _compared(path, entry, compares, natural, answers, equality), *needs)
    score = TRACE_SCORES[name]
    convert = score.probability if probability else None
    return pool.with_confidences(lambda entry: _raw(path, entry, score, convert, window))


def stacked(pool: Pool, *, seed: int = 0, features: Sequence[str] | None = None) -> Pool:
    """Return the pool with cross-fitted stacked confidences: each half of the questions by weights of the other half.

    The halves are those of :func:`evals.metrics.folds.halves`. No sample's score depends on its own grade. A map or a
    parameter that is then fitted on one half still reads scores whose weights were fitted on the other half; to avoid
    that, fit the weights on another pool with ``tts calibrate``.

    Args:
        pool: the recorded samples.
        seed: decides the halves, >= 0.
        features: the scores to stack; None takes those of the pool's model.

    Raises:
        InputError: fewer than four questions, a half with fewer than two graded answers, or an answered sample whose
            trace lacks a feature.
    """
    path, judge = pool.path, dict[str, Stacked]()
    for fold in halves(len(pool.entries), seed):
        weights = fit_weights(replace(pool, entries=tuple(pool.entries[q] for q in fold.fit)), features=features)
        judge |= {pool.entries[q].problem.id: weights for q in fold.scored}
    return pool.with_confidences(lambda entry: _stacked(path, entry, judge[entry.problem.id]))


def given_features(pool: Pool) -> tuple[str, ...]:
    """Return the features that the recorded traces hold: FineCE's or GrACE's confidence, or log-probabilities alone."""
    traces = (sample.trace for entry in pool.narrow("trace").entries for sample in entry.samples)
    values = next((OWNER in trace.owners for trace in traces if trace.watched), None)
    if values is None:
        return LOGPROB_FEATURES
    return FINECE_FEATURES if values else FEATURES


def fit_weights(pool: Pool, *, features: Sequence[str] | None = None) -> Stacked:
    """Fit stacked weights on all answered samples that have a grade, or whose question has a gold answer.

    Args:
        pool: the recorded samples.
        features: the scores to stack; None takes those of the pool's model.

    Raises:
        InputError: fewer than two of them, or a trace that lacks a feature.
    """
    found = graded(pool)
    if len(found) < 2:
        raise InputError(f"{pool.path}: stacking needs graded answers and got {len(found)}: grade its samples first")
    try:
        chosen = given_features(pool) if features is None else features
        return fit_stacked([sample for sample, _ in found], [right for _, right in found], features=chosen)
    except UnsupportedError as error:
        raise InputError(f"{pool.path}: {error}") from None


def graded(pool: Pool) -> list[tuple[Sample, bool]]:
    """Return the answered samples that have a grade, with it; see :func:`evals.metrics.scored.grades`."""
    return [
        (sample, right)
        for entry in tracked(pool.entries, "reading", "read", pool.questions)
        for sample, right in zip(entry.samples, grades(entry), strict=True)
        if sample.answer is not None and right is not None
    ]


def check_score(name: str, pool: Pool) -> None:
    """Refuse a score that the pool does not hold and that cannot be computed.

    Raises:
        InputError: listing all of them.
    """
    if name == CONFIDENCE and not _has_confidences(pool):
        held = f"; it holds scores of {', '.join(pool.scorers)}" if pool.scorers else ""
        raise InputError(f"{pool.path}: no confidence was recorded with the samples{held}")
    known = {*pool.scorers, CONFIDENCE, *SCORES}
    if name not in known:
        raise InputError(
            f"unknown score {name!r}: allowed are {', '.join(sorted(known))}, and `tts score` adds those of a scorer"
            f"{suggestion(name, known)}"
        )


def only_score(pool: Pool) -> str:
    """Return the name of the one score that was recorded.

    Raises:
        InputError: there is none, or there are several.
    """
    held = [*pool.scorers, *([CONFIDENCE] if _has_confidences(pool) else [])]
    if len(held) != 1:
        named = f"scores of {', '.join(held)}" if held else "no recorded score"
        raise InputError(
            f"{pool.path}: has {named}: give score=NAME, one of those or one of the traces' (mean_logprob)"
        )
    return held[0]


def is_probability(name: str) -> bool:
    """Return whether the score, or its natural map, is a probability in [0, 1]; of a recorded one its values tell."""
    return name not in TRACE_SCORES or TRACE_SCORES[name].probability is not None


def _has_confidences(pool: Pool) -> bool:
    """Return whether confidences were recorded with the samples."""
    return not pool.scored_by and pool.facts.confidences > 0


def labels_of(entry: Entry, answers: str = "auto", equality: Equality | None = None) -> tuple[int, ...]:
    """Return the class of each sample's answer among those of its question, -1 where there is none.

    Args:
        entry: the question with its samples.
        answers: the kind of answer, which decides what answers are equal.
        equality: merges further answers.
    """
    equal = None if equality is None else equality.about(entry.problem)
    return merge([sample.answer for sample in entry.samples], kind=answers, equal=equal).labels


def compared(path: str, entry: Entry, score: ConsistencyScore, labels: Sequence[int]) -> list[float | None]:
    """Return the raw score of each sample of a question, by comparison with the others; None where a draw failed.

    Args:
        path: the pool, for messages.
        entry: the question with its samples.
        score: the score.
        labels: the classes of their answers, from :func:`labels_of`.

    Raises:
        InputError: a sample lacks what the score reads.
    """
    try:
        values = score.raw([*map(with_calls, entry.samples)], [None if label < 0 else label for label in labels])
    except UnsupportedError as error:
        raise InputError(f"{path}: question {entry.problem.id!r}: {error}") from None
    return [None if np.isnan(value) else value for value in values.tolist()]


def _compared(
    path: str,
    entry: Entry,
    score: ConsistencyScore,
    convert: Callable[[float], float] | None,
    answers: str,
    equality: Equality | None,
) -> list[float | None]:
    labels = labels_of(entry, answers, equality)
    values = compared(path, entry, score, labels)
    read = (value if label >= 0 else None for label, value in zip(labels, values, strict=True))
    return [
        value if value is None or convert is None else convert(value)
        for sample, value in zip(entry.samples, read, strict=True)
        if sample.answer is not None
    ]


def _given_by_traces(pool: Pool, name: str, window: int) -> bool:
    """Return whether to compute a score; a token's own probability is the recorded score where the traces lack it."""
    score = TRACE_SCORES.get(name)
    if score is None or not score.watches:
        return True
    first = next((entry.answered[0] for entry in pool.narrow("trace").entries if entry.answered), None)
    try:
        return first is None or score.raw(first, window=window) is not None
    except UnsupportedError:
        return False


def _raw(
    path: str, entry: Entry, score: TraceScore, convert: Callable[[float], float] | None, window: int
) -> list[float]:
    try:
        raw = [score.raw(sample, window=window) for sample in entry.answered]
    except UnsupportedError as error:
        raise InputError(f"{path}: question {entry.problem.id!r}: {error}") from None
    return raw if convert is None else [convert(value) for value in raw]


def _stacked(path: str, entry: Entry, weights: Stacked) -> list[float]:
    try:
        scores: list[float] = weights.score(entry.answered).tolist()
    except UnsupportedError as error:
        raise InputError(f"{path}: question {entry.problem.id!r}: {error}") from None
    return scores
