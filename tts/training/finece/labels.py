"""Labels of prefixes from graded responses: the share of right ones among a prefix's completions.

Only completions that were drawn from the prefix count.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tts.training.responses import Ids, Response

Kind = Literal["question", "partial", "answer"]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A prefix and the share of its completions that are right.

    Attributes:
        question: number of the question.
        prompt: its tokens.
        ids: tokens of the answer so far.
        label: in [0, 1]; 0 or 1 for a whole answer.
        completions: number of completions in the label; 1 for a whole answer.
        kind: the question alone, a partial answer, or a whole one.
    """

    question: int
    prompt: Ids
    ids: Ids
    label: float
    completions: int
    kind: Kind


def labelled(responses: Sequence[Response]) -> tuple[Labelled, ...]:
    """Return every labelled prefix: questions and partial answers by their first completion, then whole answers.

    Source:
        FineCE, arXiv 2508.12040, equation 2 and algorithm 1.
    """
    prefixes = [
        Labelled(
            responses[rows[0]].question,
            responses[rows[0]].prompt,
            ids,
            float(np.mean([responses[i].correct for i in rows])),
            len(rows),
            "partial" if ids else "question",
        )
        for (_, _, ids), rows in completions(responses).items()
    ]
    answers = [Labelled(one.question, one.prompt, one.ids, float(one.correct), 1, "answer") for one in responses]
    return (*prefixes, *answers)


def completions(responses: Sequence[Response]) -> dict[tuple[int, Ids, Ids], list[int]]:
    """Return the numbers of the responses that continue each prefix, by question, prompt and prefix."""
    found: dict[tuple[int, Ids, Ids], list[int]] = defaultdict(list)
    for number, one in enumerate(responses):
        found[one.question, one.prompt, one.ids[: one.given]].append(number)
    return dict(found)


def goals(responses: Sequence[Response], *, every: bool) -> tuple[NDArray[np.float64], ...]:
    """Return the target confidence after each token of each response, [tokens + 1] each, NaN where there is none.

    After the last token the target is the response's correctness. Where a prefix was completed, the target is the
    prefix's label, in one of the responses that continue it. With ``every``, all other places behind the given prefix
    have the response's correctness as target. Up to a place where the response was cut and completed again, the target
    is the mean correctness of those completions and of the response: all of them begin with these tokens.
    """
    known = completions(responses)
    right = {key: float(np.mean([responses[i].correct for i in rows])) for key, rows in known.items()}
    first = {
        next((i for i in rows if len(responses[i].ids) > responses[i].given), rows[0]) for rows in known.values()
    }  # a longer response if there is one: where one ends at once, its end has the place
    lengths: dict[tuple[int, Ids], set[int]] = defaultdict(set)
    for question, prompt, ids in known:
        lengths[question, prompt].add(len(ids))
    out = []
    for number, one in enumerate(responses):
        own, size = float(one.correct), len(one.ids)
        wanted = np.full(size + 1, own if every else math.nan)
        wanted[: one.given] = math.nan
        for cut in sorted(lengths[one.question, one.prompt], reverse=True):
            key = one.question, one.prompt, one.ids[:cut]
            if every and one.given < cut < size and key in known:
                k = len(known[key])
                wanted[one.given : cut + 1] = (own + k * right[key]) / (1 + k)
        if number in first:
            wanted[one.given] = right[one.question, one.prompt, one.ids[: one.given]]
        wanted[size] = own
        out.append(wanted)
    return tuple(out)
