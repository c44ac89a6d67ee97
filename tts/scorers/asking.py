"""Scorers that ask the model about its own finished sample: P(True) and verbalised confidence.

A server is asked by a further turn of the conversation: the problem, the sample as the model's reply, and the question
about it. An engine that continues a text is asked by the sample with the question behind it. A sample without an answer
proposes nothing and gets 0 without being asked; a partial sample has nothing to ask about yet and is refused.
"""

from __future__ import annotations

import math
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts.engines.base import Capabilities, Prefix, Turn
from tts.engines.streams import together
from tts.errors import UNREADABLE, EngineError, InputError, UnsupportedError
from tts.scorers.base import BaseScorer
from tts.scorers.metered import MeteredEngine
from tts.scorers.percentages import percentage, stated_percentage
from tts.types import End, Problem, Sample, content_ids

TRUE_OR_FALSE = (
    "\n\nProposed answer: {answer}\nIs the proposed answer correct?\n(A) True\n(B) False\nThe proposed answer is: ("
)
HOW_SURE = (
    "\n\nHow likely is it that the answer {answer} is correct? Give a number from 0 (surely wrong) to 100 (surely "
    "right).\nNumber:"
)
ASK_TRUE_OR_FALSE = (
    "Proposed answer: {answer}\nIs the proposed answer correct?\n(A) True\n(B) False\nReply with the letter alone."
)
"""The question of P(True) as a further turn."""
ASK_HOW_SURE = (
    "How likely is it that your answer {answer} is correct? Reply with one number from 0 (surely wrong) to 100 (surely "
    "right), and nothing else."
)
"""The question of verbalised confidence as a further turn."""
MOST_TOKENS = 8
"""Tokens of a number behind a text."""
TURN_TOKENS = 512
"""Tokens of a reply to a further turn, which may hold thoughts."""
_INSTEAD = "verbalised, judge and self_consistency read no probabilities"


class UnreadableError(EngineError):
    """No reply about one sample can be read."""

    def __init__(self, message: str) -> None:
        """Take the sentence."""
        super().__init__(message, failure=UNREADABLE)


async def each(work: Sequence[Coroutine[Any, Any, float]]) -> list[float]:
    """Return the scores of samples that are asked about at the same time, NaN where no reply can be read.

    Args:
        work: one coroutine a sample.

    Raises:
        UnreadableError: nothing can be read about any sample.
        EngineError: the engine failed.
    """

    async def settled(one: Coroutine[Any, Any, float]) -> float | UnreadableError:
        try:
            return await one
        except UnreadableError as error:
            return error

    outcomes = await together([settled(one) for one in work])
    errors = [outcome for outcome in outcomes if isinstance(outcome, UnreadableError)]
    if errors and len(errors) == len(outcomes):
        raise errors[0]
    return [math.nan if isinstance(outcome, UnreadableError) else outcome for outcome in outcomes]


class PTrue(BaseScorer):
    """P(True): the probability of the label of "true" against that of "false" right after the question.

    Source:
        Kadavath et al., arXiv 2207.05221, section 3.
    """

    name = "p_true"
    judges_prefixes = False
    uses_engine = True
    abstains = True

    def __init__(self, *, template: str | None = None, true: str = "A", false: str = "B") -> None:
        """Choose the question.

        Args:
            template: the question about the sample; ``{question}`` and ``{answer}`` stand for the problem's and the
                sample's. None asks a usual one.
            true: the label of "true", spelled so that it continues the template as one token.
            false: that of "false".
        """
        if true == false:
            raise InputError(f"P(True) needs two different labels, got {true!r} twice")
        self.template, self.labels = template, (true, false)

    def lacks(self, capabilities: Capabilities) -> str | None:
        """Return that neither given tokens nor first tokens have a probability."""
        if capabilities.score_prefix or (capabilities.turns and capabilities.first_tokens > 1):
            return None
        if capabilities.turns:
            return f"reads the probabilities of a reply's first token, and these servers return none: {_INSTEAD}"
        return f"reads the probabilities of given tokens, and this engine returns none: {_INSTEAD}"

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """P(true) / (P(true) + P(false)), shape [len(samples)], all samples at the same time.

        Of a server, a label that is not among the most probable first tokens has the probability 0; where neither is,
        the score is NaN.

        Raises:
            UnsupportedError: a label is not one token, a sample is partial, or the engine cannot score.
            EngineError: the model gives both labels no probability.
        """
        scores, asked = np.zeros(len(samples)), answered("P(True)", samples)
        if not asked:
            return scores
        if engine.turns:
            scores[asked] = await each([self._reply(problem, samples[i], engine) for i in asked])
            return scores
        tokens = [_one_token(engine, label) for label in self.labels]
        if tokens[0] == tokens[1]:
            raise UnsupportedError(
                f"P(True) needs two labels, and {self.labels[0]!r} and {self.labels[1]!r} are the same token in this "
                "vocabulary: choose other labels"
            )
        p = np.asarray(
            await engine.score(
                [append_question(_given(self.template, TRUE_OR_FALSE), problem, samples[i]) for i in asked], tokens
            ),
            dtype=np.float64,
        )
        total = p.sum(axis=1)
        if not (np.isfinite(total) & (total > 0)).all():
            raise UnreadableError(f"the model gave neither label of P(True) any probability on problem {problem.id!r}")
        scores[asked] = p[:, 0] / total
        return scores

    async def _reply(self, problem: Problem, sample: Sample, engine: MeteredEngine) -> float:
        turn = further_turn(_given(self.template, ASK_TRUE_OR_FALSE), problem, sample)
        told = await engine.first_token(problem, turn, index=sample.index)
        true, false = (_probability(told, label) for label in self.labels)
        if true + false > 0:
            return true / (true + false)
        likely = max(told, key=lambda text: told[text], default="nothing")
        raise UnreadableError(
            f"P(True) needs a reply that begins with {self.labels[0]} or {self.labels[1]}, and the most probable first "
            f"token is {likely!r} on problem {problem.id!r}: choose verbalised"
        )


