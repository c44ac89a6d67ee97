"""The checks of a training before and during the drawing of its responses: what cannot end well ends early."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from evals.live.hooks import Hooks, ProgressListener, QuestionCost
from evals.tasks import Task
from evals.training.config import FineceConfig, GraceConfig, HeadConfig, RewardConfig
from tts.engines.hf.device import pick
from tts.errors import InputError
from tts.training.base_model import check_base
from tts.training.checkpoint import CHECKPOINT, check
from tts.training.method import TrainingMethod
from tts.training.responses import held_out_questions

ENOUGH_QUESTIONS = 32
ENOUGH_RESPONSES = 128
"""Responses of this many questions, and this many of them, that are all right or all wrong end the drawing."""


def check_training(
    config: GraceConfig | FineceConfig | RewardConfig, task: Task, method: TrainingMethod
) -> TrainingMethod:
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
        least = 1
        if isinstance(config, GraceConfig):
            least = config.recipe.targets.folds if config.recipe.targets.kind == "probe" else 1
        check_questions(task, config.recipe.held_out, least=least)
        if isinstance(config, GraceConfig) and config.recipe.anchor == "solution":
            _check_solutions(task)
    return method


def check_head(config: HeadConfig, task: Task) -> None:
    """Check everything about a head that is known before a model is loaded or a response drawn.

    Raises:
        InputError: no such device or auxiliary model; or the questions, where responses are drawn, cannot be graded or
            are too few.
    """
    pick(config.engine.device)
    auxiliary = config.recipe.auxiliary
    if auxiliary is not None and not (Path(auxiliary).expanduser() / "config.json").is_file():
        raise InputError(f"recipe.auxiliary {auxiliary}: no model there; give the directory of a transformers model")
    if config.pool is None:
        check_questions(task, config.recipe.held_out, least=config.recipe.least_questions)


def check_questions(task: Task, held_out: float, *, least: int = 1) -> None:
    """Check that there are questions to draw responses to.

    Args:
        task: the questions.
        held_out: share of them that is held out.
        least: the fewest questions to train on.

    Raises:
        InputError: they cannot be graded or are too few.
    """
    count = len(task.problems)
    if not task.graded:
        raise InputError(
            f"{task.name} has no right answers, and a model learns which of its responses are right: give a task with "
            "answers, or pool=POOL with graded responses"
        )
    trained = count - held_out_questions(count, held_out)
    if trained < least:
        raise InputError(
            f"{count} questions with recipe.held_out={held_out:g} leave {trained} to be trained on, and at "
            f"least {least} are needed: give more questions (task.questions)"
        )


def _check_solutions(task: Task) -> None:
    missing = sum(problem.id not in task.solutions for problem in task.problems)
    if missing:
        raise InputError(
            f"recipe.anchor=solution needs a worked solution of every problem and {missing} of {task.name} have "
            "none: give a task that has them, or recipe.anchor=base"
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

    def start(self, label: str, questions: int, budget: int | None = None) -> None:
        self._inner.start(label, questions, budget)

    def advance(self, right: float | None, cost: QuestionCost | None = None) -> None:
        self._inner.advance(right, cost)
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
