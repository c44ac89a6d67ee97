"""The registry: names of strategies, scorers, engines and tasks, and the objects that they stand for.

    ENGINES.get("vllm")

A name leads to a target "module:attribute", which is imported when the name is first used. This module therefore stands
below everything that it names. An installed package adds names through entry points of the groups ``tts.strategies``,
``tts.scorers``, ``tts.engines`` and ``tts.tasks``; a built-in name always means the built-in object. A target stands
wherever a name does: ``ENGINES.get("my_package.engine:KIND")``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tts.errors import InputError, first_line, suggestion, unknown_name

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")
_TARGET = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True)
class Kind:
    """The kind of object that a registry leads to.

    Attributes:
        words: its description in error messages, such as "a function that builds a task".
        type: "module:class" that each object must be an instance of; empty where anything callable is right.
        methods: the methods that each object must have.
        builds: "module:class" of the things that it builds; empty where it builds none.
    """

    words: str
    type: str = ""
    methods: tuple[str, ...] = ()
    builds: str = ""

    def accepts(self, found: object) -> bool:
        """Return whether an object is of this kind."""
        if self.methods:
            return not isinstance(found, type) and all(callable(getattr(found, name, None)) for name in self.methods)
        return isinstance(found, load(self.type)) if self.type else callable(found)


class Registry(Generic[T]):
    """The objects of one kind by name.

    Attributes:
        what: the word for such a name in error messages, such as "scorer".
        group: the group of entry points that adds names.
        kind: the kind of object that an installed package or a target must lead to.
    """

    def __init__(
        self,
        what: str,
        group: str,
        kind: Kind,
        targets: Mapping[str, str] | None = None,
        *,
        tables: Sequence[str] = (),
        tools: Mapping[str, str] | None = None,
    ) -> None:
        """Name the built-in objects; nothing is imported yet.

        Args:
            what: the word for such a name in error messages.
            group: the group of entry points that adds names.
            kind: the kind of object that an installed package or a target must lead to.
            targets: "module:attribute" of an object, by name.
            tables: "module:attribute" of mappings from further names to their objects.
            tools: "module:attribute" of the object that builds the things of another tool, by the tool's name, which
                stands with a colon before theirs.
        """
        self.what, self.group, self.kind = what, group, kind
        self._targets, self._tables, self._tools = dict(targets or {}), tuple(tables), dict(tools or {})

    def names(self) -> tuple[str, ...]:
        """Return all names: the tables', the built-in targets', then those of installed packages."""
        return tuple(dict.fromkeys([*self._tabulated(), *self._targets, *_plugins(self.group)]))

    def known(self, name: object) -> bool:
        """Return whether :meth:`get` would look for an object: a name, or a target "module:attribute"."""
        return isinstance(name, str) and (is_target(name) or self._of_tool(name) or name in self.names())

    def get(self, name: object) -> T:
        """Return the object of a name, or of a target "module:attribute".

        Raises:
            InputError: an unknown name; a target or an entry point of an installed package that cannot be imported or
                leads to an object of another kind.
            ModuleNotFoundError: a built-in name needs a package that is not installed.
        """
        if isinstance(name, str):
            if name in self._targets:
                found: T = load(self._targets[name])
                return found
            if self._of_tool(name):
                built: T = load(self._tools[name.partition(":")[0]])
                return built
            tabulated = self._tabulated()
            if name in tabulated:
                return tabulated[name]
            if name in _plugins(self.group):
                entry = _plugins(self.group)[name]
                source = f" of package {entry.dist.name}" if entry.dist is not None else ""
                return self._checked(f"{self.what} {name}{source}", entry.module, entry.attr, "repair or remove it")
            if is_target(name):
                module, _, attribute = name.partition(":")
                _add_working_directory(module)
                remedy = "install its package, or run in the folder that holds it"
                return self._checked(f"{self.what} {name}", module, attribute, remedy)
        raise unknown_name(self.what, name, self.names())

    def check(self, name: object) -> None:
        """Refuse an unknown name; of names, nothing but the tables is imported, a target is.

        Raises:
            InputError: an unknown name, or a target that :meth:`get` refuses.
        """
        if isinstance(name, str) and self._of_tool(name):
            return
        if is_target(name):
            self.get(name)
        elif name not in self.names():
            raise unknown_name(self.what, name, self.names())

    def check_built(self, name: str, built: object) -> None:
        """Refuse a thing that the object of a name has built, if it is of another kind.

        Raises:
            InputError: naming both types.
        """
        if not isinstance(built, load(self.kind.builds)):
            wanted = self.kind.builds.replace(":", ".")
            raise InputError(f"{self.what} {name} must build {wanted}, got {_described(built)}")

    def _of_tool(self, name: str) -> bool:
        tool, colon, rest = name.partition(":")
        return tool in self._tools and bool(colon and rest.strip())

    def _tabulated(self) -> Mapping[str, T]:
        return {name: found for table in self._tables for name, found in load(table).items()}

    def _checked(self, what: str, module: str, attribute: str, remedy: str) -> T:
        """Return an attribute of another package; ``what`` names it and ``remedy`` ends the sentence."""
        try:
            owner = import_module(module)
        except (Exception, SystemExit) as error:  # another package may raise anything when it is imported
            raise InputError(f"{what} cannot be imported ({first_line(error)}): {remedy}") from error
        try:
            found: Any = attrgetter(attribute)(owner) if attribute else owner
        except AttributeError:
            near = suggestion(attribute, [name for name in dir(owner) if not name.startswith("_")])
            raise InputError(f"{what} does not exist: module {module} has no {attribute}{near}") from None
        if not self.kind.accepts(found):
            raise InputError(f"{what} must be {self.kind.words}, got {_described(found)}")
        checked: T = found
        return checked


def is_target(name: object) -> bool:
    """Return whether a name reads "module:attribute", such as "my_package.scorers:Brevity"."""
    return isinstance(name, str) and _TARGET.fullmatch(name) is not None


def load(target: str) -> Any:
    """Import the object of a built-in target "module:attribute"."""
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


def _add_working_directory(module: str) -> None:
    """Let a module of the working directory be found, behind all others, as ``python -m`` would find it."""
    package, folder = module.partition(".")[0], Path.cwd()
    here = (folder / f"{package}.py").is_file() or (folder / package / "__init__.py").is_file()
    if here and str(folder) not in sys.path and find_spec(package) is None:
        sys.path.append(str(folder))


def _described(found: object) -> str:
    for kind, word in ((type, "class"), (FunctionType, "function")):
        if isinstance(found, kind):
            return f"the {word} {found.__name__}"
    return f"a value of type {type(found).__name__}"


@cache
def _plugins(group: str) -> Mapping[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=group)}


STRATEGIES: Registry[Any] = Registry(
    "strategy",
    "tts.strategies",
    Kind("a strategies.catalog.Method, a row of the catalogue", "strategies.method:Method"),
    tables=("strategies.catalog:CATALOG",),
)
"""Rows of the catalogue: :class:`strategies.method.Method`."""

SCORERS: Registry[Callable[..., Any]] = Registry(
    "scorer",
    "tts.scorers",
    Kind("a class or function that builds a tts.scorers.base.Scorer", builds="tts.scorers.base:Scorer"),
    {
        "grace": "tts.scorers.grace:open_grace",
        "stacked": "tts.scorers.stacking.stacked:open_stacked",
        "finece": "tts.scorers.finece:open_finece",
        "probe": "tts.scorers.heads.opening:open_probe",
        "p_ik": "tts.scorers.heads.opening:open_p_ik",
        "apricot": "tts.scorers.heads.opening:open_apricot",
        "p_true": "tts.scorers.asking:PTrue",
        "verbalised": "tts.scorers.asking:Verbalised",
        "judge": "tts.scorers.judges.opening:open_judge",
        "reward": "tts.scorers.reward.opening:open_reward",
        "self_consistency": "tts.scorers.consistency.self_consistency:SelfConsistency",
        "constant": "tts.scorers.controls:ConstantScorer",
        "random": "tts.scorers.controls:RandomScorer",
        "oracle": "tts.scorers.controls:OracleScorer",
        "rollout_oracle": "tts.scorers.controls:RolloutOracle",
        "staged": "tts.scorers.staged:open_staged",
        "watched": "tts.scorers.watched:open_watched",
    },
    tables=(
        "tts.scorers.trace_scores:TRACE_SCORERS",
        "tts.scorers.consistency.scores:CONSISTENCY_SCORERS",
    ),
)
"""Functions that build a :class:`tts.scorers.base.Scorer` from its options."""

ENGINES: Registry[Any] = Registry(
    "engine.kind",
    "tts.engines",
    Kind(
        "an object with the methods of tts.engines.kinds.EngineKind",
        methods=("check", "folder", "identity", "key", "load"),
        builds="tts.engines.kinds:LiveEngine",
    ),
    {
        "transformers": "tts.engines.hf.kind:KIND",
        "vllm": "tts.engines.vllm.kind:KIND",
        "openai": "tts.engines.openai.kind:KIND",
        "fake": "tts.engines.fake.kind:KIND",
    },
)
"""Kinds of engines: :class:`tts.engines.kinds.EngineKind`."""

TASKS: Registry[Callable[[Any], Any]] = Registry(
    "task",
    "tts.tasks",
    Kind("a function that builds an evals.tasks.base.Task from its configuration", builds="evals.tasks.base:Task"),
    {
        "stories": "evals.tasks.stories:stories",
        "jsonl": "evals.tasks.questions:questions",
        **{
            name: "evals.tasks.questions:questions"
            for name in (
                *("gsm8k", "svamp", "math500", "aime24", "aime25", "mmlu_pro", "gpqa", "arc_challenge"),
                *("commonsense_qa", "mathqa", "sciq", "triviaqa", "nq_open"),
            )
        },
    },
    tools={
        "lm_eval": "evals.tasks.foreign.harness:harness_task",
        "inspect": "evals.tasks.foreign.inspect_ai:inspect_task",
    },
)
"""Functions that build an :class:`evals.tasks.base.Task` from its configuration."""
