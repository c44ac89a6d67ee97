"""The models that a gateway serves: each is open once, with a solver for every strategy that is asked for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tts.agent.config import AgentConfig
from tts.agent.opening import Parts, open_parts
from tts.agent.solver import Solver
from tts.agent.verifier import Verifier
from tts.config.load import load_config
from tts.config.overrides import find_keys
from tts.errors import InputError, unknown_name
from tts.registry import SCORERS, STRATEGIES
from tts.serve.config import ServeConfig, ServedConfig, ServeLimits
from tts.serve.errors import bad_request, unknown_model
from tts.serve.keys import read_keys

KEPT = 64
"""Solvers beside the usual one that a model keeps open."""
SHIPPED = Path(__file__).parent / "bundled"
SOURCE = Path(__file__).parents[2] / "configs" / "serve"
"""The folder of the same files in a clone."""


class OpenedModel:
    """One model under its name.

    Attributes:
        name: the name that requests ask for.
        parts: the parts of its usual solver.
        verifier: judges answers.
        usual: the solver of the configuration's strategy and budget, with its calibration and promise.
    """

    def __init__(self, name: str, config: AgentConfig, limits: ServeLimits) -> None:
        """Open the model.

        Raises:
            InputError: a configuration that cannot be used.
        """
        own = config.limits
        within = replace(
            own,
            max_questions=min(own.max_questions, limits.questions),
            max_waiting=min(own.max_waiting, limits.queue),
            time_limit_s=min(limits.time_limit_s, own.time_limit_s or limits.time_limit_s),
        )
        self.name, self._config = name, replace(config, limits=within)
        self.parts: Parts = open_parts(self._config)
        self.usual, self.verifier = Solver(self.parts), Verifier.of(self.parts)
        self._others: dict[tuple[str, int, str | None], Solver] = {}
        self._lock = threading.Lock()

    @property
    def strategy(self) -> str:
        """The name of the usual strategy."""
        return self.parts.planned.strategy.name

    @property
    def budget(self) -> int:
        """The usual budget."""
        return self._config.budget

    def solver(self, strategy: str | None = None, budget: int | None = None, scorer: str | None = None) -> Solver:
        """Return the solver of a strategy, a budget and a scorer; None takes the usual one.

        A calibration and a promise of decisions hold for the usual solver alone.

        Raises:
            ApiError: an unknown strategy or scorer.
            TTSError: a combination that this model cannot play.
        """
        strategy = self.strategy if strategy is None else strategy
        budget = self.budget if budget is None else budget
        if (strategy, budget, scorer) == (self.strategy, self.budget, None):
            return self.usual
        key = (strategy, budget, scorer)
        with self._lock:
            if key not in self._others:
                if len(self._others) >= KEPT:
                    self._others.pop(next(iter(self._others)))
                self._others[key] = self._opened(*key)
            return self._others[key]

    async def solver_in_loop(
        self, strategy: str | None = None, budget: int | None = None, scorer: str | None = None
    ) -> Solver:
        """Return the same for a caller in an event loop, which a new solver does not hold up."""
        key = (strategy or self.strategy, budget or self.budget, scorer)
        if key == (self.strategy, self.budget, None):
            return self.usual
        if (found := self._others.get(key)) is not None:
            return found
        return await asyncio.to_thread(self.solver, strategy, budget, scorer)

    def _opened(self, strategy: str, budget: int, scorer: str | None) -> Solver:
        config, played = self._config, self._config.strategy
        if strategy != self.strategy:
            played = known(STRATEGIES.names(), strategy, "strategy")
        config = replace(
            config,
            strategy=played,
            budget=budget,
            scorer=config.scorer if scorer is None else {"name": known(SCORERS.names(), scorer, "scorer")},
            calibration=replace(config.calibration, solve=None),
            promise=replace(config.promise, solve=None),
        )
        return Solver(open_parts(config))


class Models(Mapping[str, OpenedModel]):
    """The models by name, the first one first."""

    def __init__(self, models: Mapping[str, OpenedModel]) -> None:
        """Take the models."""
        self._models = dict(models)

    def __getitem__(self, name: str) -> OpenedModel:
        """Return the model of a name."""
        return self._models[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self._models)

    def __len__(self) -> int:
        """Return their number."""
        return len(self._models)

    def find(self, name: str) -> tuple[OpenedModel, str | None]:
        """Return the model of ``NAME`` or ``NAME/STRATEGY``, and the strategy.

        Raises:
            ApiError: there is no such model, or no such strategy.
        """
        if name in self._models:
            return self._models[name], None
        head, _, strategy = name.rpartition("/")
        if head not in self._models:
            raise unknown_model(name, ", ".join(self._models))
        return self._models[head], known(STRATEGIES.names(), strategy, "strategy", "model")

    def finish_by(self, at: float) -> None:
        """Have every question decide by a time of the event loop."""
        for model in self._models.values():
            model.parts.runner.finish_by(at)


def known(names: Sequence[str], given: str, what: str, param: str | None = None) -> str:
    """Return a name that is listed; a path to code, which a configuration may name, is none.

    Raises:
        ApiError: it is not listed.
    """
    if given not in names:
        raise bad_request(str(unknown_name(what, given[:80], names)), param or f"tts.{what}", f"unknown_{what}")
    return given


def open_models(files: Sequence[Path], overrides: Sequence[str]) -> tuple[Models, ServeConfig]:
    """Open the models of configuration files and overrides.

    Args:
        files: YAML files, each of one model named like its file; sections ``serve`` are merged.
        overrides: ``key=value``, those of models for each of them.

    Raises:
        InputError: a file, a key or a value that cannot be used, two models with one name, or an address beyond
            loopback without keys.
    """
    server = load_config(ServedConfig, files, overrides).serve
    read_keys(server)  # before a model is loaded
    named = [(file.stem, file) for file in files] + [(name, Path(file)) for name, file in server.models.items()]
    doubled = [name for number, (name, _) in enumerate(named) if name in dict(named[:number])]
    if doubled:
        raise InputError(f"two models have the name {doubled[0]}: rename a file, or its key in serve.models")
    if named:
        configs = {name: load_config(ServedConfig, [file], overrides) for name, file in named}
    elif any(_of_model(override) for override in overrides):
        config = load_config(ServedConfig, [], overrides)
        configs = {Path(config.engine.identity[0]).name: config}
    else:
        configs = {"grace": load_config(ServedConfig, [bundled_configuration()], overrides)}
    return Models({name: OpenedModel(name, config, server.limits) for name, config in configs.items()}), server


def bundled_configuration() -> Path:
    """Return the configuration of the bundled model, with what was fitted for it.

    Raises:
        InputError: this installation came without it.
    """
    for folder in (SHIPPED, SOURCE):
        if (file := folder / "grace.yaml").is_file():
            return file
    raise InputError("the configuration of the bundled model is missing: reinstall, or give a configuration file")


def _of_model(override: str) -> bool:
    """Return whether an override sets a key of the model, and not of the server."""
    found = find_keys(ServedConfig, override.partition("=")[0])
    return any(key.path.partition(".")[0] != "serve" for key, _ in found)
