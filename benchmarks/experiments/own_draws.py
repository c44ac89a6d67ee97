"""Confidences of a model's own draws, read again, against those of the pass that drew them.

    python -m benchmarks.experiments.own_draws [--questions 75] [--samples 4]

GrACE and FineCE of the bundled models, read by the tokens of each sample and by its text alone.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tts.engines.base import Request
from tts.engines.config import EngineConfig, open_engine
from tts.engines.kinds import LiveEngine
from tts.engines.streams import collected
from tts.models import finece, grace
from tts.prompts import Prompt
from tts.scorers.base import Scorer
from tts.scorers.finece import Finece
from tts.scorers.grace import Grace
from tts.scorers.metered import MeteredEngine, with_signals
from tts.stories.stories import take
from tts.types import Problem, Sample, Trace, content_ids

CLOSE = 1e-5
KINDS: dict[str, Callable[[Path], Scorer]] = {
    "grace": lambda folder: Grace(grace.read_card(folder)),
    "finece": lambda folder: Finece(finece.read_card(folder)),
}


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=75, help="questions")
    parser.add_argument("--samples", type=int, default=4, help="samples of a question")
    parser.add_argument("--models", default="grace,finece", help="bundled models")
    options = parser.parse_args()
    stories = take("test", options.questions)
    requests = [
        Request(Problem(f"p{i}", story.question, story.answer), index)
        for i, story in enumerate(stories)
        for index in range(options.samples)
    ]
    for model in options.models.split(","):
        config = EngineConfig(model=model, device="cpu")
        assert config.folder is not None
        scorer = KINDS[model](config.folder)
        engine = open_engine(config, Prompt(), print)
        asyncio.run(compare(model, engine, scorer, requests))
        engine.close()


async def compare(model: str, engine: LiveEngine, scorer: Scorer, requests: list[Request]) -> None:
    """Print the differences of one model."""
    drawn = [replace(request, signals=scorer.needs) for request in requests]
    samples = await asyncio.gather(*(collected(engine, request) for request in drawn))
    again = sum(engine.encode(sample.text) != content_ids(sample) for sample in samples)
    for by in ("tokens", "text"):

        async def difference(problem: Problem, sample: Sample, by: str = by) -> float:
            metered = MeteredEngine(engine)
            [own] = await scorer.score(problem, [sample], metered)
            bare = replace(sample, trace=Trace(), token_ids=sample.token_ids if by == "tokens" else ())
            [read] = await scorer.score(problem, await with_signals(problem, [bare], scorer.needs, metered), metered)
            return abs(float(own - read))

        found = await asyncio.gather(*(difference(r.problem, s) for r, s in zip(requests, samples, strict=True)))
        apart = [f"{value:.2g}" for value in found if value > CLOSE]
        print(
            f"{model}, by {by}: {sum(value <= CLOSE for value in found)} of {len(found)} within {CLOSE:g} "
            f"(largest {max(found):.2g}); apart: {', '.join(apart) or 'none'}; tokenized otherwise: {again}",
            flush=True,
        )


if __name__ == "__main__":
    main()
