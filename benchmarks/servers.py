"""Speed, accuracy and tokens of our engine and of its-hub 1.2.0 on the same vLLM server and questions.

    make vllm && .venv-vllm/bin/pip install -c .ci/constraints-vllm.txt 'its_hub[lm]==1.2.0'
    .venv-vllm/bin/python -m benchmarks.servers [--model grace] [--questions 200] [--rounds 3]
    .venv-vllm/bin/python -m benchmarks.servers --model DIRECTORY [--config FILE] [--dtype bfloat16] [--timeout-s 3600]

The bundled models answer stories, the model of a directory SVAMP (in the folder $TTS_DATA), in the form of the YAML
file --config. The server has a chat template that adds nothing to our prompt, or the model's own for a chat. its-hub
runs as its documentation says, with 32 requests at a time, its default, and once more with as many as we send, twice
the server's rows. It gets all questions at once. Neither system draws a confidence token. The systems take turns in
rounds. Its-hub's Beta early stop runs once, last, and is compared with the first round. A ratio is of questions per
second, relative to its-hub's default in the same round. The table has medians of ratios and means of accuracies over
the rounds.

Our settings are fitted on other questions (of the calibration split, or of SVAMP), drawn from the same server: the
cheapest setting that is there as accurate as 16 votes, within half a point or without any loss. Confidences are
`stacked` (GrACE's token and log-probabilities) where the model has a token, else the mean log-probability. The driver
looks further ahead when few questions are left (`min_in_flight`). Tokens are counted by the server.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import its_hub
from benchmarks.experiments.grace_scaling import MARGIN, platt_of, points, side_of, tuned
from benchmarks.smollm2.reasoner import BARE, status_of
from benchmarks.vllm_server import VllmServer
from benchmarks.workloads.cases import BUDGET, MAX_BATCH_SIZE, VOTES
from benchmarks.workloads.workload import Workload, open_workload
from evals.comparison.matched import play_fitted
from evals.metrics.stats import bootstrap_interval, bootstrap_weights
from evals.replay.arrays import PoolArrays
from evals.replay.rescore import fit_weights, rescored, stacked
from strategies.catalog import CATALOG
from tts.engines.openai.config import OpenAIConfig
from tts.engines.openai.engine import OpenAIEngine
from tts.engines.vllm.args import WORKER_EXTENSION
from tts.pool import Entry, Pool
from tts.runtime.driver import Options, Result, run_all
from tts.scorers.base import Calibrated, Scorer
from tts.scorers.stacking.features import FEATURES
from tts.scorers.stacking.stacked import StackedScorer
from tts.scorers.trace_scores import TraceScorer
from tts.types import Problem, Signals, Usage

CHECK_EVERY, FILL = 32, 96
ADAPTIVE = {
    "cges_cost": ("cges_cost", MARGIN),
    "cges_cost, no margin": ("cges_cost", 0.0),
    "adaptive_consistency": ("adaptive_consistency", MARGIN),
}
"""Our adaptive strategies, and how much less accurate than 16 votes each may be on the questions it is fitted on."""
STACKED = tuple(name for name in FEATURES if name not in ("grace_min", "grace_step"))
"""Features that rank as well as all features do (docs/results/grace.txt), without a signal at every step."""

System = Callable[[], Awaitable[list[bool]]]


@dataclass(frozen=True)
class Round:
    """One run of a system: seconds, whether each answer was right, and the tokens that the server read and drew."""

    seconds: float
    right: np.ndarray
    read: int
    drawn: int


def main() -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="grace", help="grace, tiny or a directory")
    parser.add_argument("--config", type=Path, default=BARE, help="the prompt and the length of a directory's samples")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"), help="of the server")
    parser.add_argument("--questions", type=int, default=200, help="questions of the table")
    parser.add_argument("--fit", type=int, default=400, help="other questions to fit on")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each system")
    parser.add_argument("--timeout-s", type=float, default=600, help="the most seconds of a run")
    return status_of(measure, parser.parse_args())


def measure(options: argparse.Namespace) -> None:
    """Serve the model and compare the systems.

    Raises:
        InputError: no such model or data, or fewer questions than asked for.
    """
    workload = open_workload(options.model, config=options.config, dtype=options.dtype)
    problems, others = workload.take("test", options.questions), workload.take("calibration", options.fit)
    with serving(workload) as server:
        asyncio.run(compare(server, workload, problems, others, options.rounds, options.timeout_s))


@contextmanager
def serving(workload: Workload) -> Iterator[VllmServer]:
    """Serve a model with vLLM while the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--max-num-seqs", str(MAX_BATCH_SIZE)]
        options += ["--disable-uvicorn-access-log", "--worker-extension-cls", WORKER_EXTENSION]
        if (template := its_hub.template_of(workload)) is not None:
            (file := Path(folder) / "chat.jinja").write_text(template)
            options += ["--chat-template", str(file)]
        server = VllmServer(workload.name, *options, folder=workload.folder, dtype=workload.dtype)
        try:
            yield server
        finally:
            server.stop()


