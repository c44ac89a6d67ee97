"""The options of a driver."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from tts.errors import InputError
from tts.types import Problem

Extract = Callable[[Problem, str], str | None]


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the driver.

    Attributes:
        concurrency: questions in flight, >= 1.
        lookahead: draws of a question that start before the strategy asks for them, >= 0; 0 wastes no token.
        min_in_flight: draws to keep in flight, >= 0. If fewer questions are left, each looks further ahead, so that
            the last ones, which often take the whole budget, do not wait for one draw after another. 0 turns it off.
        rows: the rows of the engine's batch, >= 1; draws beyond it wait. None if they are not limited.
        share_rows: whether draws wait for a row here, where a free one goes to the question that has the fewest; False
            leaves them to the engine. Draws that wait for a server belong there, so that they fail together in an
            outage, not one batch after the other.
        retries: further attempts after a failed one, >= 0.
        backoff_s: seconds before the first retry, doubled each time.
        read_truncated: whether a sample that reached the limit of tokens gives an answer, often one of a step.
        join_answers: whether equal answers are one answer; False compares them with gold answers only.
    """

    concurrency: int = 256
    lookahead: int = 0
    min_in_flight: int = 0
    rows: int | None = None
    share_rows: bool = True
    retries: int = 2
    backoff_s: float = 0.1
    read_truncated: bool = False
    join_answers: bool = True

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        for key, least in (
            ("concurrency", 1),
            ("lookahead", 0),
            ("min_in_flight", 0),
            ("rows", 1),
            ("retries", 0),
            ("backoff_s", 0),
        ):
            value = getattr(self, key)
            if not (key == "rows" and value is None) and not least <= value < math.inf:
                raise InputError(f"driver option {key} must be at least {least}, got {value}")


DEFAULTS = Options()
