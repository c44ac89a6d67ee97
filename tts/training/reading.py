"""Graded responses of a pool as their texts, in the tokens of another reader than the model that drew them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tts.pool import Pool
from tts.training.gradable import check_grades, check_pool, usable
from tts.training.responses import Ids, Response
from tts.types import Problem

Write = Callable[[Problem, Sequence[str]], Sequence[tuple[Ids, Ids]]]
"""From a problem and texts to the tokens of prompt and text of each."""


def read_texts(
    pool: Pool,
    *,
    model: str,
    write: Write,
    context: int | None = None,
    advance: Callable[[int], None] = lambda questions: None,
) -> tuple[Response, ...]:
    """Return the graded responses of a pool in the tokens that ``write`` gives.

    Args:
        pool: samples that the base model drew.
        model: the base model's name.
        write: gives the tokens of the texts of one problem.
        context: the most tokens of prompt and text; longer responses are left out. None leaves out none.
        advance: receives 1 after each question.

    Raises:
        InputError: as :func:`~tts.training.responses.check_pool`.
    """
    check_pool(pool, model)
    found: list[Response] = []
    for number, entry in enumerate(pool.entries):
        graded = [(one, grade) for one, grade in usable(entry, False) if grade is not None and one.text]
        written = write(entry.problem, [one.text for one, _ in graded])
        for (sample, grade), (prompt, ids) in zip(graded, written, strict=True):
            if context is None or len(prompt) + len(ids) <= context:
                found.append(Response(number, prompt, ids, False, bool(grade), sample.answer))
        advance(1)
    check_grades(pool, [one.correct for one in found])
    return tuple(found)
