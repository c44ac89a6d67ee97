r"""The verifier: how likely a given answer is right, and whether it may be used.

    verifier = Verifier(engine, scorer, extract=extractor("flexible", prompt))
    verifier.score("Jack has 3 beads and buys 4. How many has he?", "3 + 4 = 7.\n#### 7")

A text with its working is read in one pass. A bare answer holds nothing that could be read, so it is checked by fresh
draws of the same question.
"""

from __future__ import annotations

from collections.abc import Iterable

from tts.agent.terms import Terms
from tts.agent.verdict import StepScore, Verdict
from tts.agent.verification import Verification
from tts.answers.meaning.equality import Equality
from tts.engines.base import Engine
from tts.engines.loop import LOOP
from tts.engines.sampling import SamplingChange
from tts.errors import InputError
from tts.runtime.options import DEFAULTS, Extract, Options
from tts.scorers.base import Scorer
from tts.types import Usage


class Verifier:
    """Judges answers that are given, from any thread, with or without a running event loop.

    Its texts and draws of all calls share one engine, in the event loop that owns every engine.
    """

    def __init__(
        self,
        engine: Engine,
        scorer: Scorer | None = None,
        *,
        extract: Extract,
        read: Terms | None = None,
        draw: Terms | None = None,
        draws: int = 8,
        equality: Equality | None = None,
        sampling: SamplingChange | None = None,
        options: Options = DEFAULTS,
        max_questions: int = 64,
        max_waiting: int = 1 << 20,
    ) -> None:
        """Take an open engine.

        Args:
            engine: reads texts and draws samples.
            scorer: gives texts and samples their confidence; with None, or one that compares samples, every answer is
                checked by its share of the votes.
            extract: reads the canonical answer from a text.
            read: calibration, promise and reference of texts that are read; None for none.
            draw: those of answers that are checked by at most ``draws`` draws; None for none.
            draws: the most draws that check a bare answer, >= 1.
            equality: makes equal answers one answer; None compares texts.
            sampling: changes the sampling parameters of the draws.
            options: look-ahead, rows and retries of the draws.
            max_questions: questions that are checked by draws at the same time, >= 1.
            max_waiting: further questions that wait for that, >= 0; beyond them one is refused.

        Raises:
            InputError: a number out of range, or an ``extract`` that cannot be called.
            UnsupportedError: the engine or the scorer cannot draw what a check needs.
        """
        self._core = Verification(
            engine,
            scorer,
            extract=extract,
            read=read,
            draw=draw,
            draws=draws,
            equality=equality,
            sampling=sampling,
            options=options,
            max_questions=max_questions,
            max_waiting=max_waiting,
        )

    @property
    def spent(self) -> Usage:
        """The tokens of all verdicts so far, those of calls that failed or were cancelled included."""
        return self._core.spent

    def score(
        self, question: str, answer: str, *, draws: int | None = None, time_limit_s: float | None = None
    ) -> Verdict:
        """Return the verdict on one answer.

        Args:
            question: the question.
            answer: a text with its working, which is read in one pass, or a bare answer, which is checked by draws.
                Nothing behind the final answer of a text is read.
            draws: checks the text's final answer by at most this many draws; 0 reads the text, bare or not. None reads
                a text with its working, and checks a bare answer by the verifier's own number of draws.
            time_limit_s: seconds until there must be a verdict, > 0; one that is not ready abstains. None sets no
                limit.

        Raises:
            InputError: a question or an answer that is no valid text, or a question that does not fit the model.
            EngineError: the engine failed.
        """
        return LOOP.run(self._one(question, answer, draws, time_limit_s))

    async def ascore(
        self, question: str, answer: str, *, draws: int | None = None, time_limit_s: float | None = None
    ) -> Verdict:
        """Return the verdict on one answer; see :meth:`score`."""
        return await LOOP.wait(self._one(question, answer, draws, time_limit_s))

    def score_many(
        self, pairs: Iterable[tuple[str, str]], *, draws: int | None = None, time_limit_s: float | None = None
    ) -> list[Verdict]:
        """Return the verdicts on answers, in their order; texts are read in as few passes as their sizes allow.

        Args:
            pairs: (question, answer) each.
            draws: as in :meth:`score`.
            time_limit_s: as in :meth:`score`, for all of them.

        Raises:
            InputError: as :meth:`score`, before anything is read.
            EngineError: the engine failed.
        """
        return LOOP.run(self._core.verdicts(_pairs(pairs), draws=draws, time_limit_s=time_limit_s))

    async def ascore_many(
        self, pairs: Iterable[tuple[str, str]], *, draws: int | None = None, time_limit_s: float | None = None
    ) -> list[Verdict]:
        """Return the verdicts on answers; see :meth:`score_many`."""
        return await LOOP.wait(self._core.verdicts(_pairs(pairs), draws=draws, time_limit_s=time_limit_s))

    def score_steps(self, question: str, partial_text: str) -> list[StepScore]:
        """Return the confidence after each step of a chain, which need not be complete, from one pass.

        A step is a line. From the first step on that holds a word which the model has no token for, there is no score.

        Args:
            question: the question.
            partial_text: the chain so far.

        Raises:
            InputError: a question or a chain that is no valid text, or that does not fit the model's context.
            UnsupportedError: the scorer judges whole texts only.
            EngineError: the engine failed.
        """
        return LOOP.run(self._core.steps(question, partial_text))

    async def ascore_steps(self, question: str, partial_text: str) -> list[StepScore]:
        """Return the confidence after each step of a chain; see :meth:`score_steps`."""
        return await LOOP.wait(self._core.steps(question, partial_text))

    async def _one(self, question: str, answer: str, draws: int | None, time_limit_s: float | None) -> Verdict:
        [verdict] = await self._core.verdicts([(question, answer)], draws=draws, time_limit_s=time_limit_s)
        return verdict


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return pairs as a list.

    Raises:
        InputError: one of them is no pair.
    """
    found = []
    for number, pair in enumerate(pairs):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise InputError(f"pair {number} must be (question, answer), got {pair!r:.80}")
        found.append((pair[0], pair[1]))
    return found
