"""GSM8K, from a file or the hub, and other files in the same form.

Source:
    Cobbe et al. 2021, arXiv 2110.14168.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from evals.tasks.base import Task
from evals.tasks.config import TaskConfig
from evals.tasks.lines import Worked, read_worked, worked_of
from evals.tasks.reading import extractor
from tts.errors import InputError, unknown_name
from tts.prompts import Prompt
from tts.types import Problem

HUB = "openai/gsm8k"
SPLITS = ("train", "test")
SYSTEM = "Solve the problem step by step. End with a line `#### <answer>`, where <answer> is one number."
TEXT, CHAT = "Question: {question}\nAnswer:", "{question}"
_CALCULATOR = re.compile(r"<<[^<>]*>>")


def gsm8k(config: TaskConfig) -> Task:
    """Return GSM8K from ``path`` or the hub, or another file whose answers are numbers.

    Ids are such as "gsm8k-test-17", the line or row counted from 0, unless the file has ids.

    Raises:
        InputError: a missing file, split or answer; examples from the scored split; a hub that cannot be read.
    """
    scored = _scored(config)
    shots = _shots(config, {worked.question.strip() for worked in scored}) if config.shots else ()
    prompt = _prompt(config, shots)
    chosen: Sequence[int] = range(len(scored))
    if config.questions is not None and config.questions < len(scored):  # so that more questions include fewer
        order = list(chosen)
        random.Random(f"{config.seed} problems").shuffle(order)
        chosen = sorted(order[: config.questions])
    named = {scored[i].id or f"{config.name}-{config.split}-{i}": scored[i] for i in chosen}
    problems = tuple(Problem(name, w.question, w.gold, config.name) for name, w in named.items())
    reading = config.extract or "flexible"
    gap = _gap(config)
    solutions = {name: gap + _plain(w) for name, w in named.items() if "####" in w.answer}
    return Task(config.name, problems, prompt, extractor(reading, prompt), reading, solutions=solutions)


def _plain(worked: Worked) -> str:
    """Return the worked answer without the calculator's annotations."""
    return _CALCULATOR.sub("", worked.answer)


def _template(config: TaskConfig) -> str:
    return config.template if config.template is not None else CHAT if config.chat else TEXT


def _gap(config: TaskConfig) -> str:
    """Return the text between a prompt and its answer."""
    return "" if config.chat or _template(config)[-1:].isspace() else " "


def _prompt(config: TaskConfig, shots: Sequence[Worked]) -> Prompt:
    gap = _gap(config)
    return Prompt(
        template=_template(config),
        shots=tuple((w.question, gap + _plain(w)) for w in shots),
        system=SYSTEM if config.system is None else config.system,
        chat=config.chat,
    )


def _scored(config: TaskConfig) -> list[Worked]:
    if config.path is not None:
        return read_worked(config.path)
    if config.name == "jsonl":
        raise InputError("task jsonl needs task.path, a JSON Lines file of questions with answers")
    if config.split not in SPLITS:
        raise unknown_name("task.split of gsm8k", config.split, SPLITS)
    return hub_split(config.split)


def _shots(config: TaskConfig, scored: set[str]) -> list[Worked]:
    """Return worked examples, none of which is a scored question."""
    if config.shots_path is not None:
        source, pool = config.shots_path, read_worked(config.shots_path)
    elif config.path is not None or config.split == "train":
        raise InputError(
            f"task.shots={config.shots} needs task.shots_path, a file of worked examples other than the scored one, "
            "such as the training split"
        )
    else:
        source, pool = f"the training split of {HUB}", hub_split("train")
    others = [worked for worked in pool if worked.question.strip() not in scored]
    if len(others) < config.shots:
        raise InputError(
            f"task.shots={config.shots} is more than the {len(others)} questions of {source} that are not scored: "
            "ask for fewer, or give another task.shots_path"
        )
    return random.Random(f"{config.seed} shots").sample(others, config.shots)


def hub_split(split: str) -> list[Worked]:
    """Return a split of openai/gsm8k, through ``datasets``.

    Raises:
        InputError: ``datasets`` is not installed, or the hub cannot be read.
    """
    instead = "or give the task a file: task.path=gsm8k_test.jsonl"
    try:
        datasets: Any = import_module("datasets")
    except ModuleNotFoundError:
        raise InputError(
            f"task gsm8k without a path reads {HUB} from the hub and needs datasets: pip install 'tts-rerank[hub]', "
            + instead
        ) from None
    try:
        rows = datasets.load_dataset(HUB, "main", split=split)
        records = [dict(row) for row in rows]
    except Exception as error:  # a network and a cache fail in many ways
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{HUB} cannot be read from the hub ({reason}): try again, {instead}") from None
    return [worked_of(record, f"{HUB}, {split} row {number}") for number, record in enumerate(records)]
