"""Backward Confidence Integration: the confidence of a partial sample combined with that of its continuations.

Works over any scorer that judges prefixes. It draws anew what may follow a partial sample, has every piece judged, and
folds the confidences back into that of the sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts.engines.base import Capabilities
from tts.engines.streams import together
from tts.errors import InputError, UnsupportedError
from tts.scorers.base import Scorer
from tts.scorers.metered import MeteredEngine, rollout
from tts.types import STEP, Boundary, Draw, End, Problem, Sample, Signals


@dataclass(frozen=True, slots=True)
class _Node:
    """A sample to judge, or one of its continuations."""

    sample: Sample
    root: Sample
    parent: int = 0  # its place in the level above
    number: int = 0  # in the tree of its root, counted from the root, level by level


class Integrated:
    """Another scorer's confidences of partial samples, integrated over ``depth`` boundaries ahead.

    A finished sample keeps its own confidence, and so does a continuation that has ended before its depth. With width
    and depth 0 nothing is drawn, which is how the paper's main tables were made; the paper gives no value of alpha.

    Attributes:
        scorer: judges every sample and every continuation.
        width: continuations of each partial sample, w.
        depth: boundaries ahead, d.
        alpha: the weight of a sample's own confidence, in [0, 1]; the rest is that of its future.
        until: where continuations pause.

    Source:
        FineCE, arXiv 2508.12040, Backward Confidence Integration; equation 5 of its newest version.
    """

    judges_prefixes = True

    def __init__(self, scorer: Scorer, *, width: int, depth: int, alpha: float, until: Boundary = STEP) -> None:
        """Choose how far to look ahead; a sample costs width + width^2 + ... + width^depth continuations.

        Raises:
            InputError: a width without a depth or the reverse, an alpha out of range, or a scorer of whole samples.
        """
        if min(width, depth) < 0 or (width == 0) != (depth == 0):
            raise InputError(
                f"confidence integration needs width and depth >= 1, or both 0 to look at no future, got width {width} "
                f"and depth {depth}"
            )
        if not 0.0 <= alpha <= 1.0:
            raise InputError(f"confidence integration needs alpha in [0, 1], got {alpha}")
        if not scorer.judges_prefixes:
            raise InputError(
                f"confidence integration needs a scorer of partial samples, and {scorer.name} judges whole samples "
                "only: integrate grace or mean_logprob, for instance"
            )
        self.scorer, self.width, self.depth, self.alpha, self.until = scorer, width, depth, alpha, until

    @property
    def needs(self) -> Signals:
        """The scorer's signals, and the signal that ends continuations."""
        return self.scorer.needs | Signals(entropy=self.until.kind == "entropy_above")

    @property
    def name(self) -> str:
        """The name in calibration files, such as "grace+bci(w=2,d=1,alpha=0.5)"."""
        until = "" if self.until == STEP else f",until={self.until.kind}:{self.until.value:g}:{self.until.window}"
        return f"{self.scorer.name}+bci(w={self.width},d={self.depth},alpha={self.alpha:g}{until})"

    @property
    def key(self) -> Mapping[str, object]:
        """The scorer's key, and the options of the integration."""
        return {
            **self.scorer.key,
            "bci": {
                "width": self.width,
                "depth": self.depth,
                "alpha": self.alpha,
                "until": [self.until.kind, self.until.value, self.until.window],
            },
        }

    @property
    def uses_engine(self) -> bool:
        """True if continuations are drawn, or the scorer asks the engine."""
        return self.width > 0 or self.scorer.uses_engine

    @property
    def own_model(self) -> bool:
        """True if nothing is continued and the scorer asks a model of its own alone."""
        return self.width == 0 and self.scorer.own_model

    @property
    def reads_texts(self) -> bool:
        """True if the scorer reads texts without signals."""
        return self.scorer.reads_texts

    @property
    def compares_samples(self) -> bool:
        """True if the scorer compares samples."""
        return self.scorer.compares_samples

    @property
    def abstains(self) -> bool:
        """True if the scorer abstains."""
        return self.scorer.abstains

    def lacks(self, capabilities: Capabilities) -> str | None:
        """Return what the scorer lacks."""
        return self.scorer.lacks(capabilities)

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """Conf' of each sample, in [0, 1], shape [len(samples)]; a level is drawn at once and judged in one call.

        Raises:
            UnsupportedError: there is no engine that can continue a partial sample, or the scorer gave another number
                of scores.
            EngineError: a continuation failed.
        """
        return integrate(*await self.local_confidences(problem, samples, engine), self.alpha)

    async def local_confidences(
        self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine
    ) -> tuple[list[NDArray[np.float64]], list[NDArray[np.int_]]]:
        """Local confidences of samples and of what follows them, as :func:`integrate` takes them; alpha has no part.

        Raises:
            UnsupportedError: as :meth:`score`.
            EngineError: as :meth:`score`.
        """
        level = [_Node(sample, sample) for sample in samples]
        levels, parents = [await self._score_level(problem, level, engine)], []
        for _ in range(self.depth):
            level = await self._continuations(problem, level, engine)
            if not level:
                break
            levels.append(await self._score_level(problem, level, engine))
            parents.append(np.array([node.parent for node in level]))
        return levels, parents

    async def _score_level(
        self, problem: Problem, level: Sequence[_Node], engine: MeteredEngine
    ) -> NDArray[np.float64]:
        scores = await self.scorer.score(problem, [node.sample for node in level], engine)
        values = np.asarray(scores, dtype=np.float64)
        if values.shape != (len(level),):
            raise UnsupportedError(
                f"scorer {type(self.scorer).__name__} gave scores of shape {values.shape} for {len(level)} samples of "
                f"problem {problem.id!r}, expected one each"
            )
        return values

    async def _continuations(self, problem: Problem, level: Sequence[_Node], engine: MeteredEngine) -> list[_Node]:
        """Draw ``width`` continuations of each partial sample of a level."""
        nodes, width, signals = sum(self.width**i for i in range(1, self.depth + 1)), self.width, self.needs
        paused = [(place, node) for place, node in enumerate(level) if node.sample.end is End.BOUNDARY]
        drawn = await together(
            engine.draw(
                problem,
                Draw(width, node.sample, self.until),
                signals=signals,
                first=rollout(node.root, width * node.number, nodes),
            )
            for _, node in paused
        )
        return [
            _Node(sample, node.root, place, width * node.number + 1 + branch)
            for (place, node), branches in zip(paused, drawn, strict=True)
            for branch, sample in enumerate(branches)
        ]


def integrate(
    levels: Sequence[NDArray[np.float64]], parents: Sequence[NDArray[np.int_]], alpha: float
) -> NDArray[np.float64]:
    """Return Conf' of the first level: alpha times its confidence plus 1 - alpha times the mean Conf' of its children.

    Args:
        levels: local confidences, [nodes of the level] each; a node without children keeps its own.
        parents: for every level but the first, the index of each node's parent in the level above.
        alpha: in [0, 1].

    Source:
        FineCE, arXiv 2508.12040, equation 5: Conf'_j = alpha Conf_j + (1 - alpha) / w sum_d Conf'_{j+1}^d.
    """
    found = levels[-1]
    for local, above in zip(reversed(levels[:-1]), reversed(parents), strict=True):
        count, total = np.bincount(above, minlength=len(local)), np.bincount(above, found, minlength=len(local))
        future = total / np.maximum(count, 1)
        found = np.where(count > 0, alpha * local + (1.0 - alpha) * future, local)
    return found
