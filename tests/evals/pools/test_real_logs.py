"""Logs that lm-evaluation-harness and Inspect write themselves; nothing is read from a network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from evals.pools.exporting import export
from tests.cli.cases import Tts
from tests.evals.pools.cases import answers_of, imported
from tests.evals.tasks.foreign_cases import JACK, TOM, harness_tasks
from tts.pool import read_pool

pytestmark = pytest.mark.slow
REPLIES = ["11 + 8 = 19. The answer is 19.", "5 + 2 = 7\n#### 7", "It is 18.", "no idea"]


@pytest.fixture
def harness_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log of a task of the harness, answered by a stand-in for a model that adds the numbers of a question."""
    lm_eval = pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed here: make test-tools")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
    harness_tasks(tmp_path)
    from lm_eval.api.model import LM
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    class Adds(LM):  # type: ignore[misc]
        def generate_until(self, requests: list[Any]) -> list[str]:
            sums = [sum(map(int, re.findall(r"\d+", request.args[0])[-2:])) for request in requests]
            return [f"Together that is {number}.\n#### {number}" for number in sums]

        def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
            return [(-1.0, False) for _ in requests]

        def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
            return [-1.0 for _ in requests]

    tracker = EvaluationTracker(output_path="out")
    results = lm_eval.simple_evaluate(
        Adds(), tasks=["own_math"], task_manager=TaskManager(include_path="."), log_samples=True, bootstrap_iters=0
    )
    samples = results.pop("samples")
    tracker.save_results_aggregated(results, samples)
    tracker.save_results_samples("own_math", samples["own_math"])
    return next((tmp_path / "out").rglob("samples_own_math_*.jsonl"))


def inspect_logs(folder: Path) -> list[Path]:
    """Logs of a task of two epochs in both forms, answered by a stand-in for a model with log-probabilities."""
    pytest.importorskip("inspect_ai", reason="Inspect is not installed here: make test-tools")
    from inspect_ai import Task
    from inspect_ai import eval as run
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import (
        GenerateConfig,
        Logprob,
        Logprobs,
        ModelAPI,
        ModelOutput,
        ModelUsage,
        get_model,
        modelapi,
    )
    from inspect_ai.scorer import match
    from inspect_ai.solver import generate

    left: list[str] = []

    @modelapi(name="recorded")  # type: ignore[untyped-decorator, unused-ignore]
    class Recorded(ModelAPI):  # type: ignore[misc, unused-ignore]
        def __init__(self, model_name: str, config: Any = None, **_: Any) -> None:
            super().__init__(model_name, config=config or GenerateConfig())

        async def count_tokens(self, *_: Any, **__: Any) -> int:
            return 10

        async def generate(self, *_: Any, **__: Any) -> Any:
            text = left.pop(0)
            words = text.split()
            output = ModelOutput.from_content("recorded", text)
            content = [Logprob(token=word, logprob=-0.25 * i) for i, word in enumerate(words)]
            output.choices[0].logprobs = Logprobs(content=content)
            output.usage = ModelUsage(input_tokens=20, output_tokens=len(words), total_tokens=20 + len(words))
            return output

    data = MemoryDataset([Sample(input=JACK, target="19", id=1), Sample(input=TOM, target="7", id=2)])
    task = Task(dataset=data, solver=[generate()], scorer=match(numeric=True), epochs=2, name="beads")
    for form in ("eval", "json"):
        left[:] = REPLIES
        run(
            task,
            model=get_model("recorded/one", memoize=False),
            log_dir=str(folder),
            log_format=form,
            display="none",
            max_samples=1,
            max_connections=1,
        )
    return [next(folder.glob(f"*.{form}")) for form in ("eval", "json")]


def test_a_log_of_the_harness_is_imported_compared_and_decided(harness_log: Path, tmp_path: Path, tts: Tts) -> None:
    pool = imported(tmp_path, harness_log)
    assert [entry.problem.id for entry in pool.entries] == ["own_math-0", "own_math-1"]
    assert [entry.problem.question for entry in pool.entries] == [JACK, TOM]
    assert answers_of(pool) == [["19"], ["7"]] and all(entry.correct == (True,) for entry in pool.entries)
    assert tts("compare", pool.path, "--strategies", "self_consistency", "permutations=2").status == 0
    decided = tts("decide", pool.path, "--strategy", "self_consistency")
    assert decided.status == 0 and decided.out.count('"answer": ') == 2


def test_the_logs_of_inspect_are_imported_scored_compared_and_decided(tmp_path: Path, tts: Tts) -> None:
    archive, log = inspect_logs(tmp_path / "logs")
    pool = imported(tmp_path, archive)
    assert [entry.problem.id for entry in pool.entries] == ["beads-1", "beads-2"]
    assert sorted(str(answer) for entry in answers_of(pool) for answer in entry) == ["18", "19", "7", "None"]
    assert [len(entry.samples) for entry in pool.entries] == [2, 2] and pool.models == ("recorded/one",)
    first = pool.entries[0].samples[0]
    assert len(first.trace.logprobs) == len(first.text.split()) and first.usage is not None and first.usage.prompt == 20
    assert imported(tmp_path, log).entries == pool.entries
    ran = tts("compare", pool.path, "--score", "mean_logprob", "--strategies", "best_of_n", "permutations=2")
    assert ran.status == 0 and "best_of_n" in ran.out
    assert tts("decide", pool.path, "--strategy", "self_consistency").status == 0


def test_inspect_reads_an_exported_log(tmp_path: Path) -> None:
    archive, _ = inspect_logs(tmp_path / "logs")
    from inspect_ai.log import read_eval_log

    pool = imported(tmp_path, archive)
    export(pool.path, tmp_path / "exported.json", to="inspect")
    log = read_eval_log(str(tmp_path / "exported.json"))
    assert [(sample.id, sample.epoch) for sample in log.samples or []] == [
        (entry.problem.id, epoch) for entry in pool.entries for epoch in (1, 2)
    ]
    (tmp_path / "again").mkdir()
    again = imported(tmp_path / "again", tmp_path / "exported.json")
    assert answers_of(again) == answers_of(read_pool(pool.path))
