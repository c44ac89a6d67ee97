"""Promise files: a threshold above which answers are let through, and the share of wrong ones that it promises.

"Of the answers let through, at most alpha are wrong, with probability 1 - delta over the calibration questions."
``tts calibrate --promise`` fits one on one answer a question; it holds for questions like these, in the circumstances
that the file names.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

from tts.errors import InputError
from tts.scorers.calibration.calibration_file import Provenance, load_fitted, load_reference, save_fitted
from tts.scorers.calibration.reference import Reference
from tts.types import Decision

FORMAT = "tts-promise-1"
KEY = "promise"
_FILE: dict[str, Any] = {"form": FORMAT, "key": KEY, "wanted": "promise file", "by": " --promise alpha=0.1,delta=0.1"}


@dataclass(frozen=True)
class Promise:
    """A threshold with its guarantee.

    Attributes:
        alpha: the largest share of wrong answers among those let through, in (0, 1).
        delta: the probability, over the calibration questions, with which the share may be larger, in (0, 1).
        threshold: an answer is let through if its score is at least this.
        how: the way of judging that gives the score: "read", "draw(N)" or "solve(STRATEGY, BUDGET)".
        questions: the calibration questions.
        let_through: the share of the calibration questions whose answer is let through.
        provenance: the circumstances that it was fitted in.
        reference: scores and log-probabilities of the calibration questions, by which a change is noticed.
    """

    alpha: float
    delta: float
    threshold: float
    how: str
    questions: int
    let_through: float
    provenance: Provenance
    reference: Reference

    def accepts(self, score: float | None) -> bool:
        """Return whether an answer with this score is let through; one without a score is not."""
        return score is not None and score >= self.threshold


def decision_score(decision: Decision) -> float | None:
    """Return the score of a strategy's decision: P(the answer is right), else its share of the votes."""
    return decision.vote_share if decision.p_correct is None else decision.p_correct


def save_promise(path: str | os.PathLike[str], promise: Promise) -> None:
    """Write a promise file, whole or not at all.

    Raises:
        InputError: it cannot be written.
    """
    numbers = {key: getattr(promise, key) for key in ("alpha", "delta", "threshold", "questions", "let_through")}
    save_fitted(path, FORMAT, KEY, numbers, promise.provenance, promise.reference, how=promise.how)


def load_promise(path: str | os.PathLike[str], provenance: Provenance, how: str) -> Promise:
    """Read a promise file for use under ``provenance``, on answers that are judged this way.

    Raises:
        InputError: no such file, no promise, or one with another provenance or way of judging; the sentence names the
            field and both values.
    """
    data = load_fitted(path, _FILE["form"], _FILE["key"], provenance, how=how, wanted=_FILE["wanted"], by=_FILE["by"])
    reference = load_reference(path, provenance, how, **_FILE)
    alpha, delta, let_through = (_number(path, data.get(key), 1.0) for key in ("alpha", "delta", "let_through"))
    questions, threshold = _number(path, data.get("questions")), _number(path, data.get("threshold"))
    if reference is None:
        raise _broken(path)
    return Promise(alpha, delta, threshold, how, int(questions), let_through, provenance, reference)


def _number(path: str | os.PathLike[str], value: object, most: float = math.inf) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value) or value > most:
        raise _broken(path)
    return value


def _broken(path: str | os.PathLike[str]) -> InputError:
    return InputError(f"{path}: the promise is broken: fit it again with `tts calibrate{_FILE['by']}`")
