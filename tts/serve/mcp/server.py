"""The MCP server: the tools ``verify`` and ``solve`` on open models, over stdio or HTTP.

Runs in the event loop that owns every engine, so that a call that is cancelled frees its rows within one step.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from typing import Annotated, Any
from uuid import uuid4

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field

from tts import __version__
from tts.agent.question import problem_of
from tts.agent.unknown_words import listed, unknown_words
from tts.errors import InputError
from tts.serve.config import ServeLimits
from tts.serve.errors import failure_of, time_limit, unknown_model
from tts.serve.mcp.calls import Calls
from tts.serve.models import Models, OpenedModel
from tts.strategy import TIME_LIMIT
from tts.types import Sample

LOG = logging.getLogger("tts.serve")
INSTRUCTIONS = (
    "Tells how likely an answer to a question is right. `verify` judges an answer that you have: a text with its "
    "working is read, a bare answer is checked by samples. `solve` answers a question with as many samples as needed. "
    "Where `accept` is false, do not use the answer; where it is null, no promise is loaded and `p_correct` is all."
)
READ_ONLY = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
QuestionText = Annotated[str, Field(description="the question")]
AnswerText = Annotated[str, Field(description="a text with its working, or a bare answer such as 18")]
Draws = Annotated[int | None, Field(description="the most samples that check the answer; 0 reads the text as it is")]
Budget = Annotated[int | None, Field(description="the most samples")]
Seconds = Annotated[float | None, Field(description="seconds until there must be an answer")]


class Verdict(BaseModel):
    """The verdict on an answer."""

    p_correct: float | None = Field(description="the calibrated probability that the answer is right; null without one")
    accept: bool | None = Field(description="whether the answer may be used under the promise; null without a promise")
    reason: str = Field(description="why the judging ended, or why there is no score")
    promise: str = Field(description="kept, void, or none where no promise is loaded")
    calibrated: bool = Field(description="whether a calibration is loaded for this way of judging")
    how: str = Field(description="read: one pass over the text; draw(N): at most N fresh samples")
    score: float | None = Field(description="the raw score in [0, 1]; null for an abstention")
    answer: str | None = Field(description="the answer that was judged; null where none could be read")
    usage: dict[str, int] = Field(description="tokens by cause")


class Solution(BaseModel):
    """The answer to a question."""

    answer: str | None = Field(description="the answer; null where no sample could be read")
    text: str | None = Field(description="the text of the most confident sample with this answer")
    p_correct: float | None = Field(description="the probability that the answer is right; null where there is none")
    calibrated: bool = Field(description="whether p_correct is calibrated")
    vote_share: float | None = Field(description="the answer's share of the votes, which is no probability")
    certified: bool | None = Field(description="whether no further sample can change the model's most probable answer")
    masses: dict[str, float] | None = Field(description="the probability of the distinct texts drawn, by answer")
    unseen_mass: float | None = Field(description="the probability of all other texts; null where they are not known")
    accept: bool | None = Field(description="whether the answer may be used under the promise; null without a promise")
    promise: str = Field(description="kept, void, or none where no promise is loaded")
    samples: int = Field(description="the samples that were drawn")
    stopped: str = Field(description="the rule that ended the drawing, budget or time_limit")
    strategy: str = Field(description="the strategy's name")
    note: str | None = Field(description="why the answer may mean little; null otherwise")
    usage: dict[str, int] = Field(description="tokens by cause")


def create_mcp(models: Models, limits: ServeLimits, calls: Calls | None = None) -> MCPServer[Any]:
    """Return the MCP server of models; a call that names none asks the first one.

    Args:
        models: the open models.
        limits: the most that a call may ask for.
        calls: their account; None keeps none.
    """
    calls = calls or Calls()
    with own_logging():
        server: MCPServer[Any] = MCPServer("tts", version=__version__, instructions=INSTRUCTIONS, subscriptions=False)
    seconds, first = limits.time_limit_s, next(iter(models))
    budgets = ", ".join(
        f"{one.budget} if left out{f' for {name}' if len(models) > 1 else ''}" for name, one in models.items()
    )
    verify_text = f"Tell how likely an answer to a question is right. draws: 0 to {limits.budget}."
    solve_text = (
        "Answer a question with as many samples as it needs, and tell how likely the answer is right. budget: 1 to "
        f"{limits.budget}, {budgets}; time_limit_s: above 0 to {seconds:g}."
    )

    async def verify(
        question: QuestionText,
        answer: AnswerText,
        context: Context[Any, Any],
        draws: Draws = None,
        model: str | None = None,
    ) -> Verdict:
        with failing():
            asked = _found(models, model or first)
            with calls.question(context, asked.name):
                check("draws", draws, 0, limits.budget)
                async with progress(context, _draws(asked) if draws is None else draws) as drawn:
                    work = asked.verifier.score_in_loop(
                        [(question, answer)],
                        draws=draws,
                        time_limit_s=seconds,
                        drawn=drawn,
                        caches=calls.caches(asked.parts),
                    )
                    [verdict] = await calls.run(context, work)
        return Verdict(usage=asdict(verdict.usage), **_named(verdict, Verdict))

    async def solve(
        question: QuestionText,
        context: Context[Any, Any],
        budget: Budget = None,
        time_limit_s: Seconds = None,
        model: str | None = None,
    ) -> Solution:
        with failing():
            asked = _found(models, model or first)
            with calls.question(context, asked.name):
                check("budget", budget, 1, limits.budget)
                if time_limit_s is not None and not 0.0 < time_limit_s <= seconds:
                    raise InputError(f"time_limit_s must be above 0 and at most {seconds:g}, got {time_limit_s:g}")
                solver, problem = await asked.solver_in_loop(budget=budget), problem_of(question)
                async with (
                    calls.caches(solver.parts)(problem) as cache,
                    progress(context, budget or asked.budget) as drawn,
                ):
                    work = solver.solve_in_loop(problem, time_limit_s=time_limit_s or seconds, drawn=drawn, cache=cache)
                    found = await calls.run(context, work)
                if found.stopped_by == TIME_LIMIT and not found.samples:
                    raise time_limit(time_limit_s or seconds)
                calls.answered(context, question, found)
        return Solution(
            samples=len(found.samples),
            stopped=found.stopped_by,
            usage=asdict(found.usage),
            note=_note(asked, problem.question),
            **_named(found, Solution, but=("samples", "stopped", "usage", "note")),
        )

    named = Field(description=f"the model, {first} if left out", json_schema_extra=_listed(models))
    for tool in (verify, solve):
        tool.__annotations__["model"] = Annotated[str | None, named]
    server.tool(title="Verify an answer", description=verify_text, annotations=READ_ONLY)(verify)
    server.tool(title="Solve a question", description=solve_text, annotations=READ_ONLY)(solve)
    return server


def _listed(models: Models) -> dict[str, Any]:
    """Return what a schema says beside the type of a model's name: the names, where there are several."""
    return {"enum": [*models, None]} if len(models) > 1 else {}


