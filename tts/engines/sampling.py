"""Sampling parameters of a run and of one request, and seeds from keys."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace

from tts.errors import InputError

NOISE = "gumbel-1"
"""The noise with which the transformers engine draws, a part of the run's key: another noise draws another run."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling parameters of a run.

    Attributes:
        temperature: >= 0; 0 takes the most probable token.
        top_p: keep the smallest set of tokens that holds this much probability, in (0, 1]; 1 keeps all.
        top_k: keep this many of the most probable tokens; 0 keeps all.
        max_tokens: the most tokens a sample may have, >= 1.
        seed: >= 0; with the problem's id and the draw's number it decides every token.
    """

    temperature: float = 0.8
    top_p: float = 1.0
    top_k: int = 0
    max_tokens: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        if not 0.0 <= self.temperature < float("inf"):
            raise InputError(f"temperature must be at least 0, got {self.temperature}")
        if not 0.0 < self.top_p <= 1.0:
            raise InputError(f"top_p must be above 0 and at most 1, got {self.top_p}")
        for key, least in (("top_k", 0), ("max_tokens", 1), ("seed", 0)):
            if getattr(self, key) < least:
                raise InputError(f"{key} must be at least {least}, got {getattr(self, key)}")


@dataclass(frozen=True, slots=True)
class SamplingChange:
    """Sampling parameters of one request in place of the run's; None keeps the run's.

    Attributes:
        temperature: as in :class:`Sampling`.
        top_p: as in :class:`Sampling`.
        max_tokens: as in :class:`Sampling`.
        seed: as in :class:`Sampling`.
        stop: texts that end a sample where it would have the first of them; the sample ends before it.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        self.over(Sampling())
        if not all(self.stop):
            raise InputError("stop must hold texts of at least one character, got an empty one")

    @property
    def named(self) -> dict[str, float]:
        """The parameters of the run that are changed, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None and name != "stop"}

    @property
    def changes_samples(self) -> bool:
        """Samples come from another distribution than the run's; another seed draws from the same one."""
        return bool(self.stop or self.named.keys() - {"seed"})

    def over(self, sampling: Sampling) -> Sampling:
        """Return the parameters of a run with these changes."""
        return replace(sampling, **self.named)  # type: ignore[arg-type]


def changed(sampling: Sampling, change: SamplingChange | None) -> Sampling:
    """Return the parameters of a run with a request's changes, if it has any."""
    return sampling if change is None else change.over(sampling)


def seed_of(key: str, size: int) -> int:
    """Return a seed of ``8 * size - 1`` bits, the same for the same key."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=size).digest(), "little") >> 1
