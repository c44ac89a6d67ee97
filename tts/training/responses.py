"""Graded responses of a pool, in tokens, as a training reads them.

Takes tokenizers as functions and imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tts.errors import InputError
from tts.models.token_tree import TokenTree
from tts.pool import Pool
from tts.training.gradable import check_grades, check_pool, usable
from tts.types import End, Problem

Ids = tuple[int, ...]
MAX_ROW_RESPONSES = 8
"""The most responses to a question that share a row."""
SPLITS = 100
"""Choices of the held-out questions that are tried."""


@dataclass(frozen=True, slots=True)
class Response:
    """One graded response.

    Attributes:
        question: number of its question.
        prompt: tokens of the prompt.
        ids: tokens of the response, without the token that ended it.
        ended: whether the model ended it, rather than the token limit.
        correct: whether its answer is right.
        answer: its canonical answer, or None.
        weight: the weight of its vote in a soft target: its recorded confidence, else the geometric mean of its tokens'
            probabilities, else 1; > 0.
        given: the number of its first tokens that belong to a prefix that it continues.
    """

    question: int
    prompt: Ids
    ids: Ids
    ended: bool
    correct: bool
    answer: str | None
    weight: float = 1.0
    given: int = 0

    @property
    def length(self) -> int:
        """Number of tokens of prompt and response."""
        return len(self.prompt) + len(self.ids)


@dataclass(frozen=True, slots=True)
class Branches:
    """One prompt and its continuations: some responses, and perhaps a worked solution."""

    prompt: Ids
    responses: tuple[Response, ...]
    solution: Ids | None = None

    @classmethod
    def of(cls, responses: Sequence[Response], row: Sequence[int], solution: Ids | None = None) -> Branches:
        """Return the branches of a row: the responses with these indices, which answer one question."""
        some = tuple(responses[i] for i in row)
        return cls(some[0].prompt, some, solution)

    @property
    def length(self) -> int:
        """Number of tokens that are computed: of the prompt and of its continuations, what they share once."""
        tree = TokenTree(self.prompt)
        for ids in (*(one.ids for one in self.responses), *(() if self.solution is None else (self.solution,))):
            tree.add(ids)
        return len(tree.ids)


@dataclass(frozen=True, slots=True)
class Split:
    """Responses to train on and, of other questions, those that are held out.

    Attributes:
        train: the responses to train on.
        held_out: the responses that are held out.
        solutions: a worked solution of each question, by its number, without the token that ends it; empty where there
            are none.
    """

    train: tuple[Response, ...]
    held_out: tuple[Response, ...]
    solutions: Mapping[int, Ids] = field(default_factory=dict)


def read_responses(
    pool: Pool,
    *,
    model: str,
    prompt_ids: Callable[[Problem], Ids],
    encode: Callable[[str], Ids],
    end: int,
    context: int,
    forks: bool = False,
    advance: Callable[[int], None] = lambda questions: None,
) -> tuple[Response, ...]:
    """Return the graded responses of a pool.

    Args:
        pool: samples that the base model drew.
        model: the base model's name.
        prompt_ids: the token ids of a problem's prompt.
        encode: the token ids of a text, without special tokens.
        end: id of the token that ends a response.
        context: the most tokens the model reads, one more than a response to learn from may have with its prompt;
            longer ones are left out, or with ``forks`` cut there.
        forks: whether to include responses that continue a prefix.
        advance: receives 1 after each question.

    Raises:
        InputError: as :func:`check_pool`, or the responses that fit into the context are all of one grade.
    """
    check_pool(pool, model, forks=forks)
    found: list[Response] = []
    for number, entry in enumerate(pool.entries):
        prompt = prompt_ids(entry.problem)
        for sample, correct in usable(entry, forks):
            if correct is None or not (sample.text or sample.token_ids):
                continue
            ids = sample.token_ids or encode(sample.text)
            ended = ids[-1] == end or (not sample.token_ids and sample.end is End.STOP)
            ids = ids[:-1] if ids[-1] == end else ids
            room = context - 1 - len(prompt)
            if forks and len(ids) > room:  # it counts for the prefix that it continues: a share of all completions
                ids, ended = ids[: max(room, 0)], False
            if ids and len(ids) <= room:
                weight = sample.confidence
                if weight is None and sample.trace.logprobs:
                    weight = float(np.exp(np.mean(sample.trace.logprobs)))
                weight = max(weight or 1.0, 1e-6)
                found.append(Response(number, prompt, ids, ended, correct, sample.answer, weight, sample.given))
        advance(1)
    check_grades(pool, [one.correct for one in found])
    return tuple(found)


def combine(first: Sequence[Response], second: Sequence[Response]) -> tuple[Response, ...]:
    """Return the responses of two pools, numbering equal questions of both pools alike.

    So all responses to one question are trained on or held out together.
    """
    numbers = {one.prompt: one.question for one in first}
    start = max(numbers.values(), default=-1) + 1
    return (*first, *(replace(one, question=numbers.get(one.prompt, start + one.question)) for one in second))


def solutions(
    pool: Pool, texts: Mapping[str, str], *, encode: Callable[[str], Ids], context: int, prompts: Mapping[int, Ids]
) -> dict[int, Ids]:
    """Return the worked solutions that fit into the context, by the number of their question.

    Args:
        pool: the responses' pool.
        texts: worked solutions by problem id.
        encode: the token ids of a text, without special tokens.
        context: the most tokens the model reads.
        prompts: the prompt of each question to train on, by its number.
    """
    found = {
        number: encode(texts[entry.problem.id])
        for number, entry in enumerate(pool.entries)
        if number in prompts and entry.problem.id in texts
    }
    return {number: ids for number, ids in found.items() if ids and len(prompts[number]) + len(ids) < context}


def held_out_questions(questions: int, share: float) -> int:
    """Return the number of questions that are held out, at least one."""
    return max(1, round(share * questions))


def split(responses: Sequence[Response], share: float, seed: int, solutions: Mapping[int, Ids] | None = None) -> Split:
    """Return the responses in two parts; the seed chooses the questions that are held out.

    Of up to ``SPLITS`` choices it takes the first that leaves right and wrong responses in both parts.

    Raises:
        InputError: too few questions for both parts to have right and wrong responses.
    """
    questions = np.unique([one.question for one in responses])
    rng = np.random.default_rng([seed, 11])
    for _ in range(SPLITS):
        out = {int(q) for q in rng.permutation(questions)[: held_out_questions(len(questions), share)]}
        parts = Split(
            tuple(one for one in responses if one.question not in out),
            tuple(one for one in responses if one.question in out),
            dict(solutions or {}),
        )
        sides = (("trained on", parts.train), ("held out", parts.held_out))
        short = next((side for side in sides if len({one.correct for one in side[1]}) < 2), None)
        if short is None:
            return parts
    assert short is not None
    right = sum(one.correct for one in responses)
    raise InputError(
        f"{len(questions)} questions with recipe.held_out={share:g} leave {len(short[1])} responses to be {short[0]}, "
        f"and they must be both right and wrong ({right} of {len(responses)} are right): give more questions"
    )


def group_rows(responses: Sequence[Response], most: int = MAX_ROW_RESPONSES) -> list[list[int]]:
    """Return the indices of the responses in each row: responses to one question, at most ``most``, in pool order."""
    found: dict[tuple[int, Ids], list[list[int]]] = {}
    for index, one in enumerate(responses):
        groups = found.setdefault((one.question, one.prompt), [[]])
        if len(groups[-1]) == most:
            groups.append([])
        groups[-1].append(index)
    return sorted((group for groups in found.values() for group in groups), key=lambda group: group[0])


def row_tokens(responses: Sequence[Response]) -> int:
    """Return the tokens of all rows, what the branches of a row share once."""
    return sum(Branches.of(responses, row).length for row in group_rows(responses))


def passes(responses: Sequence[Response], size: int) -> Iterator[tuple[list[int], list[Branches]]]:
    """Yield passes of ``size`` rows of similar length: the indices of their responses in branch order, and the rows."""
    rows = [(row, Branches.of(responses, row)) for row in group_rows(responses)]
    rows.sort(key=lambda one: one[1].length)
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        yield [i for row, _ in part for i in row], [branches for _, branches in part]


def batches(lengths: Sequence[int], size: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """Yield batches of row indices of one epoch in random order; rows of similar length share a batch to limit padding.

    Args:
        lengths: of each row, in tokens.
        size: rows in a batch.
        rng: the source of the order.
    """
    noisy = np.array(lengths) * rng.uniform(1.0, 1.1, len(lengths))
    order = np.argsort(noisy, kind="stable").tolist()
    chunks = [order[i : i + size] for i in range(0, len(order), size)]
    for i in rng.permutation(len(chunks)):
        yield chunks[i]
