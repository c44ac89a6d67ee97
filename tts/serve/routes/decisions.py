"""``POST /v1/decisions``: probabilities of statements about messages, as ``client.decisions.create`` asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from tts.agent.answer import Answer
from tts.agent.answer_text import read_answer
from tts.agent.verdict import Verdict
from tts.runtime.ledger import NOTHING
from tts.serve.errors import bad_request
from tts.serve.models import OpenedModel
from tts.serve.replies import json_response, verdict_object, votes_of
from tts.serve.requests.decisions import Choice, DecisionRequest, Question, Subject, check_questions, subject_of
from tts.serve.routes.body_route import BodyRoute
from tts.serve.state import State
from tts.types import Usage


def router(state: State) -> APIRouter:
    """Return the route."""
    routes = APIRouter(route_class=BodyRoute)

    @routes.post("/v1/decisions")
    async def decisions(body: DecisionRequest, request: Request) -> Response:
        model, strategy = state.models.find(body.model)
        if strategy is not None:
            raise bad_request("decisions have no strategy: give the model alone", "model")
        state.check_allowed(request.state.key, model.name)
        subject = subject_of(body)
        check_questions(body.questions, subject)
        facts = request.state.exchange.facts
        facts.update(model=model.name, questions=len(body.questions))
        with state.question(request.state.key):
            answers, usage = await _decided(state, model, subject, body.questions)
        facts["tokens"] = usage.total
        return json_response({"model": body.model, "answers": answers, "usage": _usage(usage)})

    return routes


async def _decided(
    state: State, model: OpenedModel, subject: Subject, questions: Sequence[Question]
) -> tuple[list[dict[str, Any]], Usage]:
    """Return the answers to questions about one subject, and their tokens; the text is judged once."""
    loop, verdict, usage, answers = asyncio.get_running_loop(), None, NOTHING, []
    last = loop.time() + state.seconds()
    for question in questions:
        left = state.seconds(max(last - loop.time(), 1e-3))
        if question.type == "predicate":
            if verdict is None:
                pair = (subject.problem, subject.answer or "")
                caches = state.caches(model.parts)
                [verdict] = await model.verifier.score_in_loop([pair], time_limit_s=left, caches=caches)
                usage += verdict.usage
            answers.append(_predicate(question, verdict))
        else:
            found, spent = await _choice(state, model, subject, question, left)
            answers.append(found)
            usage += spent
    return answers, usage


def _predicate(question: Question, verdict: Verdict) -> dict[str, Any]:
    """Return P(right) of the answer; without a score it is a refusal."""
    named = {"name": question.name, "tts": verdict_object(verdict)}
    probability = verdict.score if verdict.p_correct is None else verdict.p_correct
    if probability is None:
        return {"type": "refusal", **named}
    return {"type": "predicate", "probability": probability, **named}


async def _choice(
    state: State, model: OpenedModel, subject: Subject, question: Question, seconds: float
) -> tuple[dict[str, Any], Usage]:
    """Return the candidates' shares of the votes among draws of the question; a refusal where none has a vote."""
    problem, extract = subject.problem, model.parts.task.extract
    names: dict[str, Choice] = {}
    for choice in question.choices or ():
        text = str(choice.value)
        found = read_answer(problem, text, extract)
        names.setdefault(text if found is None else found.answer, choice)
    async with state.cache(model.parts, problem, None) as cache:
        answer = await model.usual.solve_in_loop(problem, time_limit_s=seconds, known_answers=tuple(names), cache=cache)
    weights = _weights(answer, names)
    total = sum(weights.values())
    head = {"name": question.name, "tts": {"votes": votes_of(answer), "samples": len(answer.samples)}}
    if not total:
        return {"type": "refusal", **head}, answer.usage
    best = max(weights, key=lambda name: (weights[name], name == answer.answer))
    shares = {names[name].value: weight / total for name, weight in weights.items()}
    rows = [{"value": choice.value, "probability": shares.get(choice.value, 0.0)} for choice in question.choices or ()]
    decided = {"choice": names[best].value, "confidence": weights[best] / total, "probabilities": rows}
    return {"type": "choice", **decided, **head}, answer.usage


def _weights(answer: Answer, names: dict[str, Choice]) -> dict[str, float]:
    """Return the weight of each candidate: the confidences of its samples; their number where these are 0 or none."""
    given = [sample for sample in answer.samples if sample.answer in names]
    counted = not any(sample.confidence for sample in given)
    weights = dict.fromkeys(names, 0.0)
    for sample in given:
        weights[sample.answer or ""] += 1.0 if counted else sample.confidence or 0.0
    return weights


def _usage(usage: Usage) -> dict[str, Any]:
    read = usage.prompt + usage.prompt_cached + usage.scorer_prefill
    return {
        "input_tokens": read,
        "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": usage.prompt_cached},
        "output_tokens": usage.generated,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.total,
    }