async def compare(
    server: VllmServer,
    workload: Workload,
    problems: Sequence[Problem],
    others: Sequence[Problem],
    rounds: int,
    timeout_s: float,
) -> None:
    """Run all systems in turn and print the table.

    Args:
        server: serves the model.
        workload: the model.
        problems: the questions of the table.
        others: the questions that settings are fitted on.
        rounds: runs of each system.
        timeout_s: the most seconds of a run.
    """
    engine = OpenAIEngine.load(
        # requests that wait at the server keep its batch full
        OpenAIConfig(urls=[f"{server.root}/v1"], tokenizer=str(workload.folder), concurrency=2 * MAX_BATCH_SIZE),
        model=workload.name,
        prompt=workload.prompt,
        sampling=workload.sampling,
        seeded=False,
        check_every_tokens=CHECK_EVERY,
    )
    print(
        f"{workload.shown}, {len(problems)} questions, {rounds} rounds, {BUDGET} samples at most, "
        f"{os.cpu_count()} cores, {MAX_BATCH_SIZE} rows",
        flush=True,
    )
    rules = await fit_rules(engine, workload, others)
    spent: dict[str, list[Usage]] = {}

    def ours(name: str, strategy: Any, scorer: Scorer | None = None) -> System:

        async def run() -> list[bool]:
            driver_options = Options(min_in_flight=FILL)
            results = await run_all(
                strategy, problems, engine, extract=workload.extract, scorer=scorer, options=driver_options
            )
            spent.setdefault(name, []).append(sum((r.decision.usage or Usage() for r in results), Usage()))
            return [r.decision.answer == r.problem.gold for r in results]

        return run

    def theirs(algorithm: str, concurrency: int) -> System:
        return lambda: its_hub.vote(
            algorithm, problems, workload, url=f"{server.root}/v1", budget=BUDGET, concurrency=concurrency
        )

    default, most = its_hub.DEFAULT_CONCURRENCY, 2 * MAX_BATCH_SIZE
    systems = {
        f"its-hub, SelfConsistency, {default} at a time": theirs("SelfConsistency", default),
        f"its-hub, SelfConsistency, {most}": theirs("SelfConsistency", most),
        "self_consistency": ours("self_consistency", VOTES),
        **{name: ours(name, *rule) for name, rule in rules.items()},
    }
    beta = {f"its-hub, BetaSelfConsistency, {default}": theirs("BetaSelfConsistency", default)}
    first, votes = next(iter(systems)), "self_consistency"
    done: dict[str, list[Round]] = {}
    print_header()
    for selected in [*[systems] * rounds, beta]:
        for name, system in selected.items():
            try:
                done.setdefault(name, []).append(await run_round(system, server, timeout_s))
            except TimeoutError:
                print(f"{name:34} has not ended after {timeout_s:g} seconds", flush=True)
                continue
            if len(done[name]) == rounds or selected is beta:
                print_row(name, done[name], done[first], done.get(votes, []))
    print("\nour ledgers against the server's counters (a closed stream does not report the tokens under way):")
    for name, usages in spent.items():
        print_ledger(name, done[name], sum(usages, Usage()))


