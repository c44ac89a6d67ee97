"""vLLM driven by strategies beside raw offline vLLM: the same sequences and tokens, in one run.

    make vllm && .venv-vllm/bin/python -m benchmarks.engine_vllm [--questions 200] [--rounds 3]
    .venv-vllm/bin/python -m benchmarks.engine_vllm --pairs 40 --only pairs

Each strategy is played over all questions by the driver; then `LLM.generate`, in a process of its own that waits
meanwhile, draws as many sequences with as many tokens from the same prompts, without log-probabilities and with nothing
to decide. The two take turns; ratios are of tokens a second, of every cause, and the median of the rounds. What the
ledger has is checked against vLLM's own counters after every play. "of blocks" is what was found in the prefix cache
as a share of the tokens in whole blocks, the most that it could find. "filled" looks further ahead where fewer
questions are left than vLLM has rows. Self-consistency with and without GrACE's confidence in the pass that draws take
turns on a few questions, in pairs whose first is now the one, now the other; their interval is over pairs.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from evals.metrics.stats import bootstrap_interval, bootstrap_weights
from strategies.catalog import CATALOG
from strategies.spec import compose
from tts.answers import extract_gsm8k
from tts.engines.sampling import Sampling
from tts.engines.vllm.args import CPU_BLOCK_SIZE, engine_args
from tts.engines.vllm.engine import VllmEngine
from tts.models.bundled import weights
from tts.prompts import Prompt
from tts.runtime.driver import Options, Result, run_all
from tts.runtime.session import DEFAULTS
from tts.scorers.finece import open_finece
from tts.scorers.grace import open_grace
from tts.stories.stories import take
from tts.types import Problem, Usage

ROWS, FEW = 128, 20
HOW = Sampling(temperature=0.8, max_tokens=256)
SHOTS = tuple((story.question, story.solution) for story in take("train", 2, seed=7))
GUIDED = {"beams": {"width": 8, "pruner": {"name": "top_k", "k": 4}, "positions": 3, "fork": True}}
VOTES = CATALOG["self_consistency"].build(16)

Sequences = list[tuple[list[int], int]]


@dataclass(frozen=True)
class Play:
    """What is measured: a strategy with a scorer, and how the driver works."""

    name: str
    strategy: Any
    scorer: Any = None
    options: Options = DEFAULTS


@dataclass(frozen=True)
class Timed:
    """One play: seconds, what it used, and the prompts and lengths of its sequences."""

    seconds: float
    usage: Usage
    accuracy: float
    begun: int
    sequences: Sequences

    @property
    def speed(self) -> float:
        """Generated tokens a second."""
        return self.usage.generated / self.seconds


def plays() -> list[tuple[str, Prompt, list[Play]]]:
    """What is measured, by the model that draws and its prompt."""
    grace, finece = open_grace(folder=weights("grace")), open_finece(folder=weights("finece"))
    es, gated = (CATALOG[name].build(16) for name in ("grace_es", "confidence_gated_self_consistency"))
    beams = compose(GUIDED, budget=8)
    return [
        (
            "grace",
            Prompt(),
            [
                Play("self-consistency, 16", VOTES),
                Play("GrACE-ES", es, grace),
                Play("GrACE-ES, look-ahead 2", es, grace, Options(lookahead=2)),
                Play("GrACE-ES, filled", es, grace, Options(min_in_flight=ROWS)),
                Play("confidence-gated self-consistency", gated, grace),
                Play("the same, filled", gated, grace, Options(min_in_flight=ROWS)),
            ],
        ),
        ("finece", Prompt(), [Play("FineCE beams", beams, finece)]),
        ("finece", Prompt(shots=SHOTS), [Play("FineCE beams, 2 worked examples", beams, finece)]),
    ]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=40, help="of self-consistency with and without a confidence")
    parser.add_argument("--only", default="", help="play those whose names hold this alone; those pairs are `pairs`")
    options = parser.parse_args()
    problems = [Problem(f"s{i}", s.question, s.answer) for i, s in enumerate(take("test", options.questions, seed=7))]
    if options.only in ("", "pairs"):
        grace = loaded("grace", Prompt())
        asyncio.run(in_pass(grace, problems[:FEW], options.pairs))
        grace.close()
    if options.only != "pairs":
        table(problems, options.rounds, options.only)


def loaded(model: str, prompt: Prompt) -> VllmEngine:
    """The engine that strategies drive."""
    options = {"max_num_seqs": ROWS, "disable_log_stats": False}
    return VllmEngine.load(weights(model), prompt=prompt, sampling=HOW, options=options)


def table(problems: list[Problem], rounds: int, only: str) -> None:
    """All plays whose names hold ``only``."""
    print(f"{len(problems)} questions, {rounds} rounds, float32, {os.cpu_count()} cores, {ROWS} rows")
    print(
        f"{'':36}{'accuracy':>9}{'sequences':>10}{'tokens':>9}{'aborted':>9}{'cache hits':>12}"
        f"{'of blocks':>10}{'tokens/s':>10}{'raw':>8}{'ratio':>7}  of each round",
        flush=True,
    )
    for model, prompt, every in plays():
        if not (some := [play for play in every if only in play.name]):
            continue
        engine = loaded(model, prompt)
        with raw(model) as generate, asyncio.Runner() as runner:
            for play in some:
                warm = runner.run(one(engine, play, problems[:FEW]))
                generate.send(warm.sequences)
                generate.recv()
            found: dict[str, list[tuple[Timed, float]]] = {play.name: [] for play in some}
            for left in reversed(range(rounds)):
                for play in some:
                    timed = runner.run(one(engine, play, problems))
                    generate.send(timed.sequences)
                    found[play.name].append((timed, generate.recv()))
                    if not left:
                        print(line(play.name, found[play.name]), flush=True)
        engine.close()


async def in_pass(engine: VllmEngine, problems: list[Problem], pairs: int) -> None:
    """Self-consistency without a confidence and with one."""
    judges = (None, open_grace(folder=weights("grace")))
    for judge in judges:
        await one(engine, Play("warm", VOTES, judge), problems)
    ratios = []
    for pair in range(pairs):
        speed = {}
        for judge in judges if pair % 2 else reversed(judges):
            speed[judge is not None] = (await one(engine, Play("votes", VOTES, judge), problems)).speed
        ratios.append(speed[True] / speed[False])
    logs = np.log(ratios)
    low, high = (float(np.exp(end)) for end in bootstrap_interval(logs, bootstrap_weights(pairs, 10_000, 0)))
    print(
        f"confidence in pass, against none: {math.exp(logs.mean()):.3f} [{low:.3f}, {high:.3f}] of the tokens/s, "
        f"geometric mean of {pairs} pairs of {len(problems)} questions; median {statistics.median(ratios):.3f}\n"
        f"  {' '.join(f'{ratio:.2f}' for ratio in sorted(ratios))}",
        flush=True,
    )


def line(name: str, runs: Sequence[tuple[Timed, float]]) -> str:
    """A row of the table."""
    last = runs[-1][0]
    use, ratios = last.usage, [timed.speed / offline for timed, offline in runs]
    mine, offline = (statistics.median(values) for values in zip(*((t.speed, o) for t, o in runs), strict=True))
    hits = use.prompt_cached / (use.prompt + use.prompt_cached)
    whole = sum((len(ids) - 1) // CPU_BLOCK_SIZE * CPU_BLOCK_SIZE for ids, _ in last.sequences)
    return (
        f"{name:36}{last.accuracy:9.3f}{last.begun:10}{use.generated:9}{use.aborted / use.generated:9.1%}{hits:12.1%}"
        f"{use.prompt_cached / whole:10.1%}"
        f"{mine:10.0f}{offline:8.0f}{statistics.median(ratios):7.2f}  {' '.join(f'{r:.2f}' for r in ratios)}"
    )


async def one(engine: VllmEngine, play: Play, problems: list[Problem]) -> Timed:
    """Play once.

    Raises:
        SystemExit: the ledger is not what vLLM counted.
    """
    before = replace(engine.counters)
    start = time.perf_counter()
    results = await run_all(
        play.strategy,
        problems,
        engine,
        extract=lambda problem, text: extract_gsm8k(text),
        scorer=play.scorer,
        options=play.options,
    )
    seconds = time.perf_counter() - start
    usage = sum((r.decision.usage or Usage() for r in results), Usage())
    await asyncio.sleep(1.0)  # vLLM tells its counters after the samples
    now = engine.counters
    counted = (now.prompt - before.prompt, now.prompt_cached - before.prompt_cached, now.drawn - before.drawn)
    if counted != (usage.prompt + usage.scorer_prefill, usage.prompt_cached, usage.generated):
        raise SystemExit(f"{play.name}: vLLM counted {counted} tokens read, found and drawn, the ledger has {usage}")
    return Timed(
        seconds,
        usage,
        sum(r.decision.answer == r.problem.gold for r in results) / len(results),
        sum(len(r.decision.samples) + r.aborted for r in results),
        [one for result in results for one in sequences(engine, result)],
    )


def sequences(engine: VllmEngine, result: Result) -> Sequences:
    """The prompts and numbers of tokens of what one question drew; those that were aborted have equal lengths."""
    prompt = list(engine.prompt_ids(result.problem))
    out = [([*prompt, *s.token_ids[: s.given]], len(s.token_ids) - s.given) for s in result.decision.samples]
    if result.aborted:
        rest = (result.decision.usage or Usage()).generated - sum(tokens for _, tokens in out)
        out += [(prompt, (rest + place) // result.aborted) for place in range(result.aborted)]
    return [one for one in out if one[1] > 0]


@contextmanager
def raw(model: str) -> Iterator[Connection]:
    """Offline vLLM in a process of its own: what is sent to it is drawn, and it answers with tokens a second."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=offline, args=(model, there))
    process.start()
    try:
        yield here
    finally:
        here.send(None)
        process.join()


def offline(model: str, asked: Connection) -> None:
    """Draw what is asked for, as vLLM's documentation says."""
    args = engine_args(
        weights(model), dtype="float32", revision=None, device="auto", seed=0, seeded=False,
        options={"max_num_seqs": ROWS},
    )  # fmt: skip
    from vllm import LLM, SamplingParams

    names = ("model", "dtype", "seed", "enforce_eager", "block_size", "kv_cache_memory_bytes", "max_num_seqs")
    engine = LLM(**{name: getattr(args, name) for name in names}, enable_prefix_caching=True)
    while (some := asked.recv()) is not None:
        params = [
            SamplingParams(temperature=HOW.temperature, max_tokens=n, ignore_eos=True, detokenize=False)
            for _, n in some
        ]
        start = time.perf_counter()
        outputs = engine.generate([{"prompt_token_ids": ids} for ids, _ in some], params, use_tqdm=False)
        took = time.perf_counter() - start
        asked.send(sum(len(o.outputs[0].token_ids) for o in outputs) / took)
    engine.llm_engine.engine_core.shutdown()  # else this process waits for vLLM's, which wait for it


if __name__ == "__main__":
    main()
