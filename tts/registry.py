"""The registry: names of strategies, scorers, engines and tasks, and the objects that they stand for.

    ENGINES.get("vllm")

A name leads to a target "module:attribute", which is imported when the name is first used. This module therefore stands
below everything that it names. An installed package adds names through entry points of the groups ``tts.strategies``,
``tts.scorers``, ``tts.engines`` and ``tts.tasks``; a built-in name always means the built-in object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tts.errors import InputError, first_line, unknown_name

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")


class Registry(Generic[T]):
    """The objects of one kind by name.

    Attributes:
        what: the word for such a name in error messages, such as "scorer".
        group: the group of entry points that adds names.
    """

    def __init__(self, what: str, group: str, targets: Mapping[str, str] | None = None, *, table: str = "") -> None:
        """Name the built-in objects; nothing is imported yet.

        Args:
            what: the word for such a name in error messages.
            group: the group of entry points that adds names.
            targets: "module:attribute" of an object, by name.
            table: "module:attribute" of a mapping from further names to their objects.
        """
        self.what, self.group = what, group
        self._targets, self._table = dict(targets or {}), table

    def names(self) -> tuple[str, ...]:
        """Return all names: the table's, the built-in targets', then those of installed packages."""
        return tuple(dict.fromkeys([*self._tabulated(), *self._targets, *_plugins(self.group)]))

    def get(self, name: object) -> T:
        """Return the object of a name.

        Raises:
            InputError: an unknown name, or an entry point of an installed package that cannot be imported.
            ModuleNotFoundError: a built-in target needs a package that is not installed.
        """
        if isinstance(name, str):
            if name in self._targets:
                found: T = load(self._targets[name])
                return found
            tabulated = self._tabulated()
            if name in tabulated:
                return tabulated[name]
            if name in _plugins(self.group):
                return self._plugin(_plugins(self.group)[name])
        raise unknown_name(self.what, name, self.names())

    def check(self, name: object) -> None:
        """Refuse an unknown name; nothing but the table is imported.

        Raises:
            InputError: an unknown name.
        """
        if name not in self.names():
            raise unknown_name(self.what, name, self.names())

    def _tabulated(self) -> Mapping[str, T]:
        return load(self._table) if self._table else {}

    def _plugin(self, entry: EntryPoint) -> T:
        try:
            found: T = entry.load()
        except Exception as error:  # an installed package may raise anything when it is imported
            source = f" of package {entry.dist.name}" if entry.dist is not None else ""
            raise InputError(
                f"{self.what} {entry.name}{source} cannot be imported ({first_line(error)}): repair or remove it"
            ) from error
        return found


def load(target: str) -> Any:
    """Import the object of a target "module:attribute"."""
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


@cache
def _plugins(group: str) -> Mapping[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=group)}


STRATEGIES: Registry[Any] = Registry("strategy", "tts.strategies", table="strategies.catalog:CATALOG")
"""Rows of the catalogue: :class:`strategies.method.Method`."""

SCORERS: Registry[Callable[..., Any]] = Registry(
    "scorer",
    "tts.scorers",
    {
        "grace": "tts.scorers.grace:open_grace",
        "stacked": "tts.scorers.stacking.stacked:open_stacked",
        "finece": "tts.scorers.finece:open_finece",
        "p_true": "tts.scorers.asking:PTrue",
        "verbalised": "tts.scorers.asking:Verbalised",
        "reward": "tts.scorers.reward:OutcomeReward",
        "self_consistency": "tts.scorers.consistency:SelfConsistency",
        "constant": "tts.scorers.controls:ConstantScorer",
        "random": "tts.scorers.controls:RandomScorer",
        "oracle": "tts.scorers.controls:OracleScorer",
        "rollout_oracle": "tts.scorers.controls:RolloutOracle",
        "staged": "tts.scorers.staged:open_staged",
        "watched": "tts.scorers.watched:open_watched",
    },
    table="tts.scorers.trace_scores:TRACE_SCORERS",
)
"""Functions that build a :class:`tts.scorers.base.Scorer` from its options."""

ENGINES: Registry[Any] = Registry(
    "engine.kind",
    "tts.engines",
    {
        "transformers": "tts.engines.hf.kind:KIND",
        "vllm": "tts.engines.vllm.kind:KIND",
        "openai": "tts.engines.openai.kind:KIND",
        "fake": "tts.engines.fake_kind:KIND",
    },
)
"""Kinds of engines: :class:`tts.engines.config.EngineKind`."""

TASKS: Registry[Callable[[Any], Any]] = Registry(
    "task",
    "tts.tasks",
    {
        "stories": "evals.tasks.stories:stories",
        "gsm8k": "evals.tasks.gsm8k:gsm8k",
        "jsonl": "evals.tasks.gsm8k:gsm8k",
    },
)
"""Functions that build an :class:`evals.tasks.base.Task` from its configuration."""
