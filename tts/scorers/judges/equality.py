"""Equality of free text by a judge: a second model is asked whether two answers to the question mean the same."""

from __future__ import annotations

import asyncio
import re
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tts.answers.canonical import canonical
from tts.answers.meaning.equality import Equal, Spend
from tts.answers.meaning.groups import AnswerGroups, Pair
from tts.engines.kinds import LiveEngine
from tts.engines.loop import LoopThread
from tts.engines.streams import together
from tts.errors import EngineError, InputError
from tts.scorers.judges.asked import ask_until_read, read_verdict
from tts.scorers.judges.opening import open_judge_engine
from tts.scorers.metered import MeteredEngine
from tts.types import Problem, Usage
from tts.wording import filled

SAME = (
    "A question and two answers to it follow. Judge whether the two answers mean the same, so that either both are "
    "right or both are wrong.\n\nQuestion:\n{question}\n\nFirst answer: {first}\nSecond answer: {second}\n\n"
    "End with one line: `Same: yes` or `Same: no`."
)
_VERDICT = re.compile(r"\bsame\b[\s*_`]*[:=][\s*_`]*(?P<word>yes|no)\b", re.IGNORECASE)
_BARE = re.compile(r"[\s*_`]*(?P<word>yes|no)\b[\s*_`.]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Verdict:
    equal: bool
    usage: Usage


class JudgedEquality:
    """Implements :class:`~tts.answers.meaning.equality.Equality` by asking a judge about each pair once.

    The judge's engine runs on an event loop of its own, so that any thread and any event loop may ask.

    Attributes:
        kind: the kind of answers, free text.
        asked: pairs that the judge was asked about.
        unreadable: pairs on which no reply of the judge could be read, which count as not equal.
        usage: the tokens of all replies.
    """

    kind = "text"

    def __init__(self, engine: LiveEngine, *, rubric: str = SAME, attempts: int = 2) -> None:
        """Take the judge.

        Args:
            engine: an open engine whose prompt is the rubric alone.
            rubric: text with ``{question}``, ``{first}`` and ``{second}``; it asks for a line "Same: yes" or "Same:
                no".
            attempts: how often a pair is judged until a reply can be read, >= 1.

        Raises:
            InputError: a rubric without the answers, or no attempt.
        """
        if "{first}" not in rubric or "{second}" not in rubric:
            raise InputError("equal.rubric must hold {first} and {second}, and {question} where the judge is to see it")
        if attempts < 1:
            raise InputError(f"equal.attempts must be at least 1, got {attempts}")
        self.engine, self.rubric, self.attempts = engine, rubric, attempts
        self.asked = self.unreadable = 0
        self.usage = Usage()
        self._known: dict[tuple[str, Pair], _Verdict] = {}
        self._loop = LoopThread()
        weakref.finalize(self, _close, self._loop, engine)

    @property
    def report(self) -> str | None:
        """The number of pairs, their tokens, and the verdicts that could not be read; None if none was asked about."""
        if not self.asked:
            return None
        pairs = f"{self.asked} pair{'s'[: self.asked != 1]} of answers"
        said = f"equal=judge: the judge compared {pairs} ({self.usage.total} tokens, {self.usage.generated} generated)"
        if not self.unreadable:
            return said
        return f"{said}; {self.unreadable} of its verdicts could not be read and count as not equal"

    async def compare(self, problem: Problem, pairs: Sequence[Pair], spend: Spend) -> tuple[list[bool], Usage]:
        """Return whether each pair means the same, and the tokens of the verdicts that were known.

        Args:
            problem: the question.
            pairs: two answers each.
            spend: receives the tokens that the judge takes now, also where it fails or is cancelled.

        Raises:
            EngineError: the judge fails.
        """
        known = [one for pair in pairs if (one := self._known.get((problem.question, pair))) is not None]
        reused = sum((one.usage for one in known), Usage())
        if len(known) < len(pairs):
            spent: list[Usage] = []
            try:
                await self._loop.wait(self._ask_all(problem, pairs, spent))
            except asyncio.CancelledError:
                await self._loop.settled()  # its last tokens are counted then
                raise
            finally:
                spend(sum(spent, Usage()))
        return [self._known[problem.question, pair].equal for pair in pairs], reused

    def about(self, problem: Problem) -> Equal:
        """Return the check of two answers to one question; it waits for the judge where the pair is new."""

        def equal(a: str, b: str) -> bool:
            pair = (min(a, b), max(a, b))
            if (problem.question, pair) not in self._known:
                self._loop.run(self._ask_all(problem, [pair]))
            return self._known[problem.question, pair].equal

        return equal

    def compare_all(self, questions: Sequence[tuple[Problem, Sequence[str | None]]], *, graded: bool) -> None:
        """Compare the answers of many questions, all questions at the same time, and wait for the verdicts.

        Args:
            questions: each problem with its answers.
            graded: whether to compare the answers with the gold answers too.

        Raises:
            EngineError: the judge fails.
        """

        async def settle(problem: Problem, answers: Sequence[str | None]) -> None:
            groups = AnswerGroups()
            texts = [None if answer is None else canonical(answer, self.kind) for answer in answers]
            for text in dict.fromkeys(text for text in texts if text is not None):
                comparing = groups.add(text)
                try:
                    pairs = next(comparing)
                    while True:
                        await self._ask_all(problem, pairs)
                        pairs = comparing.send([self._known[problem.question, pair].equal for pair in pairs])
                except StopIteration:
                    pass
            golds = [gold for one in problem.golds if (gold := canonical(one, self.kind)) is not None]
            distinct = {text for text in texts if text is not None} - {*golds} if graded else set()
            await self._ask_all(problem, [(min(t, g), max(t, g)) for t in sorted(distinct) for g in golds])

        async def settle_all() -> None:
            await together([settle(problem, answers) for problem, answers in questions])

        self._loop.run(settle_all())

    async def _ask_all(self, problem: Problem, pairs: Sequence[Pair], spent: list[Usage] | None = None) -> None:
        new = [pair for pair in dict.fromkeys(pairs) if (problem.question, pair) not in self._known]
        await together([self._ask(problem, pair, [] if spent is None else spent) for pair in new])

    async def _ask(self, problem: Problem, pair: Pair, spent: list[Usage]) -> None:
        fields = {"question": problem.question, "first": pair[0], "second": pair[1]}
        about, metered = Problem(f"{problem.id} {pair}", filled(self.rubric, fields)), MeteredEngine(None)
        try:
            said, _ = await ask_until_read(self.engine, about, read_same, self.attempts, metered)
        except EngineError as error:
            raise EngineError(f"the judge of equal=judge failed ({error}): correct equal.engine, or repeat") from error
        finally:
            self.usage += metered.usage
            spent.append(metered.usage)
        self.asked += 1
        self.unreadable += said is None
        self._known[problem.question, pair] = _Verdict(said is True, metered.usage)


def read_same(reply: str) -> bool | None:
    """Return the last verdict of a reply, "Same: yes" or "Same: no", or the reply's only word; else None.

    Args:
        reply: what the judge wrote, thoughts included.
    """
    verdict = read_verdict(reply, _VERDICT, _BARE)
    return None if verdict is None else verdict == "yes"


def open_judged_equality(
    *,
    engine: Mapping[str, Any],
    rubric: str | None = None,
    attempts: int = 2,
    chat: bool | None = None,
) -> JudgedEquality:
    """Build the equality from a configuration; the judge's engine is opened at once.

    Args:
        engine: the judge's own engine, as the configuration key ``engine``; its temperature is 0 and its max_tokens 512
            by default.
        rubric: a file with the judge's prompt; None takes one that asks for a line "Same: yes" or "Same: no".
        attempts: how often a pair is judged until a reply can be read, >= 1.
        chat: whether to ask in chat messages; None does for servers.

    Raises:
        InputError: an unknown key, a rubric that cannot be read, or an engine that cannot be opened.
    """
    opened, text, _ = open_judge_engine(engine, rubric=rubric, usual=SAME, chat=chat, section="equal")
    return JudgedEquality(opened, rubric=text, attempts=attempts)


def _close(loop: LoopThread, engine: LiveEngine) -> None:
    loop.close()
    engine.close()
