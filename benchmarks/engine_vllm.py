"""Speed of vLLM driven by strategies, relative to offline vLLM with the same sequences and tokens, in one run.

    make vllm && .venv-vllm/bin/python -m benchmarks.engine_vllm [--questions 200] [--rounds 3]
    .venv-vllm/bin/python -m benchmarks.engine_vllm --pairs 40 --only pairs

The driver runs each strategy over all questions. Then `LLM.generate`, in another process that waits meanwhile, draws
the same numbers of sequences and tokens from the same prompts, without log-probabilities and without decisions. The two
take turns. Ratios are of tokens per second, tokens of every cause, and are medians over the rounds. After each run the
ledger is checked against vLLM's own counters. "of blocks" is the tokens found in the prefix cache as a share of the
tokens in whole blocks, the most that the cache could find. "filled" looks further ahead when fewer questions are left
than the batch has rows. Self-consistency with and without GrACE's confidence in the drawing pass take turns on a few
questions, in pairs that alternate the order; the interval is over pairs.
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
from tts.runtime.options import DEFAULTS
from tts.scorers.finece import open_finece
from tts.scorers.grace import open_grace
from tts.stories.stories import take
from tts.types import Problem, Usage

MAX_BATCH_SIZE, FEW = 128, 20
SAMPLING = Sampling(temperature=0.8, max_tokens=256)
SHOTS = tuple((story.question, story.solution) for story in take("train", 2, seed=7))
GUIDED = {"beams": {"width": 8, "pruner": {"name": "top_k", "k": 4}, "max_checks": 3, "fork": True}}
VOTES = CATALOG["self_consistency"].build(16)

Sequences = list[tuple[list[int], int]]


@dataclass(frozen=True)
class Case:
    """A row of the table: a strategy with its scorer and the driver's options."""

    name: str
    strategy: Any
    scorer: Any = None
    options: Options = DEFAULTS


@dataclass(frozen=True)
class CaseRun:
    """One run of a case: seconds, usage, accuracy, the sequences begun, and their prompts and lengths."""

    seconds: float
    usage: Usage
    accuracy: float
    begun: int
    sequences: Sequences

    @property
    def speed(self) -> float:
        """Generated tokens per second."""
        return self.usage.generated / self.seconds


def cases() -> list[tuple[str, Prompt, list[Case]]]:
    """Return the cases by the model that draws and its prompt."""
    grace, finece = open_grace(folder=weights("grace")), open_finece(folder=weights("finece"))
    es, gated = (CATALOG[name].build(16) for name in ("grace_es", "confidence_gated_self_consistency"))
    beams = compose(GUIDED, budget=8)
    return [
        (
            "grace",
            Prompt(),
            [
                Case("self-consistency, 16", VOTES),
                Case("GrACE-ES", es, grace),
                Case("GrACE-ES, look-ahead 2", es, grace, Options(lookahead=2)),
                Case("GrACE-ES, filled", es, grace, Options(min_in_flight=MAX_BATCH_SIZE)),
                Case("confidence-gated self-consistency", gated, grace),
                Case("the same, filled", gated, grace, Options(min_in_flight=MAX_BATCH_SIZE)),
            ],
        ),
        ("finece", Prompt(), [Case("FineCE beams", beams, finece)]),
        ("finece", Prompt(shots=SHOTS), [Case("FineCE beams, 2 worked examples", beams, finece)]),
    ]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=200, help="questions of the table")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each case")
    parser.add_argument("--pairs", type=int, default=40, help="pairs of self-consistency with and without a confidence")
    parser.add_argument(
        "--only", default="", help="run only cases whose names contain this; `pairs` runs only the pairs"
    )
    options = parser.parse_args()
    problems = [Problem(f"s{i}", s.question, s.answer) for i, s in enumerate(take("test", options.questions, seed=7))]
    if options.only in ("", "pairs"):
        grace = load("grace", Prompt())
        asyncio.run(in_pass(grace, problems[:FEW], options.pairs))
        grace.close()
    if options.only != "pairs":
        table(problems, options.rounds, options.only)


def load(model: str, prompt: Prompt) -> VllmEngine:
    """Load the engine that strategies drive."""
    options = {"max_num_seqs": MAX_BATCH_SIZE, "disable_log_stats": False}
    return VllmEngine.load(weights(model), prompt=prompt, sampling=SAMPLING, options=options)


def table(problems: list[Problem], rounds: int, only: str) -> None:
    """Print the table of all cases whose names contain ``only``."""
    print(f"{len(problems)} questions, {rounds} rounds, float32, {os.cpu_count()} cores, {MAX_BATCH_SIZE} rows")
    print(
        f"{'':36}{'accuracy':>9}{'sequences':>10}{'tokens':>9}{'aborted':>9}{'cache hits':>12}"
        f"{'of blocks':>10}{'tokens/s':>10}{'raw':>8}{'ratio':>7}  of each round",
        flush=True,
    )
    for model, prompt, every in cases():
        if not (selected := [case for case in every if only in case.name]):
            continue
        engine = load(model, prompt)
        with raw(model) as generate, asyncio.Runner() as runner:
            for case in selected:
                warm = runner.run(run_case(engine, case, problems[:FEW]))
                generate.send(warm.sequences)
                generate.recv()
            found: dict[str, list[tuple[CaseRun, float]]] = {case.name: [] for case in selected}
            for left in reversed(range(rounds)):
                for case in selected:
                    done = runner.run(run_case(engine, case, problems))
                    generate.send(done.sequences)
                    found[case.name].append((done, generate.recv()))
                    if not left:
                        print(table_row(case.name, found[case.name]), flush=True)
        engine.close()


