"""The solver: a model, a strategy and a scorer, open for any number of questions."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, field, replace
from typing import Any

from evals.config import RunConfig, component
from evals.live.draws import count_samples
from evals.live.plan import PlannedStrategy, plan
from evals.report.draws import failure_sentence
from evals.tasks import Task
from evals.tasks.forms import CHAT, SYSTEM, TEXT
from evals.tasks.reading import extractor
from tts.agent.unknown_words import listed, unknown_words
from tts.api.models import MODELS
from tts.config.keys import FROM_TEXT
from tts.engines.chat_template import takes_chat
from tts.engines.config import EngineConfig, LiveEngine
from tts.errors import DrawsFailedError, InputError, PromptFormError
from tts.models import finece, grace
from tts.models.resolve import BUNDLED
from tts.prompts import BUNDLED_TEMPLATE, Prompt
from tts.runtime.driver import Options, Result, run_all
from tts.scorers.base import Scorer
from tts.strategy import Strategy
from tts.types import Problem, Sample, Signals, Usage


class UnknownWordsWarning(UserWarning):
    """A question holds words that the model has no token for."""


@dataclass(frozen=True)
class Answer:
    """The answer to one question.

    Attributes:
        question: the question.
        answer: the answer, or None where no sample could be read.
        p_correct: P(the answer is right), in [0, 1], from the strategy and its scorer; None where they estimate none.
        vote_share: the answer's share of the votes, in [0, 1]; None where nothing was voted on.
        samples: every sample, in the order in which they were drawn.
        usage: the tokens spent, by cause.
        stopped_by: the rule that ended the drawing, or "budget".
        strategy: the strategy's name.
    """

    question: str
    answer: str | None
    p_correct: float | None
    vote_share: float | None
    samples: tuple[Sample, ...] = field(repr=False)
    usage: Usage = field(repr=False)
    stopped_by: str
    strategy: str

    @property
    def text(self) -> str | None:
        """The text of the most confident sample with this answer, the first one where none has a confidence."""
        agreeing = [sample for sample in self.samples if self.answer is not None and sample.answer == self.answer]
        return max(agreeing, key=lambda sample: sample.confidence or 0.0).text if agreeing else None

    def __str__(self) -> str:
        """Return the answer alone."""
        return "no answer" if self.answer is None else self.answer


@dataclass
class SolveConfig:
    """The configuration of :func:`tts.solve` and ``tts ask``.

    Attributes:
        engine: the model.
        strategy: a name of the catalogue, or a composed strategy; null takes grace_es for a GrACE model,
            adaptive_consistency for any other.
        budget: the most samples, >= 1.
        scorer: {name, calibration, ...}; null takes the model's own confidence, where it has one.
        template: the text around {question}; null takes the usual one for the model.
        system: the system message of a chat, or text before everything else; null takes the usual one.
        chat: whether to ask in chat messages, which need a model with a chat template; auto does so where it has one.
        lookahead: draws that start before the strategy asks for them; 0 wastes no token.
    """

    engine: EngineConfig = field(default_factory=lambda: EngineConfig(model="grace"))
    strategy: Any = None
    budget: int = 16
    scorer: dict[str, Any] | None = field(default=None, metadata={FROM_TEXT: component})
    template: str | None = None
    system: str | None = None
    chat: bool | str = "auto"
    lookahead: int = 0

    def __post_init__(self) -> None:
        """Refuse another choice of chat messages."""
        self.chat = {"true": True, "false": False}.get(str(self.chat).lower(), self.chat)
        if not isinstance(self.chat, bool) and self.chat != "auto":
            raise InputError(f"chat must be auto, true or false, got {self.chat!r}")


@dataclass(frozen=True)
class Solver:
    """Everything that one question needs, for any number of questions."""

    model: str
    engine: LiveEngine
    task: Task
    planned: PlannedStrategy
    scorer: Scorer | None
    signals: Signals
    options: Options

    def warn_of_unknown_words(self, question: str) -> None:
        """Warn, with their number, of words that the model has no token for."""
        if words := unknown_words(self.engine, question):
            shown = listed(words)
            known = len(self.engine.encoder.tokenizer)  # type: ignore[attr-defined]
            warnings.warn(
                f"model {self.model} has {known} tokens, and none for {len(words)} words of this question ({shown}): "
                "its answer means little; give model= a larger one",
                UnknownWordsWarning,
                stacklevel=3,
            )

    async def solve(self, question: str) -> Answer:
        """Answer one question.

        Raises:
            DrawsFailedError: every draw failed; the sentence has the reasons.
        """
        name = hashlib.sha256(question.encode()).hexdigest()[:12]  # the same question draws the same samples
        problem = Problem(name, question)
        [result] = await run_all(
            self.planned.strategy,
            [problem],
            self.engine,
            extract=self.task.extract,
            scorer=self.scorer,
            options=self.options,
            signals=self.signals,
        )
        draws = count_samples((sample, None) for sample in result.decision.samples)
        if draws.all_failed:
            raise DrawsFailedError(f"every draw failed: {failure_sentence(draws)}")
        return _answer(question, result, self.planned.strategy.name)


def open_solver(config: SolveConfig) -> Solver:
    """Open the model and build the strategy and its scorer.

    Raises:
        InputError: a name, a value or a combination that cannot be used; nothing has been drawn then.
        UnsupportedError: the extra for this kind of engine is not installed.
    """
    try:
        return _open(config)
    except PromptFormError as error:
        if config.chat != "auto":
            raise
        return _open(replace(config, chat=error.chat))


def _open(config: SolveConfig) -> Solver:
    prompt = _prompt(config)
    task = Task("question", (), prompt, extractor("flexible", prompt), "flexible")
    scorer = config.scorer if config.scorer is not None else _own_scorer(config.engine)
    strategy = config.strategy
    if strategy is None:
        strategy = "grace_es" if scorer is not None and scorer["name"] == "grace" else "adaptive_consistency"
    named = RunConfig(engine=config.engine, budget=config.budget, scorer=scorer, lookahead=config.lookahead)
    if isinstance(strategy, Strategy):
        own, named = strategy, replace(named, strategies=["self_consistency"])
    else:
        own, named = None, replace(named, strategies=[strategy])
    model, revision = config.engine.identity
    chosen = plan(named, task, model=model, revision=revision)
    engine = MODELS.get(config.engine, prompt)
    chosen = chosen.within(engine.capabilities)
    planned = chosen.strategies[0]
    if own is not None:
        planned = replace(planned, strategy=own)
    options = Options(concurrency=1, lookahead=config.lookahead)
    return Solver(model, engine, task, planned, chosen.judge, chosen.signals, options)


def check_question(question: object) -> str:
    """Return the question.

    Raises:
        InputError: it is no text, empty, or holds half of a character (a lone surrogate).
    """
    if not isinstance(question, str):
        raise InputError(f"a question must be text, got {type(question).__name__}: give one question as a str")
    if not question.strip():
        raise InputError("a question must be text, got nothing")
    try:
        question.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError("the question holds half of a character (a lone surrogate): give valid Unicode text") from None
    return question


def _answer(question: str, result: Result, strategy: str) -> Answer:
    decision = result.decision
    return Answer(
        question,
        decision.answer,
        decision.p_correct,
        decision.vote_share,
        decision.samples,
        decision.usage or Usage(),
        decision.reason,
        strategy,
    )


def _prompt(config: SolveConfig) -> Prompt:
    bundled = config.engine.model in BUNDLED
    chat = takes_chat(config.engine) if config.chat == "auto" else config.chat is True
    usual = BUNDLED_TEMPLATE if bundled else CHAT if chat else TEXT
    system = "" if bundled else SYSTEM
    return Prompt(
        template=usual if config.template is None else config.template,
        system=system if config.system is None else config.system,
        chat=chat,
    )


def _own_scorer(engine: EngineConfig) -> dict[str, Any] | None:
    """Return the scorer that reads the model's own confidence, or None where it has none."""
    folder = engine.folder
    if folder is None:
        return None
    for card, name in ((finece.NAME, "finece"), (grace.NAME, "grace")):
        if (folder / card).is_file():
            return {"name": name}
    return None