class Verbalised(BaseScorer):
    """Verbalised confidence: the model writes how sure it is, as a number from 0 to 100.

    Source:
        Tian et al., arXiv 2305.14975 (there as a probability from 0.0 to 1.0).
    """

    name = "verbalised"
    judges_prefixes = False
    uses_engine = True
    abstains = True

    def __init__(self, *, template: str | None = None, max_tokens: int | None = None, attempts: int = 3) -> None:
        """Choose the question.

        Args:
            template: the question about the sample; ``{question}`` and ``{answer}`` stand for the problem's and the
                sample's. None asks a usual one.
            max_tokens: the most tokens of the reply, >= 1; None takes 8 behind a text, and 512 as a further turn.
            attempts: how often to ask about a sample until a reply holds a number, >= 1.
        """
        if (max_tokens is not None and max_tokens < 1) or attempts < 1:
            raise InputError(
                f"verbalised confidence needs max_tokens and attempts of at least 1, got {max_tokens} and {attempts}"
            )
        self.template, self.max_tokens, self.attempts = template, max_tokens, attempts

    def lacks(self, capabilities: Capabilities) -> str | None:
        """Return that the engine continues neither a text nor a conversation."""
        if capabilities.branch or capabilities.turns:
            return None
        return "asks for words about a sample, and this engine cannot go on behind one: judge asks another model"

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """The number over 100, shape [len(samples)]; all samples are asked about at the same time.

        It is NaN where no reply about a sample holds a number from 0 to 100: an abstention, never 0.5.

        Raises:
            UnsupportedError: a sample is partial, or the engine cannot continue a text.
            EngineError: the engine failed, or no reply about any sample holds a number.
        """
        scores, asked = np.zeros(len(samples)), answered("verbalised confidence", samples)
        if asked:
            scores[asked] = await each([self._ask(problem, samples[i], engine) for i in asked])
        return scores

    async def _ask(self, problem: Problem, sample: Sample, engine: MeteredEngine) -> float:
        turn = further_turn(_given(self.template, ASK_HOW_SURE), problem, sample) if engine.turns else None
        prefix = append_question(_given(self.template, HOW_SURE), problem, sample)
        most = self.max_tokens or (MOST_TOKENS if turn is None else TURN_TOKENS)
        reply = ""
        for attempt in range(self.attempts):
            if turn is None:
                reply = await engine.complete(prefix, most, index=sample.index, attempt=attempt)
            else:
                reply = await engine.reply(problem, turn, most, index=sample.index, attempt=attempt)
            number = percentage(reply) if turn is None else stated_percentage(reply)
            if number is not None:
                return number / 100
        raise UnreadableError(
            f"verbalised confidence of draw {sample.index} of problem {problem.id!r} needs a number from 0 to 100, "
            f"and the model wrote {reply!r} in the last of {self.attempts} attempts"
        )


def _probability(told: Mapping[str, float], label: str) -> float:
    """Return the probability of the tokens that spell a label, with or without a bracket and white space."""
    return sum(p for text, p in told.items() if text.strip().strip("()*.") == label)


def append_question(template: str, problem: Problem, sample: Sample) -> Prefix:
    """The sample and the question about it."""
    return Prefix(problem, sample.text, content_ids(sample), template, _fields(problem, sample))


def further_turn(template: str, problem: Problem, sample: Sample) -> Turn:
    """The question about a sample as the next turn of the conversation."""
    return Turn(sample.text, _filled(template, problem, sample))


def _given(template: str | None, usual: str) -> str:
    return usual if template is None else template


def _filled(template: str, problem: Problem, sample: Sample) -> str:
    return Prefix(problem, tail=template, fields=_fields(problem, sample)).filled()


def _fields(problem: Problem, sample: Sample) -> dict[str, str]:
    return {"question": problem.question, "answer": sample.answer or ""}


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
