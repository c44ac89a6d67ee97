"""Scorers that ask the model about its own finished sample: P(True) and verbalised confidence.

Both continue the sample with a question about it. A sample without an answer proposes nothing and gets 0 without being
asked; a partial sample has nothing to ask about yet and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tts.engines.base import Prefix
from tts.engines.streams import together
from tts.errors import EngineError, InputError, UnsupportedError
from tts.scorers.base import BaseScorer
from tts.scorers.metered import MeteredEngine
from tts.types import End, Problem, Sample

TRUE_OR_FALSE = (
    "\n\nProposed answer: {answer}\nIs the proposed answer correct?\n(A) True\n(B) False\nThe proposed answer is: ("
)
HOW_SURE = (
    "\n\nHow likely is it that the answer {answer} is correct? Give a number from 0 (surely wrong) to 100 (surely "
    "right).\nNumber:"
)
MOST_TOKENS = 8


class PTrue(BaseScorer):
    """P(True): the probability of the label of "true" against that of "false" right after the question.

    Source:
        Kadavath et al., arXiv 2207.05221, section 3.
    """

    name = "p_true"
    judges_prefixes = False
    uses_engine = True

    def __init__(self, *, template: str = TRUE_OR_FALSE, true: str = "A", false: str = "B") -> None:
        """Choose the question.

        Args:
            template: what follows the sample; ``{question}`` and ``{answer}`` stand for the problem's and the sample's.
            true: the label of "true", spelled so that it continues the template as one token.
            false: that of "false".
        """
        if true == false:
            raise InputError(f"P(True) needs two different labels, got {true!r} twice")
        self.template, self.labels = template, (true, false)

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """P(true) / (P(true) + P(false)), shape [len(samples)], all samples in one scoring pass.

        Raises:
            UnsupportedError: a label is not one token, a sample is partial, or the engine cannot score.
            EngineError: the model gives both labels no probability.
        """
        scores, asked = np.zeros(len(samples)), answered("P(True)", samples)
        if not asked:
            return scores
        tokens = [_one_token(engine, label) for label in self.labels]
        if tokens[0] == tokens[1]:
            raise UnsupportedError(
                f"P(True) needs two labels, and {self.labels[0]!r} and {self.labels[1]!r} are the same token in this "
                "vocabulary: choose other labels"
            )
        p = np.asarray(
            await engine.score([append_question(self.template, problem, samples[i]) for i in asked], tokens),
            dtype=np.float64,
        )
        total = p.sum(axis=1)
        if not (np.isfinite(total) & (total > 0)).all():
            raise EngineError(f"the model gave neither label of P(True) any probability on problem {problem.id!r}")
        scores[asked] = p[:, 0] / total
        return scores


class Verbalised(BaseScorer):
    """Verbalised confidence: the model writes how sure it is, as a number from 0 to 100.

    Source:
        Tian et al., arXiv 2305.14975 (there as a probability from 0.0 to 1.0).
    """

    name = "verbalised"
    judges_prefixes = False
    uses_engine = True

    def __init__(self, *, template: str = HOW_SURE, max_tokens: int = MOST_TOKENS, attempts: int = 3) -> None:
        """Choose the question.

        Args:
            template: what follows the sample; ``{question}`` and ``{answer}`` stand for the problem's and the sample's.
            max_tokens: the most tokens of the reply, from 1 to 8.
            attempts: how often to ask about a sample until a reply holds a number, >= 1.
        """
        if not 1 <= max_tokens <= MOST_TOKENS or attempts < 1:
            raise InputError(
                f"verbalised confidence needs max_tokens from 1 to {MOST_TOKENS} and attempts of at least 1, "
                f"got {max_tokens} and {attempts}"
            )
        self.template, self.max_tokens, self.attempts = template, max_tokens, attempts

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """The number over 100, shape [len(samples)]; all samples are asked about at the same time.

        Raises:
            UnsupportedError: a sample is partial, or the engine cannot continue a text.
            EngineError: no reply about a sample holds a number from 0 to 100, which is an abstention, never 0.5.
        """
        scores, asked = np.zeros(len(samples)), answered("verbalised confidence", samples)
        if asked:
            scores[asked] = await together([self._ask(problem, samples[i], engine) for i in asked])
        return scores

    async def _ask(self, problem: Problem, sample: Sample, engine: MeteredEngine) -> float:
        prefix, reply = append_question(self.template, problem, sample), ""
        for attempt in range(self.attempts):
            reply = await engine.complete(prefix, self.max_tokens, index=sample.index, attempt=attempt)
            if (number := percentage(reply)) is not None:
                return number / 100
        raise EngineError(
            f"verbalised confidence of draw {sample.index} of problem {problem.id!r} needs a number from 0 to 100, "
            f"and the model wrote {reply!r} in the last of {self.attempts} attempts"
        )


def percentage(reply: str) -> float | None:
    """The first number of a reply, such as "80", "80.5 %" or "80/100", where it lies in [0, 100]; else None."""
    found = re.search(r"[\w.+/-]*\d[\w./]*", reply)
    if found is None:
        return None
    try:
        number = float(found.group().rstrip(".").removesuffix("/100"))
    except ValueError:  # a fraction, a range, part of a word
        return None
    return number if 0 <= number <= 100 else None


def append_question(template: str, problem: Problem, sample: Sample) -> Prefix:
    """The sample and the question about it."""
    fields = {"question": problem.question, "answer": sample.answer or ""}
    asked = re.sub(r"\{(question|answer)\}", lambda match: fields[match.group(1)], template)
    return Prefix(problem, sample.text + asked)


def answered(scorer: str, samples: Sequence[Sample]) -> list[int]:
    """The positions of the samples that have an answer.

    Args:
        scorer: what asks, in messages.
        samples: whole samples.

    Raises:
        UnsupportedError: a sample is partial.
    """
    for sample in samples:
        if sample.end is End.BOUNDARY:
            raise UnsupportedError(
                f"{scorer} asks about finished samples and draw {sample.index} is partial: use a scorer of prefixes"
            )
    return [i for i, sample in enumerate(samples) if sample.answer is not None]


def _one_token(engine: MeteredEngine, label: str) -> int:
    ids = engine.encode(label)
    if len(ids) != 1:
        raise UnsupportedError(
            f"P(True) needs each label to be one token, and {label!r} is {len(ids)} in this vocabulary: "
            "choose other labels"
        )
    return ids[0]
