"""Tasks of lm-evaluation-harness: prompt, few-shot examples, filter and metric as the harness has them.

Written for lm-eval 0.4.13. A task that generates is graded by its own filter and metric. A multiple-choice task, which
the harness scores by the likelihood of each option, is read from replies: the letter, or the text of one option.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from evals.tasks.base import Task
from evals.tasks.choices import LETTERS, Choices
from evals.tasks.config import TaskConfig, chosen
from evals.tasks.foreign.common import import_tool, one_line, refuse_options
from evals.tasks.forms import SYSTEMS
from evals.tasks.reading import extractor
from tts.answers import Grader
from tts.answers.replies import final_text
from tts.errors import InputError
from tts.prompts import Prompt
from tts.types import Problem

METRICS = ("exact_match", "acc", "em", "f1", "math_verify")
"""The metrics that grade one reply, the preferred one first."""
FEWSHOT_SEED = 1234
"""The harness's own seed of few-shot examples."""
INVALID = "[invalid]"
_CUE = re.compile(r"\s*\bAnswer:\s*$")


def harness_task(config: TaskConfig) -> Task:
    """Return a task of lm-evaluation-harness, "lm_eval:NAME" or "lm_eval:FILE.yaml".

    Args:
        config: ``shots`` replaces the task's own number of examples, ``extract`` prefers a filter of that name.

    Raises:
        InputError: the harness is not installed, the task is unknown or a group, its data cannot be read, or its metric
            cannot be computed from one reply.
    """
    refuse_options(config)
    if config.split != "test":
        raise InputError(f"task {config.name} has its own split and takes no task.split: leave it out")
    tool = _loaded(config)
    try:
        docs = list(tool.eval_docs)
        shots = config.shots or tool.config.num_fewshot or 0
        tool.set_fewshot_seed(FEWSHOT_SEED + config.seed)
        numbers = chosen(len(docs), config)
        contexts = {
            i: tool.fewshot_context(docs[i], num_fewshot=shots, gen_prefix=tool.doc_to_prefix(docs[i])) for i in numbers
        }
    except InputError:
        raise
    except Exception as error:  # the harness and its data sets fail in many ways
        raise InputError(f"task {config.name}: its questions cannot be read ({one_line(error)})") from None
    examples = f"-{config.shots}shot" if config.shots else ""  # another text, and so another id
    asked = {f"{tool.task_name}{examples}-{i}": (docs[i], contexts[i]) for i in numbers}
    if tool.OUTPUT_TYPE == "multiple_choice":
        return _multiple_choice(config, tool, asked)
    return _generated(config, tool, asked)


def _loaded(config: TaskConfig) -> Any:
    """Return the harness's own task."""
    name = config.name.partition(":")[2]
    module = import_tool("lm_eval.tasks", config, tool="lm-evaluation-harness", package="lm-eval")
    file = name.lower().endswith((".yaml", ".yml"))
    if file and not Path(name).is_file():
        raise InputError(f"task {config.name}: {name} does not exist")
    if config.include_path is not None and not Path(config.include_path).is_dir():
        raise InputError(f"task.include_path={config.include_path} is no folder")
    try:
        manager = module.TaskManager(include_path=config.include_path, include_defaults=False)  # reading all takes long
        if not file and name not in manager.all_tasks:
            manager = module.TaskManager(include_path=config.include_path)
        if not file and name not in manager.all_tasks:
            raise InputError(
                f"lm-evaluation-harness has no task {name}: `lm-eval ls tasks` lists them, task.include_path=DIRECTORY "
                "adds those of a folder"
            )
        found = manager.load(name)["tasks"]
    except InputError:
        raise
    except Exception as error:  # the harness and its data sets fail in many ways
        raise InputError(f"task {config.name} cannot be loaded ({one_line(error)})") from None
    if len(found) != 1:
        names = ", ".join([*found][:4]) + (", ..." if len(found) > 4 else "")
        raise InputError(f"task {config.name} is a group of {len(found)} tasks ({names}): name one, or a list of them")
    [task] = found.values()
    if getattr(task, "OUTPUT_TYPE", "") not in ("generate_until", "multiple_choice") or not hasattr(task, "_filters"):
        raise InputError(
            f"task {config.name} is scored by {getattr(task, 'OUTPUT_TYPE', 'code of its own')}, which replies do not "
            "give: tasks that generate and multiple-choice tasks can be run"
        )
    if task.config.doc_to_image or task.config.doc_to_audio or task.multiple_input:
        raise InputError(f"task {config.name} shows images or sounds, or has a prompt for each option: name another")
    return task


def _multiple_choice(config: TaskConfig, tool: Any, asked: Mapping[str, tuple[Any, str]]) -> Task:
    problems, choices = [], {}
    lettered = all(_lettered(tool.doc_to_choice(doc)) for doc, _ in asked.values())
    for name, (doc, context) in asked.items():
        texts = [str(one).strip() for one in tool.doc_to_choice(doc)]
        if not 2 <= len(texts) <= len(LETTERS):
            raise InputError(f"task {config.name}: a question must have 2 to {len(LETTERS)} options, got {len(texts)}")
        target = tool.doc_to_target(doc)
        golds = [_option(one, texts) for one in (target if isinstance(target, list) else [target])]
        if not golds or None in golds:
            raise InputError(f"task {config.name}, {name}: its target {target!r} is none of its options")
        letters = [LETTERS[gold] for gold in golds if gold is not None]
        choices[name] = Choices(tuple(texts))
        question = context if lettered else choices[name].shown(_CUE.sub("", context))
        problems.append(Problem(name, question, letters[0], config.name, tuple(letters[1:])))
    prompt = Prompt("{question}", system="" if lettered else SYSTEMS["choice"], chat=config.chat is True)
    return Task(
        config.name,
        tuple(problems),
        prompt,
        extractor("flexible", prompt, kind="choice", choices=choices),
        "choice lm_eval",
        Grader("choice"),
        notes=(
            f"{config.name}: lm-evaluation-harness compares the likelihoods of the options; here the reply is read, "
            "its letter or the text of one option",
        ),
    )


