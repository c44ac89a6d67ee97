"""Rows of tokens and batches of rows, each a function of the problems, a seed and the number of batches alone."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from evals.tasks.forms import SYSTEM
from word_problems.drills import STEPS_A_ROW, drill, drill_share
from word_problems.options import options_of
from word_problems.problem import Split, Step, WorkedProblem, spelled, text_of
from word_problems.renumber import Template, renumbered, template
from word_problems.stories import story

IGNORED = -100
"""The label of a token that is read and not learned."""
RENUMBERED_SHARE = 0.9
POOL_ROWS = 512
"""Rows that are sorted by length together."""

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A sequence of tokens.

    Attributes:
        ids: its tokens.
        labels: the same tokens where they are learned, :data:`IGNORED` elsewhere.
    """

    ids: Ids
    labels: Ids


class Form(Protocol):
    """The way in which a problem is asked and answered."""

    def texts(self, problem: WorkedProblem) -> tuple[str, str]:
        """Return the text that is read, special tokens spelled out, and the text that the model learns to write."""


class Bare:
    """The shortest form: the question and a line break, then the steps and the number."""

    def __init__(self, tokenizer: Any) -> None:
        """Take a tokenizer whose first token begins a text."""
        self._begin = tokenizer.bos_token

    def texts(self, problem: WorkedProblem) -> tuple[str, str]:
        """Return the text that is read and the text that is learned."""
        return self._prompt(problem.question), response(problem)

    def _prompt(self, question: str) -> str:
        return f"{self._begin}{question}\n"


class Choosing(Bare):
    """The shortest form of a multiple-choice question: lettered options behind the question, one option as the answer.

    The answer is the option's text, its number: a letter would have to be looked up, which 200 steps did not teach.
    """

    def texts(self, problem: WorkedProblem) -> tuple[str, str]:
        """Return the text that is read and the text that is learned."""
        return self._prompt(options_of(problem).shown(problem.question)), response(problem)


class Chat:
    """The model's chat template, with the system message that tasks with numbers have."""

    def __init__(self, tokenizer: Any) -> None:
        """Take a tokenizer with a chat template."""
        self._tokenizer = tokenizer

    def texts(self, problem: WorkedProblem) -> tuple[str, str]:
        """Return the text that is read and the text that is learned."""
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": problem.question}]
        read = self._tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        return str(read), response(problem)


FORMS: dict[str, type[Bare] | type[Chat] | type[Choosing]] = {"bare": Bare, "chat": Chat, "choices": Choosing}


def response(problem: WorkedProblem) -> str:
    """Return the text that the model learns to write: its steps and its answer behind ``####``, a line each."""
    return "".join(f"{step}\n" for step in problem.steps) + f"####{spelled(problem.answer)}"


class RowEncoder:
    """Problems and drills as rows of tokens."""

    def __init__(self, tokenizer: Any, form: Form) -> None:
        """Take the model's tokenizer and the form of a problem."""
        self._tokenizer, self._form = tokenizer, form

    def problem(self, problem: WorkedProblem) -> Row:
        """Return a problem as a row, of which the response and the token that ends it are learned."""
        asked, answered = self._form.texts(problem)
        read = self._ids(asked)
        learned = (*self._ids(answered), self._tokenizer.eos_token_id)
        return Row(read + learned, (IGNORED,) * len(read) + learned)

    def drills(self, steps: Sequence[Step]) -> Row:
        """Return operations as a row, of which the results are learned."""
        ids: Ids = ()
        labels: Ids = ()
        for step in steps:
            asked, _, result = str(step).partition("=")
            read, learned = self._ids(f"{asked}="), self._ids(f"{result}\n")
            ids += read + learned
            labels += (IGNORED,) * len(read) + learned
        return Row(ids, labels)

    def _ids(self, text: str) -> Ids:
        return tuple(self._tokenizer(text, add_special_tokens=False).input_ids)


@dataclass(frozen=True, slots=True)
class Mixture:
    """The problems that are trained on beside those of the split.

    Attributes:
        stories: the share of drawn stories among the rows that are no drills, in [0, 1].
        others: problems of another source.
        others_share: their share among the rows that are no drills, in [0, 1].
    """

    stories: float = 0.0
    others: tuple[WorkedProblem, ...] = ()
    others_share: float = 0.0


def make_batches(
    problems: Split, encoder: RowEncoder, *, batches: int, tokens: int, seed: int, mixture: Mixture = Mixture()
) -> list[tuple[Row, ...]]:
    """Return the batches of a training in their order.

    Args:
        problems: those to train on; each is visited once before any is visited again, nine times in ten with other
            numbers, which never make it a held-out problem.
        encoder: makes rows.
        mixture: what is trained on beside them; other problems are visited and renumbered in the same way.
        batches: their number, >= 1.
        tokens: the most tokens of a batch, padding included; a longer row is a batch by itself.
        seed: chooses everything.
    """
    rng = random.Random(f"{seed} rows")
    held_out = {text_of(problem.question) for problem in problems.held_out}
    visits = _visits(problems.training, held_out, rng)
    others = _visits(mixture.others, held_out, rng)
    templates = [made for problem in problems.training if (made := template(problem))]
    made: list[tuple[Row, ...]] = []
    while len(made) < batches:
        drills = round(POOL_ROWS * drill_share(len(made) / batches))
        drawn = round((POOL_ROWS - drills) * mixture.stories)
        other = round((POOL_ROWS - drills) * mixture.others_share) if mixture.others else 0
        rows = [encoder.problem(next(visits)) for _ in range(POOL_ROWS - drills - drawn - other)]
        rows += [encoder.problem(next(others)) for _ in range(other)]
        rows += [encoder.problem(story(rng)) for _ in range(drawn)]
        for _ in range(drills):
            rows.append(encoder.drills([drill(rng, lambda: _step(templates, rng)) for _ in range(STEPS_A_ROW)]))
        pool = cut(sorted(rows, key=lambda row: len(row.ids)), tokens)
        rng.shuffle(pool)
        made += pool
    return made[:batches]


def cut(rows: Sequence[Row], tokens: int) -> list[tuple[Row, ...]]:
    """Return rows that are sorted by length as batches of at most ``tokens`` tokens, padding included."""
    batches: list[list[Row]] = []
    for row in rows:
        if batches and len(row.ids) * (len(batches[-1]) + 1) <= tokens:
            batches[-1].append(row)
        else:
            batches.append([row])
    return [tuple(batch) for batch in batches]


def _visits(
    problems: Sequence[WorkedProblem], held_out: Collection[str], rng: random.Random
) -> Iterator[WorkedProblem]:
    """Yield every problem in a new order each time, most with other numbers, none with a text that is held out."""
    templates: dict[str, Template | None] = {problem.id: template(problem) for problem in problems}
    while problems:
        for problem in rng.sample(problems, len(problems)):
            found = templates[problem.id]
            other = renumbered(found, rng) if found and rng.random() < RENUMBERED_SHARE else None
            yield problem if other is None or text_of(other.question) in held_out else other


def _step(templates: Sequence[Template], rng: random.Random) -> Step:
    """Return a step of a renumbered problem."""
    while True:
        if problem := renumbered(rng.choice(templates), rng):
            return rng.choice(problem.steps)
