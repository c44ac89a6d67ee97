"""Grading of the bundled reasoner on its test split: the numbers recorded beside the weights."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing
from pathlib import Path

import numpy as np

from tts.answers import extract_gsm8k
from tts.engines.base import Request
from tts.engines.hf.engine import TransformersEngine
from tts.engines.sampling import Sampling
from tts.progress.phases import Phases
from tts.prompts import Prompt
from tts.ranking import auroc
from tts.stories.stories import take
from tts.stories.story import Split
from tts.types import Problem


def grade(
    folder: Path,
    *,
    split: Split = "test",
    questions: int = 400,
    draws: int = 16,
    temperature: float = 0.8,
    seed: int = 0,
    device: str = "cpu",
    phases: Phases | None = None,
) -> dict[str, float]:
    """Draw from a trained model and return its shares of right answers.

    Args:
        folder: the model's directory.
        split: the split of the stories.
        questions: number of questions.
        draws: samples a question.
        temperature: of sampling.
        seed: of stories and samples.
        device: the device of the model.
        phases: receives the progress.

    Returns:
        one_draw, majority and any: shares of questions (of draws for one_draw) in [0, 1]; auroc_mean_logprob and
        auroc_total_logprob: pooled over all draws; tokens: mean tokens a draw.
    """
    shown = phases or Phases()
    stories = take(split, questions, seed)
    problems = [Problem(f"story-{split}-{i}", story.question, story.answer) for i, story in enumerate(stories)]
    sampling = Sampling(temperature=temperature, seed=seed)
    engine = TransformersEngine.load(folder, prompt=Prompt(), sampling=sampling, device=device)

    async def one(problem: Problem, index: int) -> tuple[str | None, list[float]]:
        async with aclosing(engine.sample(Request(problem, index))) as stream:  # type: ignore[type-var]
            chunks = [chunk async for chunk in stream]
        shown.advance(1)
        return extract_gsm8k("".join(c.text for c in chunks)), [p for c in chunks for p in c.trace.logprobs]

    async def everything() -> list[tuple[str | None, list[float]]]:
        return await asyncio.gather(*(one(problem, i) for problem in problems for i in range(draws)))

    with shown.phase("grading", "draw", questions * draws, facts=f"{questions} questions, {draws} samples each"):
        drawn = asyncio.run(everything())
    engine.close()
    rows = [drawn[i * draws : (i + 1) * draws] for i in range(questions)]
    correct = np.array([[answer == p.gold for answer, _ in row] for p, row in zip(problems, rows, strict=True)])
    majority = []
    for problem, row in zip(problems, rows, strict=True):
        votes = Counter(answer for answer, _ in row if answer is not None)
        majority.append(bool(votes) and votes.most_common(1)[0][0] == problem.gold)
    logprobs = [values for _, values in drawn]
    return {
        "questions": questions,
        "draws": draws,
        "one_draw": float(correct.mean()),
        "majority": float(np.mean(majority)),
        "any": float(correct.any(axis=1).mean()),
        "auroc_mean_logprob": auroc(np.array([np.mean(v) for v in logprobs]), correct.ravel()),
        "auroc_total_logprob": auroc(np.array([np.sum(v) for v in logprobs]), correct.ravel()),
        "tokens": float(np.mean([len(v) for v in logprobs])),
    }
