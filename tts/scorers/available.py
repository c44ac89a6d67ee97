"""The requirements that a live engine with its scorer can meet."""

from __future__ import annotations

from tts.engines.base import Capabilities
from tts.requirements import Available
from tts.scorers.base import Scorer
from tts.types import Signals

NONE = Signals()


def live_source(
    scorer: Scorer | None, capabilities: Capabilities | None = None, *, recorded: Signals = NONE
) -> Available:
    """Describe a live source of samples for :func:`tts.requirements.missing`.

    Args:
        scorer: judges the samples, or None.
        capabilities: those of the engine; None takes an engine that can do everything.
        recorded: signals that are collected whatever the scorer needs.
    """
    watching = recorded if scorer is None or not scorer.needs.watch else scorer.needs
    return Available(
        "engine",
        confidence=scorer is not None,
        prefix_confidence=scorer is not None and scorer.judges_prefixes,
        branching=capabilities is None or capabilities.branch or capabilities.continues,
        pausing=capabilities is None or capabilities.branch,
        sequential=scorer is None or not scorer.compares_samples,
        watched=watching.confidence_token is not None,
        signals=capabilities,
        inexact="" if capabilities is None else capabilities.inexact,
        lacks={} if capabilities is None else {"branching": capabilities.lacks.get("continues", "")},
    )
