"""The strategies whose serving speed is measured, by model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from benchmarks.workloads.workload import Workload, open_workload
from strategies.catalog import CATALOG
from strategies.spec import compose
from tts.prompts import Prompt
from tts.runtime.options import DEFAULTS, Options
from tts.scorers.finece import open_finece
from tts.scorers.grace import Grace
from tts.stories.stories import take

MAX_BATCH_SIZE, BUDGET = 128, 16
FILLED = Options(min_in_flight=MAX_BATCH_SIZE)
SHOTS = tuple((story.question, story.solution) for story in take("train", 2, seed=7))
GUIDED = {"beams": {"width": 8, "pruner": {"name": "top_k", "k": 4}, "max_checks": 3, "fork": True}}
VOTES = CATALOG["self_consistency"].build(BUDGET)


@dataclass(frozen=True)
class Case:
    """A row of the table: a strategy with its scorer and the driver's options."""

    name: str
    strategy: Any
    scorer: Any = None
    options: Options = DEFAULTS


def bundled(dtype: str) -> list[tuple[Workload, list[Case]]]:
    """Return the cases of the bundled models by model and prompt."""
    grace, finece = (open_workload(name, dtype=dtype) for name in ("grace", "finece"))
    beams, value = compose(GUIDED, budget=8), open_finece(folder=finece.folder)
    return [
        (
            grace,
            [Case("self-consistency, 16", VOTES), *confident(grace)],
        ),
        (finece, [Case("FineCE beams", beams, value)]),
        (replace(finece, prompt=Prompt(shots=SHOTS)), [Case("FineCE beams, 2 worked examples", beams, value)]),
    ]


def confident(workload: Workload) -> list[Case]:
    """Return the cases that read a model's confidence token; none where it has none."""
    if workload.card is None:
        return []
    grace = Grace(workload.card)
    es, gated = (CATALOG[name].build(BUDGET) for name in ("grace_es", "confidence_gated_self_consistency"))
    return [
        Case("GrACE-ES", es, grace),
        Case("GrACE-ES, look-ahead 2", es, grace, Options(lookahead=2)),
        Case("GrACE-ES, filled", es, grace, FILLED),
        Case("confidence-gated self-consistency", gated, grace),
        Case("the same, filled", gated, grace, FILLED),
    ]


def counting() -> list[Case]:
    """Return the cases that need no confidence."""
    adaptive, esc = (CATALOG[name].build(BUDGET) for name in ("adaptive_consistency", "esc"))
    return [
        Case("self-consistency, 16", VOTES),
        Case("adaptive consistency", adaptive),
        Case("adaptive consistency, filled", adaptive, options=FILLED),
        Case("ESC", esc),
        Case("ESC, filled", esc, options=FILLED),
    ]
