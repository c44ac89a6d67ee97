"""The parts of a verifier and a solver, opened from one configuration: they share an engine, its rows, and a ledger."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

from evals.config import RunConfig
from evals.live.plan import PlannedStrategy, plan
from evals.tasks import Task
from evals.tasks.equality import open_equality
from evals.tasks.reading import extractor
from tts.agent.config import AgentConfig, Limits
from tts.agent.models import MODELS
from tts.answers.meaning.equality import Equality
from tts.config.arguments import keyed, named
from tts.config.load import built, defaults, merge, read_file
from tts.engines.config import EngineConfig
from tts.engines.kinds import LiveEngine
from tts.engines.openai.fleet.protocol import HasServers
from tts.errors import PromptFormError
from tts.models import finece, grace
from tts.runtime.options import Options
from tts.runtime.runner import Runner
from tts.scorers.base import Scorer
from tts.scorers.calibration.calibration_file import Provenance, model_name, sampling_text
from tts.scorers.config import OpenScorer
from tts.strategy import Strategy
from tts.types import Signals

LOG = logging.getLogger(__name__)
_SAID: set[str] = set()
_RUNNERS: dict[tuple[LiveEngine, int, int], Runner] = {}
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Parts:
    """The parts of a verifier or a solver.

    Attributes:
        config: the configuration.
        model: the model's name, with "@revision" if it has one.
        engine: the open engine.
        task: the prompt and the reader of answers, without questions.
        planned: the strategy.
        scorer: the scorer, or None.
        signals: the signals that every draw records.
        equality: makes equal answers one answer; None compares canonical texts.
        runner: plays questions; those with the same engine and limits share one.
        notify: receives sentences about what the strategy does without on a question.
    """

    config: AgentConfig
    model: str
    engine: LiveEngine
    task: Task
    planned: PlannedStrategy
    scorer: OpenScorer | None
    signals: Signals
    equality: Equality | None
    runner: Runner
    notify: Callable[[str], None]

    @property
    def judge(self) -> Scorer | None:
        """The scorer itself."""
        return None if self.scorer is None else self.scorer.scorer

    def provenance(self, source: str) -> Provenance:
        """Return the circumstances that a calibration or a promise must have been fitted in.

        Args:
            source: who wrote the texts that are judged.
        """
        name = "" if self.scorer is None else self.scorer.name
        sampling = sampling_text(asdict(self.config.engine.sampling))
        return Provenance(self.model, name, self.task.template, sampling=sampling, source=source)


def configured(
    call: str, file: str | PathLike[str] | None, strategy: Any, scorer: Any, settings: Mapping[str, Any]
) -> tuple[AgentConfig, Strategy | None]:
    """Return a configuration from a file and keyword arguments, which go first, and a strategy that is an object.

    Args:
        call: the function that was called, for messages.
        file: a YAML file, or None.
        strategy: a name, a mapping, an object with the methods of a strategy, or None.
        scorer: a scorer's name, a mapping, or None.
        settings: other keys by name, those of the engine, the task and the limits by their own.

    Raises:
        InputError: a file, a key or a value that cannot be used.
    """
    own = strategy if isinstance(strategy, Strategy) else None
    given = {"scorer": named(scorer), "strategy": None if own is not None else strategy}
    values = keyed(AgentConfig, call, given, **settings)
    config = defaults(AgentConfig)
    if file is not None:
        config = merge(AgentConfig, config, read_file(Path(file), AgentConfig), f"config file {file}")
    return built(AgentConfig, merge(AgentConfig, config, values, f"{call}(...)")), own


def warn_once(sentence: str) -> None:
    """Log a warning, unless it was logged since the models were opened."""
    with _LOCK:
        new = sentence not in _SAID
        _SAID.add(sentence)
    if new:
        LOG.warning(sentence)


def open_parts(
    config: AgentConfig, strategy: Strategy | None = None, *, notify: Callable[[str], None] = warn_once
) -> Parts:
    """Open the model and build the strategy and its scorer.

    Args:
        config: the configuration.
        strategy: plays in place of the one that the configuration names.
        notify: receives sentences about what the engine or the strategy does without, now or on a question.

    Raises:
        InputError: a name, a value or a combination that cannot be used; nothing has been drawn then.
        UnsupportedError: the extra for this kind of engine is not installed.
    """
    try:
        return _open(config, strategy, notify)
    except PromptFormError as error:
        if config.task.chat != "auto":
            raise
        return _open(replace(config, task=replace(config.task, chat=error.chat)), strategy, notify)


def _open(config: AgentConfig, own: Strategy | None, notify: Callable[[str], None]) -> Parts:
    form, prompt = config.task, config.task.prompt(config.engine)
    task = Task("question", (), prompt, extractor(form.extract, prompt, kind=form.kind), form.extract)
    scorer = config.scorer if config.scorer is not None else _own_scorer(config.engine)
    strategy = config.strategy
    if strategy is None:
        strategy = "grace_es" if scorer is not None and scorer["name"] == "grace" else "adaptive_consistency"
    strategies = ["self_consistency" if own is not None else strategy]
    run = RunConfig(
        engine=config.engine, budget=config.budget, scorer=scorer, lookahead=config.lookahead, strategies=strategies
    )
    model, revision = config.engine.identity
    chosen = plan(run, task, model=model, revision=revision)
    engine = MODELS.get(config.engine, prompt, notify)
    chosen = chosen.within(engine.capabilities, notify=notify)
    planned = chosen.strategies[0]
    return Parts(
        config=config,
        model=model_name(model, revision),
        engine=engine,
        task=task,
        planned=planned if own is None else replace(planned, strategy=own),
        scorer=chosen.scorer,
        signals=chosen.signals,
        equality=open_equality(form.equal, form.answers, key="task.equal", required=False),
        runner=_runner(engine, config.engine, config.limits),
        notify=notify,
    )


def _runner(engine: LiveEngine, config: EngineConfig, limits: Limits) -> Runner:
    """Return the runner of an engine with these limits."""
    key = (engine, limits.max_questions, limits.max_waiting)
    with _LOCK:
        if key not in _RUNNERS:
            runner = _RUNNERS[key] = Runner(
                engine,
                options=Options(rows=config.rows),
                max_questions=limits.max_questions,
                max_waiting=limits.max_waiting,
            )
            if config.openai.changes and isinstance(engine, HasServers):
                engine.when_resized(runner.resize)
        return _RUNNERS[key]


def close() -> None:
    """Close every model that was opened; later calls open them again."""
    with _LOCK:
        _RUNNERS.clear()
        _SAID.clear()
    MODELS.close()


def _own_scorer(engine: EngineConfig) -> dict[str, Any] | None:
    """Return the scorer that reads the model's own confidence, or None where it has none."""
    folder = engine.folder
    if folder is None:
        return None
    for card, name in ((finece.NAME, "finece"), (grace.NAME, "grace")):
        if (Path(folder) / card).is_file():
            return {"name": name}
    return None
