"""A plain agent loop with three tools (answer, verify, solve), beside an agent without a verifier.

python examples/agent_loop.py [--stories 200]

Each question is answered by four agents. The first one answers at once. The second one verifies its answer, and lets
the solver find another one where the verifier does not let it through. The third one does the same, and says so where
the solver's answer is not let through either. The last one votes over 16 draws every time.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.metrics.stats import wilson_interval
from tts import Problem, Solver, Verifier
from tts.stories.stories import take

CONFIG = Path(__file__).parents[1] / "configs" / "serve" / "grace_agent.yaml"


@dataclass(frozen=True)
class Done:
    """The end of one question: the answer, None where the agent abstains, and the cost."""

    answer: str | None
    draws: int
    tokens: int


class Tools:
    """The tools of the agents, on one open model."""

    def __init__(self) -> None:
        """Open the model once."""
        self.first = Solver.open(CONFIG, strategy="first_sample", budget=1, **WITHOUT)
        self.solver = Solver.open(CONFIG)
        self.voter = Solver.open(CONFIG, strategy="self_consistency", budget=16, **WITHOUT)
        self.verifier = Verifier.open(CONFIG)


WITHOUT = {"calibration": {"solve": None}, "promise": {"solve": None}}
"""The fitted files are those of the solver's own strategy."""


async def at_once(tools: Tools, question: Problem) -> Done:
    """Answer with one draw."""
    found = await tools.first.asolve(question)
    return Done(found.answer, 1, found.usage.total)


async def verify_and_escalate(tools: Tools, question: Problem, *, abstain: bool = False) -> Done:
    """Answer with one draw if the verifier lets it through, else by the solver."""
    first = await tools.first.asolve(question)
    verdict = await tools.verifier.ascore(question.question, first.samples[0].text)
    tokens = first.usage.total + verdict.usage.total
    if verdict.accept:
        return Done(first.answer, 1, tokens)
    solved = await tools.solver.asolve(question)
    answer = solved.answer if solved.accept or not abstain else None
    return Done(answer, 1 + len(solved.samples), tokens + solved.usage.total)


async def verify_or_abstain(tools: Tools, question: Problem) -> Done:
    """Do the same, and abstain where the solver's answer is not let through."""
    return await verify_and_escalate(tools, question, abstain=True)


async def vote(tools: Tools, question: Problem) -> Done:
    """Answer with the most frequent answer of 16 draws."""
    found = await tools.voter.asolve(question)
    return Done(found.answer, len(found.samples), found.usage.total)


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


async def play(stories: int) -> None:
    """Play all agents on the same questions and print a line for each."""
    tools = Tools()
    questions = [Problem(f"story-{i}", s.question, s.answer) for i, s in enumerate(take("test", stories, seed=11))]
    print(f"{'agent':<26} {'answered':>8}   {'of these right':<23} {'draws':>6} {'tokens':>8}")
    for name, agent in AGENTS.items():
        done = await asyncio.gather(*(agent(tools, question) for question in questions))
        print(line(name, questions, done), flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=int, default=200, help="questions")
    asyncio.run(play(parser.parse_args().stories))


if __name__ == "__main__":
    main()
