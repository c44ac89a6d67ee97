"""The signals that a scorer needs and recorded samples lack, read in place of a new draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tts.engines.streams import owned
from tts.scorers.base import Scorer
from tts.scorers.metered import MeteredEngine
from tts.types import Problem, Sample, Signals


def lacking(samples: Sequence[Sample], signals: Signals) -> list[Sample]:
    """Return the samples that hold a text and lack one of these signals."""
    return [sample for sample in samples if sample.text and sample.trace.lacks(signals)]


async def with_signals(
    problem: Problem, samples: Sequence[Sample], scorer: Scorer, engine: MeteredEngine
) -> list[Sample]:
    """Return the samples with the signals that the scorer needs.

    What was recorded is not read. Where the engine cannot read what is missing, the samples stay as they are: the
    scorer reads their texts in its own way, or refuses them.

    Args:
        problem: the problem that they answer.
        samples: whole or partial samples.
        scorer: names the signals.
        engine: reads what is missing; every token is charged.

    Raises:
        EngineError: the engine failed.
    """
    missing = lacking(samples, scorer.needs)
    if not missing or engine.unreadable(scorer.needs) is not None:
        return [*samples]
    traces = iter(await engine.read(problem, missing, scorer.needs))
    chosen = {id(sample) for sample in missing}
    return [
        replace(sample, trace=owned(next(traces), scorer.needs)) if id(sample) in chosen else sample
        for sample in samples
    ]