async def fit_rules(
    engine: OpenAIEngine, workload: Workload, problems: Sequence[Problem]
) -> dict[str, tuple[Any, Scorer | None]]:
    """Return the adaptive strategies, each with the scorer that it needs, fitted on these questions."""
    card = workload.card
    signals = Signals(logprobs=True, watch=() if card is None else (card.token_id,))
    drawn = await run_all(VOTES, problems, engine, extract=workload.extract, signals=signals)
    pool = Pool("the calibration split", "", tuple(map(entry, drawn)))
    scorer: Scorer
    if card is None:
        scorer, judged = TraceScorer("mean_logprob"), rescored(pool, "mean_logprob", answers="number")
    else:
        scorer = StackedScorer(fit_weights(pool, features=STACKED), card)
        judged = stacked(pool, features=STACKED)  # each half by weights of the other
    arrays = PoolArrays.of(judged, answers="number")
    scale = platt_of(arrays)
    side, scorer = side_of(arrays, scale, budget=BUDGET), Calibrated(scorer, scale)
    rules: dict[str, tuple[Any, Scorer | None]] = {}
    for name, (row, margin) in ADAPTIVE.items():
        method = tuned(CATALOG[row])
        (given,), _ = play_fitted(side, side, [method], budget=BUDGET, margin=margin)
        print(f"fitted on {len(problems)} other questions: {name} {given}", flush=True)
        rules[name] = method.build(BUDGET, given), scorer if method.requires.confidence else None
    return rules


def entry(result: Result) -> Entry:
    """Return the pool entry of a question."""
    samples = result.decision.samples
    return Entry(result.problem, samples, tuple(s.answer == result.problem.gold for s in samples))


async def run_round(system: System, server: VllmServer, timeout_s: float) -> Round:
    """Run a system once.

    Raises:
        TimeoutError: it has not ended in time.
    """
    await asyncio.to_thread(server.wait_idle)
    before, start = server.tokens(), time.perf_counter()
    async with asyncio.timeout(timeout_s):
        right = await system()
    seconds = time.perf_counter() - start
    await asyncio.to_thread(server.wait_idle)
    after = server.tokens()
    return Round(seconds, np.array(right, dtype=float), after[0] - before[0], after[1] - before[1])


def print_header() -> None:
    """Print the head of the table."""
    print("\ntokens and their share are the server's, of a round; accuracies differ in points, paired by question\n")
    print(
        f"{'':34}{'accuracy':>9}{'to its-hub, 32':>20}{'to our votes':>20}{'questions/s':>12}{'ratio':>6}{'drawn':>8}"
        f"{'share':>6}{'read':>8}  ratio of each round",
        flush=True,
    )


def print_row(name: str, rounds: Sequence[Round], first: Sequence[Round], votes: Sequence[Round]) -> None:
    """Print a system relative to its-hub's SelfConsistency with its default settings, and to our votes."""
    ratios = [one.seconds for one in first[: len(rounds)]] / np.array([one.seconds for one in rounds])
    speed = statistics.median(len(one.right) / one.seconds for one in rounds)
    drawn, read = (statistics.mean(getattr(one, what) for one in rounds) for what in ("drawn", "read"))
    shown = [
        accuracy_difference(rounds, others) if rounds is not others and others else "" for others in (first, votes)
    ]
    print(
        f"{name:34}{accuracies(rounds).mean():9.3f}{shown[0]:>20}{shown[1]:>20}{speed:12.2f}{np.median(ratios):6.2f}"
        f"{drawn:8.0f}{drawn / statistics.mean(one.drawn for one in first):6.0%}{read:8.0f}"
        f"  {' '.join(f'{ratio:.2f}' for ratio in ratios)}",
        flush=True,
    )


def accuracies(rounds: Sequence[Round]) -> np.ndarray:
    """Return the share of rounds in which each question was answered right, shape [questions]."""
    return np.array([one.right for one in rounds]).mean(axis=0)


def accuracy_difference(rounds: Sequence[Round], others: Sequence[Round]) -> str:
    """Return the difference of accuracies, and its interval over questions."""
    diff = accuracies(rounds) - accuracies(others)
    low, high = bootstrap_interval(diff, bootstrap_weights(len(diff), 10_000, 0))
    return points(float(diff.mean()), (float(low), float(high)))


def print_ledger(name: str, rounds: Sequence[Round], use: Usage) -> None:
    """Print one of our ledgers beside the server's counters."""
    read, drawn = use.prompt + use.prompt_cached, use.generated
    more = sum(one.read for one in rounds) - read, sum(one.drawn for one in rounds) - drawn
    difference = f"the server has {more[0]} and {more[1]} more" if any(more) else "equal"
    print(f"{name:34}{read:9} read {drawn:9} drawn, {use.aborted / drawn:.1%} of them aborted: {difference}")


if __name__ == "__main__":
    sys.exit(main())
