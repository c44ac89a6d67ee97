"""FineCE: the probability that a prefix ends in a right answer.

A scorer that was grown onto its model gives it in the pass that draws, at every token, at no cost. A separate model, or
adapters that are active for scoring only, reads the question and the text again and is charged for it; an engine that
switches adapters itself (vLLM) reads them where its own draws are cached.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tts.engines.base import Prefix
from tts.errors import EngineError, InputError
from tts.models.finece import FineceCard, read_card
from tts.models.resolve import fingerprint
from tts.scorers.base import BaseScorer, Scorer
from tts.scorers.calibration.calibration_file import Provenance
from tts.scorers.integration import Integrated
from tts.scorers.metered import MeteredEngine, with_signals
from tts.scorers.trace_scores import expectation
from tts.types import Problem, Sample, Signals, content_ids

if TYPE_CHECKING:
    from tts.scorers.prefix_model import PrefixModel


class Finece(BaseScorer):
    """Reads the confidence of samples, whole and partial; see :mod:`tts.models.finece` for where.

    A grown scorer reads the distribution that drew the sample's last token. For a whole sample, which the
    end-of-sequence token ends, this is the confidence in all its text; for a sample that paused at a boundary, in all
    but its last token. Text that was drawn elsewhere is read as the pass that draws it would, where the engine reads
    texts (``Capabilities.reads``), and to its end elsewhere, in one pass.

    Attributes:
        card: the tokens or the head that it reads.
        needs: signals to collect while drawing.

    Source:
        FineCE, arXiv 2508.12040.
    """

    name = "finece"
    reads_texts = True

    def __init__(self, card: FineceCard, judge: PrefixModel | None = None) -> None:
        """Choose the card and, for a scorer that is not grown, the model that judges."""
        self.card, self.judge = card, judge
        self.needs = card.signals() if judge is None else Signals()
        self.uses_engine = judge is not None
        own = {"form": card.form, "read": card.read, "tokens": list(card.tokens)}
        self.key = own if judge is None else {**own, "judge": fingerprint(judge.path)}

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """P(ends well), in [0, 1], shape [len(samples)]; at most one pass.

        Raises:
            UnsupportedError: there is no engine to read a text with, or a text is too long for the judge.
            EngineError: the engine gives values that are no probabilities.
        """
        if self.judge is not None:
            return await self._judged(self.judge, problem, samples, engine)
        samples = await with_signals(problem, samples, self.needs, engine)
        out = np.empty(len(samples))
        drawn = [all(s.trace.watched.get(token) for token in self.card.tokens) for s in samples]
        for i, sample in enumerate(samples):
            if drawn[i]:
                out[i] = expectation(np.array([sample.trace.watched[token][-1] for token in self.card.tokens]))
        foreign = [i for i, there in enumerate(drawn) if not there]
        if foreign:
            prefixes = [Prefix(problem, samples[i].text, content_ids(samples[i])) for i in foreign]
            read = np.asarray(await engine.score(prefixes, self.card.tokens), dtype=np.float64)
            if not ((read >= 0) & (read <= 1)).all() or not (read.sum(1) > 0).all():  # NaN too
                raise EngineError(f"the engine gave no probabilities of value tokens on problem {problem.id!r}")
            out[foreign] = expectation(read)
        return out

    async def _judged(
        self, judge: PrefixModel, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine
    ) -> NDArray[np.float64]:
        """Score by a separate model, or by the engine with adapters active; every token that is read is charged."""
        if engine.adapters and judge.card.form == "adapter" and judge.card.read == "numbers":
            prefixes = [Prefix(problem, sample.text, content_ids(sample)) for sample in samples]
            read = await engine.score(prefixes, judge.card.tokens, adapter=judge.path)
            return expectation(np.asarray(read, dtype=np.float64))
        prompt = engine.prompt_ids(problem)
        texts = []
        for sample in samples:
            texts.append(prompt + (content_ids(sample) or engine.prefix_ids(Prefix(problem, sample.text))))
        judge.check(problem, texts)
        engine.charge(sum(map(len, texts)))
        return await asyncio.to_thread(judge.read, texts)


def open_finece(
    *,
    path: str | None = None,
    width: int = 0,
    depth: int = 0,
    alpha: float = 0.5,
    device: str = "cpu",
    folder: Path | None = None,
    provenance: Provenance | None = None,
) -> Scorer:
    """Build the scorer from a configuration.

    Args:
        path: the directory of a scorer that is not grown; None takes the model's own.
        width: continuations of each judged prefix, w of Backward Confidence Integration; 0 without.
        depth: steps ahead, d of it; 0 without.
        alpha: the weight of a prefix's own confidence against that of its continuations, in [0, 1].
        device: where a scorer that is not grown puts its model.
        folder: the model's local directory; None where it has none.
        provenance: names the model that draws.

    Raises:
        InputError: no card, a scorer of another model's prefixes, or one that is grown onto another model.
    """
    if path is None and folder is None:
        raise InputError(
            "scorer finece needs the finece.json of a FineCE model, and this model is no local directory: give "
            "engine.model=DIRECTORY, or scorer.path=DIRECTORY"
        )
    place = folder if path is None else Path(path).expanduser()
    assert place is not None
    card = read_card(place)
    if card.form == "grown":
        if folder is None or place.resolve() != folder.resolve():
            raise InputError(
                f"{place} is a model that gives its confidence while it draws: give engine.model={place} and leave "
                "scorer.path out"
            )
        scorer = Finece(card)
    else:
        if provenance is not None and card.judges != provenance.model:
            raise InputError(
                f"{place} judges prefixes of {card.judges} and the model is {provenance.model}: choose that model, or "
                "train a scorer of this one's with `tts train finece`"
            )
        from tts.scorers.prefix_model import PrefixModel

        revision = (card.revision or None) if folder is None else None
        base = folder if folder is not None else card.base
        scorer = Finece(card, PrefixModel(place, card, base, revision=revision, device=device))
    if not width and not depth:
        return scorer
    return Integrated(scorer, width=width, depth=depth, alpha=alpha)
