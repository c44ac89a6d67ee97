"""Count the draws after which calls of tools are certified, by simulation from models whose probabilities are known.

    python -m benchmarks.agent.certified_calls [--questions 1000] [--seed 0] [--out docs/results/certified_calls.txt]

A model writes one of twelve calls of three tools, each in one to three spellings, a text, or a call that breaks the
schema. Its probabilities are Dirichlet: concentrated on few calls, or spread. All strategies vote on the same draws, by
the names first. A certificate is contradicted where another call is the model's most probable one of its most probable
names. Prints the draws a question, the share of questions with at most three, the share certified, the share of
decisions that are the most probable call, with Wilson's interval, and the contradicted certificates.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path

import numpy as np

from evals.metrics.stats import wilson_interval
from strategies.catalog import CATALOG
from tts.answers.tools.calls import CallReader
from tts.runtime.calls.names_first import NamesFirst
from tts.runtime.recorded import decide
from tts.types import Decision, Problem, Sample, ToolCall, Trace

BUDGET = 16
CONCENTRATIONS = {"sure": 0.05, "torn": 0.2, "open": 1.0}
STRATEGIES = ("self_consistency", "adaptive_consistency", "mass_gated", "mass_certificate")
NAMES, CITIES = ("weather", "book", "search"), ("Oslo", "Rome", "Bern", "Kyiv")
TEXT, BROKEN = 0.04, 0.02
"""The probabilities of a text and of a call that breaks the schema."""


def tool(name: str) -> dict[str, object]:
    """Return a tool with one argument."""
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


PROBLEM = Problem("q", "?", tools=tuple(tool(name) for name in NAMES))
READER = CallReader(PROBLEM)


@dataclass(frozen=True)
class Model:
    """The replies of a model to one question.

    Attributes:
        replies: the samples that can be drawn, each with its own probability in its trace.
        odds: their probabilities, which sum to one.
    """

    replies: Sequence[Sample]
    odds: Sequence[float]

    @property
    def mode(self) -> str | None:
        """The most probable answer among those with the most probable names."""
        names, answers = Counter[str](), Counter[str]()
        for sample, p in zip(self.replies, self.odds, strict=True):
            if (name := READER.names(sample)) is not None:
                names[name] += p  # type: ignore[assignment]
        [(first, _)] = names.most_common(1)
        for sample, p in zip(self.replies, self.odds, strict=True):
            if READER.names(sample) == first:
                answers[str(sample.answer)] += p  # type: ignore[assignment]
        return answers.most_common(1)[0][0]


def drawn_model(rng: np.random.Generator, concentration: float) -> Model:
    """Return a model of one question.

    Args:
        rng: draws its probabilities.
        concentration: of the Dirichlet distribution over calls, > 0; a small one leaves few that matter.
    """
    replies, odds = list[Sample](), list[float]()

    def add(p: float, text: str, *calls: ToolCall) -> None:
        answer = READER.read(calls) if calls else READER.text(text)
        trace = Trace(processed=(log(max(p, 1e-300)),))
        replies.append(Sample(text, answer, token_ids=(len(replies),), trace=trace, calls=calls))
        odds.append(p)

    calls = [(name, city) for name in NAMES for city in CITIES]
    for (name, city), p in zip(calls, rng.dirichlet([concentration] * len(calls)), strict=True):
        spellings = rng.dirichlet([2.0] * int(rng.integers(1, 4)))
        for blanks, share in enumerate(spellings):
            arguments = f'{{{" " * blanks}"city": "{city}"}}'
            add(float(p * share * (1 - TEXT - BROKEN)), "", ToolCall(name, arguments))
    add(TEXT, "I can look.")
    add(BROKEN, "", ToolCall("weather", "{}"))
    return Model(replies, odds)


def played(model: Model, rng: np.random.Generator) -> Iterator[tuple[str, Decision]]:
    """Yield the decision of each strategy on the same draws."""
    drawn = rng.choice(len(model.odds), size=BUDGET, p=np.array(model.odds) / sum(model.odds))
    samples = [model.replies[at] for at in drawn.tolist()]
    for name in STRATEGIES:
        yield name, decide(NamesFirst(CATALOG[name].build(BUDGET), READER), PROBLEM, samples)


def lines(questions: int, seed: int) -> Iterator[str]:
    """Yield the lines of the page."""
    yield f"{questions:,} questions a row, budget {BUDGET}, seed {seed}"
    yield ""
    yield "model  strategy              draws   <= 3   certified   most probable call     contradicted"
    for label, concentration in CONCENTRATIONS.items():
        rng = np.random.default_rng([seed, round(100 * concentration)])
        found: dict[str, list[tuple[Decision, bool]]] = {name: [] for name in STRATEGIES}
        for _ in range(questions):
            model = drawn_model(rng, concentration)
            for name, decision in played(model, rng):
                found[name].append((decision, decision.answer == model.mode))
        for name, decisions in found.items():
            draws = [len(decision.samples) for decision, _ in decisions]
            right = sum(same for _, same in decisions)
            certified = [same for decision, same in decisions if decision.certified]
            reads = any(decision.masses is not None for decision, _ in decisions)
            share, wrong = (f"{len(certified) / questions:.1%}", certified.count(False)) if reads else ("-", "-")
            low, high = wilson_interval(right, questions)
            yield (
                f"{label:6} {name:21} {np.mean(draws):5.2f} {np.mean(np.array(draws) <= 3):6.1%} {share:>11} "
                f"  {right / questions:6.1%} [{low:.1%}, {high:.1%}] {wrong:>13}"
            )


def main() -> None:
    """Run the simulation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("docs/results/certified_calls.txt"))
    options = parser.parse_args()
    page = "\n".join(lines(options.questions, options.seed)) + "\n"
    print(page, end="")
    options.out.write_text(page)


if __name__ == "__main__":
    main()
