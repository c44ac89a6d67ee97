"""Speed, accuracy and tokens of our engine and of its-hub 1.2.0 on the same vLLM server and questions.

    make vllm && .venv-vllm/bin/pip install -c .ci/constraints-vllm.txt 'its_hub[lm]==1.2.0'
    .venv-vllm/bin/python -m benchmarks.servers [--model grace] [--questions 200] [--rounds 3]

The server has a bundled model and a chat template that adds nothing to our prompt. its-hub runs as its documentation
says, with 32 requests at a time, its default, and once more with as many as we send, twice the server's rows. It gets
all questions at once. Neither system draws the confidence token of `grace`. The systems take turns in rounds. Its-hub's
Beta early stop runs once, last, and is compared with the first round. A ratio is of questions per second, relative to
its-hub's default in the same round. The table has medians of ratios and means of accuracies over the rounds.

Our settings are fitted on questions of the calibration split, drawn from the same server: the cheapest setting that is
there as accurate as 16 votes, within half a point or without any loss. Confidences are `stacked` (GrACE's token and
log-probabilities) with `grace`, and the mean log-probability with `tiny`. The driver looks further ahead when few
questions are left (`min_in_flight`). Tokens are counted by the server.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
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
from benchmarks.vllm_server import VllmServer
from evals.comparison.matched import play_fitted
from evals.metrics.stats import bootstrap_interval, bootstrap_weights
from evals.replay.arrays import PoolArrays
from evals.replay.rescore import fit_weights, rescored, stacked
from strategies.catalog import CATALOG
from tts.answers import extract_gsm8k
from tts.engines.openai.config import OpenAIConfig
from tts.engines.openai.engine import OpenAIEngine
from tts.engines.sampling import Sampling
from tts.engines.vllm.args import WORKER_EXTENSION
from tts.models.bundled import weights
from tts.models.grace import GraceCard, read_card
from tts.pool import Entry, Pool
from tts.prompts import Prompt
from tts.runtime.driver import Options, Result, run_all
from tts.scorers.base import Calibrated, Scorer
from tts.scorers.stacking.features import FEATURES
from tts.scorers.stacking.stacked import StackedScorer
from tts.scorers.trace_scores import TraceScorer
from tts.stories.stories import take
from tts.types import Problem, Signals, Usage

MAX_BATCH_SIZE, BUDGET, TIMEOUT_S, CHECK_EVERY, FILL = 128, 16, 600, 32, 96
SAMPLING = Sampling(temperature=0.8, max_tokens=256)
ADAPTIVE = {
    "cges_cost": ("cges_cost", MARGIN),
    "cges_cost, no margin": ("cges_cost", 0.0),
    "adaptive_consistency": ("adaptive_consistency", MARGIN),
}
"""Our adaptive strategies, and how much less accurate than 16 votes each may be on the questions it is fitted on."""
STACKED = tuple(name for name in FEATURES if name not in ("grace_min", "grace_step"))
"""Features that rank as well as all features do (docs/results/grace.txt), without a signal at every step."""
TEMPLATE = "{{ bos_token }}{% for one in messages %}{{ one['content'] }}{{ '\n' }}{% endfor %}"
"""A chat template that adds nothing to the prompt of our engines."""
VOTES = CATALOG["self_consistency"].build(BUDGET)

System = Callable[[], Awaitable[list[bool]]]


@dataclass(frozen=True)
class Round:
    """One run of a system: seconds, whether each answer was right, and the tokens that the server read and drew."""

    seconds: float
    right: np.ndarray
    read: int
    drawn: int


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("grace", "tiny"), default="grace", help="a bundled model")
    parser.add_argument("--questions", type=int, default=200, help="questions of the table")
    parser.add_argument("--fit", type=int, default=400, help="questions of the calibration split to fit on")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each system")
    options = parser.parse_args()
    with serving(options.model) as server:
        asyncio.run(compare(server, options.model, options.questions, options.fit, options.rounds))


@contextmanager
def serving(model: str) -> Iterator[VllmServer]:
    """Serve a bundled model with vLLM while the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        (template := Path(folder) / "chat.jinja").write_text(TEMPLATE)
        options = ["--max-num-seqs", str(MAX_BATCH_SIZE), "--chat-template", str(template)]
        options += ["--disable-uvicorn-access-log", "--worker-extension-cls", WORKER_EXTENSION]
        server = VllmServer(model, *options)
        try:
            yield server
        finally:
            server.stop()


