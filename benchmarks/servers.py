"""Our engine and its-hub 1.2.0 against the same server of vLLM, on the same questions: speed, accuracy, its counters.

    make vllm && .venv-vllm/bin/pip install -c .ci/constraints-vllm.txt 'its_hub[lm]==1.2.0'
    .venv-vllm/bin/python -m benchmarks.servers [--questions 200]

The server has the bundled model and a chat template that says no more than our prompt does. its-hub runs as its
documentation says, 32 requests at a time by default, and once more with as many as we send, twice the server's rows;
all questions are handed to it at once. Our settings are fitted on questions of the calibration split, drawn from the
same server: the cheapest that is as accurate there as 16 votes, within half a point. The driver looks further ahead
where fewer questions are left than the server has rows (`fill`). Tokens are those that the server's own counters show.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.grace_scaling import points, tuned
from evals.live_config import RunConfig
from evals.plan import fitted
from evals.stats import bootstrap_interval, bootstrap_weights
from strategies.catalog import CATALOG
from tts.answers import extract_gsm8k
from tts.driver import Options, Result, run_all
from tts.engines.openai import OpenAIEngine
from tts.engines.openai_config import OpenAIConfig
from tts.engines.sampling import Sampling
from tts.pool import Entry, Pool
from tts.prompts import Prompt
from tts.scorers.config import open_scorer
from tts.tiny import weights
from tts.tiny.stories import take
from tts.types import Problem, Signals, Usage

ROWS, BUDGET, THEIRS, LIMIT = 128, 16, 32, 600
HOW = Sampling(temperature=0.8, max_tokens=256)
TEMPLATE = "{{ bos_token }}{% for one in messages %}{{ one['content'] }}{{ '\n' }}{% endfor %}"
ADAPTIVE = ("cges_fitted", "adaptive_consistency")
VOTES = CATALOG["self_consistency"].build(BUDGET)


@dataclass(frozen=True)
class Timed:
    """One contestant: seconds, whether each question was answered right, and what the server counted."""

    name: str
    seconds: float
    right: np.ndarray
    read: int
    drawn: int


class Server:
    """vLLM's own, for as long as the process runs."""

    def __init__(self, port: int) -> None:
        """Its address."""
        self.root = f"http://127.0.0.1:{port}"

    def counted(self) -> tuple[int, int]:
        """Tokens read (found in its cache or not) and drawn, by its own counters."""
        with urllib.request.urlopen(f"{self.root}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        names = ("prompt_tokens_total", "generation_tokens_total")
        found = (re.findall(rf"^vllm:{name}{{.*}} (\S+)$", text, re.MULTILINE) for name in names)
        read, drawn = (round(sum(map(float, values))) for values in found)
        return read, drawn

    async def idle(self) -> None:
        """Wait until its counters stand still."""
        last = None
        while last != (last := self.counted()):
            await asyncio.sleep(0.5)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--fit", type=int, default=400, help="questions of the calibration split to fit on")
    options = parser.parse_args()
    with serving() as server:
        asyncio.run(contest(server, options.questions, options.fit))


async def contest(server: Server, questions: int, fit: int) -> None:
    """Everybody in turn."""
    engine = OpenAIEngine.load(
        # requests that wait at the server keep its batch full
        OpenAIConfig(urls=[f"{server.root}/v1"], tokenizer=str(weights("tiny")), concurrency=2 * ROWS),
        model="tiny",
        prompt=Prompt(),
        sampling=HOW,
        seeded=False,
    )
    problems = asked("test", questions)
    print(f"{questions} questions, {BUDGET} samples at most, float32, {os.cpu_count()} cores, {ROWS} rows", flush=True)
    scorer, rules = await fitting(engine, asked("calibration", fit))

    def ours(name: str, strategy: Any, judge: Any = None) -> Callable[[], Any]:
        async def play() -> list[bool]:
            how = Options(fill=ROWS)
            results = await run_all(strategy, problems, engine, extract=extract, scorer=judge, options=how)
            spent[name] = sum((r.decision.usage or Usage() for r in results), Usage())
            return [r.decision.answer == r.problem.gold for r in results]

        return play

    spent: dict[str, Usage] = {}
    contestants = {
        f"its-hub, SelfConsistency, {THEIRS} at a time": theirs(server, "SelfConsistency", THEIRS, problems),
        f"its-hub, SelfConsistency, {2 * ROWS}": theirs(server, "SelfConsistency", 2 * ROWS, problems),
        "self-consistency": ours("self-consistency", VOTES),
        **{name: ours(name, rule, scorer if CATALOG[name].needs_confidence else None) for name, rule in rules.items()},
        f"its-hub, BetaSelfConsistency, {THEIRS}": theirs(server, "BetaSelfConsistency", THEIRS, problems),
    }
    timed: list[Timed] = []
    header()
    for name, play in contestants.items():
        try:
            timed.append(await timing(name, play, server))
        except TimeoutError:
            print(f"{name:38}has not ended after {LIMIT} seconds", flush=True)
        else:
            row(timed[-1], timed[0])
    print("\nour ledgers against the server's counters (of a stream that is closed, nobody says what was under way):")
    for one in timed:
        if one.name in spent:
            apart(one, spent[one.name])


def asked(split: str, n: int) -> list[Problem]:
    """Questions of a split."""
    return [Problem(f"{split}-{i}", s.question, s.answer) for i, s in enumerate(take(split, n, seed=7))]


def extract(problem: Problem, text: str) -> str | None:
    """The answer of a text."""
    return extract_gsm8k(text)


async def fitting(engine: OpenAIEngine, problems: Sequence[Problem]) -> tuple[Any, dict[str, Any]]:
    """The scorer and the adaptive strategies, fitted on these questions."""
    drawn = await run_all(VOTES, problems, engine, extract=extract, signals=Signals(logprobs=True))
    pool = Pool("the calibration split", "", tuple(map(entry, drawn)))
    config = RunConfig(scorer={"name": "mean_logprob"}, fit=pool.path, calibrate="platt", budget=BUDGET)
    plain = open_scorer({"name": "mean_logprob"}, model="tiny", revision="", template=Prompt().template)
    methods = [tuned(CATALOG[name]) for name in ADAPTIVE]
    scorer, params = await asyncio.to_thread(fitted, config, pool, methods, plain)
    assert scorer is not None
    for method, given in zip(methods, params, strict=True):
        print(f"fitted on {len(problems)} other questions: {method.name} {dict(given)}")
    return scorer.scorer, {m.name: m.build(BUDGET, given) for m, given in zip(methods, params, strict=True)}


def entry(result: Result) -> Entry:
    """A question as a pool has it."""
    samples = result.decision.samples
    return Entry(result.problem, samples, tuple(s.answer == result.problem.gold for s in samples))


def theirs(server: Server, algorithm: str, at_a_time: int, problems: Sequence[Problem]) -> Callable[[], Any]:
    """its-hub on all questions at once."""
    from its_hub.core.algorithms import beta_self_consistency, self_consistency
    from its_hub.core.lms.openai_lm import OpenAICompatibleLanguageModel
    from its_hub.core.orchestrator import LMOrchestrator

    kinds = {
        "SelfConsistency": self_consistency.SelfConsistency,
        "BetaSelfConsistency": beta_self_consistency.BetaSelfConsistency,
    }

    async def play() -> list[bool]:
        model = OpenAICompatibleLanguageModel(
            endpoint=f"{server.root}/v1",
            api_key="none",
            model_name="tiny",
            temperature=HOW.temperature,
            max_completion_tokens=HOW.max_tokens,
        )
        votes = kinds[algorithm](
            consistency_space_projection_func=extract_gsm8k, orchestrator=LMOrchestrator(max_concurrency=at_a_time)
        )
        said = await asyncio.gather(*(votes.ainfer(model, problem.question, BUDGET) for problem in problems))
        await model.close()
        return [extract_gsm8k(one["content"]) == p.gold for one, p in zip(said, problems, strict=True)]

    return play


async def timing(name: str, play: Callable[[], Awaitable[list[bool]]], server: Server) -> Timed:
    """One contestant, and what the server counted meanwhile.

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
    return Timed(name, seconds, np.array(right, dtype=float), after[0] - before[0], after[1] - before[1])


def header() -> None:
    """Of the table."""
    print("\ntokens and their share are the server's; differences of accuracy in points, paired by question\n")
    print(f"{'':38}{'accuracy':>9}{'difference':>20}{'seconds':>9}{'questions/s':>12}{'ratio':>7}{'drawn':>9}{'share':>7}"
          f"{'read':>9}", flush=True)  # fmt: skip


def row(one: Timed, first: Timed) -> None:
    """One contestant beside its-hub's SelfConsistency with its default number of requests at a time."""
    diff = one.right - first.right
    low, high = bootstrap_interval(diff, bootstrap_weights(len(diff), 10_000, 0))
    said = points(float(diff.mean()), (float(low), float(high))) if one is not first else ""
    print(
        f"{one.name:38}{one.right.mean():9.3f}{said:>20}{one.seconds:9.1f}{len(diff) / one.seconds:12.2f}"
        f"{first.seconds / one.seconds:7.2f}{one.drawn:9}{one.drawn / first.drawn:7.0%}{one.read:9}",
        flush=True,
    )


def apart(one: Timed, use: Usage) -> None:
    """A ledger of ours beside what the server counted."""
    read, drawn = use.prompt + use.prompt_cached, use.generated
    more = one.read - read, one.drawn - drawn
    said = f"the server has {more[0]} and {more[1]} more" if any(more) else "equal"
    print(f"{one.name:38}{read:9} read {drawn:9} drawn, {use.aborted / drawn:.1%} of them aborted: {said}")


@contextmanager
def serving() -> Iterator[Server]:
    """VLLM's server with the bundled model, ended with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        (template := Path(folder) / "chat.jinja").write_text(TEMPLATE)
        command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(weights("tiny"))]
        command += ["--served-model-name", "tiny", "--port", str(port), "--dtype", "float32", "--enforce-eager"]
        command += ["--block-size", "32", "--max-num-seqs", str(ROWS), "--chat-template", str(template)]
        command += ["--enable-prompt-tokens-details", "--disable-uvicorn-access-log"]
        quiet = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_LOGGING_LEVEL": "ERROR"}
        nothing = subprocess.DEVNULL
        process = subprocess.Popen(command, env={**os.environ, **quiet}, stdout=nothing, stderr=nothing)
        try:
            for _ in range(600):
                with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                    break
                if process.poll() is not None:
                    raise SystemExit("vLLM's server did not start: try the command of this file in a terminal")
                time.sleep(0.5)
            yield Server(port)
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
