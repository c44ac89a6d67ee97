"""vLLM driven by strategies beside raw offline vLLM: the same sequences and tokens, in one run.

    make vllm && .venv-vllm/bin/python -m benchmarks.engines [--questions 200] [--rounds 2]

Each strategy is played over all questions by the driver; then `LLM.generate` draws as many sequences with as many
tokens, without log-probabilities and without anything to decide. Ratios are of tokens a second, of every cause.
Engines have all cores to themselves, one after another, since two of them on one machine slow each other down; each is
warmed up by one play that is not measured.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from strategies import beam_spec
from strategies.catalog import CATALOG
from tts.answers import extract_gsm8k
from tts.driver import Options, Result, run_all
from tts.engines.sampling import Sampling
from tts.engines.vllm import VllmEngine
from tts.engines.vllm_args import engine_args
from tts.prompts import Prompt
from tts.scorers.finece import open_finece
from tts.scorers.grace import open_grace
from tts.tiny import weights
from tts.tiny.stories import take
from tts.types import Problem, Usage

ROWS = 128
HOW = Sampling(temperature=0.8, max_tokens=256)
GUIDED = {"beams": {"width": 8, "pruner": {"name": "top_k", "k": 4}, "positions": 3, "fork": True}}


@dataclass(frozen=True)
class Play:
    """What is measured: a strategy with a scorer, and how far the driver looks ahead."""

    name: str
    strategy: Any
    scorer: Any = None
    lookahead: int = 0


@dataclass(frozen=True)
class Timed:
    """One play: seconds, what it used, and the prompts and lengths of its sequences."""

    seconds: float
    usage: Usage
    accuracy: float
    sequences: tuple[tuple[tuple[int, ...], int], ...]
    counted: tuple[int, int, int]

    @property
    def speed(self) -> float:
        """Generated tokens a second."""
        return self.usage.generated / self.seconds


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    problems = [Problem(f"s{i}", s.question, s.answer) for i, s in enumerate(take("test", options.questions, seed=7))]
    grace, finece = open_grace(folder=weights("grace")), open_finece(folder=weights("finece"))
    votes = {
        name: CATALOG[name].build(16) for name in ("self_consistency", "grace_es", "confidence_gated_self_consistency")
    }
    plays = {
        "grace": [
            Play("self-consistency, 16", votes["self_consistency"]),
            Play("the same, confidence in pass", votes["self_consistency"], grace),
            Play("GrACE-ES, look-ahead 2", votes["grace_es"], grace, lookahead=2),
            Play("confidence-gated self-consistency", votes["confidence_gated_self_consistency"], grace, lookahead=2),
        ],
        "finece": [Play("FineCE beams", beam_spec.beams(GUIDED, budget=8), finece)],
    }
    print(f"{options.questions} questions, {options.rounds} rounds, float32, {os.cpu_count()} cores, {ROWS} rows")
    print(f"{'':36}{'accuracy':>9}{'tokens':>9}{'aborted':>9}{'cache hits':>12}{'tokens/s':>10}{'raw':>8}{'ratio':>8}")
    for model, some in plays.items():
        timed = driven(model, some, problems, options.rounds)
        speeds = raw(model, [runs[-1].sequences for runs in timed], options.rounds)
        for play, runs, offline in zip(some, timed, speeds, strict=True):
            use, mine = runs[-1].usage, statistics.median(run.speed for run in runs)
            read = use.prompt + use.prompt_cached
            print(
                f"{play.name:36}{runs[-1].accuracy:9.3f}{use.generated:9}{use.aborted / use.generated:9.1%}"
                f"{use.prompt_cached / read:12.1%}{mine:10.0f}{offline:8.0f}{mine / offline:8.2f}",
                flush=True,
            )
            for run in runs:
                assert run.counted == (run.usage.prompt, run.usage.prompt_cached, run.usage.generated), run.counted


def driven(model: str, plays: Sequence[Play], problems: list[Problem], rounds: int) -> list[list[Timed]]:
    """Every play, in turn, on one engine."""
    engine = VllmEngine.load(
        weights(model), prompt=Prompt(), sampling=HOW, options={"max_num_seqs": ROWS, "disable_log_stats": False}
    )
    found: list[list[Timed]] = [[] for _ in plays]

    async def everything() -> None:
        await one(engine, plays[0], problems[:20])
        for _ in range(rounds):
            for place, play in enumerate(plays):
                found[place].append(await one(engine, play, problems))

    asyncio.run(everything())
    engine.close()
    return found


async def one(engine: VllmEngine, play: Play, problems: list[Problem]) -> Timed:
    """Play once."""
    before = replace(engine.counters)
    start = time.perf_counter()
    results = await run_all(
        play.strategy,
        problems,
        engine,
        extract=lambda problem, text: extract_gsm8k(text),
        scorer=play.scorer,
        options=Options(lookahead=play.lookahead),
    )
    seconds = time.perf_counter() - start
    await asyncio.sleep(1.0)  # vLLM tells its counters after the samples
    usage = sum((r.decision.usage or Usage() for r in results), Usage())
    now = engine.counters
    return Timed(
        seconds,
        replace(usage, prompt=usage.prompt + usage.scorer_prefill, scorer_prefill=0),
        sum(r.decision.answer == r.problem.gold for r in results) / len(results),
        tuple(sequences(engine, results)),
        (now.prompt - before.prompt, now.prompt_cached - before.prompt_cached, now.drawn - before.drawn),
    )


def sequences(engine: VllmEngine, results: Sequence[Result]) -> list[tuple[tuple[int, ...], int]]:
    """As many sequences as a strategy began for each question, with as many tokens as it generated in all."""
    out = []
    for result in results:
        begun = sum(not sample.given for sample in result.decision.samples) + result.aborted
        tokens = (result.decision.usage or Usage()).generated
        prompt = engine.prompt_ids(result.problem)
        out += [(prompt, tokens // begun + (place < tokens % begun)) for place in range(begun)]
    return [(prompt, tokens) for prompt, tokens in out if tokens]


def raw(model: str, asked: Sequence[Sequence[tuple[tuple[int, ...], int]]], rounds: int) -> list[float]:
    """Tokens a second of offline vLLM on these sequences, the median of the rounds, for each list of them."""
    from vllm import LLM, SamplingParams

    args = engine_args(
        weights(model),
        dtype="float32",
        revision=None,
        device="auto",
        seed=0,
        seeded=False,
        options={"max_num_seqs": ROWS},
    )
    names = ("model", "dtype", "seed", "enforce_eager", "block_size", "kv_cache_memory_bytes", "max_num_seqs")
    engine = LLM(**{name: getattr(args, name) for name in names}, enable_prefix_caching=True)
    speeds: list[list[float]] = [[] for _ in asked]
    for number in range(rounds + 1):
        for place, some in enumerate(asked):
            part = some if number else some[:200]
            params = [
                SamplingParams(temperature=HOW.temperature, max_tokens=n, ignore_eos=True, detokenize=False)
                for _, n in part
            ]
            prompts = [{"prompt_token_ids": list(prompt)} for prompt, _ in part]
            start = time.perf_counter()
            outputs = engine.generate(prompts, params, use_tqdm=False)
            took = time.perf_counter() - start
            if number:  # the first warms up
                speeds[place].append(sum(len(o.outputs[0].token_ids) for o in outputs) / took)
    return [statistics.median(some) for some in speeds]


if __name__ == "__main__":
    main()
