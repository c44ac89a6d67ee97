"""The draws that FineCE learns from: completions of a question, of their prefixes, and of the prefixes of those.

This is Algorithm 1 of the paper as a strategy, so the driver batches it over all questions, keeps its ledger and
resumes it. It uses no grades: :mod:`tts.training.finece.labels` computes labels from the pool that it fills.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from numpy.typing import NDArray

from tts.errors import InputError
from tts.requirements import Requirements
from tts.training.finece.cluster import representatives, tfidf
from tts.types import Decision, Draw, End, Problem, Sample, Signals, total_usage

Embed = Callable[[Sequence[str]], NDArray[Any]]
CUTS = ("step", "half")
EMBEDDINGS = ("tfidf", "model")


@dataclass
class TreeConfig:
    """The settings of a tree: its completions and its prefixes.

    Attributes:
        k: completions of the question and of each prefix, >= 2. The paper has 30.
        clusters: m, the most prefixes of the first level, >= 1. The paper leaves it open, its code has 3.
        levels: T, the number of levels of prefixes, >= 0; 0 draws whole answers only.
        cut: the place where a completion is cut to give the next prefix: "step", after its first new step; "half", in
            the middle of its new tokens. The paper leaves it open.
        threshold: cosine distance beyond which clusters stay apart; null merges until ``clusters`` are left. The
            paper gives no value, its code has 0.3.
        embedding: "tfidf" of words, or the "model"'s own: the mean of its last hidden states.
    """

    k: int = 8
    clusters: int = 3
    levels: int = 2
    cut: str = "step"
    threshold: float | None = None
    embedding: str = "tfidf"

    def __post_init__(self) -> None:
        """Refuse trees without usable labels."""
        if self.k < 2:
            raise InputError(
                f"tree.k must be at least 2, got {self.k}: a prefix is labelled by the share of its completions that "
                "are right, and the share of one is no probability"
            )
        for key, least in (("clusters", 1), ("levels", 0)):
            if getattr(self, key) < least:
                raise InputError(f"tree.{key} must be at least {least}, got {getattr(self, key)}")
        for key, allowed in (("cut", CUTS), ("embedding", EMBEDDINGS)):
            if getattr(self, key) not in allowed:
                raise InputError(f"tree.{key} must be one of {', '.join(allowed)}, got {getattr(self, key)!r}")
        if self.threshold is not None and not 0 <= self.threshold <= 2:
            raise InputError(f"tree.threshold must be a cosine distance in [0, 2] or null, got {self.threshold}")


@dataclass(frozen=True)
class Tree:
    """A strategy that draws k completions of a question, of at most m prefixes, and of their longer prefixes, T times.

    It costs k(1 + mT) draws a question, fewer where completions are too short or too alike for m prefixes.

    Attributes:
        config: the settings.
        decode: returns the text of token ids.
        embed: returns a vector for each text, [texts, width].
    """

    config: TreeConfig
    decode: Callable[[tuple[int, ...]], str]
    embed: Embed = tfidf
    name: ClassVar[str] = "tree"
    requires: ClassVar[Requirements] = Requirements(branching=True, pausing=True, signals=Signals(steps=True))

    @property
    def budget(self) -> int:
        """Draws a question, at most."""
        return self.config.k * (1 + self.config.clusters * self.config.levels)

    def run(self, problem: Problem) -> Generator[Draw, list[Sample], Decision]:
        """Draw the tree of one question; the decision has no answer."""
        k = self.config.k
        drawn = yield Draw(k)
        everything = list(drawn)
        prefixes = self._prefixes(drawn, self.config.clusters) if self.config.levels else []
        for level in range(self.config.levels):
            last = level + 1 == self.config.levels
            following: list[Sample] = []
            for prefix in prefixes:
                drawn = yield Draw(k, prefix=prefix)
                everything += drawn
                following += [] if last else self._prefixes(drawn, 1)
            prefixes = following
        return Decision(None, tuple(everything), "levels", usage=total_usage(everything))

    def _prefixes(self, drawn: Sequence[Sample], most: int) -> list[Sample]:
        """Return at most ``most`` representative prefixes of completions; completions without a prefix are left out."""
        cut = [prefix for sample in drawn if (prefix := self.truncated(sample)) is not None]
        if not cut:
            return []
        vectors = self.embed([prefix.text for prefix in cut])
        threshold = self.config.threshold if most > 1 else None
        return [cut[i] for i in representatives(vectors, most=most, threshold=threshold)]

    def truncated(self, sample: Sample) -> Sample | None:
        """Return a completion's prefix, longer than the given one and shorter than the completion, or None."""
        if sample.end not in (End.STOP, End.LENGTH):
            return None
        ids = sample.token_ids[:-1] if sample.end is End.STOP else sample.token_ids
        if self.config.cut == "half":
            n = sample.given + (len(ids) - sample.given) // 2
        else:
            n = next((i + 1 for i in range(sample.given, len(ids)) if sample.trace.steps[i]), len(ids))
        if not sample.given < n < len(ids):
            return None
        prefix = ids[:n]
        return replace(
            sample,
            text=self.decode(prefix),
            answer=None,
            end=End.BOUNDARY,
            confidence=None,
            token_ids=prefix,
            trace=sample.trace.truncated(n),
            usage=None,
        )
