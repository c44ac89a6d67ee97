"""The checks of a training before and during the drawing of its responses: what cannot end well ends early."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from evals.live.hooks import Hooks, ProgressListener
from evals.tasks import Task
from evals.training.config import FineceConfig, GraceConfig
from tts.engines.hf.device import pick
from tts.errors import InputError
from tts.training.base_model import check_base
from tts.training.checkpoint import CHECKPOINT, check
from tts.training.method import TrainingMethod
from tts.training.responses import held_out_questions

ENOUGH_QUESTIONS = 32
ENOUGH_RESPONSES = 128
"""Responses of this many questions, and this many of them, that are all right or all wrong end the drawing."""


def check_training(config: GraceConfig | FineceConfig, task: Task, method: TrainingMethod) -> TrainingMethod:
    """Check everything that is known before a model is loaded or a response drawn.

    Args:
        config: of the training.
        task: the questions.
        method: the training method.

    Returns:
        The method for this base model.

    Raises:
        InputError: no such device; the base cannot take the method; a checkpoint belongs to another training; or the
            questions, where responses are drawn, cannot be graded, are too few or lack the solutions that the recipe
            needs.
    """
    pick(config.engine.device)
    check_base(config.engine, config.recipe)
    method = method.for_base(config.engine)
    model, revision = config.engine.identity
    check(Path(str(config.out)) / CHECKPOINT, asdict(config.recipe), {"model": model, "revision": revision})
    if config.pool is None:
        _check_questions(config, task)
    return method


def _check_questions(config: GraceConfig | FineceConfig, task: Task) -> None:
    count, recipe = len(task.problems), config.recipe
    if not task.graded:
        raise InputError(
            f"{task.name} has no right answers, and a model learns which of its responses are right: give a task with "
            "answers, or pool=POOL with graded responses"
        )
    trained = count - held_out_questions(count, recipe.held_out)
    least = 1
    if isinstance(config, GraceConfig):
        least = config.recipe.targets.folds if config.recipe.targets.kind == "probe" else 1
        missing = sum(problem.id not in task.solutions for problem in task.problems)
        if config.recipe.anchor == "solution" and missing:
            raise InputError(
                f"recipe.anchor=solution needs a worked solution of every problem and {missing} of {task.name} have "
                "none: give a task that has them, or recipe.anchor=base"
            )
    if trained < least:
        raise InputError(
            f"{count} questions with recipe.held_out={recipe.held_out:g} leave {trained} to be trained on, and at "
            f"least {least} are needed: give more questions (task.questions)"
        )


def ending_early(hooks: Hooks, path: Path, *, each: int) -> Hooks:
    """Return hooks that end the drawing where the first responses are all right or all wrong.

    Args:
        hooks: the caller's.
        path: the pool that is drawn into, which the sentence names.
        each: responses to a question, at least.
    """
    enough = max(ENOUGH_QUESTIONS, math.ceil(ENOUGH_RESPONSES / each))

    @contextmanager
    def watched(drawn: Callable[[], int]) -> Iterator[ProgressListener]:
        with hooks.progress(drawn) as listener:
            yield _BothGrades(listener, path, enough)

    return replace(hooks, progress=watched)


class _BothGrades:
    """A listener that ends the drawing after enough questions whose responses are all right or all wrong."""

    def __init__(self, inner: ProgressListener, path: Path, enough: int) -> None:
        self._inner, self._path, self._enough = inner, path, enough
        self._done, self._right = 0, 0.0

    def start(self, label: str, questions: int) -> None:
        self._inner.start(label, questions)

    def advance(self, right: float | None) -> None:
        self._inner.advance(right)
        self._done += 1
        self._right += right or 0.0
        if self._done == self._enough and self._right in (0.0, float(self._done)):
            which, other = ("right", "harder") if self._right else ("wrong", "easier")
            raise InputError(
                f"every response to the first {self._done} questions is {which}: a model learns from right and wrong "
                f"ones, so give {other} questions, or another model or prompt; {self._path} holds the responses"
            )

    def refresh(self) -> None:
        self._inner.refresh()

    def finish(self) -> None:
        self._inner.finish()
