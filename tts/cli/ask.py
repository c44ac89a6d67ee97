"""``tts ask``: answer one question."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Annotated

import typer

from tts.cli.app import app, console, interruptible
from tts.cli.grammar import YAML, is_setting
from tts.cli.options import read_config
from tts.cli.verbosity import notify
from tts.errors import InputError

if TYPE_CHECKING:
    from tts.agent.answer import Answer


@app.command(
    schema="tts.agent.config:AgentConfig",
    examples=(
        'tts ask "Jack has 11 beads. Jack buys 8 more beads. How many beads does Jack have now?"',
        'echo "Jack has 11 beads and buys 3 more. How many beads?" | tts ask strategy=esc budget=8',
    ),
)
def ask(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[QUESTION] [CONFIG...] [KEY=VALUE...]",
            help="The question in quotes (or - or nothing: standard input), YAML files, and overrides such as "
            "strategy=esc, budget=8 or model=tiny.",
        ),
    ] = None,
) -> None:
    """Answer a question with as many samples as it needs.

    Prints the answer, whether a promise lets it through, p_correct (the estimate that it is right), the vote share, the
    samples and the tokens; with a strategy that reads probabilities of texts, whether the answer is certainly the
    model's most probable one, its mass and the unseen mass.
    """
    from evals.live.draws import count_samples
    from evals.report.draws import draw_sentences
    from tts.agent.config import AgentConfig
    from tts.agent.opening import open_parts
    from tts.agent.question import UnknownWordsWarning, check_question
    from tts.agent.solver import Solver

    question, rest = split(list(arguments or ()))
    config, _ = read_config(AgentConfig, rest)
    with interruptible():
        text = check_question(read_question() if question is None else question)
        solver = Solver(open_parts(config, notify=lambda sentence: notify(f"tts: {sentence}")))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UnknownWordsWarning)
            solver.warn(text)
        for warning in caught:
            notify(f"tts: {warning.message}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnknownWordsWarning)
            found = solver.solve(text)
    screen = console()
    promised = (
        () if found.accept is None else (("accept", f"{'yes' if found.accept else 'no'} (promise {found.promise})"),)
    )
    rows = (
        ("answer", str(found)),
        *promised,
        ("p_correct", "-" if found.p_correct is None else f"{found.p_correct:.3f}"),
        ("vote share", "-" if found.vote_share is None else f"{found.vote_share:.3f}"),
        *(() if found.masses is None else (("certified", certificate(found)),)),
        ("samples", f"{len(found.samples)} of at most {config.budget}, stopped by {found.stopped_by}"),
        ("tokens", f"{found.usage.generated} generated, {found.usage.total} in all"),
        ("model", f"{solver.parts.model}, strategy {found.strategy}"),
    )
    for name, value in rows:
        screen.print(f"{name:<11}{value}", soft_wrap=True)
    draws = count_samples((sample, None) for sample in found.samples)
    for sentence in draw_sentences(draws, config.engine.max_tokens):
        screen.print(sentence, style="yellow", soft_wrap=True)


def certificate(found: Answer) -> str:
    """Return whether an answer is certified, its mass, and the mass of all texts that were not drawn."""
    mass = (found.masses or {}).get(found.answer or "", 0.0)
    return f"{'yes' if found.certified else 'no'}, mass {mass:.3f}, unseen {found.unseen_mass:.3f}"


def split(arguments: list[str]) -> tuple[str | None, list[str]]:
    """Return the question, None for standard input, and the other arguments.

    The question is the one argument that is neither KEY=VALUE nor a YAML file.

    Raises:
        InputError: two arguments could be the question.
    """
    questions = [a for a in arguments if a != "-" and not is_setting(a) and not a.lower().endswith(YAML)]
    if len(questions) > 1:
        raise InputError(f"two questions were given, {questions[0]!r} and {questions[1]!r}: put one in quotes")
    return questions[0] if questions else None, [a for a in arguments if a != "-" and a not in questions]


def read_question() -> str:
    """Return the question on standard input.

    Raises:
        InputError: standard input is a terminal, closed, or no UTF-8 text.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError('no question was given: tts ask "How many ...?", or a question on standard input')
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise InputError("standard input is no UTF-8 text: give the question as text") from None
