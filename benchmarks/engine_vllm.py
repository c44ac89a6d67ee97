"""Speed of vLLM driven by strategies, relative to offline vLLM with the same sequences and tokens, in one run.

    make vllm && .venv-vllm/bin/python -m benchmarks.engine_vllm [--questions 200] [--rounds 3]
    .venv-vllm/bin/python -m benchmarks.engine_vllm --pairs 40 --only pairs
    .venv-vllm/bin/python -m benchmarks.engine_vllm --model DIRECTORY [--config FILE] [--dtype bfloat16]

The bundled models answer stories, the model of a directory SVAMP (in the folder $TTS_DATA), in the form of the YAML
file --config. Its confidence token is read where it has one; benchmarks/smollm2/stand_in.py makes such a model without
training, whose confidence costs as much as a trained one and is worth nothing.

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
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from benchmarks.smollm2.reasoner import BARE, status_of
from benchmarks.workloads.cases import MAX_BATCH_SIZE, VOTES, Case, bundled, confident, counting
from benchmarks.workloads.workload import Workload, open_workload
from evals.metrics.stats import bootstrap_interval, bootstrap_weights
from tts.engines.vllm.args import CPU_BLOCK_SIZE, engine_args
from tts.engines.vllm.engine import VllmEngine
from tts.errors import InputError
from tts.runtime.driver import Result, run_all
from tts.scorers.grace import Grace
from tts.types import Problem, Usage

FEW = 20
"""Questions of the run that warms a case up."""

Sequences = list[tuple[list[int], int]]


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


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a directory; left out, the bundled models")
    parser.add_argument("--config", type=Path, default=BARE, help="the prompt and the length of its samples")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"), help="of both contenders")
    parser.add_argument("--questions", type=int, default=200, help="questions of the table")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each case")
    parser.add_argument("--pairs", type=int, default=40, help="pairs of self-consistency with and without a confidence")
    parser.add_argument("--few", type=int, default=20, help="questions of each run of a pair")
    parser.add_argument(
        "--only", default="", help="run only cases whose names contain this; `pairs` runs only the pairs"
    )
    return status_of(measure, parser.parse_args())


def measure(options: argparse.Namespace) -> None:
    """Run the pairs and the table.

    Raises:
        InputError: no such model or data, or pairs of a model without a confidence token.
    """
    workload = open_workload(options.model or "grace", config=options.config, dtype=options.dtype)
    if options.only == "pairs" and workload.card is None:
        raise InputError(
            f"{workload.model} has no confidence token: give a model of `tts train grace`, or add one by "
            "python -m benchmarks.smollm2.stand_in"
        )
    if options.only in ("", "pairs") and workload.card is not None:
        engine = load(workload)
        asyncio.run(in_pass(engine, workload, options.few, options.pairs))
        engine.close()
    if options.only != "pairs":
        cases = [(workload, [*counting(), *confident(workload)])] if options.model else bundled(options.dtype)
        table(cases, options.questions, options.rounds, options.only)


def load(workload: Workload) -> VllmEngine:
    """Load the engine that strategies drive."""
    return VllmEngine.load(
        workload.folder,
        prompt=workload.prompt,
        sampling=workload.sampling,
        dtype=workload.dtype,
        options={"max_num_seqs": MAX_BATCH_SIZE, "disable_log_stats": False},
    )


def table(cases: list[tuple[Workload, list[Case]]], questions: int, rounds: int, only: str) -> None:
    """Print the table of all cases whose names contain ``only``."""
    first, _ = cases[0]
    print(
        f"{first.shown}, {questions} questions, {rounds} rounds, {os.cpu_count()} cores, {MAX_BATCH_SIZE} rows\n"
        f"{'':36}{'accuracy':>9}{'sequences':>10}{'tokens':>9}{'aborted':>9}{'cache hits':>12}"
        f"{'of blocks':>10}{'seconds':>9}{'tokens/s':>10}{'raw':>8}{'ratio':>7}  of each round",
        flush=True,
    )
    for workload, every in cases:
        if not (selected := [case for case in every if only in case.name]):
            continue
        engine, problems = load(workload), workload.take("test", questions)
        with raw(workload) as generate, asyncio.Runner() as runner:
            for case in selected:
                warm = runner.run(run_case(engine, workload, case, problems[:FEW]))
                generate.send(warm.sequences)
                generate.recv()
            found: dict[str, list[tuple[CaseRun, float]]] = {case.name: [] for case in selected}
            for left in reversed(range(rounds)):
                for case in selected:
                    done = runner.run(run_case(engine, workload, case, problems))
                    generate.send(done.sequences)
                    found[case.name].append((done, generate.recv()))
                    if not left:
                        print(table_row(case.name, found[case.name]), flush=True)
        engine.close()


async def in_pass(engine: VllmEngine, workload: Workload, questions: int, pairs: int) -> None:
    """Print the speed of self-consistency with a confidence relative to that without one, over pairs of runs."""
    assert workload.card is not None
    scorers, problems = (None, Grace(workload.card)), workload.take("test", questions)
    for scorer in scorers:
        await run_case(engine, workload, Case("warm", VOTES, scorer), problems)
    ratios = []
    for pair in range(pairs):
        speed = {}
        for scorer in scorers if pair % 2 else reversed(scorers):
            speed[scorer is not None] = (await run_case(engine, workload, Case("votes", VOTES, scorer), problems)).speed
        ratios.append(speed[True] / speed[False])
    logs = np.log(ratios)
    low, high = (float(np.exp(end)) for end in bootstrap_interval(logs, bootstrap_weights(pairs, 10_000, 0)))
    print(
        f"{workload.shown}, {engine.encoder.vocabulary:,} tokens\n"
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
        f"{use.prompt_cached / whole:10.1%}{statistics.median(done.seconds for done, _ in runs):9.1f}"
        f"{mine:10.0f}{offline:8.0f}{statistics.median(ratios):7.2f}  {' '.join(f'{r:.2f}' for r in ratios)}"
    )


async def run_case(engine: VllmEngine, workload: Workload, case: Case, problems: list[Problem]) -> CaseRun:
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
        extract=workload.extract,
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
def raw(workload: Workload) -> Iterator[Connection]:
    """Run offline vLLM in another process, which draws the sequences sent to it and answers with tokens per second."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=offline, args=(str(workload.folder), workload.dtype, workload.sampling.temperature, there)
    )
    process.start()
    try:
        yield here
    finally:
        here.send(None)
        process.join()


def offline(folder: str, dtype: str, temperature: float, asked: Connection) -> None:
    """Draw the sequences that arrive on a connection, as vLLM's documentation says, until None arrives."""
    args = engine_args(
        folder, dtype=dtype, revision=None, device="auto", seed=0, seeded=False,
        options={"max_num_seqs": MAX_BATCH_SIZE},
    )  # fmt: skip
    from vllm import LLM, SamplingParams

    names = ("model", "dtype", "seed", "enforce_eager", "block_size", "kv_cache_memory_bytes", "max_num_seqs")
    engine = LLM(**{name: getattr(args, name) for name in names}, enable_prefix_caching=True)
    while (some := asked.recv()) is not None:
        params = [
            SamplingParams(temperature=temperature, max_tokens=n, ignore_eos=True, detokenize=False) for _, n in some
        ]
        start = time.perf_counter()
        outputs = engine.generate([{"prompt_token_ids": ids} for ids, _ in some], params, use_tqdm=False)
        took = time.perf_counter() - start
        asked.send(sum(len(o.outputs[0].token_ids) for o in outputs) / took)
    engine.llm_engine.engine_core.shutdown()  # else this process waits for vLLM's, which wait for it


if __name__ == "__main__":
    sys.exit(main())
