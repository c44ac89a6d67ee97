"""The promise that a pool's questions allow."""

from __future__ import annotations

import numpy as np

from evals.promise.scores import QuestionScores
from evals.promise.selective import Selection, enough_questions, least_questions, select
from tts.errors import InputError, unknown_name
from tts.scorers.calibration.calibration_file import Provenance
from tts.scorers.calibration.promise_file import Promise

LEVELS = ("alpha", "delta")


def levels(text: str) -> tuple[float, float]:
    """Return alpha and delta of a text such as "alpha=0.1,delta=0.1".

    Raises:
        InputError: any other text.
    """
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in LEVELS:
            raise unknown_name("level of a promise", name, LEVELS)
        try:
            found[name] = float(value)
        except ValueError:
            raise InputError(f"{name} of a promise must be a number in (0, 1), got {value!r}: give 0.1") from None
    if missing := [name for name in LEVELS if name not in found]:
        raise InputError(f"a promise needs alpha and delta, and {missing[0]} is not given: alpha=0.1,delta=0.1")
    return found["alpha"], found["delta"]


def fit_promise(
    path: str, judged: QuestionScores, provenance: Provenance, *, alpha: float, delta: float
) -> tuple[Promise, Selection]:
    """Return the promise with the boldest threshold that passes, and the counts that it passed with.

    Args:
        path: the pool, for error messages.
        judged: one answer a question.
        provenance: of the scores.
        alpha: the largest share of wrong answers among those let through.
        delta: the probability with which it may be larger.

    Raises:
        InputError: no threshold passes; the sentence names the number of questions that would do.
    """
    questions = len(judged.scores)
    passed = select(judged.scores, judged.right, alpha=alpha, delta=delta)
    if passed is None:
        levels_of = f"alpha {alpha:g} and delta {delta:g}"
        if questions < (least := least_questions(alpha, delta)):
            raise InputError(
                f"{path}: a promise with {levels_of} needs at least {least} questions, all answered right, and there "
                f"are {questions}: draw more"
            )
        enough = enough_questions(judged.scores, judged.right, alpha=alpha, delta=delta)
        if enough is None:
            raise InputError(
                f"{path}: no threshold of this score keeps {levels_of} on {questions} questions, and none seems to "
                "with more of them: raise alpha, draw more samples a question, or take another score"
            )
        raise InputError(
            f"{path}: no threshold keeps {levels_of} on {questions} questions; at the rates seen about {enough} would "
            "do: draw more, or raise alpha"
        )
    share = float(np.mean(judged.scores >= passed.threshold))
    made = Promise(alpha, delta, passed.threshold, judged.how, questions, share, provenance, judged.reference)
    return made, passed
