"""The requests of a strategy: draws, and the boundaries at which they end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self

from tts.types.samples import Sample


@dataclass(frozen=True, slots=True)
class Boundary:
    """The end of a draw: at its own end, after a step, after ``value`` tokens, below a confidence, above an entropy.

    ``window`` is the number of tokens that a group confidence is the mean of.
    """

    kind: Literal["end", "step", "tokens", "confidence_below", "group_below", "step_below", "entropy_above"]
    value: float = 0.0
    window: int = 1


END = Boundary("end")
STEP = Boundary("step")


def TOKENS(k: int) -> Boundary:  # noqa: N802 - a constructor of the same rank as END and STEP
    """The boundary after ``k`` >= 1 new tokens."""
    if k < 1:
        raise ValueError(f"TOKENS(k) needs k >= 1, got {k}")
    return Boundary("tokens", k)


def CONFIDENCE_BELOW(tau: float) -> Boundary:  # noqa: N802
    """The boundary at the first token whose running confidence falls below ``tau`` in [0, 1]."""
    if not 0.0 <= tau <= 1.0:
        raise ValueError(f"CONFIDENCE_BELOW(tau) needs tau in [0, 1], got {tau}")
    return Boundary("confidence_below", tau)


def STEP_BELOW(tau: float) -> Boundary:  # noqa: N802
    """The boundary at the first token that ends a step and where P(watched token) is below ``tau`` in [0, 1].

    The probability is that of the distribution which drew the step's last token; the first watched token counts. The
    draw needs ``Signals.watch``, a recording of it ``Signals.steps`` too.
    """
    if not 0.0 <= tau <= 1.0:
        raise ValueError(f"STEP_BELOW(tau) needs tau in [0, 1], got {tau}")
    return Boundary("step_below", tau)


def GROUP_BELOW(value: float, window: int) -> Boundary:  # noqa: N802
    """The boundary at the first token that ends a group of ``window`` >= 1 tokens of mean confidence under ``value``.

    A token's confidence is the mean negative log-probability of the k most probable tokens there, in nats, high where
    the model is sure (DeepConf, arXiv 2508.15260); the draw needs ``Signals.top``.
    """
    if window < 1:
        raise ValueError(f"GROUP_BELOW(value, window) needs window >= 1, got {window}")
    return Boundary("group_below", value, window)


def ENTROPY_ABOVE(value: float) -> Boundary:  # noqa: N802
    """The boundary at the first token drawn from a distribution whose entropy is above ``value`` >= 0, in nats.

    The entropy is that at temperature 1, of the tokens that can be drawn (FineCE, arXiv 2508.12040, entropy-based
    calibration positions); the draw needs ``Signals.entropy``.
    """
    if not value >= 0.0:
        raise ValueError(f"ENTROPY_ABOVE(value) needs value >= 0, got {value}")
    return Boundary("entropy_above", value)


@dataclass(frozen=True, slots=True)
class Draw:
    """The one thing a strategy may ask for: samples that are drawn at the same time.

    Attributes:
        n: the samples.
        prefix: the sample that all of them continue; None for the bare problem.
        until: the boundary at which each of them ends.
        prefixes: the sample that each of them continues, [n], where these differ; empty where they do not.
    """

    n: int = 1
    prefix: Sample | None = None
    until: Boundary = END
    prefixes: tuple[Sample, ...] = ()

    def __post_init__(self) -> None:
        """Refuse prefixes that are not one of each sample."""
        if self.prefixes and (self.prefix is not None or len(self.prefixes) != self.n):
            raise ValueError(
                f"Draw({self.n}) needs {self.n} prefixes and no prefix beside them, got {len(self.prefixes)} and "
                f"{'one' if self.prefix is not None else 'none'} beside them: use Draw.of(prefixes)"
            )

    @classmethod
    def of(cls, prefixes: Iterable[Sample], *, until: Boundary = END) -> Self:
        """Return the draw of one continuation of each prefix, of which there is at least one."""
        first, *others = prefixes
        return cls(1 + len(others), None, until, (first, *others)) if others else cls(1, first, until)

    @property
    def continues(self) -> bool:
        """True if its samples continue others."""
        return self.prefix is not None or bool(self.prefixes)

    def single(self, number: int) -> Draw:
        """Return the draw of one of its samples alone, counted from 0."""
        if self.prefixes:
            return Draw(1, self.prefixes[number], self.until)
        return self if self.n == 1 else Draw(1, self.prefix, self.until)
