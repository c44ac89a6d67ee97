"""A question as it is opened: its samples, the vote as it grew, and the decisions as far as they are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from evals.report_page.questions import cached, question_mapping
from evals.report_page.token_texts import Decode, decoder_of
from evals.view.decisions_file import decisions_on, scores_of
from evals.view.sources import Source
from evals.view.trees import trees_on
from tts.answers import Grader
from tts.answers.meaning.equality import Equality
from tts.pool import Entry, Run

_DECODERS: dict[tuple[str, str], Decode | None] = {}


def opened(
    source: Source, key: int, answers: str, run: Run | None, decisions: str, *, scored: bool = False
) -> dict[str, Any] | None:
    """Return a question, ready for JSON; None where there is none.

    Args:
        source: the run that is shown.
        key: of the question.
        answers: the kind of answers, which decides which of them are equal.
        run: the run that drew it, whose model's tokenizer gives the texts of tokens; None of a file without runs.
        decisions: the file of the decisions; empty without one.
        scored: whether the confidences are the scores of this file, so that there are none before it is there.
    """
    entries = source.entries([key], "text", "tokens", "trace", "usage", "times", "scores")
    if not entries:
        return None
    [entry], grader = entries, Grader(answers, equality=_equality(answers))
    question = entry.problem.id
    if scored:
        entry = _with_scores(entry, scores_of(decisions, question) if decisions else [])
    found = question_mapping(entry, (), grader=grader, decode=_decoder(run))
    known = decisions_on(decisions, question) if decisions else []
    return {**found, **trees_on(source, key, question, grader), "decisions": known}


def _with_scores(entry: Entry, scores: Sequence[float | None]) -> Entry:
    """Return a question with scores as confidences; samples that have come since have none."""
    pairs = zip_longest(entry.samples, scores[: len(entry.samples)])
    return replace(entry, samples=tuple(replace(sample, confidence=score) for sample, score in pairs))


def _equality(answers: str) -> Equality | None:
    if answers != "math":
        return None
    from evals.tasks.equality import open_equality  # loads the tasks

    return open_equality({"name": "auto"}, answers, key="equal")


def _decoder(run: Run | None) -> Decode | None:
    if run is None:
        return None
    key = (run.key.model, str(run.config.get("engine")))
    if key not in _DECODERS:
        decode, _ = decoder_of(run)
        _DECODERS[key] = None if decode is None else cached(decode)
    return _DECODERS[key]
