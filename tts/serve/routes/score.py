"""``POST /v1/score``: verdicts on answers that are given."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from tts.runtime.ledger import NOTHING
from tts.serve.errors import ApiError, bad_request, time_limit
from tts.serve.models import OpenedModel
from tts.serve.replies import json_response, step_object, usage_of_tokens, verdict_object
from tts.serve.requests.chat import over
from tts.serve.requests.texts import checked_text
from tts.serve.routes.body_route import BodyRoute
from tts.serve.state import State


class Pair(BaseModel):
    """A question and an answer."""

    model_config = ConfigDict(strict=True, extra="forbid")

    question: str
    answer: str


class ScoreRequest(BaseModel):
    """A request: ``question`` with ``answer`` or ``answers``, or ``pairs``."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid")

    model: str
    question: str | None = None
    answer: str | None = None
    answers: list[str] | None = Field(default=None, min_length=1)
    pairs: list[Pair] | None = Field(default=None, min_length=1)
    draws: int | None = Field(default=None, ge=0)
    steps: bool = False
    time_limit_s: float | None = Field(default=None, gt=0.0)
    user: str | None = None


def router(state: State) -> APIRouter:
    """Return the route."""
    routes = APIRouter(route_class=BodyRoute)

    @routes.post("/v1/score")
    async def score(body: ScoreRequest, request: Request) -> Response:
        model, strategy = state.models.find(body.model)
        if strategy is not None:
            raise bad_request("a verdict has no strategy: give the model alone, and draws=N", "model")
        state.check_allowed(request.state.key, model.name)
        limits, pairs = state.config.limits, _pairs(body)
        if len(pairs) > limits.answers:
            raise over("the number of answers", len(pairs), limits.answers)
        if body.draws is not None and body.draws > limits.budget:
            raise over("draws", body.draws, limits.budget)
        seconds = state.seconds(body.time_limit_s)
        facts = request.state.exchange.facts
        facts.update(model=model.name, answers=len(pairs))
        with state.question(request.state.key):
            verdicts = await model.verifier.score_in_loop(
                pairs, draws=body.draws, time_limit_s=seconds, caches=state.caches(model.parts)
            )
            data: list[dict[str, Any]] = [
                {"index": number, "object": "verdict", **verdict_object(verdict)}
                for number, verdict in enumerate(verdicts)
            ]
            if body.steps:
                await _add_steps(model, data, pairs, state.seconds(body.time_limit_s))
        usage = sum((verdict.usage for verdict in verdicts), NOTHING)
        facts["tokens"] = usage.total
        return json_response({"object": "list", "model": body.model, "data": data, "usage": usage_of_tokens(usage)})

    return routes


async def _add_steps(
    model: OpenedModel, data: Sequence[dict[str, Any]], pairs: Sequence[tuple[str, str]], seconds: float
) -> None:
    """Add the scores of the steps of each answer.

    Raises:
        ApiError: the time was up before all of them were read.
        UnsupportedError: the scorer judges whole texts alone.
    """
    try:
        async with asyncio.timeout(seconds):
            for row, (question, answer) in zip(data, pairs, strict=True):
                steps = await model.verifier.steps_in_loop(question, answer)
                row["steps"] = [step_object(step) for step in steps]
    except TimeoutError:
        raise time_limit(seconds, "all steps were read") from None


def _pairs(body: ScoreRequest) -> list[tuple[str, str]]:
    """Return the questions and answers of a request.

    Raises:
        ApiError: none, or several forms of them; or one that is no valid text.
    """
    forms = [body.answer is not None, body.answers is not None, body.pairs is not None]
    if sum(forms) != 1 or (body.pairs is None) == (body.question is None):
        raise _wrong_form()
    if body.pairs is not None:
        return [
            (checked_text(pair.question, f"pairs[{n}].question"), _answer(pair.answer, f"pairs[{n}].answer"))
            for n, pair in enumerate(body.pairs)
        ]
    question = checked_text(body.question, "question")
    if body.answer is not None:
        return [(question, _answer(body.answer, "answer"))]
    return [(question, _answer(answer, f"answers[{n}]")) for n, answer in enumerate(body.answers or ())]


def _answer(text: str, where: str) -> str:
    """Return an answer, which may be empty.

    Raises:
        ApiError: it holds half of a character.
    """
    return checked_text(text, where) if text.strip() else text


def _wrong_form() -> ApiError:
    return bad_request(
        "the request must have question with answer or answers, or pairs of both: give one form", "answer"
    )
