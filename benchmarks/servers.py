"""Our engine and its-hub 1.2.0 against the same server of vLLM, on the same questions: speed, accuracy, its counters.

    make vllm && .venv-vllm/bin/pip install -c .ci/constraints-vllm.txt 'its_hub[lm]==1.2.0'
    .venv-vllm/bin/python -m benchmarks.servers [--model grace] [--questions 200] [--rounds 3]

The server has a bundled model and a chat template that says no more than our prompt does. its-hub runs as its
documentation says, 32 requests at a time by default, and once more with as many as we send, twice the server's rows;
all questions are handed to it at once. Of `grace` neither draws the confidence token. Contestants take turns, a round
each; its Beta early stop plays once, last, and is set beside the first. A ratio is of questions a second, to its
default in the same round, and the median of the rounds; accuracies are means of them.

Our settings are fitted on questions of the calibration split, drawn from the same server: the cheapest that is as
accurate there as 16 votes, within half a point, or at all. Confidences are `stacked` (GrACE's token and
log-probabilities) with `grace`, and the mean log-probability with `tiny`. The driver looks further ahead where few
questions are left (`min_in_flight`). Tokens are those that the server's own counters show.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.experiments.grace_scaling import MARGIN, platt_of, points, side_of, tuned
from benchmarks.vllm_server import Server, serving
from evals.comparison.matched import play_fitted
from evals.metrics.stats import bootstrap_interval, bootstrap_weights
from evals.replay.arrays import PoolArrays
from evals.replay.rescore import fit_weights, rescored, stacked
from strategies.catalog import CATALOG
from tts.answers import extract_gsm8k
from tts.engines.openai.config import OpenAIConfig
from tts.engines.openai.engine import OpenAIEngine
from tts.engines.sampling import Sampling
from tts.models.bundled import weights
from tts.models.grace import GraceCard, read_card
from tts.pool import Entry, Pool
from tts.prompts import Prompt
from tts.runtime.driver import Options, Result, run_all
from tts.scorers.base import Calibrated, Scorer
from tts.scorers.stacked import StackedScorer
from tts.scorers.stacked_features import FEATURES
from tts.scorers.trace_scores import TraceScorer
from tts.stories.stories import take
from tts.types import Problem, Signals, Usage

ROWS, BUDGET, THEIRS, LIMIT, CHECK_EVERY, FILL = 128, 16, 32, 600, 32, 96
HOW = Sampling(temperature=0.8, max_tokens=256)
ADAPTIVE = {
    "cges_cost": ("cges_cost", MARGIN),
    "cges_cost, no margin": ("cges_cost", 0.0),
    "adaptive_consistency": ("adaptive_consistency", MARGIN),
}
"""What plays, and how much less accurate than 16 votes it may be where it is fitted."""
STACKED = tuple(name for name in FEATURES if name not in ("grace_min", "grace_step"))
"""What ranks as well as all features do (docs/results/grace.txt), without a look at every step."""
VOTES = CATALOG["self_consistency"].build(BUDGET)

Contestant = Callable[[], Awaitable[list[bool]]]


@dataclass(frozen=True)
class Timed:
    """One turn: seconds, whether each question was answered right, and what the server counted."""

    seconds: float
    right: np.ndarray
    read: int
    drawn: int


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("grace", "tiny"), default="grace")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--fit", type=int, default=400, help="questions of the calibration split to fit on")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with serving(options.model, ROWS) as server:
        asyncio.run(contest(server, options.model, options.questions, options.fit, options.rounds))


async def contest(server: Server, model: str, questions: int, fit: int, rounds: int) -> None:
    """Everybody in turn."""
    engine = OpenAIEngine.load(
        # requests that wait at the server keep its batch full
        OpenAIConfig(urls=[f"{server.root}/v1"], tokenizer=str(weights(model)), concurrency=2 * ROWS),
        model=model,
        prompt=Prompt(),
        sampling=HOW,
        seeded=False,
        check_every_tokens=CHECK_EVERY,
    )
    problems = asked("test", questions)
    print(
        f"{model}: {questions} questions, {rounds} rounds, {BUDGET} samples at most, float32, {os.cpu_count()} cores, "
        f"{ROWS} rows",
        flush=True,
    )
    rules = await fitting(engine, model, asked("calibration", fit))
    spent: dict[str, list[Usage]] = {}

    def ours(name: str, strategy: Any, judge: Scorer | None = None) -> Contestant:

        async def play() -> list[bool]:
            how = Options(min_in_flight=FILL)
            results = await run_all(strategy, problems, engine, extract=extract, scorer=judge, options=how)
            spent.setdefault(name, []).append(sum((r.decision.usage or Usage() for r in results), Usage()))
            return [r.decision.answer == r.problem.gold for r in results]

        return play

    contestants = {
        f"its-hub, SelfConsistency, {THEIRS} at a time": theirs(server, model, "SelfConsistency", THEIRS, problems),
        f"its-hub, SelfConsistency, {2 * ROWS}": theirs(server, model, "SelfConsistency", 2 * ROWS, problems),
        "self_consistency": ours("self_consistency", VOTES),
        **{name: ours(name, *rule) for name, rule in rules.items()},
    }
    beta = {f"its-hub, BetaSelfConsistency, {THEIRS}": theirs(server, model, "BetaSelfConsistency", THEIRS, problems)}
    first, votes = next(iter(contestants)), "self_consistency"
    turns: dict[str, list[Timed]] = {}
    header()
    for some in [*[contestants] * rounds, beta]:
        for name, play in some.items():
            try:
                turns.setdefault(name, []).append(await timing(play, server))
            except TimeoutError:
                print(f"{name:34} has not ended after {LIMIT} seconds", flush=True)
                continue
            if len(turns[name]) == rounds or some is beta:
                row(name, turns[name], turns[first], turns.get(votes, []))
    print("\nour ledgers against the server's counters (of a stream that is closed, nobody says what was under way):")
    for name, usages in spent.items():
        apart(name, turns[name], sum(usages, Usage()))


def asked(split: str, n: int) -> list[Problem]:
    """Questions of a split."""
    return [Problem(f"{split}-{i}", s.question, s.answer) for i, s in enumerate(take(split, n, seed=7))]


def extract(problem: Problem, text: str) -> str | None:
    """The answer of a text."""
    return extract_gsm8k(text)


def card_of(model: str) -> GraceCard | None:
    """Of the confidence token, where a model has one."""
    return read_card(weights(model)) if model == "grace" else None


async def fitting(
    engine: OpenAIEngine, model: str, problems: Sequence[Problem]
) -> dict[str, tuple[Any, Scorer | None]]:
    """The adaptive strategies, each with the scorer that it needs, fitted on these questions."""
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
    """A question as a pool has it."""
    samples = result.decision.samples
    return Entry(result.problem, samples, tuple(s.answer == result.problem.gold for s in samples))


def theirs(server: Server, model: str, algorithm: str, at_a_time: int, problems: Sequence[Problem]) -> Contestant:
    """its-hub on all questions at once."""
    from its_hub.core.algorithms import beta_self_consistency, self_consistency
    from its_hub.core.lms.openai_lm import OpenAICompatibleLanguageModel
    from its_hub.core.orchestrator import LMOrchestrator

    kinds = {
        "SelfConsistency": self_consistency.SelfConsistency,
        "BetaSelfConsistency": beta_self_consistency.BetaSelfConsistency,
    }
    card = card_of(model)
    bias = {} if card is None else {"logit_bias": {str(card.token_id): -100}}

    class Model(OpenAICompatibleLanguageModel):  # type: ignore[misc]
        """As it is, without the confidence token."""

        def _prepare_request_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
            return {**super()._prepare_request_data(*args, **kwargs), **bias}

    async def play() -> list[bool]:
        client = Model(
            endpoint=f"{server.root}/v1",
            api_key="none",
            model_name=model,
            temperature=HOW.temperature,
            max_completion_tokens=HOW.max_tokens,
        )
        votes = kinds[algorithm](
            consistency_space_projection_func=extract_gsm8k, orchestrator=LMOrchestrator(max_concurrency=at_a_time)
        )
        said = await asyncio.gather(*(votes.ainfer(client, problem.question, BUDGET) for problem in problems))
        await client.close()
        return [extract_gsm8k(one["content"]) == p.gold for one, p in zip(said, problems, strict=True)]

    return play


async def timing(play: Contestant, server: Server) -> Timed:
    """One turn, and what the server counted meanwhile.

    Raises:
        TimeoutError: it has not ended in time.
    """
    await server.idle()
    before, start = server.counted(), time.perf_counter()
    async with asyncio.timeout(LIMIT):
        right = await play()
    seconds = time.perf_counter() - start
    await server.idle()
    after = server.counted()
    return Timed(seconds, np.array(right, dtype=float), after[0] - before[0], after[1] - before[1])


def header() -> None:
    """Of the table."""
    print("\ntokens and their share are the server's, of a round; accuracies differ in points, paired by question\n")
    print(
        f"{'':34}{'accuracy':>9}{'to its-hub, 32':>20}{'to our votes':>20}{'questions/s':>12}{'ratio':>6}{'drawn':>8}"
        f"{'share':>6}{'read':>8}  ratio of each round",
        flush=True,
    )


def row(name: str, turns: Sequence[Timed], first: Sequence[Timed], votes: Sequence[Timed]) -> None:
    """One contestant beside its-hub's SelfConsistency with its default number of requests at a time, and our votes."""
    ratios = [one.seconds for one in first[: len(turns)]] / np.array([one.seconds for one in turns])
    speed = statistics.median(len(one.right) / one.seconds for one in turns)
    drawn, read = (statistics.mean(getattr(one, what) for one in turns) for what in ("drawn", "read"))
    shown = [apart_by(turns, others) if turns is not others and others else "" for others in (first, votes)]
    print(
        f"{name:34}{means(turns).mean():9.3f}{shown[0]:>20}{shown[1]:>20}{speed:12.2f}{np.median(ratios):6.2f}"
        f"{drawn:8.0f}{drawn / statistics.mean(one.drawn for one in first):6.0%}{read:8.0f}"
        f"  {' '.join(f'{ratio:.2f}' for ratio in ratios)}",
        flush=True,
    )


def means(turns: Sequence[Timed]) -> np.ndarray:
    """How often each question was answered right."""
    return np.array([one.right for one in turns]).mean(axis=0)


def apart_by(turns: Sequence[Timed], others: Sequence[Timed]) -> str:
    """The difference of accuracies, and its interval over questions."""
    diff = means(turns) - means(others)
    low, high = bootstrap_interval(diff, bootstrap_weights(len(diff), 10_000, 0))
    return points(float(diff.mean()), (float(low), float(high)))


def apart(name: str, turns: Sequence[Timed], use: Usage) -> None:
    """A ledger of ours beside what the server counted."""
    read, drawn = use.prompt + use.prompt_cached, use.generated
    more = sum(one.read for one in turns) - read, sum(one.drawn for one in turns) - drawn
    said = f"the server has {more[0]} and {more[1]} more" if any(more) else "equal"
    print(f"{name:34}{read:9} read {drawn:9} drawn, {use.aborted / drawn:.1%} of them aborted: {said}")


if __name__ == "__main__":
    main()
