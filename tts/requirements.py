"""The one check of a strategy's requirements against the offer of a source of samples.

A source is a pool, which is replayed, or a live engine with its scorer. Knows neither: each caller describes its source
as :class:`Available`, and :func:`missing` compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from tts.types import COLUMNS, Signals

_NONE = Signals()


@dataclass(frozen=True, slots=True)
class Requirements:
    """The properties that a strategy requires of its samples and of their source.

    Attributes:
        confidence: whole samples carry a confidence.
        prefix_confidence: partial samples carry one too.
        branching: draws continue prefixes.
        pausing: draws pause at boundaries, and are continued from there.
        watched: samples carry the probability of one watched token, by which draws are pruned.
        sequential: samples are drawn one after another or in parts, so that they are scored apart.
        signals: per-token signals that the strategy reads itself.
        preferred: signals that it reads where the source has them, and does without elsewhere.
    """

    confidence: bool = False
    prefix_confidence: bool = False
    branching: bool = False
    pausing: bool = False
    watched: bool = False
    sequential: bool = False
    signals: Signals = field(default_factory=Signals)
    preferred: Signals = field(default_factory=Signals)

    def collected(self, source: SignalSource | None, *, beside: Signals = _NONE) -> Signals:
        """Return the signals to collect: those required, and those preferred if one pass gives them too.

        Args:
            source: an engine; None for one that can do everything.
            beside: further signals to collect.

        Raises:
            ValueError: as ``|`` of signals.
        """
        required = self.signals | beside
        if not required.joins(self.preferred):
            return required
        both = required | self.preferred
        return both if source is None or source.lacking(both) is None else required


class SignalSource(Protocol):
    """A pool or an engine, as far as per-token signals go."""

    def lacking(self, signals: Signals) -> str | None:
        """Name what the source lacks of these signals, or return None."""
        ...


@dataclass(frozen=True, slots=True)
class Available:
    """The properties that a source of samples offers a strategy.

    Attributes:
        source: "pool" for recorded samples, "fit pool" for those that parameters are fitted on, "engine" for live ones.
        confidence: whole samples carry a confidence.
        prefix_confidence: partial samples carry one too.
        branching: prefixes can be continued.
        pausing: draws can pause at boundaries.
        watched: samples carry the probability of one watched token; of a pool, at the end of each step.
        sequential: samples that are scored apart have the confidences that they need.
        signals: the per-token signals; None takes all of them to be there.
        inexact: of an engine, the sampling parameters that keep it from collecting ``processed``; empty for none.
        lacks: of an engine, words for a property that it lacks, by the property's name.
    """

    source: Literal["pool", "fit pool", "engine"]
    confidence: bool = True
    prefix_confidence: bool = True
    branching: bool = True
    pausing: bool = True
    watched: bool = True
    sequential: bool = True
    signals: SignalSource | None = None
    inexact: str = ""
    lacks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Missing:
    """The reason that a source cannot serve a strategy, and the remedy; both follow the strategy's name."""

    reason: str
    remedy: str

    def __str__(self) -> str:
        """The reason and the remedy."""
        return f"{self.reason}: {self.remedy}"


_EXACT = next(column for column in COLUMNS if column.name == "processed")
_FLAGS = ("branching", "pausing", "confidence", "prefix_confidence", "watched", "sequential")
_LACKS = {
    "branching": "this engine cannot continue one",
    "pausing": "this engine does not report at which boundary it stopped",
}
_PREFIXES = Missing(
    "needs confidences of partial samples, and the scorer judges whole samples only",
    "give a scorer of prefixes, such as grace or mean_logprob",
)
_TOGETHER = Missing(
    "draws samples one after another, and the scorer compares samples that are drawn together",
    "choose strategies that draw their whole budget at once, such as best_of_n, or give this one a scorer of its own, "
    "{name: NAME, scorer: null} for none",
)
_SENTENCES = {
    ("pool", "branching"): Missing(
        "draws from prefixes, and the {source} cannot continue one",
        "play it live by `tts run`, or choose strategies that only stop or select",
    ),
    ("engine", "branching"): Missing(
        "draws from prefixes, and {lack}", "choose another engine.kind, or another strategy"
    ),
    ("pool", "pausing"): Missing("pauses draws, and the {source} holds whole ones", "play it live by `tts run`"),
    ("engine", "pausing"): Missing("pauses draws, and {lack}", "choose another engine.kind, or another strategy"),
    ("pool", "confidence"): Missing(
        "needs confidences, and the {source} has none", "score the pool, or choose strategies that only count"
    ),
    ("engine", "confidence"): Missing("needs confidences, and there is no scorer", "give scorer.name"),
    ("pool", "prefix_confidence"): _PREFIXES,
    ("engine", "prefix_confidence"): _PREFIXES,
    ("pool", "watched"): Missing(
        "reads a watched probability at the end of each step, and the {source} has none",
        "draw the pool with a scorer that watches a token and with engine.signals.steps=true, or choose another "
        "strategy",
    ),
    ("pool", "sequential"): _TOGETHER,
    ("engine", "sequential"): _TOGETHER,
    ("engine", "watched"): Missing(
        "prunes draws by the probability of the one token that the scorer watches, and there is no such token",
        "give a scorer that watches one token, such as grace",
    ),
}


def missing(required: Requirements, available: Available) -> Missing | None:
    """Return the first requirement that the source does not meet, or None."""
    live = available.source == "engine"
    for flag in _FLAGS:
        if getattr(required, flag) and not getattr(available, flag):
            lack = _SENTENCES["engine" if live else "pool", flag]
            words = available.lacks.get(flag) or _LACKS.get(flag)
            return Missing(lack.reason.format(source=available.source, lack=words), lack.remedy)
    lacking = None if available.signals is None else available.signals.lacking(required.signals)
    if lacking is None:
        return None
    if live and available.inexact and lacking == _EXACT.lack:
        return Missing(
            f"needs {lacking}, which this engine cannot collect at {available.inexact}",
            "draw at temperature=1 without top_p and top_k, or choose another engine.kind or strategy",
        )
    if live:
        return Missing(f"needs {lacking}, which this engine cannot collect", "choose another engine.kind or strategy")
    record = "engine.signals.processed=true" if lacking == _EXACT.lack else "engine.signals that record it"
    remedy = f"draw the pool with {record}, or choose another strategy"
    return Missing(f"reads {lacking}, and the {available.source} has none", remedy)