def _lettered(options: Sequence[Any]) -> bool:
    """Return whether options are letters from A, so that the prompt shows their texts itself."""
    return [str(one).strip() for one in options] == [*LETTERS[: len(options)]]


def _option(target: Any, texts: Sequence[str]) -> int | None:
    """Return the number of an option that a target names, by its number or its text."""
    if isinstance(target, int) and not isinstance(target, bool):
        return target if 0 <= target < len(texts) else None
    text = str(target).strip()
    return texts.index(text) if text in texts else None


@dataclass(frozen=True)
class _Metric:
    """The metric of a task that generates, applied to one reply."""

    tool: Any
    name: str
    options: Mapping[str, Any]

    def reward(self, doc: Any, answer: str) -> float | None:
        """Return the metric of an answer, in [0, 1]; None where it is no such number."""
        value = self.tool.process_results(doc, [answer]).get(self.name)
        return float(value) if _is_share(value) else None

    def spelled(self, text: str) -> str | None:
        """Return an answer in the spelling that the metric compares; None if nothing is left."""
        for pattern in self.options.get("regexes_to_ignore") or ():
            text = re.sub(pattern, "", text)
        if self.options.get("ignore_case"):
            text = text.lower()
        if self.options.get("ignore_punctuation"):
            text = text.translate(str.maketrans("", "", string.punctuation))
        return text.strip() or None


def _generated(config: TaskConfig, tool: Any, asked: Mapping[str, tuple[Any, str]]) -> Task:
    first, _ = next(iter(asked.values()))
    metric = _metric(config, tool, first)
    filtered = _filter(config, tool)
    until = [str(one) for one in (tool.config.generation_kwargs or {}).get("until") or () if one]

    def extract(problem: Problem, text: str) -> str | None:
        reply = final_text(text)
        for stop in until:
            reply = reply.partition(stop)[0]
        found = filtered(asked[problem.id][0], reply)
        return None if found is None or found == INVALID else metric.spelled(found)

    def reward(problem: Problem, answer: str | None) -> float:
        return 0.0 if answer is None else metric.reward(asked[problem.id][0], answer) or 0.0

    problems = []
    for name, (doc, context) in asked.items():
        target = tool.doc_to_target(doc)
        if tool.config.doc_to_choice is not None and isinstance(target, int):
            target = tool.doc_to_choice(doc)[target]
        read = [metric.spelled(str(one)) for one in (target if isinstance(target, list) else [target])]
        golds = [one for one in read if one is not None]
        if not golds:
            raise InputError(f"task {config.name}, {name}: its target {target!r} is empty")
        problems.append(Problem(name, context, golds[0], config.name, tuple(golds[1:])))
    shown = "" if metric.name in ("exact_match", "acc", "em") else metric.name
    return Task(
        config.name,
        tuple(problems),
        Prompt("{question}", chat=config.chat is True),
        extract,
        f"lm_eval {filtered.name}",
        Grader("text"),
        notes=(f"{config.name}: filter {filtered.name}, metric {metric.name} of lm-evaluation-harness",),
        metric=shown,
        reward=reward,
    )


def _metric(config: TaskConfig, tool: Any, doc: Any) -> _Metric:
    """Return the first metric that grades one reply with a number in [0, 1]."""
    try:
        found = dict(tool.process_results(doc, [""]))
    except Exception as error:  # code of the task
        raise InputError(f"task {config.name}: its metric fails on an empty reply ({one_line(error)})") from None
    name = next((name for name in METRICS if _is_share(found.get(name))), None)
    if name is None:
        raise InputError(
            f"task {config.name} has the metrics {', '.join(found)}, which do not grade one reply in [0, 1]: "
            f"{', '.join(METRICS)} do"
        )
    return _Metric(tool, name, tool._metric_fn_kwargs.get(name, {}))


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and 0.0 <= float(value) <= 1.0


@dataclass(frozen=True)
class _Filter:
    """A filter of the harness, applied to one reply."""

    ensemble: Any

    @property
    def name(self) -> str:
        """The name of the filter."""
        return str(self.ensemble.name)

    def __call__(self, doc: Any, reply: str) -> str | None:
        """Return what the filter keeps of a reply."""
        instance = SimpleNamespace(resps=[reply], doc=doc, filtered_resps={})
        self.ensemble.apply([instance])
        found = instance.filtered_resps[self.name]
        while isinstance(found, list | tuple):
            found = found[0] if found else None
        return None if found is None else str(found)


def _filter(config: TaskConfig, tool: Any) -> _Filter:
    """Return the filter whose name holds ``task.extract``, or the first one."""
    named = [one for one in tool._filters if config.extract is not None and config.extract in one.name]
    if config.extract is not None and not named:
        names = ", ".join(str(one.name) for one in tool._filters)
        raise InputError(f"task {config.name} has no filter {config.extract}; it has {names}: leave task.extract out")
    return _Filter((named or tool._filters)[0])
