"""A plain agent loop with three tools (answer, verify, solve), beside an agent without a verifier.

python examples/agent_loop.py [--stories 200]
python examples/agent_loop.py --config FILE.yaml --questions FILE.jsonl
tts serve configs/serve/grace_agent.yaml & python examples/agent_loop.py --url http://127.0.0.1:8321/v1

Each question is answered by four agents. The first one answers at once. The second one verifies its answer, and lets
the solver find another one where the verifier does not let it through. The third one does the same, and says so where
the solver's answer is not let through either. The last one votes over 16 draws every time. With ``--url`` the tools are
those of a server. A configuration with promises of its own, and questions for it, are made by `python -m
benchmarks.agent --model DIRECTORY --only "agent loop"`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from evals.metrics.stats import wilson_interval
from evals.tasks import TaskConfig, load_task
from tts import Problem, Solver, Verifier
from tts.errors import TTSError
from tts.stories.stories import take

CONFIG = Path(__file__).parents[1] / "configs" / "serve" / "grace_agent.yaml"


@dataclass(frozen=True)
class Found:
    """The result of a tool: an answer with its text, or a verdict on one, and the cost."""

    answer: str | None
    text: str
    accept: bool | None
    draws: int
    tokens: int


@dataclass(frozen=True)
class Done:
    """The end of one question: the answer, None where the agent abstains, and the cost."""

    answer: str | None
    draws: int
    tokens: int


class Tools(Protocol):
    """The tools of the agents."""

    async def solve(self, question: Problem, how: str) -> Found:
        """Return an answer: how is first, solver or vote."""
        ...

    async def verify(self, question: Problem, text: str) -> Found:
        """Return the verdict on a text."""
        ...


WAYS = {"first": ("first_sample", 1), "vote": ("self_consistency", 16)}
"""Strategy and budget; the solver has those of the configuration."""
WITHOUT = {"calibration": {"solve": None}, "promise": {"solve": None}}
"""The fitted files are those of the solver's own strategy."""


class Library:
    """The tools on one model that is open in this process."""

    def __init__(self, config: Path) -> None:
        """Open the model of a configuration once."""
        self.solvers = {"solver": Solver.open(config)}
        for how, (strategy, budget) in WAYS.items():
            self.solvers[how] = Solver.open(config, strategy=strategy, budget=budget, **WITHOUT)
        self.verifier = Verifier.open(config)

    async def solve(self, question: Problem, how: str) -> Found:
        """Return an answer."""
        found = await self.solvers[how].asolve(question)
        text = found.samples[0].text if how == "first" else found.text or ""
        return Found(found.answer, text, found.accept, len(found.samples), found.usage.total)

    async def verify(self, question: Problem, text: str) -> Found:
        """Return the verdict on a text."""
        verdict = await self.verifier.ascore(question.question, text)
        return Found(verdict.answer, text, verdict.accept, 0, verdict.usage.total)


class Server:
    """The tools of ``tts serve``, by OpenAI's client, which asks again by itself where the server is full."""

    def __init__(self, client: Any, model: str) -> None:
        """Take the client, and the name of the model at the server."""
        self.client, self.model = client, model

    async def solve(self, question: Problem, how: str) -> Found:
        """Return an answer."""
        strategy, budget = WAYS.get(how, (None, None))
        reply = await self.client.chat.completions.create(
            model=self.model,
            messages=[{"role": "user", "content": question.question}],
            extra_body={"tts": {"strategy": strategy, "budget": budget}},
        )
        found, text = reply.tts, reply.choices[0].message.content or ""
        return Found(found["answer"], text, found["accept"], found["samples"], reply.usage.total_tokens)

    async def verify(self, question: Problem, text: str) -> Found:
        """Return the verdict on a text."""
        body = {"model": self.model, "question": question.question, "answer": text}
        reply = await self.client.post("/score", body=body, cast_to=object)
        [verdict] = reply["data"]
        return Found(verdict["answer"], text, verdict["accept"], 0, reply["usage"]["total_tokens"])


