"""Weightings: the weight of one sample's vote, given its confidence.

Each is a pure function of the confidence, written once for a single number and for arrays alike. An answer's score is
the sum of its votes' weights; :class:`LogOdds` with ``prior=None`` adds a term per vote that depends on the number of
distinct answers seen. :class:`Mass` reads the mass that a draw adds (see :mod:`strategies.mass`) instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from tts.errors import InputError


class Weighting(Protocol):
    """A function from a sample's confidence to the weight of its vote.

    Attributes:
        name: the weighting's name in configurations and tables.
        needs_confidence: True if samples must carry a confidence.
        needs_mass: True if :meth:`weigh` takes the mass that a draw adds in place of its confidence.
        signed: True if weights are log-odds, which may be negative; such scores are not counts.
        unit: True if every weight lies in [0, 1].
        dynamic: True if each vote also gains ``log(distinct answers seen)``.
    """

    name: ClassVar[str]
    needs_confidence: ClassVar[bool]
    needs_mass: ClassVar[bool]
    signed: ClassVar[bool]
    unit: ClassVar[bool]

    @property
    def dynamic(self) -> bool:
        """True if each vote also gains ``log(distinct answers seen)``."""
        ...

    def weigh(self, confidence: Any) -> Any:
        """Return the weight of a vote; shape and type follow ``confidence``."""
        ...


@dataclass(frozen=True, slots=True)
class Uniform:
    """Each vote counts one: plain self-consistency (Wang et al., 2203.11171)."""

    name: ClassVar[str] = "uniform"
    needs_confidence: ClassVar[bool] = False
    needs_mass: ClassVar[bool] = False
    signed: ClassVar[bool] = False
    unit: ClassVar[bool] = True
    dynamic: ClassVar[bool] = False

    def weigh(self, confidence: Any) -> Any:
        """Return one, whatever the confidence (which may be absent)."""
        return np.ones(np.shape(confidence), dtype=np.int16) if isinstance(confidence, np.ndarray) else 1


@dataclass(frozen=True, slots=True)
class Linear:
    """A vote counts its confidence: GrACE-SC (2509.09438, section on test-time scaling)."""

    name: ClassVar[str] = "linear"
    needs_confidence: ClassVar[bool] = True
    needs_mass: ClassVar[bool] = False
    signed: ClassVar[bool] = False
    unit: ClassVar[bool] = True
    dynamic: ClassVar[bool] = False

    def weigh(self, confidence: Any) -> Any:
        """Return the confidence."""
        return confidence


@dataclass(frozen=True, slots=True)
class Softmax:
    """A vote counts ``exp(c / T)``: CISC (2502.06233, definition 3.1) up to a factor common to all votes.

    ``temperature`` > 0; towards infinity it is self-consistency, towards 0 best-of-N.
    """

    temperature: float = 1.0
    name: ClassVar[str] = "softmax"
    needs_confidence: ClassVar[bool] = True
    needs_mass: ClassVar[bool] = False
    signed: ClassVar[bool] = False
    unit: ClassVar[bool] = True
    dynamic: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse a temperature that is not positive."""
        if not self.temperature > 0:
            raise InputError(f"softmax weighting needs temperature > 0, got {self.temperature}")

    def weigh(self, confidence: Any) -> Any:
        """Return ``exp((c - 1) / T)``, in (0, 1] for confidences in [0, 1]."""
        return np.exp((confidence - 1.0) / self.temperature)


@dataclass(frozen=True, slots=True)
class LogOdds:
    """A vote counts ``logit(c) - logit(prior)`` (Kuang et al., 2510.13918); below the prior it counts against.

    With ``prior=None`` the prior is ``1 / K``, K the distinct answers seen plus one for any other: the Bayesian vote of
    CGES (2511.02603), ``log c - log((1 - c) / (K - 1))``. Confidences are clipped to [clip, 1 - clip].
    """

    prior: float | None = None
    clip: float = 1e-3
    name: ClassVar[str] = "log_odds"
    needs_confidence: ClassVar[bool] = True
    needs_mass: ClassVar[bool] = False
    signed: ClassVar[bool] = True
    unit: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse a prior or a clip outside its range."""
        if self.prior is not None and not 0.0 < self.prior < 1.0:
            raise InputError(f"log-odds weighting needs prior in (0, 1) or null, got {self.prior}")
        if not 0.0 < self.clip < 0.5:
            raise InputError(f"log-odds weighting needs clip in (0, 0.5), got {self.clip}")

    @property
    def dynamic(self) -> bool:
        """True if the prior follows the number of distinct answers."""
        return self.prior is None

    def weigh(self, confidence: Any) -> Any:
        """Return the log-odds of the clipped confidence minus those of the prior."""
        c = np.minimum(np.maximum(confidence, self.clip), 1.0 - self.clip)
        odds = np.log(c / (1.0 - c))
        return odds if self.prior is None else odds - np.log(self.prior / (1.0 - self.prior))


@dataclass(frozen=True, slots=True)
class SoftCount:
    """A vote counts ``max(1, exp(strength * z))``, z the standardised confidence: ReASC stage 2 (2601.02970).

    ``mean`` and ``scale`` > 0 standardise the confidence; fit them on questions that are not scored.
    """

    strength: float = 0.7
    mean: float = 0.5
    scale: float = 0.25
    name: ClassVar[str] = "soft_count"
    needs_confidence: ClassVar[bool] = True
    needs_mass: ClassVar[bool] = False
    signed: ClassVar[bool] = False
    unit: ClassVar[bool] = False
    dynamic: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse a scale that is not positive."""
        if not self.scale > 0:
            raise InputError(f"soft-count weighting needs scale > 0, got {self.scale}")

    def weigh(self, confidence: Any) -> Any:
        """Return at least one, and more for a confidence above the mean."""
        return np.maximum(1.0, np.exp(self.strength * ((confidence - self.mean) / self.scale)))


@dataclass(frozen=True, slots=True)
class Mass:
    """A vote counts the probability of its text, one of a text that was drawn before nothing.

    This is perplexity consistency (2502.00511): an answer's score is the mass of its distinct texts, and its share of
    the votes that mass over the mass of all texts with an answer.
    """

    name: ClassVar[str] = "mass"
    needs_confidence: ClassVar[bool] = False
    needs_mass: ClassVar[bool] = True
    signed: ClassVar[bool] = False
    unit: ClassVar[bool] = False  # weights are in [0, 1], but depend on the draws before
    dynamic: ClassVar[bool] = False

    def weigh(self, confidence: Any) -> Any:
        """Return the mass, which takes the place of the confidence."""
        return confidence


WEIGHTINGS: dict[str, type[Any]] = {kind.name: kind for kind in (Uniform, Linear, Softmax, LogOdds, SoftCount, Mass)}
"""The weightings that a configuration can name."""
