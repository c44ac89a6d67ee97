"""Outcome reward models: a sequence classifier that scores a question with a whole sample.

Knows nothing about engines; the model is its own, is loaded on first use, and runs in a thread, so that the event loop
lives. Needs the extra ``hf``.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tts.engines.special_tokens import PlainText
from tts.errors import InputError, UnsupportedError
from tts.models.resolve import fingerprint
from tts.scorers.base import BaseScorer
from tts.scorers.metered import MeteredEngine
from tts.scorers.reward.batches import check_length, padded
from tts.types import Problem, Sample

Ids = list[int]


class OutcomeReward(BaseScorer):
    """Any Hugging Face sequence-classification model as a scorer; ``raw`` gives its log-odds.

    One label: the sigmoid of its logit. Several: the softmax of the positive one.

    Source:
        Cobbe et al., arXiv 2110.14168: verifiers that judge a whole solution.
    """

    name = "reward"
    judges_prefixes = False

    def __init__(
        self,
        path: str | Path,
        *,
        positive: int | None = None,
        template: str | None = None,
        batch: int = 8,
        device: str = "cpu",
    ) -> None:
        """Name the model; nothing is loaded yet.

        Args:
            path: the directory of the model and its tokenizer.
            positive: the label that means "right"; the last one where left out.
            template: text with ``{question}`` and ``{text}`` to classify; left out, a chat of both where the tokenizer
                has a chat template, else both with a line break between them.
            batch: samples a forward pass, >= 1.
            device: where torch puts the model.

        Raises:
            InputError: the directory is missing or holds no sequence classifier, or ``batch`` is below 1.
        """
        if batch < 1:
            raise InputError(f"an outcome reward model needs a batch of at least 1, got {batch}")
        self.path, self.positive, self.template, self.batch, self.device = Path(path), positive, template, batch, device
        _check(self.path)
        self.key = {"positive": positive, "template": template, "model": fingerprint(self.path)}
        self._loading = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None

    async def raw(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """Log-odds of the positive label, shape [len(samples)]; every token read is charged.

        Raises:
            InputError: the model cannot be loaded.
            UnsupportedError: a text is too long for it, or the extra ``hf`` is missing.
        """
        logits = np.zeros(len(samples))
        if not samples:
            return logits
        model, tokenizer = await asyncio.to_thread(self._load)
        texts = await asyncio.to_thread(self._encoded, problem, samples, model, tokenizer)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # of like length together: little padding
        size = self.batch if tokenizer.pad_token_id is not None else 1
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            engine.charge(sum(len(texts[i]) for i in rows))  # a pass that was begun runs to its end
            logits[rows] = await asyncio.to_thread(self._odds, [texts[i] for i in rows], model, tokenizer)
        return logits

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """P(right) as the model has it, shape [len(samples)].

        Raises:
            InputError: the model cannot be loaded.
            UnsupportedError: a text is too long for it, or the extra ``hf`` is missing.
        """
        return np.asarray(expit(await self.raw(problem, samples, engine)))

    def _load(self) -> tuple[Any, Any]:
        with self._loading:
            if self._loaded is None:
                self._loaded = load(self.path, self.device)
            return self._loaded

    def _encoded(self, problem: Problem, samples: Sequence[Sample], model: Any, tokenizer: Any) -> list[Ids]:
        texts = []
        with self._loading:  # a tokenizer serves one thread at a time
            for sample in samples:
                ids = written_ids(tokenizer, problem.question, sample.text, self.template)
                check_length(self.path, model, problem, sample, len(ids))
                texts.append(ids)
        return texts

    def _odds(self, texts: list[Ids], model: Any, tokenizer: Any) -> NDArray[np.float64]:
        import torch

        ids, mask = padded(texts, tokenizer.pad_token_id or 0, self.device)
        with self._loading, torch.inference_mode():
            logits = model(input_ids=ids, attention_mask=mask).logits.double()
        labels = logits.shape[1]
        positive = labels - 1 if self.positive is None else self.positive
        if not 0 <= positive < labels:
            raise InputError(
                f"reward model {self.path} has labels 0 to {labels - 1} and positive is {positive}: choose one of them"
            )
        rest = logits[:, [k for k in range(labels) if k != positive]]
        odds = logits[:, positive] - (torch.logsumexp(rest, dim=1) if labels > 1 else 0.0)
        return np.asarray(odds.cpu().numpy(), dtype=np.float64)


def written_ids(tokenizer: Any, question: str, text: str, template: str | None = None) -> Ids:
    """Return the tokens of a question with a sample, as an outcome reward model reads them.

    Args:
        tokenizer: of the reward model.
        question: the question.
        text: the sample.
        template: as :class:`OutcomeReward` takes it.
    """
    plain = PlainText(tokenizer)
    question, text = plain.guard(question), plain.guard(text)
    if template is None and tokenizer.chat_template:
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": text}]
        return list(plain.encode(tokenizer.apply_chat_template(turns, tokenize=False)))
    before, _, after = ("{question}\n{text}" if template is None else template).partition("{text}")
    filled = before.replace("{question}", question) + text + after.replace("{question}", question)
    return list(plain.encode(filled, begin=True))


def load(path: Path, device: str) -> tuple[Any, Any]:
    """The model in evaluation mode, and its tokenizer.

    Raises:
        InputError: the directory holds no sequence classifier whose weights are complete.
        UnsupportedError: the extra ``hf`` is missing.
    """
    try:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
    except ImportError:
        raise UnsupportedError(
            "outcome reward models need torch and transformers: install the extra with pip install 'tts-rerank[hf]'"
        ) from None
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
        model, found = AutoModelForSequenceClassification.from_pretrained(
            path, local_files_only=True, output_loading_info=True
        )
    except Exception as error:  # whatever a broken directory makes of it
        reason = " ".join(str(error).split())
        raise InputError(f"reward model {path} cannot be loaded ({reason:.200}): give a complete directory") from error
    if missing := sorted(found["missing_keys"]):
        raise InputError(f"reward model {path} lacks the weights {', '.join(missing)}: give a complete directory")
    if tokenizer.pad_token_id is not None and model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id
    return model.to(device).eval(), tokenizer


def _check(path: Path) -> None:
    """Refuse what is no directory of a sequence classifier, without loading it."""
    if not path.is_dir():
        raise InputError(f"reward model {path}: no such directory; give that of a sequence-classification model")
    try:
        kinds = json.loads((path / "config.json").read_text(encoding="utf-8")).get("architectures") or []
    except (OSError, ValueError, AttributeError):
        raise InputError(f"reward model {path} holds no readable config.json: give a Hugging Face model") from None
    if not any(str(kind).endswith("ForSequenceClassification") for kind in kinds):
        raise InputError(
            f"reward model {path} must be a sequence classifier (...ForSequenceClassification), and is "
            f"{', '.join(map(str, kinds)) or 'of no named architecture'}: give a reward model"
        )
