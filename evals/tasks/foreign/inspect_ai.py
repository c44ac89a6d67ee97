"""Tasks of Inspect: samples, prompts and scorers as Inspect has them.

Written for inspect-ai 0.3.285. The task's own solvers run, with a model in their place that records what it is asked; a
reply is read by running them again with that reply, and by the task's own scorer.
"""

from __future__ import annotations

import re
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from evals.tasks.base import Task
from evals.tasks.config import TaskConfig, chosen
from evals.tasks.foreign.common import import_tool, one_line, refuse_options
from tts.answers import Grader, canonical
from tts.answers.replies import final_text
from tts.errors import InputError
from tts.prompts import Prompt
from tts.types import Problem

T = TypeVar("T")
EXTRACTING = ("pattern", "answer", "choice")
"""Scorers that extract an answer from a reply and compare it with the targets."""
WHOLE = ("match", "includes", "exact", "f1")
"""Scorers that compare a reply, or a part of it, with the targets."""
_VALUES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}


def inspect_task(config: TaskConfig) -> Task:
    """Return a task of Inspect, "inspect:FILE", "inspect:FILE@TASK" or "inspect:PACKAGE/TASK".

    Raises:
        InputError: Inspect is not installed, the task cannot be loaded or is one of several, its solvers do not ask one
            question, or its scorer is none of those that compare a reply with the targets.
    """
    refuse_options(config, "shots", "extract")
    if config.split != "test":
        raise InputError(f"task {config.name} has its own split and takes no task.split: leave it out")
    tool = _loaded(config)
    _check(config, tool)
    scorer = _scorer(config, tool)
    samples = list(tool.dataset)
    stem = config.name.partition(":")[2].rpartition("/")[2]
    numbers = chosen(len(samples), config)
    asked = {f"{stem}-{i if samples[i].id is None else samples[i].id}": samples[i] for i in numbers}
    if len(asked) < len(numbers):
        raise InputError(f"task {config.name} has several samples with the same id: ids must be distinct")
    player = _Player(config, tool)
    prompts = {name: player.prompt(sample) for name, sample in asked.items()}
    systems = {system for system, _ in prompts.values()}
    shared = systems.pop() if len(systems) == 1 else None
    problems = []
    for name, sample in asked.items():
        system, question = prompts[name]
        text = question if shared is not None else "\n\n".join(part for part in (system, question) if part)
        golds = scorer.golds(sample)
        problems.append(Problem(name, text, next(iter(golds), None), config.name, golds[1:]))

    def extract(problem: Problem, text: str) -> str | None:
        return scorer.answer(player, asked[problem.id], final_text(text))

    def reward(problem: Problem, answer: str | None) -> float:
        return 0.0 if answer is None else scorer.reward(player, asked[problem.id], answer)

    return Task(
        config.name,
        tuple(problems),
        Prompt("{question}", system=shared or "", chat=config.chat is True),
        extract,
        f"inspect {scorer.name}",
        Grader("choice" if scorer.name == "choice" else "text"),
        notes=(f"{config.name}: prompt and scorer {scorer.name} of Inspect",),
        metric="F1" if scorer.name == "f1" else "",
        reward=reward,
    )


def _loaded(config: TaskConfig) -> Any:
    """Return Inspect's own task."""
    spec = config.name.partition(":")[2]
    module = import_tool("inspect_ai._eval.loader", config, tool="Inspect", package="inspect-ai")
    try:
        found = module.load_tasks([spec])
    except (Exception, SystemExit) as error:  # code of the task
        raise InputError(f"task {config.name} cannot be loaded ({one_line(error)})") from None
    if not found:
        raise InputError(f"task {config.name}: there is no such file, or no function with @task in it")
    if len(found) > 1:
        names = ", ".join(f"{spec}@{one.name.rpartition('/')[2]}" for one in found[:4])
        raise InputError(f"task {config.name} holds {len(found)} tasks: name one of them, such as inspect:{names}")
    return found[0]


def _check(config: TaskConfig, tool: Any) -> None:
    if tool.sandbox is not None:
        raise InputError(
            f"task {config.name} runs in a sandbox: tasks that ask one question and score the reply can be run"
        )
    if not len(tool.dataset):
        raise InputError(f"task {config.name} holds no samples")


