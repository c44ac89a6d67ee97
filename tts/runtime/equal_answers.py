"""The answers of one live question under an equality: each sample's answer is the first one of its group.

Strategies count equal strings, so equality stands between the samples and the strategy. A pool keeps the answers as
they were read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tts.answers.canonical import canonical
from tts.answers.meaning.equality import Equality, Spend
from tts.answers.meaning.groups import AnswerGroups
from tts.runtime.ledger import NOTHING
from tts.types import Problem, Sample, Usage


class EqualAnswers:
    """The groups of equal answers of one question."""

    def __init__(self, problem: Problem, equality: Equality | None, *, join: bool) -> None:
        """Start without an answer.

        Args:
            problem: the question.
            equality: compares its answers; None leaves every answer as it is.
            join: whether equal answers are one answer; False only prepares their grades.
        """
        self._problem, self._equality, self._join = problem, equality, join
        self._groups = AnswerGroups()
        self._graded: set[str] = set()

    async def add(self, samples: Sequence[Sample], *, graded: bool, spend: Spend) -> tuple[bool, Usage]:
        """Compare the answers of new samples with earlier ones.

        Args:
            samples: of the question.
            graded: whether the answers are graded afterwards: they are compared with the gold answers too, so that
                grading does not wait.
            spend: receives the tokens of comparisons of answers as they are spent. Comparisons with gold answers are no
                part of the strategy's cost.

        Returns:
            True if groups of earlier answers turned out to be one, and the tokens that comparisons of answers which
            had been made before cost then.

        Raises:
            EngineError: a model that is asked fails.
        """
        if self._equality is None:
            return False, NOTHING
        joined, reused = False, NOTHING
        new = self._canonical(self._equality, (sample.answer for sample in samples if not sample.calls))
        for answer in new if self._join else ():
            comparing = self._groups.add(answer)
            try:
                pairs = next(comparing)
                while True:
                    equal, cost = await self._equality.compare(self._problem, pairs, spend)
                    reused += cost
                    pairs = comparing.send(equal)
            except StopIteration as stop:
                joined |= bool(stop.value)
        if graded:
            golds = self._canonical(self._equality, self._problem.golds)
            ungraded = [one for one in new if one not in self._graded and one not in golds]
            self._graded.update(ungraded)
            if pairs := [(min(one, gold), max(one, gold)) for one in ungraded for gold in golds]:
                await self._equality.compare(self._problem, pairs, lambda _: None)
        return joined, reused

    def named(self, sample: Sample) -> Sample:
        """Return the sample with the first answer of its group; calls have one spelling already."""
        if self._equality is None or sample.answer is None or sample.calls or not self._join:
            return sample
        answer = canonical(sample.answer, self._equality.kind)
        first = None if answer is None else self._groups.first(answer)
        return sample if first == sample.answer else replace(sample, answer=first)

    def spellings(self, answer: str | None) -> tuple[str, ...]:
        """Return the answers that are equal to one, itself included; empty where none are compared."""
        return () if answer is None or self._equality is None else self._groups.members(answer)

    def _canonical(self, equality: Equality, answers: Iterable[str | None]) -> list[str]:
        """Return the distinct answers of the kind in their canonical spelling."""
        read = (None if answer is None else canonical(answer, equality.kind) for answer in answers)
        return list(dict.fromkeys(answer for answer in read if answer is not None))
