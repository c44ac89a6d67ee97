"""One answer a question, by each way of judging: its score, its grade, and refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evals.promise.fit import fit_promise, levels
from evals.promise.scores import Judging, QuestionScores
from evals.replay.synthetic import synthetic_pool
from strategies.check import AGAINST, FOR
from tts.errors import InputError, UnsupportedError
from tts.pool import Entry, Pool
from tts.scorers.calibration.calibration_file import Provenance
from tts.scorers.calibration.reference import Reference
from tts.types import Problem, Sample, Trace

HERE = Provenance("m", "confidence (as recorded)")


def question(number: int, *draws: tuple[str, float], gold: str | None = "7") -> Entry:
    samples = tuple(
        Sample("text", answer or None, confidence=confidence, index=i, trace=Trace((-float(i + 1),)))
        for i, (answer, confidence) in enumerate(draws)
    )
    return Entry(Problem(f"q{number}", "?", gold), samples, (None,) * len(samples))


POOL = Pool(
    "p.jsonl",
    "",
    (
        question(0, ("7", 0.9), ("7.0", 0.8), ("3", 0.2)),
        question(1, ("3", 0.4), ("7", 0.5), ("7", 0.7)),
        question(2, ("", 0.9), ("7", 0.5), ("7", 0.5)),
        question(3, ("1", 0.9), ("7", 0.5), ("7", 0.5), gold=None),
    ),
)


def test_reading_takes_the_first_sample_and_its_score() -> None:
    found = Judging("confidence").on(POOL)
    assert found.how == "read" and found.right.tolist() == [True, False, False]
    np.testing.assert_array_equal(found.scores, [0.9, 0.4, np.nan])
    assert found.reference == Reference((0.4, 0.9), (-1.0, -1.0, -1.0))


def test_checking_takes_the_first_answer_and_the_draws_behind_it() -> None:
    found = Judging("confidence", draws=2).on(POOL)
    assert found.how == "draw(2)" and found.right.tolist() == [True, False, False]
    expected = [(0.8 + FOR) / (1.0 + FOR + AGAINST), FOR / (1.2 + FOR + AGAINST), np.nan]
    np.testing.assert_allclose(found.scores, expected)
    assert found.reference.logprobs == (-2.5, -2.5, -2.5)


def test_solving_takes_the_decision_of_a_strategy() -> None:
    found = Judging("confidence", strategy="self_consistency", budget=3).on(POOL)
    assert found.how == "solve(self_consistency, 3)" and found.right.tolist() == [True, True, True]
    np.testing.assert_allclose(found.scores, [2 / 3, 2 / 3, 1.0])
    posterior = Judging("confidence", strategy="cges", budget=3).on(POOL)
    assert posterior.how == "solve(cges, 3)" and (posterior.scores <= 1).all()


def test_what_cannot_be_judged_gets_one_sentence() -> None:
    with pytest.raises(InputError, match=r"'q0' has 3 samples and draw\(8\) needs 9: draw more samples for it"):
        Judging("confidence", draws=8).on(POOL)
    with pytest.raises(InputError, match="calibration needs graded answers"):
        Judging("confidence").on(replace(POOL, entries=POOL.entries[3:]))
    with pytest.raises(InputError, match=r"draws=N checks an answer and strategy=NAME finds one"):
        Judging("confidence", draws=2, strategy="cges", budget=2)
    with pytest.raises(InputError, match=r"needs strategy=NAME and budget=N"):
        Judging("confidence", budget=2)
    with pytest.raises(InputError, match="draws must be at least 1, got 0"):
        Judging("confidence", draws=0)
    with pytest.raises(InputError, match="stacked scores of a pool are fitted on its own grades"):
        Judging("stacked").on(POOL)
    with pytest.raises(InputError, match="strategy oracle is a control"):
        Judging("confidence", strategy="oracle", budget=2).on(POOL)
    raw = question(5, ("7", 0.5), ("7", 3.0))
    with pytest.raises(UnsupportedError, match=r"confidence in \[0, 1\], got 3.0"):
        Judging("confidence", draws=1).on(replace(POOL, entries=(raw,)))


def test_levels_are_two_numbers() -> None:
    assert levels("alpha=0.1, delta=0.05") == (0.1, 0.05)
    with pytest.raises(InputError, match="unknown level of a promise 'beta': allowed are alpha, delta"):
        levels("alpha=0.1,beta=0.1")
    with pytest.raises(InputError, match="alpha of a promise must be a number"):
        levels("alpha=x,delta=0.1")
    with pytest.raises(InputError, match="needs alpha and delta, and delta is not given"):
        levels("alpha=0.1")


def test_a_promise_is_fitted_or_refused_with_the_number_that_would_do() -> None:
    pool = synthetic_pool(questions=400, samples=9)
    judged = Judging("confidence", draws=8).on(pool)
    promise, passed = fit_promise("p", judged, HERE, alpha=0.15, delta=0.1)
    assert (promise.how, promise.questions, promise.provenance) == ("draw(8)", 400, HERE)
    assert promise.let_through == np.mean([promise.accepts(score) for score in judged.scores])
    assert promise.threshold == passed.threshold and passed.tested == 320

    def few(count: int) -> QuestionScores:
        return replace(judged, scores=judged.scores[:count], right=judged.right[:count])

    with pytest.raises(
        InputError, match="needs at least 28 questions, all answered right, and there are 20: draw more"
    ):
        fit_promise("p", few(20), HERE, alpha=0.1, delta=0.1)
    with pytest.raises(InputError, match=r"on 60 questions; at the rates seen about \d+ would do: draw more, or raise"):
        fit_promise("p", few(60), HERE, alpha=0.06, delta=0.1)
    hopeless = replace(judged, right=np.zeros(400, dtype=bool))
    with pytest.raises(InputError, match="and none seems to with more of them: raise alpha"):
        fit_promise("p", hopeless, HERE, alpha=0.1, delta=0.1)
