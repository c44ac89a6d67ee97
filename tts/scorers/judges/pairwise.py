"""A pairwise judge: a second model that is asked which of two answers to a question is more likely to be right.

Scores the answers of a question against each other, so the confidence of a sample depends on the samples that are
judged with it; see ``compares_samples`` of :class:`~tts.scorers.base.Scorer`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tts.engines.kinds import LiveEngine
from tts.engines.streams import together
from tts.errors import InputError
from tts.scorers.asking import UnreadableError, answered
from tts.scorers.base import BaseScorer
from tts.scorers.judges.asked import ask_until_read, read_verdict
from tts.scorers.metered import MeteredEngine
from tts.types import Problem, Sample
from tts.wording import filled

BETTER = (
    "A question and two proposed solutions follow. Judge which one is more likely to be correct.\n\n"
    "Question:\n{question}\n\nFirst solution:\n{first}\nIts answer: {first_answer}\n\n"
    "Second solution:\n{second}\nIts answer: {second_answer}\n\n"
    "Check both, then end with one line: `Better: first`, `Better: second` or `Better: tie`."
)
OPPONENTS = 4
"""Other answers that each answer is compared with, by default."""
_VERDICT = re.compile(r"\bbetter\b[\s*_`]*[:=][\s*_`]*(?:the\s+)?(?P<word>first|second|tie)\b", re.IGNORECASE)
_BARE = re.compile(r"[\s*_`]*(?P<word>first|second|tie)\b[\s*_`.]*", re.IGNORECASE)
Better = Literal["first", "second", "tie"]


class PairwiseJudge(BaseScorer):
    """The win rate of a sample's answer among the answers that it is compared with.

    The candidates are the distinct answers, each shown by its first sample, so that equal answers are not compared.
    Each pair is asked about twice, in both orders, against a judge's preference for a place. An answer wins where it is
    preferred both times; all else is a tie, half a win for each, and so is a verdict that cannot be read. With all
    pairs compared, the win rate ranks as the strengths of Bradley and Terry do.

    Source:
        Zheng et al., arXiv 2306.05685 (pairwise comparison, section 3.4 on swapped positions); Ford 1957, The American
        Mathematical Monthly 64 (8) (win rates and Bradley-Terry strengths rank alike in a round robin).
    """

    name = "judge_pairwise"
    judges_prefixes = False
    uses_engine = True
    own_model = True
    compares_samples = True

    def __init__(
        self,
        engine: LiveEngine,
        *,
        rubric: str = BETTER,
        attempts: int = 2,
        opponents: int | None = OPPONENTS,
        key: Mapping[str, object] | None = None,
    ) -> None:
        """Take the judge.

        Args:
            engine: an open engine whose prompt is the rubric alone.
            rubric: text with ``{question}``, ``{first}``, ``{second}``, ``{first_answer}`` and ``{second_answer}``; it
                asks for a line "Better: first", "Better: second" or "Better: tie".
            attempts: how often a pair is judged until a reply holds a verdict, >= 1.
            opponents: the most other answers that each answer is compared with, >= 2, an odd number counts as the next
                even one; None compares all pairs. k answers take at most k * opponents replies.
            key: everything that decides the judge's replies.

        Raises:
            InputError: a rubric without both candidates, no attempt, or too few opponents.
        """
        for place in ("first", "second"):
            if f"{{{place}}}" not in rubric and f"{{{place}_answer}}" not in rubric:
                raise InputError(f"scorer.rubric must hold {{{place}}} or {{{place}_answer}} to compare pairs")
        if attempts < 1:
            raise InputError(f"scorer.attempts must be at least 1, got {attempts}")
        if opponents is not None and opponents < 2:
            raise InputError(f"scorer.opponents must be at least 2, or null to compare all pairs, got {opponents}")
        self.engine, self.rubric, self.attempts, self.opponents = engine, rubric, attempts, opponents
        self.key = key or {}

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """The win rates, shape [len(samples)]; 1 for an answer without a rival, and 0, unasked, without an answer.

        Raises:
            UnsupportedError: a sample is partial.
            EngineError: the judge fails, or no verdict on any pair can be read.
        """
        asked = answered("a judge", samples)
        first: dict[str, Sample] = {}
        for i in asked:
            first.setdefault(samples[i].answer or "", samples[i])
        candidates = [*first.values()]
        pairs = schedule(len(candidates), self.opponents)
        rates = np.ones(len(candidates))
        if pairs:
            verdicts = await together([self._compare(problem, candidates[i], candidates[j], engine) for i, j in pairs])
            rates = win_rates(len(candidates), pairs, verdicts)
        place = {answer: k for k, answer in enumerate(first)}
        scores = np.zeros(len(samples))
        scores[asked] = [rates[place[samples[i].answer or ""]] for i in asked]
        return scores

    async def _compare(self, problem: Problem, a: Sample, b: Sample, engine: MeteredEngine) -> float | None:
        """Return the share of a win that ``a`` has against ``b``; None where no verdict can be read."""
        there = await self._ask(problem, a, b, engine)
        back = await self._ask(problem, b, a, engine)
        if there is None and back is None:
            return None
        return 1.0 if (there, back) == ("first", "second") else 0.0 if (there, back) == ("second", "first") else 0.5

    async def _ask(self, problem: Problem, first: Sample, second: Sample, engine: MeteredEngine) -> Better | None:
        fields = {"question": problem.question, "first": first.text, "second": second.text}
        fields |= {"first_answer": first.answer or "", "second_answer": second.answer or ""}
        about = Problem(f"{problem.id} draws {first.index} and {second.index}", filled(self.rubric, fields))
        verdict: Better | None
        verdict, _ = await ask_until_read(self.engine, about, read_better, self.attempts, engine)
        return verdict


def schedule(candidates: int, opponents: int | None) -> list[tuple[int, int]]:
    """Return the pairs to compare: every candidate meets the nearest ``opponents`` others on a circle.

    Args:
        candidates: how many there are, >= 0.
        opponents: the most others that each one meets; None compares all pairs.
    """
    most = candidates // 2
    reach = most if opponents is None else min(most, -(-opponents // 2))
    pairs = ((i, (i + step) % candidates) for step in range(1, reach + 1) for i in range(candidates))
    return [*dict.fromkeys((min(pair), max(pair)) for pair in pairs)]


def win_rates(candidates: int, pairs: Sequence[tuple[int, int]], wins: Sequence[float | None]) -> NDArray[np.float64]:
    """Return the mean of the shares of wins of each candidate, shape [candidates]; a pair without a verdict is a tie.

    Args:
        candidates: how many there are.
        pairs: who met whom.
        wins: the share of a win of the first one of each pair, in [0, 1].

    Raises:
        UnreadableError: no pair has a verdict.
    """
    if all(share is None for share in wins):
        raise UnreadableError(
            f"the judge must end with a line `Better: first`, `Better: second` or `Better: tie`, and no verdict on "
            f"{len(pairs)} pairs could be read"
        )
    won, met = np.zeros(candidates), np.zeros(candidates)
    for (i, j), share in zip(pairs, wins, strict=True):
        won[i] += 0.5 if share is None else share
        won[j] += 0.5 if share is None else 1 - share
        met[i] += 1
        met[j] += 1
    return won / met


def read_better(reply: str) -> Better | None:
    """Return the last verdict of a reply, "Better: first", or the reply's only word; else None.

    Args:
        reply: what the judge wrote, thoughts included.
    """
    verdicts: dict[str | None, Better] = {"first": "first", "second": "second", "tie": "tie"}
    return verdicts.get(read_verdict(reply, _VERDICT, _BARE))
