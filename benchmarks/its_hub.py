"""The votes of its-hub 1.2.0 on a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from benchmarks.workloads.workload import Workload
from tts.types import Problem

DEFAULT_CONCURRENCY = 32
"""Requests that its-hub sends at a time by default."""


async def vote(
    algorithm: str, problems: Sequence[Problem], workload: Workload, *, url: str, budget: int, concurrency: int
) -> list[bool]:
    """Vote on all questions at once, and return whether each answer is right.

    Args:
        algorithm: SelfConsistency or BetaSelfConsistency.
        problems: the questions.
        workload: the model, whose confidence token is not drawn where it has one, the prompt and the sampling.
        url: base URL of the server.
        budget: samples of a question.
        concurrency: requests at a time.
    """
    from its_hub.core.algorithms import beta_self_consistency, self_consistency
    from its_hub.core.lms.openai_lm import OpenAICompatibleLanguageModel
    from its_hub.core.orchestrator import LMOrchestrator

    algorithms = {
        "SelfConsistency": self_consistency.SelfConsistency,
        "BetaSelfConsistency": beta_self_consistency.BetaSelfConsistency,
    }
    card, prompt = workload.card, workload.prompt
    bias = {} if card is None else {"logit_bias": {str(card.token_id): -100}}

    class Model(OpenAICompatibleLanguageModel):  # type: ignore[misc]
        """Their client, without the confidence token."""

        def _prepare_request_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
            return {**super()._prepare_request_data(*args, **kwargs), **bias}

    client = Model(
        endpoint=url,
        api_key="none",
        model_name=workload.name,
        system_prompt=(prompt.system or None) if prompt.chat else None,
        temperature=workload.sampling.temperature,
        max_completion_tokens=workload.sampling.max_tokens,
    )
    orchestrator = LMOrchestrator(max_concurrency=concurrency)

    async def right(problem: Problem) -> bool:
        read: Callable[[str], str | None] = partial(workload.extract, problem)
        votes = algorithms[algorithm](consistency_space_projection_func=read, orchestrator=orchestrator)
        question = prompt.filled(problem.question) if prompt.chat else problem.question
        answer = await votes.ainfer(client, question, budget)
        return read(answer["content"]) == problem.gold

    found = await asyncio.gather(*map(right, problems))
    await client.close()
    return list(found)


def template_of(workload: Workload) -> str | None:
    """Return a chat template that writes the prompt of our engines around a message; None for the model's own.

    A prompt that is no chat begins with the token that the tokenizer puts before a text, if it puts any.
    """
    if workload.prompt.chat:
        return None
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(workload.folder)
    begins = tokenizer("a").input_ids[:1] == [tokenizer.bos_token_id]
    head, tail = workload.prompt.text(Problem("", "{question}")).split("{question}")
    parts = [*(["{{ bos_token }}"] if begins else []), *_spelled(head), "{{ messages[0]['content'] }}", *_spelled(tail)]
    return "".join(parts)


def _spelled(text: str) -> list[str]:
    """Return a text as Jinja writes it out, line breaks included."""
    return [f"{{{{ {text!r} }}}}"] if text else []
