"""The votes of its-hub 1.2.0 on a server of a bundled model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from tts.answers import extract_gsm8k
from tts.engines.sampling import Sampling
from tts.models.grace import GraceCard
from tts.types import Problem

DEFAULT_CONCURRENCY = 32
"""Requests that its-hub sends at a time by default."""


async def vote(
    algorithm: str,
    problems: Sequence[Problem],
    *,
    url: str,
    model: str,
    card: GraceCard | None,
    sampling: Sampling,
    budget: int,
    concurrency: int,
) -> list[bool]:
    """Vote on all questions at once, and return whether each answer is right.

    Args:
        algorithm: SelfConsistency or BetaSelfConsistency.
        problems: the questions.
        url: base URL of the server.
        model: the model's name at the server.
        card: the card of the model's confidence token, which is not drawn; None without such a token.
        sampling: how tokens are drawn.
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
    bias = {} if card is None else {"logit_bias": {str(card.token_id): -100}}

    class Model(OpenAICompatibleLanguageModel):  # type: ignore[misc]
        """Their client, without the confidence token."""

        def _prepare_request_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
            return {**super()._prepare_request_data(*args, **kwargs), **bias}

    client = Model(
        endpoint=url,
        api_key="none",
        model_name=model,
        temperature=sampling.temperature,
        max_completion_tokens=sampling.max_tokens,
    )
    votes = algorithms[algorithm](
        consistency_space_projection_func=extract_gsm8k, orchestrator=LMOrchestrator(max_concurrency=concurrency)
    )
    answers = await asyncio.gather(*(votes.ainfer(client, problem.question, budget) for problem in problems))
    await client.close()
    return [extract_gsm8k(one["content"]) == p.gold for one, p in zip(answers, problems, strict=True)]