async def in_pass(engine: VllmEngine, problems: list[Problem], pairs: int) -> None:
    """Print the speed of self-consistency with a confidence relative to that without one, over pairs of runs."""
    scorers = (None, open_grace(folder=weights("grace")))
    for scorer in scorers:
        await run_case(engine, Case("warm", VOTES, scorer), problems)
    ratios = []
    for pair in range(pairs):
        speed = {}
        for scorer in scorers if pair % 2 else reversed(scorers):
            speed[scorer is not None] = (await run_case(engine, Case("votes", VOTES, scorer), problems)).speed
        ratios.append(speed[True] / speed[False])
    logs = np.log(ratios)
    low, high = (float(np.exp(end)) for end in bootstrap_interval(logs, bootstrap_weights(pairs, 10_000, 0)))
    print(
        f"confidence in pass, against none: {math.exp(logs.mean()):.3f} [{low:.3f}, {high:.3f}] of the tokens/s, "
        f"geometric mean of {pairs} pairs of {len(problems)} questions; median {statistics.median(ratios):.3f}\n"
        f"  {' '.join(f'{ratio:.2f}' for ratio in sorted(ratios))}",
        flush=True,
    )


def table_row(name: str, runs: Sequence[tuple[CaseRun, float]]) -> str:
    """Return a row of the table."""
    last = runs[-1][0]
    use, ratios = last.usage, [done.speed / offline for done, offline in runs]
    mine, offline = (
        statistics.median(values) for values in zip(*((done.speed, raw) for done, raw in runs), strict=True)
    )
    hits = use.prompt_cached / (use.prompt + use.prompt_cached)
    whole = sum((len(ids) - 1) // CPU_BLOCK_SIZE * CPU_BLOCK_SIZE for ids, _ in last.sequences)
    return (
        f"{name:36}{last.accuracy:9.3f}{last.begun:10}{use.generated:9}{use.aborted / use.generated:9.1%}{hits:12.1%}"
        f"{use.prompt_cached / whole:10.1%}"
        f"{mine:10.0f}{offline:8.0f}{statistics.median(ratios):7.2f}  {' '.join(f'{r:.2f}' for r in ratios)}"
    )


async def run_case(engine: VllmEngine, case: Case, problems: list[Problem]) -> CaseRun:
    """Run a case once.

    Raises:
        SystemExit: the ledger differs from vLLM's counters.
    """
    before = replace(engine.counters)
    start = time.perf_counter()
    results = await run_all(
        case.strategy,
        problems,
        engine,
        extract=lambda problem, text: extract_gsm8k(text),
        scorer=case.scorer,
        options=case.options,
    )
    seconds = time.perf_counter() - start
    usage = sum((r.decision.usage or Usage() for r in results), Usage())
    await asyncio.sleep(1.0)  # vLLM reports its counters after the samples
    now = engine.counters
    counted = (now.prompt - before.prompt, now.prompt_cached - before.prompt_cached, now.drawn - before.drawn)
    if counted != (usage.prompt + usage.scorer_prefill, usage.prompt_cached, usage.generated):
        raise SystemExit(f"{case.name}: vLLM counted {counted} tokens read, found and drawn, the ledger has {usage}")
    return CaseRun(
        seconds,
        usage,
        sum(r.decision.answer == r.problem.gold for r in results) / len(results),
        sum(len(r.decision.samples) + r.aborted for r in results),
        [one for result in results for one in sequences(engine, result)],
    )


def sequences(engine: VllmEngine, result: Result) -> Sequences:
    """Return the prompt and length of each sequence of one question; aborted sequences get equal lengths."""
    prompt = list(engine.prompt_ids(result.problem))
    out = [([*prompt, *s.token_ids[: s.given]], len(s.token_ids) - s.given) for s in result.decision.samples]
    if result.aborted:
        rest = (result.decision.usage or Usage()).generated - sum(tokens for _, tokens in out)
        out += [(prompt, (rest + place) // result.aborted) for place in range(result.aborted)]
    return [one for one in out if one[1] > 0]


@contextmanager
def raw(model: str) -> Iterator[Connection]:
    """Run offline vLLM in another process, which draws the sequences sent to it and answers with tokens per second."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=offline, args=(model, there))
    process.start()
    try:
        yield here
    finally:
        here.send(None)
        process.join()


def offline(model: str, asked: Connection) -> None:
    """Draw the sequences that arrive on a connection, as vLLM's documentation says, until None arrives."""
    args = engine_args(
        weights(model), dtype="float32", revision=None, device="auto", seed=0, seeded=False,
        options={"max_num_seqs": MAX_BATCH_SIZE},
    )  # fmt: skip
    from vllm import LLM, SamplingParams

    names = ("model", "dtype", "seed", "enforce_eager", "block_size", "kv_cache_memory_bytes", "max_num_seqs")
    engine = LLM(**{name: getattr(args, name) for name in names}, enable_prefix_caching=True)
    while (some := asked.recv()) is not None:
        params = [
            SamplingParams(temperature=SAMPLING.temperature, max_tokens=n, ignore_eos=True, detokenize=False)
            for _, n in some
        ]
        start = time.perf_counter()
        outputs = engine.generate([{"prompt_token_ids": ids} for ids, _ in some], params, use_tqdm=False)
        took = time.perf_counter() - start
        asked.send(sum(len(o.outputs[0].token_ids) for o in outputs) / took)
    engine.llm_engine.engine_core.shutdown()  # else this process waits for vLLM's, which wait for it


if __name__ == "__main__":
    main()
