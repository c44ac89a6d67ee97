"""Questions of two small tasks of other tools, made for the tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

JACK = "Jack has 11 beads. Jack buys 8 more beads. How many beads does Jack have now?"
TOM = "Tom has 5 beads. Tom buys 2 more beads. How many beads does Tom have now?"
ANN = "Ann has 3 beads. Ann buys 4 more beads. How many beads does Ann have now?"
GSM8K_LIKE: dict[str, Any] = {
    "task": "own_math",
    "dataset_path": "json",
    "output_type": "generate_until",
    "training_split": "train",
    "fewshot_split": "train",
    "test_split": "test",
    "doc_to_text": "Question: {{question}}\nAnswer:",
    "doc_to_target": "{{answer}}",
    "description": "Solve it.\n\n",
    "num_fewshot": 0,
    "generation_kwargs": {"until": ["Question:", "</s>"], "do_sample": False},
    "metric_list": [
        {
            "metric": "exact_match",
            "aggregation": "mean",
            "higher_is_better": True,
            "ignore_case": True,
            "regexes_to_ignore": [",", r"\$", "(?s).*#### ", r"\.$"],
        }
    ],
    "filter_list": [
        {
            "name": "strict-match",
            "filter": [{"function": "regex", "regex_pattern": r"#### (\-?[0-9\.\,]+)"}, {"function": "take_first"}],
        },
        {
            "name": "flexible-extract",
            "filter": [
                {"function": "regex", "group_select": -1, "regex_pattern": r"(-?[$0-9.,]{2,})|(-?[0-9]+)"},
                {"function": "take_first"},
            ],
        },
    ],
}
"""A task of the form of gsm8k; the files of its data set are added by :func:`harness_tasks`."""
CHOICE = {
    "task": "own_choice",
    "output_type": "multiple_choice",
    "doc_to_text": "Question: {{question}}\nAnswer:",
    "doc_to_target": "{{gold}}",
    "doc_to_choice": "{{options}}",
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
}
LIKELIHOOD = {"task": "own_likelihood", "output_type": "loglikelihood", "doc_to_text": "{{question}}"}
BLEU = {"task": "own_bleu", "doc_to_text": "{{question}}", "metric_list": [{"metric": "bleu"}]}
INSPECT = f'''
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import answer, choice, exact, f1, includes, match, model_graded_qa, pattern
from inspect_ai.solver import chain_of_thought, generate, multiple_choice, prompt_template, system_message

NUMBERS = MemoryDataset([Sample(input="{JACK}", target="19"), Sample(input="{TOM}", target="7")])
OPTIONS = MemoryDataset([Sample(input="Two and two?", choices=["3", "4", "5"], target="B")])
CITY = MemoryDataset([Sample(input="Where?", target=["New York City", "NYC"])])
ASKED = [prompt_template("{{prompt}}\\n"), generate()]


@task
def numbers():
    return Task(dataset=NUMBERS, solver=ASKED, scorer=match(numeric=True))


@task
def hashes():
    return Task(dataset=NUMBERS, solver=ASKED, scorer=pattern(r"#### (\\d+)"))


@task
def groups():
    return Task(dataset=NUMBERS, solver=ASKED, scorer=pattern(r"(#+) (\\d+)"))


@task
def steps():
    asked = [system_message("Be brief."), chain_of_thought(), generate()]
    return Task(dataset=NUMBERS, solver=asked, scorer=answer("word"))


@task
def options():
    return Task(dataset=OPTIONS, solver=multiple_choice(), scorer=choice())


@task
def inside():
    return Task(dataset=CITY, scorer=includes())


@task
def words():
    return Task(dataset=CITY, scorer=f1())


@task
def last():
    return Task(dataset=CITY, scorer=match())


@task
def judged():
    return Task(dataset=CITY, scorer=model_graded_qa(model="mockllm/model"))


@task
def twice():
    return Task(dataset=CITY, solver=[generate(), generate()], scorer=exact())
'''
"""A file of tasks of Inspect."""


def rows(path: Path, *found: dict[str, Any]) -> str:
    """Write rows as JSON Lines and return the file's name."""
    path.write_text("".join(json.dumps(row) + "\n" for row in found))
    return str(path)


def harness_tasks(folder: Path) -> None:
    """Write tasks of lm-evaluation-harness, with their questions, as YAML files, which may be JSON."""
    test = rows(folder / "t.jsonl", {"question": JACK, "answer": "#### 19"}, {"question": TOM, "answer": "#### 7"})
    train = rows(folder / "train.jsonl", {"question": ANN, "answer": "3 + 4 = 7\n#### 7"})
    choice = rows(
        folder / "c.jsonl",
        {"question": "Two and two?", "options": ["three", "four"], "gold": 1},
        {"question": "One and two?", "options": ["three", "four"], "gold": 0},
    )
    usual = {
        "dataset_path": "json",
        "test_split": "test",
        "doc_to_target": "{{answer}}",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    }
    for task in (GSM8K_LIKE, CHOICE, LIKELIHOOD, BLEU):
        files = {"test": choice if task is CHOICE else test, **({"train": train} if task is GSM8K_LIKE else {})}
        config = {**usual, **task, "dataset_kwargs": {"data_files": files}}
        (folder / f"{task['task']}.yaml").write_text(json.dumps(config, indent=1))
