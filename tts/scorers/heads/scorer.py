"""A trained head as a scorer: reads samples, or the question alone, in a model of its own.

The model is loaded on first use and runs in a thread, so that the event loop keeps running. It is another copy than the
one that draws, so any engine that gives the tokens of a prompt can draw.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tts.engines.base import Prefix
from tts.errors import InputError, UnsupportedError
from tts.models.head import Head, HeadCard
from tts.models.resolve import fingerprint
from tts.scorers.base import BaseScorer
from tts.scorers.metered import MeteredEngine
from tts.types import Problem, Sample, content_ids

Ids = tuple[int, ...]
Item = tuple[Ids, Ids]
REMEMBERED = 4096
"""The most questions whose confidence a scorer that reads questions alone remembers."""


class HeadScorer(BaseScorer):
    """P(correct) by a linear head on hidden states; ``raw`` gives its log-odds.

    "probe" reads each sample behind its prompt, whole or partial; the prompt is read once for several samples of a
    call, where every layer of the model attends to all earlier tokens. "p_ik" reads the question alone, once: all
    samples of a question have the same confidence. "apricot" reads question and whole sample, as texts, in an auxiliary
    model. Equal texts of a call are read once.

    Attributes:
        path: the head's directory.
        card: what it reads.

    Source:
        ActCab, arXiv 2406.13230 ("probe"); Kadavath et al., arXiv 2207.05221 ("p_ik"); Apricot, arXiv 2403.05973.
    """

    def __init__(
        self, path: Path, card: HeadCard, head: Head, source: Path | str, *, revision: str | None, device: str
    ) -> None:
        """Name the model to read; nothing is loaded yet.

        Args:
            path: the head's directory.
            card: its card.
            head: its weights.
            source: directory or name of the model that it reads.
            revision: revision of a name on the hub; None takes the newest.
            device: where torch puts the model.
        """
        self.path, self.card = path, card
        self.name = card.kind
        self.key = {"kind": card.kind, "head": fingerprint(path)}
        self.judges_prefixes = card.kind == "probe"
        self.reads_texts = self.uses_engine = card.kind != "apricot"
        self._head, self._source, self._revision, self._device = head, source, revision, device
        self._lock = threading.Lock()
        self._reader: Any = None
        self._encoder: Any = None
        self._known: dict[Ids, float] = {}

    async def raw(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """Log-odds of being right, shape [len(samples)]; every token that is read is charged.

        Raises:
            InputError: the model cannot be loaded, or is not the one that the head was fitted on.
            UnsupportedError: a text is too long for the model, or the engine gives no tokens.
        """
        if not samples:
            return np.empty(0)
        await asyncio.to_thread(self._load)
        items = self._items(problem, samples, engine)
        alone = items[0][0] if self.card.kind == "p_ik" else None
        if alone in self._known:
            return np.full(len(samples), self._known[alone])
        self._check_length(problem, items)
        engine.charge(sum(row.length for row in self._reader.rows(items)))
        found = await asyncio.to_thread(self._read, items)
        if alone is None:
            return found
        self._known[alone] = float(found[0])
        if len(self._known) > REMEMBERED:
            self._known.pop(next(iter(self._known)))
        return np.full(len(samples), found[0])

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """P(correct), in [0, 1], shape [len(samples)].

        Raises:
            InputError: the model cannot be loaded, or is not the one that the head was fitted on.
            UnsupportedError: a text is too long for the model, or the engine gives no tokens.
        """
        return np.asarray(expit(await self.raw(problem, samples, engine)), dtype=np.float64)

    def _items(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> list[Item]:
        if self.card.kind == "apricot":
            with self._lock:  # a tokenizer serves one thread at a time
                return [self._encoder.item(problem.question, sample.text) for sample in samples]
        prompt = engine.prompt_ids(problem)
        if self.card.kind == "p_ik":
            return [(prompt, ())]
        return [(prompt, content_ids(one) or engine.prefix_ids(Prefix(problem, one.text))) for one in samples]

    def _check_length(self, problem: Problem, items: Sequence[Item]) -> None:
        longest, most = max(len(prompt) + len(text) for prompt, text in items), self._reader.context
        if most is not None and longest > most:
            raise UnsupportedError(
                f"a sample of problem {problem.id!r} has {longest} tokens with its question and the context of scorer "
                f"{self.name} holds {most}: draw shorter samples"
            )

    def _read(self, items: Sequence[Item]) -> NDArray[np.float64]:
        pooling = "last" if self.card.kind == "p_ik" else self.card.pooling
        with self._lock:
            return self._head.log_odds(self._reader.read(items).pooled(pooling))

    def _load(self) -> None:
        with self._lock:
            if self._reader is not None:
                return
            from tts.engines.hf.compatibility import other_layers
            from tts.engines.hf.device import pick_dtype
            from tts.models.reader import TextEncoder, load_reader

            exact = self.card.reader or self._device == "cpu"
            dtype = "float32" if exact else pick_dtype("auto", self._device, self._source, self._revision)
            reader = load_reader(
                self._source,
                revision=self._revision,
                device=self._device,
                dtype=dtype,
                layer=self.card.layer,
                shared=False,
            )
            if reader.width != self.card.width:
                raise InputError(
                    f"{self.path} has {self.card.width} weights and the states of {self._source} have {reader.width} "
                    "numbers: give the model that the head was fitted on"
                )
            if self.card.kind == "apricot":
                self._encoder = TextEncoder(self._source, reader.context)
            else:
                reader.shared = not other_layers(reader.model.config.get_text_config())
            self._reader = reader
