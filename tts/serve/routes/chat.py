"""``POST /v1/chat/completions``: a question answered with as many samples as it needs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from tts.agent.answer import Answer
from tts.agent.solver import Solver
from tts.answers.tools.calls import CallReader
from tts.engines.sampling import SamplingChange
from tts.errors import UNREADABLE, DrawsFailedError, InputError, UnsupportedError
from tts.serve.errors import ApiError, bad_request, shutting_down, time_limit
from tts.serve.gateway import reported
from tts.serve.models import OpenedModel
from tts.serve.replies import headers_of, json_response, message_of, tts_object, usage_of_tokens
from tts.serve.requests.chat import ChatRequest, check_fields, over, problem_of_chat, sampling_of
from tts.serve.routes.body_route import BodyRoute
from tts.serve.state import State
from tts.serve.stream import DONE, KEEP_ALIVE_S, EventStream, event, waited
from tts.strategy import TIME_LIMIT
from tts.types import Problem

FIRST_STEPS = 4
"""Turns of the event loop in which a question that is refused at once has been refused."""


@dataclass(frozen=True)
class Asked:
    """A question that was checked.

    Attributes:
        body: the request.
        model: the model's name.
        solver: answers it.
        problem: the question.
        sampling: the parameters that it changes.
        time_limit_s: seconds until it must be decided.
    """

    body: ChatRequest
    model: str
    solver: Solver
    problem: Problem
    sampling: SamplingChange | None
    time_limit_s: float


def router(state: State) -> APIRouter:
    """Return the route."""
    routes = APIRouter(route_class=BodyRoute)

    @routes.post("/v1/chat/completions", responses={200: {"content": {"text/event-stream": {}}}})
    async def completions(body: ChatRequest, request: Request) -> Response:
        asked = await _asked(state, body, request)
        exchange, id = request.state.exchange, f"chatcmpl-{request.state.request_id}"
        exchange.facts.update(model=asked.model, strategy=asked.solver.parts.planned.strategy.name)
        work = asyncio.ensure_future(_answer(state, asked, request))
        if body.stream:
            try:
                for _ in range(FIRST_STEPS):
                    await asyncio.sleep(0)
            except asyncio.CancelledError:
                work.cancel()
                raise
            if not work.done():
                return EventStream(_events(state, asked, request, id, work))
        try:
            answer = await work
        finally:
            work.cancel()
        if body.stream:
            return EventStream(_events(state, asked, request, id, work))
        return json_response(completion(id, asked, answer), headers_of(answer))

    return routes


async def _asked(state: State, body: ChatRequest, request: Request) -> Asked:
    """Return the question of a request, checked before any work.

    Raises:
        ApiError: a field that cannot be honoured.
        TTSError: a question or a combination that the model cannot take.
    """
    check_fields(body)
    limits, ours = state.config.limits, body.ours
    model, of_name = state.models.find(body.model)
    state.check_allowed(request.state.key, model.name)
    strategy = _agreed("strategy", ours.strategy, request.headers.get("x-tts-strategy"), of_name)
    budget = _agreed("budget", ours.budget, _budget(request.headers.get("x-tts-budget")))
    if budget is not None and budget > limits.budget:
        raise over("tts.budget", budget, limits.budget)
    problem = problem_of_chat(body)
    if body.tools:
        _check_tools(problem, model)
    elif body.tool_choice not in (None, "auto", "none"):
        raise bad_request(
            "tool_choice wants a call and the request has no tools: add tools, or leave it out", "tool_choice"
        )
    if body.stop and not model.parts.engine.capabilities.stop_texts:
        raise bad_request(
            f"model {model.name} ends no sample at texts of a request: leave stop out, or ask a model with "
            "engine.kind=openai",
            "stop",
            "unsupported_field",
        )
    sampling = sampling_of(body, model.parts.config.engine.sampling, limits)
    with suppress(UnsupportedError):  # an engine without tokens
        model.parts.engine.prompt_ids(problem)
    solver = await model.solver_in_loop(strategy, budget, ours.scorer)
    _check_alpha(ours.alpha, solver, model)
    return Asked(body, model.name, solver, problem, sampling, state.seconds(ours.time_limit_s))


def _check_tools(problem: Problem, model: OpenedModel) -> None:
    """Refuse tools that cannot be used.

    Raises:
        ApiError: the model calls none, or one of them or the choice is none.
    """
    if not model.parts.engine.capabilities.calls:
        raise bad_request(
            f"model {model.name} calls no tools here: leave tools out, or ask a model with engine.kind=openai", "tools"
        )
    try:
        CallReader(problem)
    except InputError as error:
        raise bad_request(str(error), str(error).partition(" ")[0]) from None


def _agreed(what: str, *given: Any) -> Any:
    """Return the one value that several places of a request name, or None.

    Raises:
        ApiError: they differ.
    """
    named = {value for value in given if value is not None}
    if len(named) > 1:
        raise bad_request(f"the request names two values of {what}: name one", f"tts.{what}")
    return named.pop() if named else None


def _budget(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text)):
        raise bad_request(
            f"the header x-tts-budget must be a whole number of at least 1, got {text!r:.40}", "tts.budget"
        )
    return int(text)


def _check_alpha(alpha: float | None, solver: Solver, model: OpenedModel) -> None:
    """Refuse a promise that is not loaded: of those with another share of wrong answers, a smaller one holds too.

    Raises:
        ApiError: there is none for this strategy and budget, or it allows more wrong answers.
    """
    if alpha is None:
        return
    promise = solver.promise
    if promise is None:
        raise bad_request(
            f"model {model.name} has no promise for this strategy, budget and scorer: leave tts.alpha out, or ask with "
            f"strategy {model.strategy} and budget {model.budget}",
            "tts.alpha",
        )
    if promise.alpha > alpha:
        raise bad_request(f"tts.alpha must be at least {promise.alpha:g}, the promise of {model.name}", "tts.alpha")


def _unreadable(asked: Asked, error: DrawsFailedError) -> ApiError:
    """Return the refusal of a scorer that can read nothing in the model's replies."""
    scorer, kind = asked.body.ours.scorer, asked.solver.parts.config.engine.kind
    return bad_request(
        f"scorer {scorer} can read nothing in the replies of model {asked.model} (engine.kind={kind}; {error}): "
        "choose another one, or leave tts.scorer out",
        "tts.scorer",
        "unsupported",
    )


