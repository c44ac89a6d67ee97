"""One question, one answer: :func:`solve` draws as many samples as its strategy needs, and stops."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from tts.agent.answer import Answer
from tts.agent.opening import configured, open_parts
from tts.agent.question import check_question
from tts.agent.solver import Solver
from tts.strategy import Strategy


def solve(
    question: str,
    *,
    model: str = "grace",
    strategy: str | Mapping[str, Any] | Strategy | None = None,
    budget: int = 16,
    scorer: str | Mapping[str, Any] | None = None,
    template: str | None = None,
    system: str | None = None,
    chat: bool | str = "auto",
    time_limit_s: float | None = None,
    **settings: Any,
) -> Answer:
    """Answer one question with as many samples as the strategy needs.

        tts.solve("Jack has 11 beads. He buys 4 more beads. How many beads does Jack have now?")

    The model stays open until :func:`tts.close`, so that later calls load nothing. Works in any thread, and inside a
    running event loop; :func:`asolve` is the same for coroutines. It is ``Solver.open(...).solve(question)`` in one
    line.

    Args:
        question: the question, as text.
        model: a bundled model ("tiny", "grace", "finece"), a directory, or a name on the hub or at a server.
        strategy: a name of the catalogue, a composed strategy, or an object with the methods of
            :class:`~tts.strategy.Strategy`; None takes grace_es for a GrACE model, adaptive_consistency for any other.
        budget: the most samples, >= 1.
        scorer: a scorer's name, or {name, calibration, ...}; None takes the model's own confidence, where it has one.
        template: the text around {question}; None takes the usual one for the model.
        system: the system message of a chat, or text before everything else; None takes the usual one.
        chat: whether to ask in chat messages, which need a model with a chat template; "auto" does so where it has one.
        time_limit_s: seconds until the question must be decided on the samples that are ready, > 0; None sets no limit.
        settings: keys of the engine by name, such as ``temperature``, ``device`` or ``kind``; and other keys of
            ``tts ask``, such as ``lookahead`` or ``answers``.

    Raises:
        InputError: an argument that cannot be used; nothing has been drawn then.
        UnsupportedError: the extra for this kind of engine is not installed.
        EngineError: the engine failed.
    """
    check_question(question)
    given = {"model": model, "budget": budget, "template": template, "system": system, "chat": chat, **settings}
    return _open(strategy=strategy, scorer=scorer, **given).solve(question, time_limit_s=time_limit_s)


async def asolve(question: str, *, time_limit_s: float | None = None, **arguments: Any) -> Answer:
    """Answer one question as :func:`solve` does, without blocking the running event loop.

    Args:
        question: the question, as text.
        time_limit_s: as for :func:`solve`.
        arguments: the others of :func:`solve`.

    Raises:
        InputError: as :func:`solve`.
    """
    check_question(question)
    solver = await asyncio.to_thread(_open, **arguments)
    return await solver.asolve(question, time_limit_s=time_limit_s)


def _open(*, strategy: Any = None, scorer: Any = None, **settings: Any) -> Solver:
    return Solver(open_parts(*configured("tts.solve", None, strategy, scorer, settings)))