def _finished(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine that waits for nothing.

    Raises:
        InputError: it waits for something.
    """
    try:
        work.send(None)
    except StopIteration as stop:
        found: T = stop.value
        return found
    work.close()
    raise InputError("it waits for a tool or another model")


class _Player:
    """Runs the solvers of a task with a given reply in place of a model."""

    def __init__(self, config: TaskConfig, tool: Any) -> None:
        self.config = config
        self.solvers = import_tool("inspect_ai.solver", config, tool="Inspect", package="inspect-ai")
        self.models = import_tool("inspect_ai.model", config, tool="Inspect", package="inspect-ai")
        self.scorers = import_tool("inspect_ai.scorer", config, tool="Inspect", package="inspect-ai")
        chained = import_tool("inspect_ai.solver._chain", config, tool="Inspect", package="inspect-ai")
        self.chain = chained.unroll([one for one in (tool.setup, tool.solver) if one is not None])

    def prompt(self, sample: Any) -> tuple[str, str]:
        """Return the system text and the question that the solvers of a sample ask a model.

        Raises:
            InputError: they ask nothing, several times or with tools, or they fail.
        """
        state, asked = self.play(sample, "")
        if len(asked) != 1 or state.tools:
            why = "gives it tools" if state.tools else f"asks it {len(asked)} times"
            raise InputError(f"task {self.config.name} {why}: tasks that ask one question can be run")
        messages = [(message.role, message.text) for message in asked[0]]
        system = "\n\n".join(text.strip() for role, text in messages if role == "system")
        return system, "\n\n".join(text for role, text in messages if role != "system")

    def play(self, sample: Any, reply: str) -> tuple[Any, list[list[Any]]]:
        """Return the state after the solvers, and the messages of each time that they ask the model."""
        asked: list[list[Any]] = []

        async def generate(state: Any, *_: Any, **__: Any) -> Any:
            asked.append(list(state.messages))
            state.output = self.models.ModelOutput.from_content(model="none", content=reply)
            state.messages.append(state.output.message)
            return state

        state = self.state(sample)
        try:
            for solver in self.chain:
                state = _finished(solver(state, generate))
        except Exception as error:  # code of the task
            raise InputError(f"task {self.config.name}: its solvers cannot be run ({one_line(error)})") from None
        return state, asked

    def state(self, sample: Any, reply: str = "") -> Any:
        """Return the state of a sample before the solvers, with a reply as the model's output."""
        told = [self.models.ChatMessageUser(content=sample.input)] if isinstance(sample.input, str) else sample.input
        return self.solvers.TaskState(
            model="none/none",
            sample_id=sample.id or 0,
            epoch=1,
            input=sample.input,
            messages=[message.model_copy(deep=True) for message in told],
            target=self.scorers.Target(sample.target),
            choices=sample.choices,
            output=self.models.ModelOutput.from_content(model="none", content=reply),
            metadata=dict(sample.metadata or {}),
        )


@dataclass(frozen=True)
class _Scorer:
    """The scorer of a task.

    Attributes:
        name: its name in Inspect.
        options: its options.
        call: the scorer itself.
    """

    name: str
    options: Mapping[str, Any]
    call: Any

    @property
    def numeric(self) -> bool:
        """True for a comparison of one number, which does not depend on the targets."""
        return self.name == "match" and bool(self.options.get("numeric")) and self.options.get("location") != "any"

    def answer(self, player: _Player, sample: Any, reply: str) -> str | None:
        """Return the answer that a reply gives, in the spelling that equal answers share; None without one."""
        if self.name in EXTRACTING or self.numeric:
            state = player.play(sample, reply)[0] if self.name == "choice" else player.state(sample, reply)
            found = str(self.score(player, state, sample).answer or "").strip()
            return (found or None) if self.name == "choice" else self._spelled(found)
        lines = [line.strip() for line in reply.splitlines() if line.strip()]
        if not lines:
            return None
        if self.name != "match" or self.options.get("location", "end") not in ("begin", "end"):
            return self._spelled(reply.strip())
        return self._spelled(lines[0] if self.options.get("location") == "begin" else lines[-1])

    def reward(self, player: _Player, sample: Any, answer: str) -> float:
        """Return the score of an answer, in [0, 1]."""
        if self.name in EXTRACTING:
            return float(answer in self.golds(sample))
        value = self.score(player, player.state(sample, answer), sample).value
        return _VALUES.get(value, 0.0) if isinstance(value, str) else float(value)

    def golds(self, sample: Any) -> tuple[str, ...]:
        """Return the targets of a sample in the spelling of answers."""
        targets = [sample.target] if isinstance(sample.target, str) else list(sample.target)
        if self.name == "choice":
            letters = sorted(
                {letter for target in targets for letter in target.replace(",", " ") if not letter.isspace()}
            )
            return (", ".join(letters),) if letters else ()
        return tuple(dict.fromkeys(one for one in map(self._spelled, targets) if one))

    def score(self, player: _Player, state: Any, sample: Any) -> Any:
        """Return Inspect's own score."""
        try:
            return _finished(self.call(state, player.scorers.Target(sample.target)))
        except Exception as error:  # code of the task
            raise InputError(f"task {player.config.name}: scorer {self.name} fails ({one_line(error)})") from None

    def _spelled(self, text: str) -> str | None:
        if self.options.get("ignore_case", True) and (found := canonical(text, "text")) is not None:
            return found
        return text.strip() or None


def _scorer(config: TaskConfig, tool: Any) -> _Scorer:
    """Return the task's first scorer."""
    registry = import_tool("inspect_ai._util.registry", config, tool="Inspect", package="inspect-ai")
    given = tool.scorer if isinstance(tool.scorer, Sequence) else [tool.scorer]
    known = [*EXTRACTING, *WHOLE]
    if not given or given[0] is None:
        raise InputError(f"task {config.name} has no scorer; it must have one of {', '.join(known)}")
    first = given[0]
    name = registry.registry_unqualified_name(first) if registry.is_registry_object(first) else "of its own"
    own = registry.is_registry_object(first) and registry.registry_info(first).name.startswith("inspect_ai/")
    options = registry.registry_params(first) if own else {}
    if not own or name not in known:
        raise InputError(f"task {config.name} has the scorer {name}, which cannot be run; {', '.join(known)} can")
    several = name == "pattern" and re.compile(str(options.get("pattern"))).groups > 1
    if several or options.get("answer_fn") is not None:
        why = "a pattern of several groups" if several else "answer_fn"
        raise InputError(f"task {config.name}: its scorer {name} has {why}, and must read one answer from a reply")
    return _Scorer(name, options, first)
