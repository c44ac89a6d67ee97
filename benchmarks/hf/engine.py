"""Speed ratios of the transformers engine, each pair measured in turn in one run.

    python -m benchmarks.hf.engine [--model tiny] [--questions 40] [--rounds 3] [--parts generate,watch,grown,driven]

Parts: `generate` compares the engine with static `generate` on padded batches; `watch` compares watching a token with
watching none; `grown` compares the bundled GrACE model with the model that it grew from; `driven` compares a strategy
with all draws at once. Ratios are of tokens per second. Only tokens of samples count: rows that have ended and wait for
the longest row of their batch cost `generate` time and add no tokens.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import transformers

from strategies.catalog import CATALOG
from strategies.vote import Vote
from tts.answers import extract_gsm8k
from tts.engines.base import Request
from tts.engines.hf.engine import TransformersEngine
from tts.engines.sampling import Sampling
from tts.models.bundled import weights
from tts.models.grace import read_card
from tts.prompts import Prompt
from tts.runtime.driver import Options, run_all
from tts.stories.stories import take
from tts.types import Problem, Signals

MAX_BATCH_SIZE = 128
LOOKAHEAD = 2


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny", help="tiny, or the directory or hub name of a model")
    parser.add_argument("--questions", type=int, default=40, help="questions of the parts without a strategy")
    parser.add_argument("--driven", type=int, default=200, help="questions of the part with a strategy")
    parser.add_argument("--rounds", type=int, default=3, help="pairs; short pairs are measured 4 or 8 times as often")
    parser.add_argument("--parts", default="generate,watch,grown,driven", help="parts to measure")
    options = parser.parse_args()
    folder = weights() if options.model == "tiny" else options.model
    print(
        f"{options.model}, float32, torch {torch.__version__}, transformers {transformers.__version__}, "
        f"Python {platform.python_version()}, {torch.get_num_threads()} threads, {MAX_BATCH_SIZE} sequences at a time"
    )

    def engine(folder: str | Path = folder) -> TransformersEngine:
        return TransformersEngine.load(folder, prompt=Prompt(), sampling=Sampling(), max_batch_size=MAX_BATCH_SIZE)

    problems = [Problem(f"s{i}", s.question, s.answer) for i, s in enumerate(take("test", options.driven, seed=5))]
    some = problems[: options.questions]
    requests = [(problem, index) for index in range(16) for problem in some]

    def plain() -> tuple[int, float]:
        return drain(engine(), requests, Signals())

    if "generate" in options.parts:
        compare("engine / generate", plain, lambda: static(engine(), requests), options.rounds)
    few = requests[: 2 * MAX_BATCH_SIZE]
    if "watch" in options.parts:
        compare(
            "watching one token / not",
            lambda: drain(engine(), few, Signals(watch=(2,))),
            lambda: drain(engine(), few, Signals()),
            8 * options.rounds,
        )
    if "grown" in options.parts:
        compare(
            "the bundled grace, its confidence watched / tiny, which it grew from",
            lambda: drain(engine(weights("grace")), few, Signals(watch=(read_card(weights("grace")).token_id,))),
            lambda: drain(engine(weights()), few, Signals()),
            4 * options.rounds,
        )
    if "driven" not in options.parts:
        return
    compare(
        f"adaptive consistency over {options.driven} questions, look-ahead {LOOKAHEAD} / all draws at once",
        lambda: driven(engine(), problems),
        lambda: drain(engine(), [(p, i) for p in problems for i in range(5)], Signals()),
        options.rounds,
    )


def compare(name: str, first: Callable[[], tuple[int, float]], second: Callable[[], tuple[int, float]], n: int) -> None:
    """Measure two runs in turn and print their median speeds and the ratio of each pair."""
    pairs = []
    for number in range(n):  # each of the two goes first equally often
        if number % 2:
            b, a = second(), first()
        else:
            a, b = first(), second()
        pairs.append((a[0] / a[1], b[0] / b[1]))
    ratios = sorted(a / b for a, b in pairs)
    left, right = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(
        f"{name}: {left:,.0f} / {right:,.0f} tok/s, ratio {statistics.median(ratios):.3f} "
        f"(pairs {', '.join(f'{ratio:.3f}' for ratio in ratios)})",
        flush=True,
    )


def drain(engine: TransformersEngine, requests: list[tuple[Problem, int]], signals: Signals) -> tuple[int, float]:
    """Return the tokens and seconds of drawing all requests, submitted at once."""

    async def one(problem: Problem, index: int) -> None:
        async for _ in engine.sample(Request(problem, index, signals=signals)):
            pass

    async def everything() -> None:
        await asyncio.gather(*(one(problem, index) for problem, index in requests))

    started = time.perf_counter()
    asyncio.run(everything())
    took = time.perf_counter() - started
    engine.close()
    return engine.batch.drawn, took


def driven(engine: TransformersEngine, problems: list[Problem]) -> tuple[int, float]:
    """Return the tokens and seconds of a strategy that draws one sample after the other and stops early."""
    strategy: Vote = CATALOG["adaptive_consistency"].build(16)
    started = time.perf_counter()
    results = asyncio.run(
        run_all(
            strategy,
            problems,
            engine,
            extract=lambda problem, text: extract_gsm8k(text),
            options=Options(concurrency=len(problems), lookahead=LOOKAHEAD),
        )
    )
    took = time.perf_counter() - started
    engine.close()
    spent = [r.decision.usage for r in results if r.decision.usage is not None]
    wasted = sum(u.aborted for u in spent)
    print(f"  {mean_batch_size(engine):.0f} rows a step, {wasted / engine.batch.drawn:.1%} of its tokens aborted")
    return engine.batch.drawn, took


def mean_batch_size(engine: TransformersEngine) -> float:
    """Return the mean number of sequences in a step."""
    return engine.batch.drawn / engine.batch.steps


def static(engine: TransformersEngine, requests: list[tuple[Problem, int]]) -> tuple[int, float]:
    """Return the tokens up to the end of each sample and the seconds of `generate` on padded batches."""
    model, tokenizer = engine.batch.decoder.model, engine.encoder.tokenizer
    tokenizer.padding_side = "left"
    torch.manual_seed(0)
    tokens, started = 0, time.perf_counter()
    with torch.inference_mode():
        for at in range(0, len(requests), MAX_BATCH_SIZE):
            texts = [engine.encoder.prompt.text(problem) for problem, _ in requests[at : at + MAX_BATCH_SIZE]]
            batch = tokenizer(texts, return_tensors="pt", padding=True, return_token_type_ids=False)
            out = model.generate(**batch, do_sample=True, temperature=0.8, top_k=0, max_new_tokens=256)
            new = out[:, batch["input_ids"].shape[1] :]
            ended = (new == tokenizer.eos_token_id).int()
            tokens += int(torch.where(ended.any(1), ended.argmax(1) + 1, new.shape[1]).sum())
    took = time.perf_counter() - started
    engine.close()
    return tokens, took


if __name__ == "__main__":
    main()
