"""The configuration of a verifier and a solver: the model, how a question is asked and read, the scorer, and limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, get_args

from evals.config import component
from evals.tasks.config import READINGS
from evals.tasks.equality import check_equality, equality_named
from evals.tasks.forms import CHAT, SYSTEMS, TEXT
from tts.answers.reading import KINDS, Kind
from tts.config.keys import FROM_TEXT
from tts.engines.chat_template import takes_chat
from tts.engines.config import EngineConfig
from tts.errors import InputError, unknown_name
from tts.models.resolve import BUNDLED
from tts.prompts import BUNDLED_TEMPLATE, Prompt
from tts.scorers.calibration.calibration_file import OWN_DRAWS


@dataclass
class QuestionForm:
    """The form in which a question is asked and its answer read.

    Attributes:
        template: the text around {question}; null takes the usual one for the model.
        system: the system message of a chat, or text before everything else; null takes the usual one.
        chat: whether to ask in chat messages, which need a model with a chat template; auto does so where it has one.
        answers: the kind of answers: number, choice, math, text.
        extract: "strict" reads marked answers alone, "flexible" any mark and else the last number or line.
        equal: the equality of answers: exact, math, entailment, judge; auto takes math for mathematical answers, exact
            for others.
    """

    template: str | None = None
    system: str | None = None
    chat: bool | str = "auto"
    answers: str = "number"
    extract: str = "flexible"
    equal: dict[str, Any] = field(default_factory=lambda: equality_named("auto"), metadata={FROM_TEXT: equality_named})

    def __post_init__(self) -> None:
        """Refuse unknown names."""
        self.chat = {"true": True, "false": False}.get(str(self.chat).lower(), self.chat)
        if not isinstance(self.chat, bool) and self.chat != "auto":
            raise InputError(f"task.chat must be auto, true or false, got {self.chat!r}")
        if self.answers not in KINDS:
            raise unknown_name("task.answers", self.answers, KINDS)
        if self.extract not in READINGS:
            raise unknown_name("task.extract", self.extract, READINGS)
        check_equality(self.equal, key="task.equal", kind=self.answers)

    @property
    def kind(self) -> Kind:
        """The kind of answers."""
        return next(kind for kind in get_args(Kind) if kind == self.answers)

    def prompt(self, engine: EngineConfig) -> Prompt:
        """Return the prompt for a model."""
        bundled = engine.model in BUNDLED
        chat = takes_chat(engine) if self.chat == "auto" else self.chat is True
        usual = BUNDLED_TEMPLATE if bundled else CHAT if chat else TEXT
        system = "" if bundled else SYSTEMS[self.kind]
        return Prompt(
            template=usual if self.template is None else self.template,
            system=system if self.system is None else self.system,
            chat=chat,
        )


@dataclass
class ToolVotes:
    """The votes on calls of tools.

    Attributes:
        ignore: names of arguments that do not vote, of any tool, such as request_id.
    """

    ignore: list[str] = field(default_factory=list)


@dataclass
class FittedFiles:
    """A file for each way of judging.

    Attributes:
        read: for texts with their working, which are read in one pass.
        draw: for bare answers, which are checked by fresh draws.
        solve: for the decisions of the solver's strategy.
    """

    read: str | None = None
    draw: str | None = None
    solve: str | None = None


@dataclass
class Limits:
    """The most that is taken on at the same time.

    Attributes:
        max_questions: questions in progress, >= 1.
        max_waiting: further questions that wait, >= 0; more are refused.
        time_limit_s: seconds until a question must be decided, > 0; null sets no limit.
    """

    max_questions: int = 64
    max_waiting: int = 1024
    time_limit_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        for key, least in (("max_questions", 1), ("max_waiting", 0)):
            if getattr(self, key) < least:
                raise InputError(f"limits.{key} must be at least {least}, got {getattr(self, key)}")
        if self.time_limit_s is not None and not self.time_limit_s > 0:
            raise InputError(f"limits.time_limit_s must be above 0 or null, got {self.time_limit_s}")


@dataclass
class AgentConfig:
    """The configuration of :class:`tts.Solver`, :class:`tts.Verifier`, :func:`tts.solve` and ``tts ask``.

    Attributes:
        engine: the model.
        task: how a question is asked and its answer read.
        scorer: {name, calibration, ...}; null takes the model's own confidence, where it has one.
        strategy: a name of the catalogue, or a composed strategy; null takes grace_es for a GrACE model,
            adaptive_consistency for any other.
        budget: the most samples of the strategy, >= 1.
        draws: the most fresh draws that check a bare answer, >= 1.
        lookahead: draws that start before the strategy asks for them, >= 0; 0 wastes no token.
        source: who writes the texts that are read; a calibration for another source is refused.
        calibration: files of `tts calibrate` that turn scores into probabilities, by way of judging; a relative path in
            a YAML file starts from the file's folder.
        promise: files of `tts calibrate --promise`, likewise.
        tools: how calls of tools are voted on.
        limits: the most that is taken on at the same time.
    """

    engine: EngineConfig = field(default_factory=lambda: EngineConfig(model="grace"))
    task: QuestionForm = field(default_factory=QuestionForm)
    scorer: dict[str, Any] | None = field(default=None, metadata={FROM_TEXT: component})
    strategy: Any = None
    budget: int = 16
    draws: int = 8
    lookahead: int = 0
    source: str = OWN_DRAWS
    calibration: FittedFiles = field(default_factory=FittedFiles)
    promise: FittedFiles = field(default_factory=FittedFiles)
    tools: ToolVotes = field(default_factory=ToolVotes)
    limits: Limits = field(default_factory=Limits)

    by_own_name: ClassVar[tuple[str, ...]] = ("engine", "task", "limits")
    """Sections whose keys a call in Python may give by their own names."""
    beside_the_file: ClassVar[tuple[str, ...]] = ("calibration", "promise")
    """Sections whose relative paths start from the folder of the YAML file that holds them."""

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        for key, least in (("budget", 1), ("draws", 1), ("lookahead", 0)):
            if getattr(self, key) < least:
                raise InputError(f"{key} must be at least {least}, got {getattr(self, key)}")
