"""Rankings: best first, equal scores in recorded order, samples without a score last."""

from __future__ import annotations

import pytest

from evals.decisions.rerank import rankings
from tts.errors import InputError
from tts.pool import Entry, Pool, Score
from tts.types import End, Problem, Sample, Trace

SAMPLES = (
    Sample("a", "1", index=0, confidence=0.5, trace=Trace(logprobs=(-2.0,))),
    Sample("b", "2", index=1, confidence=0.9, trace=Trace(logprobs=(-1.0,))),
    Sample("", None, End.FAILED, index=2),
    Sample("c", "3", index=3, confidence=0.9, trace=Trace(logprobs=(-3.0, -1.0))),
)
SCORES = {"judge": (Score(-4.0), None, None, Score(7.5))}
POOL = Pool("made up", "", (Entry(Problem("q", "?"), SAMPLES, (None,) * 4, scores=SCORES),))


def order(scorer: str, said: list[str] | None = None) -> list[tuple[int, int | None, float | None]]:
    notify = (lambda _: None) if said is None else said.append
    [ranking] = rankings(POOL, scorer, notify=notify)
    return [(one.sample.index, one.rank, one.score) for one in ranking.samples]


def test_best_first_ties_in_recorded_order_and_the_unscored_last() -> None:
    said: list[str] = []
    assert order("confidence", said) == [(1, 1, 0.9), (3, 2, 0.9), (0, 3, 0.5), (2, None, None)]
    assert order("judge") == [(3, 1, 7.5), (0, 2, -4.0), (1, None, None), (2, None, None)]
    assert order("mean_logprob") == [(1, 1, -1.0), (0, 2, -2.0), (3, 3, -2.0), (2, None, None)]
    assert said == ["1 of 4 samples have no score 'confidence' and come last; `tts score` adds the scores of a scorer"]


@pytest.mark.parametrize(
    ("scorer", "sentence"),
    [
        ("juge", r"has no score 'juge' of any sample; did you mean judge\?; it holds scores of judge, and `tts score`"),
        ("entropy", "question 'q': trace score entropy reads entropies and sample 0 has none"),
    ],
)
def test_a_score_that_is_not_there_is_one_sentence(scorer: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        rankings(POOL, scorer)


def test_a_window_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="window must be at least 1, got 0"):
        rankings(POOL, "judge", window=0)
