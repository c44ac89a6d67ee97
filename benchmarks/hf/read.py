"""Speed of reading given texts against a bare forward pass over the same tokens, measured in turn in one run.

    python -m benchmarks.hf.read [--model tiny] [--questions 40] [--samples 8] [--rounds 5]

The bare pass reads each sample with its prompt, padded in batches of like length and of as many tokens as the engine
reads at a time, and computes the logits of every token; it keeps nothing. `Engine.read` reads the same samples by their
tokens and returns signals of each. Ratios are of tokens per second, prompts included in both; the engine reads a prompt
once for all samples of a question, so the case of one sample a question stands beside. Seconds are processor time.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import time

import torch
import transformers

from benchmarks.hf.engine import compare
from tts.engines.base import Meter, Request
from tts.engines.hf.engine import TransformersEngine
from tts.engines.sampling import Sampling
from tts.engines.streams import collected
from tts.models.bundled import weights
from tts.prompts import Prompt
from tts.stories.stories import take
from tts.types import End, Problem, Sample, Signals

Drawn = list[tuple[Problem, Sample]]
CASES = {
    "log-probabilities": Signals(logprobs=True),
    "log-probabilities, top-20, entropy, self-certainty, a watched token": Signals(
        logprobs=True, top=20, entropy=True, certainty=True, watch=(2,)
    ),
}


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny", help="tiny, or the directory or hub name of a model")
    parser.add_argument("--questions", type=int, default=40, help="questions")
    parser.add_argument("--samples", type=int, default=8, help="samples of a question")
    parser.add_argument("--rounds", type=int, default=5, help="pairs")
    options = parser.parse_args()
    folder = weights() if options.model == "tiny" else options.model
    print(
        f"{options.model}, float32, torch {torch.__version__}, transformers {transformers.__version__}, "
        f"Python {platform.python_version()}, {torch.get_num_threads()} threads"
    )
    engine = TransformersEngine.load(folder, prompt=Prompt(), sampling=Sampling())
    stories = take("test", options.questions, seed=5)
    problems = [Problem(f"s{i}", story.question, story.answer) for i, story in enumerate(stories)]
    several = draw(engine, problems, options.samples)
    single = [one for one in several if one[1].index == 0]
    for count, drawn in ((1, single), (options.samples, several)):
        for name, signals in CASES.items():
            compare(
                f"{len(drawn)} samples, {count} a question, {name}: reading / bare pass",
                lambda drawn=drawn, signals=signals: reading(engine, drawn, signals),  # type: ignore[misc]
                lambda drawn=drawn: bare(engine, drawn),  # type: ignore[misc]
                options.rounds,
            )
    engine.close()


def draw(engine: TransformersEngine, problems: list[Problem], samples: int) -> Drawn:
    """Return samples of each problem."""
    requests = [Request(problem, index) for problem in problems for index in range(samples)]

    async def everything() -> list[Sample]:
        return await asyncio.gather(*(collected(engine, request) for request in requests))

    return [(r.problem, sample) for r, sample in zip(requests, asyncio.run(everything()), strict=True)]


def reading(engine: TransformersEngine, drawn: Drawn, signals: Signals) -> tuple[int, float]:
    """Return the tokens and processor seconds of reading all samples, submitted at once, from an empty cache."""
    engine.batch.decoder.clear()

    async def everything() -> None:
        await asyncio.gather(
            *(
                engine.read(p, s.text, signals, Meter(), token_ids=s.token_ids, ended=s.end is End.STOP)
                for p, s in drawn
            )
        )

    start = time.process_time()
    asyncio.run(everything())
    return tokens(engine, drawn), time.process_time() - start


@torch.inference_mode()
def bare(engine: TransformersEngine, drawn: Drawn) -> tuple[int, float]:
    """Return the tokens and processor seconds of a bare forward pass over all samples."""
    decoder, start = engine.batch.decoder, time.process_time()
    texts = sorted((engine.prompt_ids(p) + s.token_ids for p, s in drawn), key=len)
    while texts:
        count = max(1, decoder.max_pass_tokens // len(texts[-1]))
        texts, now = texts[:-count], texts[-count:]
        width = max(map(len, now))
        ids = torch.tensor([[*text, *[0] * (width - len(text))] for text in now])
        mask = torch.tensor([[1] * len(text) + [0] * (width - len(text)) for text in now])
        _ = decoder.model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    return tokens(engine, drawn), time.process_time() - start


def tokens(engine: TransformersEngine, drawn: Drawn) -> int:
    """Return the tokens of samples with their prompts."""
    return sum(len(engine.prompt_ids(problem)) + len(sample.token_ids) for problem, sample in drawn)


if __name__ == "__main__":
    main()