async def _answer(state: State, asked: Asked, request: Request) -> Answer:
    """Return the answer of a question.

    Raises:
        ApiError: the time was up before one sample was finished, or the server or the key takes no more.
        TTSError: of the solver.
    """
    with state.question(request.state.key):
        async with state.cache(asked.solver.parts, asked.problem, asked.sampling) as cache:
            try:
                answer = await asked.solver.solve_in_loop(
                    asked.problem, time_limit_s=asked.time_limit_s, sampling=asked.sampling, cache=cache
                )
            except DrawsFailedError as error:
                if error.failure != UNREADABLE or asked.body.ours.scorer is None:
                    raise
                raise _unreadable(asked, error) from None
    known = {} if answer.certified is None else {"certified": str(answer.certified).lower()}
    request.state.exchange.facts.update(samples=len(answer.samples), tokens=answer.usage.total, **known)
    if answer.stopped_by == TIME_LIMIT and not answer.samples:
        raise shutting_down(state.wait_s) if state.ending else time_limit(asked.time_limit_s)
    state.answered(request, asked.problem.question, answer)
    return answer


def completion(id: str, asked: Asked, answer: Answer) -> dict[str, Any]:
    """Return the reply of a question that is not streamed."""
    message, finish = message_of(answer, asked.body.ours.on_abstain)
    return {
        **_head(id, asked, "chat.completion"),
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": usage_of_tokens(answer.usage),
        "tts": tts_object(answer, asked.solver),
    }


def _head(id: str, asked: Asked, kind: str) -> dict[str, Any]:
    return {"id": id, "object": kind, "created": int(time.time()), "model": asked.body.model}


async def _events(
    state: State, asked: Asked, request: Request, id: str, work: asyncio.Future[Answer]
) -> AsyncIterator[bytes]:
    """Yield the events of a stream: the role at once, and nothing of a sample before the decision."""
    head = _head(id, asked, "chat.completion.chunk")
    options = asked.body.stream_options
    counted = options is not None and bool(options.include_usage)
    more = {"usage": None} if counted else {}

    def chunk(delta: dict[str, Any], finish: str | None = None, **further: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return event({**head, "choices": [choice], **more, **further})

    yield chunk({"role": "assistant", "content": ""})
    async for comment in waited(work, KEEP_ALIVE_S):
        yield comment
    try:
        answer = work.result()
    except Exception as error:
        failure = reported(error, request.state.exchange, state)
        yield event(failure.content)
        return
    message, finish = message_of(answer, asked.body.ours.on_abstain)
    if texts := {name: message[name] for name in ("content", "refusal") if message[name] is not None}:
        yield chunk(texts)
    for index, call in enumerate(message.get("tool_calls", ())):
        yield chunk({"tool_calls": [{"index": index, **call}]})
    yield chunk({}, finish, tts=tts_object(answer, asked.solver))
    if counted:
        yield event({**head, "choices": [], "usage": usage_of_tokens(answer.usage)})
    yield DONE
