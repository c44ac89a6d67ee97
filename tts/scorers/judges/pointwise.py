"""A judge: a second model that is asked how likely a sample's answer is to be right.

The judge is any engine, such as another model behind an OpenAI-compatible server, with its own prompt, the rubric. It
needs no log-probabilities. Its tokens are charged to the sample that it judges.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tts.answers.replies import final_text
from tts.engines.kinds import LiveEngine
from tts.errors import InputError
from tts.scorers.asking import UnreadableError, answered, each
from tts.scorers.base import BaseScorer
from tts.scorers.judges.asked import ask_until_read
from tts.scorers.metered import MeteredEngine
from tts.scorers.percentages import percentage
from tts.types import Problem, Sample
from tts.wording import filled

RUBRIC = (
    "A question and a proposed answer follow. Judge how likely the proposed answer is to be correct.\n\n"
    "Question:\n{question}\n\nWork:\n{text}\n\nProposed answer: {answer}\n\n"
    "Check the work, then end with one line: `Score: N`, where N is a number from 0 (surely wrong) to 100 (surely "
    "right)."
)
_SCORE = re.compile(r"\bscore\b[\s*_`]*[:=]?[\s*_`]*(?P<number>\d+(?:\.\d+)?)", re.IGNORECASE)


class Judge(BaseScorer):
    """A pointwise judge: each sample is judged alone, by the number that the judge ends with, over 100.

    Source:
        Zheng et al., arXiv 2306.05685 (single answer grading).
    """

    name = "judge"
    judges_prefixes = False
    uses_engine = True
    own_model = True
    abstains = True

    def __init__(
        self, engine: LiveEngine, *, rubric: str = RUBRIC, attempts: int = 2, key: Mapping[str, object] | None = None
    ) -> None:
        """Take the judge.

        Args:
            engine: an open engine whose prompt is the rubric alone.
            rubric: text with ``{question}``, ``{text}`` and ``{answer}``; it asks for a number from 0 to 100.
            attempts: how often a sample is judged until a reply holds a number, >= 1.
            key: everything that decides the judge's replies.

        Raises:
            InputError: a rubric without ``{answer}`` and ``{text}``, or no attempt.
        """
        if "{answer}" not in rubric and "{text}" not in rubric:
            raise InputError("scorer.rubric must hold {answer} or {text}, and {question} where the judge is to see it")
        if attempts < 1:
            raise InputError(f"scorer.attempts must be at least 1, got {attempts}")
        self.engine, self.rubric, self.attempts = engine, rubric, attempts
        self.key = key or {}

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """The judge's number over 100, shape [len(samples)]; a sample without an answer gets 0 unasked.

        It is NaN where no reply about a sample holds a number from 0 to 100.

        Raises:
            UnsupportedError: a sample is partial.
            EngineError: the judge fails, or no reply about any sample holds a number.
        """
        scores, asked = np.zeros(len(samples)), answered("a judge", samples)
        if asked:
            scores[asked] = await each([self._judge(problem, samples[i], engine) for i in asked])
        return scores

    async def _judge(self, problem: Problem, sample: Sample, engine: MeteredEngine) -> float:
        fields = {"question": problem.question, "text": sample.text, "answer": sample.answer or ""}
        about = Problem(f"{problem.id} draw {sample.index}", filled(self.rubric, fields))
        number, reply = await ask_until_read(self.engine, about, read_score, self.attempts, engine)
        if number is not None:
            return number / 100
        raise UnreadableError(
            f"the judge must end with a number from 0 to 100, and wrote {reply[-80:]!r} in the last of {self.attempts} "
            f"attempts on problem {problem.id!r}"
        )


def read_score(reply: str) -> float | None:
    """Return the last number behind "Score" of a reply, or the reply's only number, in [0, 100]; else None.

    Args:
        reply: what the judge wrote, thoughts included.
    """
    said = final_text(reply).strip()
    marked = [match["number"] for match in _SCORE.finditer(said)]
    if marked:
        number = float(marked[-1])
        return number if number <= 100 else None
    return percentage(said) if len(said) <= 20 else None
