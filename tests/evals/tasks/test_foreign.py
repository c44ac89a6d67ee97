"""Tasks of other tools where those are missing, and their options; test_foreign_tools has the tools themselves."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from evals.tasks import TaskConfig, load_task
from evals.tasks.foreign import common, harness
from tts.errors import InputError
from tts.registry import TASKS
from tts.types import Sample


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other tool is installed."""

    def absent(module: str) -> Any:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module.partition(".")[0])

    monkeypatch.setattr(common, "import_module", absent)


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("lm_eval:gsm8k", {}, "needs lm-evaluation-harness (lm_eval is missing): pip install lm-eval"),
        ("inspect:own.py", {}, "needs Inspect (inspect_ai is missing): pip install inspect-ai"),
        ("inspect:own.py@one", {"shots": 2}, "has its own prompt and grading and takes no task.shots: leave it out"),
        ("lm_eval:gsm8k", {"template": "{question}"}, "takes no task.template"),
        ("lm_eval:gsm8k", {"split": "train"}, "takes no task.split"),
        ("stories", {"include_path": "x"}, "adds tasks of lm_eval, and task.name is stories"),
        ("lm_eval:", {}, "unknown task 'lm_eval:'"),
    ],
)
def test_what_is_missing_or_does_not_apply_is_one_sentence(
    missing: None, name: str, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        load_task(TaskConfig(name, **options))


def test_names_of_tools_are_known_and_other_targets_are_still_imported() -> None:
    assert TASKS.known("inspect:a/b.py@c") and TASKS.known("lm_eval:mmlu") and not TASKS.known("lm_eval:")
    assert TASKS.get("evals.tasks.stories:stories") is TASKS.get("stories")


class Ensemble:
    """A filter that keeps the word after a mark."""

    name = "word"

    def apply(self, instances: list[Any]) -> None:
        for one in instances:
            one.filtered_resps[self.name] = [one.resps[0].rpartition("= ")[2].split(" ")[0] or "[invalid]"]


def test_a_reply_goes_through_stops_filter_spelling_and_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    docs = [{"question": "1 + 1?", "gold": "TWO!"}, {"question": "2 + 2?", "gold": "Four"}]
    tool = SimpleNamespace(
        task_name="own",
        OUTPUT_TYPE="generate_until",
        eval_docs=docs,
        config=SimpleNamespace(num_fewshot=2, generation_kwargs={"until": ["\n\n"]}, doc_to_choice=None),
        _filters=[Ensemble()],
        _metric_fn_kwargs={"exact_match": {"ignore_case": True, "ignore_punctuation": True}},
        set_fewshot_seed=lambda seed: None,
        doc_to_prefix=lambda doc: None,
        doc_to_target=lambda doc: doc["gold"],
        fewshot_context=lambda doc, num_fewshot, gen_prefix: f"{num_fewshot} shots. {doc['question']}",
        process_results=lambda doc, results: {
            "bleu": (1, 2),
            "exact_match": float(results[0].lower() in doc["gold"].lower() and bool(results[0])),
        },
    )
    monkeypatch.setattr(harness, "_loaded", lambda config: tool)
    task = load_task(TaskConfig("lm_eval:own"))
    first = task.problems[0]
    assert (first.id, first.question, first.gold, task.metric) == ("own-0", "2 shots. 1 + 1?", "two", "")
    assert task.extract(first, "= Two! yes\n\n= three") == "two" and task.extract(first, "") is None
    assert task.grade(first, Sample(answer="two")) and not task.grade(first, Sample(answer="three"))
    renamed = task.prefixed("a/")
    assert renamed.grade(renamed.problems[0], Sample(answer=renamed.extract(renamed.problems[0], "= two")))
    with pytest.raises(InputError, match="has no filter strict; it has word"):
        load_task(TaskConfig("lm_eval:own", extract="strict"))
    tool.process_results = lambda doc, results: {"bleu": (1, 2)}
    with pytest.raises(InputError, match="has the metrics bleu, which do not grade one reply"):
        load_task(TaskConfig("lm_eval:own"))
