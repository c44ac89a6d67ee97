"""The samples of each question in the order of a score, best first; no strategy and no gold answer is involved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from evals.replay.rescore import CONFIDENCE, compared, labels_of
from tts.errors import InputError, UnsupportedError, suggestion
from tts.pool import Entry, Pool
from tts.progress.phases import tracked
from tts.scorers.consistency.scores import CONSISTENCY_SCORES
from tts.scorers.trace_scores import TRACE_SCORES, WINDOW
from tts.types import End, Sample

ADD = "`tts score` adds the scores of a scorer"


@dataclass(frozen=True, slots=True)
class RankedSample:
    """One sample in the order of a score.

    Attributes:
        rank: its place within its question, from 1; None where it has no score.
        score: on the scorer's scale, higher is better; None where it has none.
        sample: the sample.
    """

    rank: int | None
    score: float | None
    sample: Sample


@dataclass(frozen=True, slots=True)
class Ranking:
    """The samples of one question.

    Attributes:
        id: the question.
        samples: best first; equal scores in recorded order, samples without a score last.
    """

    id: str
    samples: tuple[RankedSample, ...]


def rankings(
    pool: Pool, scorer: str, *, window: int = WINDOW, notify: Callable[[str], None] = lambda _: None
) -> Iterator[Ranking]:
    """Return the samples of each question in the order of a score; everything is checked before the first one.

    Args:
        pool: the recorded samples, scores beside them, as :func:`tts.pool.read_pool` returns them.
        scorer: the label of recorded scores; "confidence", which was recorded with the samples; a trace score, which
            is computed from recorded signals; or a score that compares the question's samples.
        window: tokens in a group, for trace scores that look at groups.
        notify: receives a sentence about samples without a score.

    Raises:
        InputError: no such scores are recorded, and none can be computed.
    """
    if window < 1:
        raise InputError(f"window must be at least 1, got {window}")
    total = unscored = 0
    for entry in tracked(pool.narrow("scores", "trace", "usage").entries, "reading", "read", pool.questions):
        found = _scores(pool, entry, scorer, window)
        total += len(found)
        unscored += found.count(None)
    if unscored == total:
        known = [] if scorer == CONFIDENCE else [*pool.scorers, *TRACE_SCORES, *CONSISTENCY_SCORES, CONFIDENCE]
        held = f"scores of {', '.join(pool.scorers)}" if pool.scorers else "no scorer's scores"
        raise InputError(
            f"{pool.path}: has no score {scorer!r} of any sample{suggestion(scorer, known)}; it holds {held}, and {ADD}"
        )
    if unscored:
        notify(f"{unscored} of {total} samples have no score {scorer!r} and come last; {ADD}")
    entries = tracked(pool.entries, "ranking", "store", pool.questions)
    return (_ranked(entry, _scores(pool, entry, scorer, window)) for entry in entries)


def _scores(pool: Pool, entry: Entry, scorer: str, window: int) -> list[float | None]:
    """Return the score of each sample of a question, None where it has none."""
    if scorer in pool.scorers:
        given = entry.scores.get(scorer, (None,) * len(entry.samples))
        return [None if score is None else score.value for score in given]
    if scorer == CONFIDENCE:
        return [sample.confidence for sample in entry.samples]
    if scorer in CONSISTENCY_SCORES:
        return compared(pool.path, entry, CONSISTENCY_SCORES[scorer], labels_of(entry))
    if scorer not in TRACE_SCORES:
        return [None] * len(entry.samples)
    read = TRACE_SCORES[scorer].raw
    try:
        return [None if s.end is End.FAILED else read(s, window=window) for s in entry.samples]
    except UnsupportedError as error:
        raise InputError(f"{pool.path}: question {entry.problem.id!r}: {error}") from None


def _ranked(entry: Entry, scores: list[float | None]) -> Ranking:
    pairs = list(zip(scores, entry.samples, strict=True))
    scored = [(score, sample) for score, sample in pairs if score is not None]
    scored.sort(key=lambda pair: -pair[0])
    ranked = [RankedSample(place, score, sample) for place, (score, sample) in enumerate(scored, 1)]
    rest = [RankedSample(None, None, sample) for score, sample in pairs if score is None]
    return Ranking(entry.problem.id, (*ranked, *rest))