def _found(models: Models, name: str) -> OpenedModel:
    """Return the model of a name.

    Raises:
        ApiError: there is none.
    """
    if name not in models:
        raise unknown_model(name, ", ".join(models))
    return models[name]


@contextmanager
def own_logging() -> Iterator[None]:
    """Keep the SDK from setting up the log of the whole process, which it does where there is no handler yet."""
    root, handler = logging.getLogger(), logging.NullHandler()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


@contextmanager
def failing() -> Iterator[None]:
    """Turn errors into those of a tool.

    The log gets the traceback of a bug, without the exception's text, which may hold a question.

    Raises:
        ToolError: with the sentence of the error table.
    """
    try:
        yield
    except Exception as error:
        failure = failure_of(error, request_id=(id := uuid4().hex), wait_s=1)
        if failure.code == "internal":
            trace = "".join(traceback.format_tb(error.__traceback__))
            LOG.error("call %s failed: %s\n%s", id, type(error).__name__, trace)
        raise ToolError(failure.message) from None


def check(name: str, value: int | None, least: int, most: int) -> None:
    """Refuse a number out of range.

    Raises:
        InputError: naming it.
    """
    if value is not None and not least <= value <= most:
        raise InputError(f"{name} must be from {least} to {most}, got {value}")


@asynccontextmanager
async def progress(context: Context[Any, Any], total: int) -> AsyncIterator[Callable[[Sample], None]]:
    """Yield what counts samples; each is reported to the client, in order, before the context is left.

    Args:
        context: of the call.
        total: the most samples.
    """
    counts: asyncio.Queue[int] = asyncio.Queue()
    ended = 0

    def drawn(sample: Sample) -> None:
        nonlocal ended
        ended += 1
        counts.put_nowait(ended)

    async def report() -> None:
        while count := await counts.get():
            await context.report_progress(count, max(total, count), f"{count} of at most {total} samples")

    reporting = asyncio.ensure_future(report())
    try:
        yield drawn
        counts.put_nowait(0)
        await reporting
    finally:
        reporting.cancel()


def _note(model: OpenedModel, question: str) -> str | None:
    """Return a sentence on words of a question that the model has no token for; None where there are none."""
    words = unknown_words(model.parts.engine, question)
    return f"the model has no token for these words of the question: {listed(words)}" if words else None


def _draws(model: OpenedModel) -> int:
    return model.parts.config.draws


def _named(found: object, shape: type[BaseModel], but: tuple[str, ...] = ("usage",)) -> Mapping[str, Any]:
    """Return the fields of a shape that an object has by the same name."""
    return {name: getattr(found, name) for name in shape.model_fields if name not in but}