async def compare(server: VllmServer, model: str, questions: int, fit: int, rounds: int) -> None:
    """Run all systems in turn and print the table."""
    engine = OpenAIEngine.load(
        # requests that wait at the server keep its batch full
        OpenAIConfig(urls=[f"{server.root}/v1"], tokenizer=str(weights(model)), concurrency=2 * MAX_BATCH_SIZE),
        model=model,
        prompt=Prompt(),
        sampling=SAMPLING,
        seeded=False,
        check_every_tokens=CHECK_EVERY,
    )
    problems = take_problems("test", questions)
    print(
        f"{model}: {questions} questions, {rounds} rounds, {BUDGET} samples at most, float32, {os.cpu_count()} cores, "
        f"{MAX_BATCH_SIZE} rows",
        flush=True,
    )
    rules = await fit_rules(engine, model, take_problems("calibration", fit))
    spent: dict[str, list[Usage]] = {}

    def ours(name: str, strategy: Any, scorer: Scorer | None = None) -> System:

        async def run() -> list[bool]:
            driver_options = Options(min_in_flight=FILL)
            results = await run_all(strategy, problems, engine, extract=extract, scorer=scorer, options=driver_options)
            spent.setdefault(name, []).append(sum((r.decision.usage or Usage() for r in results), Usage()))
            return [r.decision.answer == r.problem.gold for r in results]

        return run

    def theirs(algorithm: str, concurrency: int) -> System:
        return lambda: its_hub.vote(
            algorithm,
            problems,
            url=f"{server.root}/v1",
            model=model,
            card=card_of(model),
            sampling=SAMPLING,
            budget=BUDGET,
            concurrency=concurrency,
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
                done.setdefault(name, []).append(await run_round(system, server))
            except TimeoutError:
                print(f"{name:34} has not ended after {TIMEOUT_S} seconds", flush=True)
                continue
            if len(done[name]) == rounds or selected is beta:
                print_row(name, done[name], done[first], done.get(votes, []))
    print("\nour ledgers against the server's counters (a closed stream does not report the tokens under way):")
    for name, usages in spent.items():
        print_ledger(name, done[name], sum(usages, Usage()))


def take_problems(split: str, n: int) -> list[Problem]:
    """Return questions of a split."""
    return [Problem(f"{split}-{i}", s.question, s.answer) for i, s in enumerate(take(split, n, seed=7))]


def extract(problem: Problem, text: str) -> str | None:
    """Return the answer of a text."""
    return extract_gsm8k(text)


def card_of(model: str) -> GraceCard | None:
    """Return the card of a model's confidence token, if it has one."""
    return read_card(weights(model)) if model == "grace" else None


async def fit_rules(
    engine: OpenAIEngine, model: str, problems: Sequence[Problem]
) -> dict[str, tuple[Any, Scorer | None]]:
    """Return the adaptive strategies, each with the scorer that it needs, fitted on these questions."""
    card = card_of(model)
    signals = Signals(logprobs=True, watch=() if card is None else (card.token_id,))
    drawn = await run_all(VOTES, problems, engine, extract=extract, signals=signals)
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


async def run_round(system: System, server: VllmServer) -> Round:
    """Run a system once.

    Raises:
        TimeoutError: it has not ended in time.
    """
    await asyncio.to_thread(server.wait_idle)
    before, start = server.tokens(), time.perf_counter()
    async with asyncio.timeout(TIMEOUT_S):
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
    main()
