"""Answers and verdicts as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import uuid4

from starlette.responses import Response

from tts.agent.answer import Answer, VotedCall
from tts.agent.solver import Solver
from tts.agent.verdict import StepScore, Verdict
from tts.types import End, Usage, mass_line


def json_response(content: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response; its text is ASCII, so that any text of a model can be sent."""
    return Response(
        json.dumps(content), headers=None if headers is None else dict(headers), media_type="application/json"
    )


def usage_of_tokens(usage: Usage) -> dict[str, Any]:
    """Return tokens in OpenAI's terms: those that were read, and those that were drawn, whatever for."""
    prompt = usage.prompt + usage.prompt_cached + usage.scorer_prefill
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.generated,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.prompt_cached},
    }


def is_abstention(answer: Answer) -> bool:
    """Return whether an answer is not to be used: there is none, or the promise does not let it through."""
    return answer.answer is None or answer.accept is False


def votes_of(answer: Answer) -> list[dict[str, Any]]:
    """Return the answers of the samples, the winner first, each with its number and its share of those with one."""
    counts = Counter(sample.answer for sample in answer.samples if sample.answer is not None)
    total = sum(counts.values())
    ranked = sorted(counts.items(), key=lambda one: (one[0] != answer.answer, -one[1]))
    return [{"answer": name, "share": n / total, "n": n} for name, n in ranked]


def tts_object(answer: Answer, solver: Solver) -> dict[str, Any]:
    """Return everything about an answer that OpenAI's shape has no place for."""
    drift = solver.metrics
    return {
        "answer": answer.answer,
        "p_correct": answer.p_correct,
        "vote_share": answer.vote_share,
        **mass_line(answer),
        "accept": answer.accept,
        "abstained": is_abstention(answer),
        "samples": len(answer.samples),
        "stopped": answer.stopped_by,
        "votes": votes_of(answer),
        "usage": asdict(answer.usage),
        "calibrated": answer.calibrated,
        "promise": answer.promise,
        "drift": bool(drift["void"]) if drift else None,
        "strategy": answer.strategy,
        "budget": solver.parts.config.budget,
        **({"calls": [{"name": c.name, "agreement": dict(c.agreement)} for c in answer.calls]} if answer.calls else {}),
    }


def headers_of(answer: Answer) -> dict[str, str]:
    """Return the numbers of an answer as headers, for clients that keep headers and drop fields they do not know."""
    numbers = {"x-tts-p-correct": answer.p_correct, "x-tts-vote-share": answer.vote_share}
    flags = {"x-tts-accept": answer.accept, "x-tts-certified": answer.certified}
    found = {name: f"{value:.6g}" for name, value in numbers.items() if value is not None}
    return found | {name: str(value).lower() for name, value in flags.items() if value is not None}


def message_of(answer: Answer, on_abstain: str) -> tuple[dict[str, Any], str]:
    """Return the assistant's message and its finish reason; a refusal holds no text of a sample."""
    if on_abstain == "refuse" and is_abstention(answer):
        return {"role": "assistant", "content": None, "refusal": refusal_of(answer)}, "stop"
    if answer.calls:
        calls = [_call(call) for call in answer.calls]
        return {"role": "assistant", "content": answer.text or None, "refusal": None, "tool_calls": calls}, "tool_calls"
    chosen = [sample for sample in answer.samples if answer.answer is not None and sample.answer == answer.answer]
    chosen = chosen or [sample for sample in answer.samples if sample.end is not End.FAILED]
    best = max(chosen, key=lambda sample: sample.confidence or 0.0, default=None)
    text = answer.text if answer.text is not None else best.text if best is not None else ""
    finish = "length" if best is not None and best.end is End.LENGTH else "stop"
    return {"role": "assistant", "content": text, "refusal": None}, finish


def _call(call: VotedCall) -> dict[str, Any]:
    """Return a call in OpenAI's shape; one without an id gets one, by which the tool's reply can name it."""
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id or f"call_{uuid4().hex[:24]}", "type": "function", "function": function}


def refusal_of(answer: Answer) -> str:
    """Return one sentence on why an answer is held back; it does not hold the answer."""
    if answer.answer is None:
        return f"No answer could be read from {len(answer.samples)} samples."
    known = "" if answer.p_correct is None else f" (estimate that it is right: {answer.p_correct:.2f})"
    why = "the promise does not cover it" if answer.promise == "void" else "it is below the promised threshold"
    return f"The answer is held back{known}: {why}."


def verdict_object(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict."""
    return {
        "p_correct": verdict.p_correct,
        "accept": verdict.accept,
        "abstained": verdict.abstained,
        "reason": verdict.reason,
        "promise": verdict.promise,
        "calibrated": verdict.calibrated,
        "how": verdict.how,
        "score": verdict.score,
        "answer": verdict.answer,
        "usage": asdict(verdict.usage),
    }


def step_object(step: StepScore) -> dict[str, Any]:
    """Return the score of a step."""
    return {"step": step.step, "score": step.score}
