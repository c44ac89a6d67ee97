"""One question of a pool as ``tts show`` prints it: the question of a report, without the report around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evals.config import CompareConfig
from evals.report.comparison import plain
from evals.report_page.document import replayed
from evals.report_page.questions import question_mapping
from evals.report_page.replayed import scored_and_graded
from evals.report_page.run_facts import runs_of
from tts.errors import InputError
from tts.pool import Pool
from tts.wording import counted

NEAR = 5
"""The most ids that an error names."""


@dataclass(frozen=True)
class ShownQuestion:
    """One question.

    Attributes:
        question: as a report has it, see :func:`evals.report_page.questions.question_mapping`, ready for JSON.
        strategies: the names of the strategies, in the order of its decisions.
        missing: sentences on what the pool lacks.
        skipped: strategies that are left out, with the reason.
    """

    question: dict[str, Any]
    strategies: list[str]
    missing: list[str]
    skipped: Mapping[str, str]

    def as_mapping(self, pool: Pool) -> dict[str, Any]:
        """Return the question ready for JSON, each decision with its strategy."""
        decisions = [
            {"strategy": name, **decision}
            for name, decision in zip(self.strategies, self.question["decisions"], strict=True)
        ]
        return {
            "command": "tts show",
            "pool": {"path": pool.path, "sha256": pool.sha256, "questions": pool.questions},
            "missing": self.missing,
            "skipped": dict(self.skipped),
            **self.question,
            "decisions": decisions,
        }


def place_of(pool: Pool, name: str) -> int:
    """Return the place of a question, counted from 0.

    Args:
        pool: the pool.
        name: its id, or its number in the list, counted from 1; an id that is a number comes first.

    Raises:
        InputError: the pool has no such question; names near ids and the numbers.
    """
    ids = [entry.problem.id for entry in pool.narrow().entries]
    if name in ids:
        return ids.index(name)
    if name.isascii() and name.isdigit() and 1 <= int(name) <= len(ids):
        return int(name) - 1
    near = _near(name, ids)
    hint = f"; near ids are {', '.join(near)}" if near else ""
    raise InputError(
        f"{pool.path}: has no question {name!r}{hint}; give an id, such as {ids[0]}, or a number from 1 to {len(ids)}"
    )


def show_question(
    pool: Pool,
    place: int,
    config: CompareConfig,
    *,
    given: bool = False,
    strict: bool = False,
    notify: Callable[[str], None] = lambda _: None,
) -> ShownQuestion:
    """Return one question with its samples and the decision of each strategy.

    Args:
        pool: the samples, as :func:`tts.pool.read_pool` returns them where ``config`` names a score.
        place: of the question, counted from 0.
        config: strategies, budget, score and calibration, as for ``tts compare``.
        given: whether ``config.strategies`` were asked for; if not, those of the run are replayed.
        strict: whether a pool that cannot serve these settings is refused; if not, ``missing`` says so.
        notify: receives a sentence about signals that a strategy does without.

    Raises:
        InputError: with ``strict``, a setting that the pool cannot serve.
    """
    settings = replace(config, replicates=1)  # decisions have no intervals
    compared = replayed(pool, settings, runs_of(pool), given=given, strict=strict, decided=(place,), notify=notify)
    rows = () if compared.outcome is None else compared.outcome.rows
    decisions = [row.decisions[0] for row in rows if row.decisions is not None]
    pool, grader = scored_and_graded(pool, config)
    question = plain(question_mapping(pool.entries[place], decisions, grader=grader, most=None))
    missing = [*([compared.missing] if compared.missing else []), *_missing(question)]
    return ShownQuestion(question, [row.name for row in rows], missing, compared.skipped)


def _missing(question: Mapping[str, Any]) -> list[str]:
    """Return a sentence on the fields that no sample of a question has."""
    samples: Sequence[Mapping[str, Any]] = question["samples"]
    fields = {"right": "grades", "confidence": "confidences", "tokens": "token counts"}
    lacking = [words for name, words in fields.items() if all(sample[name] is None for sample in samples)]
    if not any(sample["text"] for sample in samples):
        lacking.append("texts")
    return [f"Not in the pool: {', '.join(lacking)} of {counted(len(samples), 'sample')}."] if lacking else []


def _near(name: str, ids: Sequence[str]) -> list[str]:
    """Return ids that contain the name, else those that are spelled like it, at most :data:`NEAR`."""
    from difflib import get_close_matches

    lower = name.lower()
    containing = [one for one in ids if lower in one.lower()]
    return (containing or get_close_matches(name, ids, n=NEAR))[:NEAR]