async def at_once(tools: Tools, question: Problem) -> Done:
    """Answer with one draw."""
    found = await tools.solve(question, "first")
    return Done(found.answer, 1, found.tokens)


async def verify_and_escalate(tools: Tools, question: Problem, *, abstain: bool = False) -> Done:
    """Answer with one draw if the verifier lets it through, else by the solver."""
    first = await tools.solve(question, "first")
    verdict = await tools.verify(question, first.text)
    tokens = first.tokens + verdict.tokens
    if verdict.accept:
        return Done(first.answer, 1, tokens)
    solved = await tools.solve(question, "solver")
    answer = solved.answer if solved.accept or not abstain else None
    return Done(answer, 1 + solved.draws, tokens + solved.tokens)


async def verify_or_abstain(tools: Tools, question: Problem) -> Done:
    """Do the same, and abstain where the solver's answer is not let through."""
    return await verify_and_escalate(tools, question, abstain=True)


async def vote(tools: Tools, question: Problem) -> Done:
    """Answer with the most frequent answer of 16 draws."""
    found = await tools.solve(question, "vote")
    return Done(found.answer, found.draws, found.tokens)


Agent = Callable[[Tools, Problem], Awaitable[Done]]
AGENTS: dict[str, Agent] = {
    "one answer": at_once,
    "verify, escalate": verify_and_escalate,
    "verify, escalate, abstain": verify_or_abstain,
    "16 votes": vote,
}


def line(name: str, questions: Sequence[Problem], done: Sequence[Done]) -> str:
    """Return the share answered, the share of these that is right with its 95 % interval, and the mean cost."""
    answered = [(one.answer, question.gold) for one, question in zip(done, questions, strict=True) if one.answer]
    right = sum(answer == gold for answer, gold in answered)
    low, high = wilson_interval(right, max(1, len(answered)))
    share = right / max(1, len(answered))
    draws, tokens = (sum(values) / len(done) for values in zip(*((d.draws, d.tokens) for d in done), strict=True))
    interval = f"{share:>6.1%} [{low:.1%}, {high:.1%}]"
    return f"{name:<26} {len(answered) / len(done):>8.1%}   {interval:<22} {draws:>7.2f} {tokens:>8.0f}"


def questions_of(file: Path | None, stories: int) -> Sequence[Problem]:
    """Return the questions of a file, or stories.

    Raises:
        InputError: the file cannot be read.
    """
    if file is not None:
        return load_task(TaskConfig(name="jsonl", path=str(file))).problems
    return [Problem(f"story-{i}", s.question, s.answer) for i, s in enumerate(take("test", stories, seed=11))]


async def play(tools: Tools, questions: Sequence[Problem]) -> None:
    """Play all agents on the same questions and print a line for each."""
    print(f"{'agent':<26} {'answered':>8}   {'of these right':<23} {'draws':>6} {'tokens':>8}")
    for name, agent in AGENTS.items():
        done = await asyncio.gather(*(agent(tools, question) for question in questions))
        print(line(name, questions, done), flush=True)


async def play_over(url: str, model: str, questions: Sequence[Problem]) -> None:
    """Play all agents with the tools of a server."""
    from openai import AsyncOpenAI

    async with AsyncOpenAI(base_url=url, api_key="none", max_retries=8) as client:
        await play(Server(client, model), questions)


def main() -> int:
    """Print the table and return the exit status: 2, with a sentence, for input that cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=int, default=200, help="questions, where no file names others")
    parser.add_argument("--questions", type=Path, help="a file of questions with their answers (JSON Lines)")
    parser.add_argument("--config", type=Path, default=CONFIG, help="of the verifier and the solver")
    parser.add_argument("--url", help="of a server, with /v1; left out, the model is open in this process")
    given = parser.parse_args()
    try:
        questions = questions_of(given.questions, given.stories)
        if given.url:
            asyncio.run(play_over(given.url, given.config.stem, questions))
        else:
            asyncio.run(play(Library(given.config), questions))
    except TTSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
