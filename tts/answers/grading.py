"""Grading: an answer is right where it would be the same vote as the gold answer.

Knows neither pools nor tasks: an answer and its gold answers in, one grade out. Everything that grades by a gold answer
uses this rule, so that a grade and a vote (`tts.answers.merge`) never disagree on which answers are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tts.answers.canonical import canonical
from tts.answers.meaning.equality import Equality
from tts.types import Problem


@dataclass(frozen=True, slots=True)
class Grader:
    """An equality of answers, the one that votes are merged by.

    Attributes:
        kind: the kind of answer, which chooses the canonical form; see `canonical`.
        equal: a pairwise check of canonical texts, such as ``MathVerifier.equal``; None compares the texts only.
        near: accepts an answer, given its canonical text and that of a gold answer, which is not equal to it: a
            tolerance, or a metric of open answers. It merges no votes.
        equality: the equality of the votes, which may read the question; see :meth:`on`.
    """

    kind: str = "auto"
    equal: Callable[[str, str], bool] | None = None
    near: Callable[[str, str], bool] | None = None
    equality: Equality | None = None

    @property
    def report(self) -> str | None:
        """A sentence about the comparisons of the equality; None if there is nothing to say."""
        return None if self.equality is None else self.equality.report

    def on(self, problem: Problem) -> Grader:
        """Return the rule for one problem, whose votes are merged by ``equality`` where that is given.

        Args:
            problem: its question may matter to the equality.
        """
        return self if self.equality is None else replace(self, equal=self.equality.about(problem), equality=None)

    def grade(self, answer: str | None, gold: str | Sequence[str] | None) -> bool | None:
        """Return whether an answer is right, or None where there is no gold answer to compare it with.

        Args:
            answer: in any spelling; None, and an answer that is not of the kind, is wrong.
            gold: the right answer in any spelling, or several that are accepted; one that is not of the kind counts as
                missing.

        Raises:
            InputError: an unknown ``kind``.
        """
        given = None if answer is None else canonical(answer, self.kind)
        if given is None:
            return False
        golds = () if gold is None else (gold,) if isinstance(gold, str) else gold
        accepted = [right for right in (canonical(one, self.kind) for one in golds) if right is not None]
        if not accepted:
            return None
        return given in accepted or any(self._accepts(given, right) for right in accepted)

    def _accepts(self, given: str, right: str) -> bool:
        if self.equal is not None and self.equal(min(given, right), max(given, right)):
            return True
        return self.near is not None and self.near(given, right)
