"""Live runs as a mapping for JSON: configuration, versions, time, failures, decisions and, on request, texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from evals.config import RunConfig
from evals.live.draws import joined
from evals.live.outcome import RunOutcome, RunPart
from evals.live.runner import Played
from evals.report.run_table import RunRow
from tts.pool import load_pool
from tts.pool.runs import versions
from tts.runtime.driver import Result
from tts.types import Sample, Usage, mass_line

PACKAGES = ("tts-rerank", "numpy", "scipy", "torch", "transformers", "peft", "vllm", "openai", "math-verify")
"""The packages whose versions can change a result."""


def as_mapping(
    config: RunConfig, outcome: RunOutcome, rows: Sequence[RunRow], *, texts: bool = False
) -> dict[str, Any]:
    """Return everything, every decision included, ready for :func:`evals.report.output.write_json`.

    Args:
        config: the configuration of the run.
        outcome: what was played.
        rows: the rows of the table.
        texts: add the questions, with the text of every sample that the pool's run holds.
    """
    task, runs = outcome.task, outcome.runs
    tokens = sum(pool.tokens + pool.redrawn for pool, _ in runs)
    out: dict[str, Any] = {
        "command": "tts run",
        "task": {"name": task.name, "problems": len(task.problems), "prompt_template": task.template},
        "date": outcome.started.isoformat(timespec="seconds"),
        "versions": versions(PACKAGES),
        "seconds": round(outcome.seconds, 3),
        "tokens_drawn": tokens,
        "tokens_per_second": round(tokens / outcome.seconds, 1) if outcome.seconds > 0 else None,
        **joined(draws for _, draws in runs).as_mapping(),
        **({"comparisons": task.grader.report} if task.grader.report else {}),
        "budget": config.budget,
        "pool": str(outcome.path),
        "runs": [_run(part) for part in outcome.parts],
        "config": asdict(config),
        "strategies": [
            {
                **{key: value for key, value in asdict(row).items() if value is not None},
                "run": number,
                "params": {**p.planned.method.params, **p.planned.params},
                "decisions": [_decision(result, right) for result, right in _graded(p)],
            }
            for (number, p), row in zip(_numbered(outcome), rows, strict=True)
        ],
        "skipped": dict(outcome.skipped),
    }
    if texts:
        out["questions"] = _questions(outcome)
    return out


def _run(part: RunPart) -> dict[str, Any]:
    """Return the run of the pool that holds the samples of one model and scorer."""
    return {
        "run": part.pool.number,
        "model": {"name": part.model, "revision": part.revision},
        "scorer": None if part.plan.scorer is None else dict(part.plan.scorer.key),
        "samples": part.pool.samples,
    }


def _numbered(outcome: RunOutcome) -> list[tuple[int, Played]]:
    """Return every strategy with the number of the run that holds its samples."""
    return [(played.trees or part.pool.number, played) for part in outcome.parts for played in part.played]


def _questions(outcome: RunOutcome) -> list[dict[str, Any]]:
    drawn: dict[str, list[tuple[int, Sample]]] = {}
    for pool, _ in outcome.runs:
        for entry in load_pool(pool.path, run=pool.number).entries if pool.samples else ():
            drawn.setdefault(entry.problem.id, []).extend((pool.number, sample) for sample in entry.samples)
    return [
        {
            "id": problem.id,
            "question": problem.question,
            "gold": problem.gold,
            "samples": [
                {
                    "run": number,
                    "index": sample.index,
                    "text": sample.text,
                    "answer": sample.answer,
                    "confidence": sample.confidence,
                    "end": str(sample.end),
                    "tokens": None if sample.usage is None else sample.usage.generated,
                }
                for number, sample in drawn.get(problem.id, ())
            ],
        }
        for problem in outcome.task.problems
    ]


def _graded(played: Played) -> Iterator[tuple[Result, bool | None]]:
    right = [None] * len(played.results) if played.right is None else played.right
    return zip(played.results, right, strict=True)


def _decision(result: Result, right: bool | None) -> dict[str, Any]:
    decision = result.decision
    return {
        "id": result.problem.id,
        **({} if right is None else {"gold": result.problem.gold}),
        "answer": decision.answer,
        **({} if right is None else {"correct": right}),
        "p_correct": decision.p_correct,
        "vote_share": decision.vote_share,
        **mass_line(decision),
        "samples": [s.index for s in decision.samples],
        "reason": decision.reason,
        "usage": asdict(decision.usage or Usage()),
        "cached": result.cached,
        "aborted_draws": result.aborted,
    }
