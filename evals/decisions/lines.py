"""Decisions and rankings as JSON Lines, and the sentence that they come to."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from evals.decisions.rerank import Ranking
from evals.decisions.session import PoolDecision
from tts.files import atomic_path
from tts.types import mass_line
from tts.wording import escaped

DECISION_HEAD = '{"strategy": '
"""The start of a file of decisions; no pool and no file of questions starts so."""
RANKING_HEAD = '{"score": '
"""The start of a file of rankings."""


def decision_line(decision: PoolDecision) -> dict[str, Any]:
    """Return a decision, ready for JSON."""
    speaker = decision.speaker
    return {
        "strategy": decision.strategy,
        "id": decision.id,
        "answer": decision.answer,
        "p_correct": decision.p_correct,
        "vote_share": decision.vote_share,
        "samples": list(decision.samples),
        "tokens": decision.tokens,
        "stopped_by": decision.stopped_by,
        **mass_line(decision),
        "sample": None if speaker is None else {"index": speaker.index, "text": speaker.text},
    }


def ranking_line(ranking: Ranking, scorer: str) -> dict[str, Any]:
    """Return the ranked samples of a question, ready for JSON."""
    return {
        "score": scorer,
        "id": ranking.id,
        "samples": [
            {
                "rank": one.rank,
                "score": one.score,
                "index": one.sample.index,
                "answer": one.sample.answer,
                "text": one.sample.text,
            }
            for one in ranking.samples
        ],
    }


def write_lines(lines: Iterable[Mapping[str, Any]], path: Path | None) -> None:
    """Write JSON Lines: to a file, whole or not at all, or to standard output, each line as soon as it is there.

    Args:
        lines: one mapping a line.
        path: the file; None writes to standard output.

    Raises:
        InputError: the file cannot be written.
    """
    if path is None:
        plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
        for line in lines:
            sys.stdout.write(_text(line, ascii_only=plain))
            sys.stdout.flush()
        return
    with atomic_path(path) as temp, temp.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(map(_text, lines))


class DecisionCounts:
    """Counts decisions as they go by, for one sentence about them."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.decisions = self.samples = self.unanswered = 0
        self.tokens: int | None = 0
        self.reasons = Counter[str]()

    def counted(self, decisions: Iterable[PoolDecision]) -> Iterator[PoolDecision]:
        """Yield the decisions, counting each."""
        for one in decisions:
            self.decisions += 1
            self.samples += len(one.samples)
            self.unanswered += one.answer is None
            self.tokens = None if self.tokens is None or one.tokens is None else self.tokens + one.tokens
            self.reasons[one.stopped_by] += 1
            yield one

    @property
    def sentence(self) -> str:
        """The counts as one line."""
        count = self.decisions
        tokens = "" if self.tokens is None else f" and {self.tokens / count:.0f} tokens"
        reasons = ", ".join(f"{reason} {number}" for reason, number in self.reasons.most_common())
        unanswered = f"; {self.unanswered} without an answer" if self.unanswered else ""
        return (
            f"{count} decision{'s'[: count != 1]}, {self.samples / count:.2f} samples{tokens} a question; "
            f"stopped by {reasons}{unanswered}"
        )


def _text(line: Mapping[str, Any], *, ascii_only: bool = False) -> str:
    return escaped(json.dumps(line, ensure_ascii=ascii_only, allow_nan=False)) + "\n"
