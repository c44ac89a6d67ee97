"""Live runs as a mapping for JSON: configuration, versions, time, failures, decisions and, on request, texts."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from evals.config import RunConfig
from evals.live.run_session import RunOutcome
from evals.report.run import RunRow
from tts.pool import load_pool
from tts.runtime.driver import Result
from tts.types import End, Usage

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
    task, plan, pool = outcome.task, outcome.plan, outcome.pool
    out: dict[str, Any] = {
        "task": {"name": task.name, "problems": len(task.problems), "prompt_template": task.template},
        "model": {"name": outcome.model, "revision": outcome.revision},
        "date": outcome.started.isoformat(timespec="seconds"),
        "versions": versions(),
        "seconds": round(outcome.seconds, 3),
        "tokens_drawn": pool.tokens,
        "tokens_per_second": round(pool.tokens / outcome.seconds, 1) if outcome.seconds > 0 else None,
        "failures": _failures(outcome),
        "budget": config.budget,
        "pool": {"path": str(pool.path), "run": pool.number, "samples": pool.samples},
        "config": asdict(config),
        "strategies": [
            {
                **{key: value for key, value in asdict(row).items() if value is not None},
                "source": p.planned.method.source,
                "params": {**p.planned.method.params, **p.planned.params},
                "decisions": [_decision(result, right) for result, right in zip(p.results, p.right, strict=True)],
            }
            for p, row in zip(outcome.played, rows, strict=True)
        ],
        "skipped": dict(plan.skipped),
    }
    if texts:
        out["questions"] = _questions(outcome)
    return out


def versions() -> dict[str, str]:
    """Return the version of Python and of each installed package that can change a result."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _failures(outcome: RunOutcome) -> dict[str, Any]:
    """Return the failed draws, each once however many strategies used it, and their reasons."""
    failed = {
        (result.problem.id, sample.index, sample.given): sample.failure or sample.error or "unknown"
        for played in outcome.played
        for result in played.results
        for sample in result.decision.samples
        if sample.end is End.FAILED
    }
    return {"draws": len(failed), "reasons": dict(Counter(failed.values()).most_common())}


def _questions(outcome: RunOutcome) -> list[dict[str, Any]]:
    pool = outcome.pool
    entries = load_pool(pool.path, run=pool.number).entries if pool.samples else ()
    drawn = {entry.problem.id: entry.samples for entry in entries}
    return [
        {
            "id": problem.id,
            "question": problem.question,
            "gold": problem.gold,
            "samples": [
                {
                    "index": sample.index,
                    "text": sample.text,
                    "answer": sample.answer,
                    "confidence": sample.confidence,
                    "end": str(sample.end),
                    "tokens": None if sample.usage is None else sample.usage.generated,
                }
                for sample in drawn.get(problem.id, ())
            ],
        }
        for problem in outcome.task.problems
    ]


def _decision(result: Result, right: bool) -> dict[str, Any]:
    decision = result.decision
    return {
        "id": result.problem.id,
        "gold": result.problem.gold,
        "answer": decision.answer,
        "correct": right,
        "p_correct": decision.p_correct,
        "vote_share": decision.vote_share,
        "samples": [s.index for s in decision.samples],
        "reason": decision.reason,
        "usage": asdict(decision.usage or Usage()),
        "cached": result.cached,
        "aborted_draws": result.aborted,
    }
