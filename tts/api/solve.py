"""One question, one answer: :func:`solve` draws as many samples as its strategy needs, and stops."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tts.api.settings import configured, named
from tts.api.solver import Answer, SolveConfig, check_question, open_solver
from tts.engines.loop import LOOP
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
    **settings: Any,
) -> Answer:
    """Answer one question with as many samples as the strategy needs.

        tts.solve("Jack has 11 beads. He buys 4 more beads. How many beads does Jack have now?")

    The model stays open until :func:`tts.close`, so that later calls load nothing. Works in any thread, and inside a
    running event loop; :func:`asolve` is the same for coroutines.

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
        settings: keys of the engine by name, such as ``temperature``, ``device`` or ``kind``; and ``lookahead``.

    Raises:
        InputError: an argument that cannot be used; nothing has been drawn then.
        UnsupportedError: the extra for this kind of engine is not installed.
        EngineError: the engine failed.
    """
    check_question(question)
    solver = open_solver(
        _configured(
            model=model,
            strategy=strategy,
            budget=budget,
            scorer=scorer,
            template=template,
            system=system,
            chat=chat,
            **settings,
        )
    )
    solver.warn_of_unknown_words(question)
    return LOOP.run(solver.solve(question))


async def asolve(question: str, **arguments: Any) -> Answer:
    """Answer one question as :func:`solve` does, without blocking the running event loop.

    Args:
        question: the question, as text.
        arguments: those of :func:`solve`.

    Raises:
        InputError: as :func:`solve`.
    """
    check_question(question)
    solver = await asyncio.to_thread(open_solver, _configured(**arguments))
    solver.warn_of_unknown_words(question)
    return await LOOP.wait(solver.solve(question))


def _configured(*, strategy: Any = None, scorer: Any = None, model: str = "grace", **settings: Any) -> SolveConfig:
    given = {"engine.model": model, "scorer": named(scorer)}
    own = isinstance(strategy, Strategy)
    config = configured(SolveConfig, "tts.solve", {**given, "strategy": None if own else strategy}, **settings)
    return replace(config, strategy=strategy) if own else config
