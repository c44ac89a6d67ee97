"""Scores of given texts at once: single calls against one call, drawing meanwhile, and the wait of each call.

    python -m benchmarks.given_texts [--texts 200] [--rows 64] [--rounds 3]

The bundled GrACE model on one thread. The texts are own draws of as many questions, given as text.

1. Each text in a call of its own, all at once, against one call with all texts, in turn, from empty caches; by
   `Engine.score` (the confidence behind each text), and by `Engine.read` (the confidence at each token), which has no
   call for several texts.
2. A batch is kept full of rows. Its tokens per second while all texts are scored at once, again and again, against the
   time before and after, when none is.
3. The seconds that each of these calls took, and the seconds of those at once without drawing.

Rates are per second of processor time, which other processes disturb less; waits are seconds of the clock.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import platform
import statistics
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import torch
import transformers

from benchmarks.read import draw
from tts.engines.base import Meter, Prefix, Request
from tts.engines.hf.engine import TransformersEngine
from tts.engines.sampling import Sampling
from tts.engines.streams import collected
from tts.models.bundled import weights
from tts.models.grace import read_card
from tts.prompts import Prompt
from tts.stories.stories import take
from tts.types import End, Problem, Sample

ALONE_S = 8.0
"""Seconds of drawing without given texts, on either side of drawing with them."""
Call = Callable[[int], Coroutine[Any, Any, Any]]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=200, help="texts that are scored at once")
    parser.add_argument("--rows", type=int, default=64, help="rows that are drawn meanwhile")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each kind")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"grace, float32, torch {torch.__version__}, transformers {transformers.__version__}, "
        f"Python {platform.python_version()}, {torch.get_num_threads()} thread, {options.texts} texts, "
        f"{options.rows} rows"
    )
    folder = weights("grace")
    engine = TransformersEngine.load(folder, prompt=Prompt(), sampling=Sampling(), max_batch_size=options.rows)
    card = read_card(folder)
    stories = take("test", options.texts, seed=5)
    problems = [Problem(f"s{i}", story.question, story.answer) for i, story in enumerate(stories)]
    drawn = draw(engine, problems, 1)
    prefixes = [Prefix(problem, sample.text) for problem, sample in drawn]

    async def score(at: int) -> None:
        await engine.score([prefixes[at]], [card.token_id], Meter())

    async def read(at: int) -> None:
        problem, sample = drawn[at]
        await engine.read(problem, sample.text, card.signals(), Meter(), ended=sample.end is End.STOP)

    async def whole() -> None:
        await engine.score(prefixes, [card.token_id], Meter())

    calls: dict[str, Call] = {"score": score, "read": read}
    for name, call in calls.items():
        ratios, waits = [], list[float]()
        for number in range(options.rounds):
            if number % 2:
                single = asyncio.run(cleared(engine, at_once(call, options.texts, waits)))
                one = asyncio.run(cleared(engine, whole()))
            else:
                one = asyncio.run(cleared(engine, whole()))
                single = asyncio.run(cleared(engine, at_once(call, options.texts, waits)))
            ratios.append(one / single)
        print(
            f"{options.texts} single calls of {name} at once / one call of score: throughput {spread(ratios)}; "
            f"{options.texts / single:,.0f} texts/s in the last round; {quantiles(waits)}",
            flush=True,
        )
    for name, call in calls.items():
        kept, waits, speeds = asyncio.run(beside_drawing(engine, problems, call, options))
        print(
            f"drawing while {options.texts} single calls of {name} are served / before and after: {spread(kept)} of "
            f"{statistics.median(speeds):,.0f} tok/s; {quantiles(waits)}",
            flush=True,
        )
    engine.close()


async def cleared(engine: TransformersEngine, work: Coroutine[Any, Any, Any]) -> float:
    """Return the processor seconds of work from empty caches."""
    engine.batch.decoder.clear()
    started = time.process_time()
    await work
    return time.process_time() - started


async def at_once(call: Call, texts: int, waits: list[float]) -> None:
    """Make all calls at the same time, and note the seconds of each."""
    started = time.perf_counter()

    async def one(at: int) -> None:
        await call(at)
        waits.append(time.perf_counter() - started)

    await asyncio.gather(*(one(at) for at in range(texts)))


async def beside_drawing(
    engine: TransformersEngine, problems: Sequence[Problem], call: Call, options: argparse.Namespace
) -> tuple[list[float], list[float], list[float]]:
    """Return the shares of its speed that drawing keeps, the seconds of the calls, and its speeds alone."""
    numbers = itertools.count()

    async def full() -> None:
        while True:
            number = next(numbers)
            _: Sample = await collected(engine, Request(problems[number % len(problems)], 1 + number // len(problems)))

    async def speed(work: Coroutine[Any, Any, Any]) -> float:
        drawn, started = engine.batch.drawn, time.process_time()
        await work
        return (engine.batch.drawn - drawn) / (time.process_time() - started)

    rows = [asyncio.create_task(full()) for _ in range(options.rows)]
    kept, waits, speeds = [], list[float](), list[float]()
    before = await speed(asyncio.sleep(ALONE_S))
    for _ in range(options.rounds):
        meanwhile = await speed(at_once(call, options.texts, waits))
        after = await speed(asyncio.sleep(ALONE_S))
        kept.append(2 * meanwhile / (before + after))
        speeds.append(after)
        before = after
    for row in rows:
        row.cancel()
    await asyncio.gather(*rows, return_exceptions=True)
    return kept, waits, speeds


def spread(values: Sequence[float]) -> str:
    """Return the median of ratios, and all of them."""
    return f"{statistics.median(values):.3f} ({', '.join(f'{value:.3f}' for value in sorted(values))})"


def quantiles(waits: Sequence[float]) -> str:
    """Return the seconds of calls in words."""
    ranked = sorted(waits)
    half, most = (ranked[min(len(ranked) - 1, int(q * len(ranked)))] for q in (0.5, 0.99))
    return f"a call takes {half:.2f} s in the median, {most:.2f} s at p99"


if __name__ == "__main__":
    main()
