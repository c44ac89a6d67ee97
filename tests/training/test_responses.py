"""From a pool to tokens: what is learned from, and every pool that nothing can be learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tts.errors import InputError
from tts.pool import Entry, Pool
from tts.training.responses import Response, batches, read_responses, split
from tts.types import End, Problem, Sample, Trace

EOS = 9


def pool(*samples: Sample, correct: tuple[bool | None, ...] | None = None, model: str = "m") -> Pool:
    grades = (True, *[False] * (len(samples) - 1)) if correct is None else correct
    meta = {"model": model} if model else {}
    return Pool(Path("p.sqlite"), "", (Entry(Problem("a", "q", "1"), samples, grades, meta),))


def sample(index: int, ids: tuple[int, ...] = (5, 6, EOS), **more: object) -> Sample:
    return Sample("5 6", "1", index=index, token_ids=ids, **more)  # type: ignore[arg-type]


def take(given: Pool, *, context: int = 50, model: str = "m", forks: bool = False) -> tuple[Response, ...]:
    def encode(text: str) -> tuple[int, ...]:
        return tuple(int(word) for word in text.split())

    return read_responses(
        given, model=model, prompt_ids=lambda p: (1, 2), encode=encode, end=EOS, context=context, forks=forks
    )


def test_the_token_that_ends_a_response_is_not_part_of_it() -> None:
    first, second = take(pool(sample(0), sample(1, (5, 6), end=End.LENGTH)))
    assert (first.prompt, first.ids, first.ended) == ((1, 2), (5, 6), True)
    assert (second.ids, second.ended) == ((5, 6), False)


def test_texts_without_tokens_are_encoded() -> None:
    first, second = take(pool(sample(0, ()), sample(1, (), end=End.LENGTH)))
    assert first.ids == second.ids == (5, 6) and first.ended and not second.ended


def test_what_failed_was_cut_short_or_is_ungraded_is_left_out() -> None:
    ends = (End.STOP, End.STOP, End.FAILED, End.ABORTED, End.BOUNDARY, End.STOP)
    samples = [
        Sample("" if end is End.FAILED else "5 6", None if i > 1 else "1", end, index=i, token_ids=(5, 6, EOS))
        for i, end in enumerate(ends)
    ]
    given = pool(*samples, correct=(True, False, None, None, None, None))
    assert len(take(given)) == 2


def test_a_response_that_does_not_fit_the_context_is_left_out() -> None:
    long = sample(2, (*range(10, 30), EOS))
    assert len(take(pool(sample(0), sample(1), long), context=10)) == 2


def test_a_completion_that_does_not_fit_still_counts_for_its_prefix() -> None:
    long = sample(2, tuple(range(10, 18)), end=End.LENGTH, given=3)  # fills the context, as the engine lets it
    cut = take(pool(sample(0), sample(1), long), context=10, forks=True)[2]
    assert (cut.ids, cut.ended, cut.given, cut.correct) == (tuple(range(10, 17)), False, 3, False)


def test_a_vote_weighs_the_recorded_confidence_or_else_the_likelihood() -> None:
    trace = Trace(logprobs=(-1.0, -3.0))
    first, second, third = take(pool(sample(0, confidence=0.25), sample(1, trace=trace), sample(2)))
    assert first.weight == 0.25 and second.weight == pytest.approx(np.exp(-2.0)) and third.weight == 1.0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (pool(sample(0), sample(1), model=""), "does not name the model that drew it"),
        (pool(sample(0), sample(1), model="other"), "was drawn by other and the base model is m"),
        (pool(Sample(answer="1", index=0), Sample(answer="2", index=1)), "holds no texts"),
        (pool(sample(0), sample(1), correct=(None, None)), "holds no graded samples"),
        (pool(sample(0), sample(1), correct=(True, True)), "every usable response is right"),
    ],
)
def test_a_pool_that_nothing_can_be_learned_from_gets_one_sentence(given: Pool, words: str) -> None:
    with pytest.raises(InputError, match=words):
        take(given)


def test_whole_questions_are_held_out() -> None:
    rows = [Response(q, (1,), (2,), True, bool(i % 2), None) for q in range(20) for i in range(3)]
    parts = split(rows, 0.2, seed=3)
    ours, theirs = {r.question for r in parts.train}, {r.question for r in parts.held_out}
    assert len(theirs) == 4 and not ours & theirs and len(ours | theirs) == 20
    assert split(rows, 0.2, seed=3) == parts and split(rows, 0.2, seed=4) != parts


def test_too_few_questions_to_hold_some_out_get_one_sentence() -> None:
    rows = [Response(0, (1,), (2,), True, bool(i % 2), None) for i in range(4)]
    with pytest.raises(InputError, match=r"1 questions with recipe\.held_out=0.5 leave"):
        split(rows, 0.5, seed=0)


def test_an_epoch_holds_every_row_once() -> None:
    chunks = list(batches(range(1, 24), 4, np.random.default_rng(0)))
    assert sorted(i for chunk in chunks for i in chunk) == list(range(23))
    assert max(len(chunk) for chunk in chunks) == 4
