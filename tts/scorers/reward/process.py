"""Process reward models: each step of a whole or partial sample is judged in one pass, and the steps are aggregated."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tts.engines.special_tokens import PlainText
from tts.errors import InputError, UnsupportedError, unknown_name
from tts.models.resolve import fingerprint
from tts.scorers.base import BaseScorer
from tts.scorers.metered import MeteredEngine
from tts.scorers.reward.batches import check_length, padded
from tts.scorers.reward.forms import FORMS, SIGNS, Written, check_tokenizer
from tts.types import Problem, Sample

Aggregate = Literal["last", "min", "prod", "mean"]
HEADS = ("score", "v_head.summary", "v_head", "value_head")
"""The names of heads in the weights of process reward models."""
AGGREGATES: dict[str, Callable[[NDArray[np.float64]], float]] = {
    "last": lambda steps: float(steps[-1]),
    "min": lambda steps: float(steps.min()),
    "prod": lambda steps: float(steps.prod()),
    "mean": lambda steps: float(steps.mean()),
}


class ProcessReward(BaseScorer):
    """A process reward model as a scorer of whole and partial samples.

    Source:
        Lightman et al., arXiv 2305.20050; see :data:`~tts.scorers.reward.forms.FORMS`.
    """

    name = "reward"

    def __init__(
        self,
        path: str | Path,
        form: str,
        *,
        aggregate: str = "last",
        separator: str | None = None,
        batch: int = 8,
        device: str = "cpu",
    ) -> None:
        """Name the model; nothing is loaded yet.

        Args:
            path: the directory of the model and its tokenizer.
            form: a name of :data:`~tts.scorers.reward.forms.FORMS`.
            aggregate: from the rewards of the steps to that of the sample: "last", "min", "prod" or "mean".
            separator: the text between two steps; None takes the form's.
            batch: samples a forward pass, >= 1.
            device: where torch puts the model.

        Raises:
            InputError: no such directory, form or aggregate, or ``batch`` is below 1.
        """
        if form not in FORMS:
            raise unknown_name("form of process reward models", form, FORMS)
        if aggregate not in get_args(Aggregate):
            raise unknown_name("aggregate", aggregate, get_args(Aggregate))
        self.path, self.form, self.aggregate, self.separator = Path(path), form, aggregate, separator
        if not (self.path / "config.json").is_file():
            raise InputError(f"reward model {path}: no model there (it has no config.json): give its directory")
        if batch < 1:
            raise InputError(f"a process reward model needs a batch of at least 1, got {batch}")
        self.batch, self.device = batch, device
        own = {"form": form, "aggregate": aggregate, "separator": separator}
        self.key = {**own, "model": fingerprint(self.path)}
        self._loading = threading.Lock()
        self._loaded: tuple[Any, Any, PlainText] | None = None

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """The aggregate of the rewards of each sample's steps, in [0, 1], shape [len(samples)]; 0 without a step.

        Raises:
            InputError: the model cannot be loaded.
            UnsupportedError: a text is too long for it, or the extra ``hf`` is missing.
        """
        return np.array([self._aggregated(s) for s in await self.rewards(problem, samples, engine)], dtype=np.float64)

    async def rewards(
        self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine
    ) -> list[NDArray[np.float64]]:
        """The reward of each step of each sample, in [0, 1]; every token read is charged.

        Raises:
            InputError: the model cannot be loaded.
            UnsupportedError: a text is too long for it, or the extra ``hf`` is missing.
        """
        if not samples:
            return []
        form = FORMS[self.form]
        model, tokenizer, plain = await asyncio.to_thread(self._load)
        with self._loading:  # a tokenizer serves one thread at a time
            steps = [form.steps(sample.text, self.separator) for sample in samples]
            written = [form.write(tokenizer, plain, problem.question, own) if own else ([], []) for own in steps]
        for sample, (ids, _) in zip(samples, written, strict=True):
            check_length(self.path, model, problem, sample, len(ids))
        found = [np.zeros(0) for _ in samples]
        order = sorted((i for i, (ids, _) in enumerate(written) if ids), key=lambda i: len(written[i][0]))
        for start in range(0, len(order), self.batch):
            rows = order[start : start + self.batch]
            engine.charge(sum(len(written[i][0]) for i in rows))  # a pass that was begun runs to its end
            some = [written[i] for i in rows]
            for i, values in zip(rows, await asyncio.to_thread(self._read, some, model, tokenizer), strict=True):
                found[i] = values
        return found

    def _aggregated(self, steps: NDArray[np.float64]) -> float:
        return AGGREGATES[self.aggregate](steps) if len(steps) else 0.0

    def _load(self) -> tuple[Any, Any, PlainText]:
        with self._loading:
            if self._loaded is None:
                model, tokenizer = load(self.path, self.form, self.device)
                self._loaded = model, tokenizer, PlainText(tokenizer)
            return self._loaded

    def _read(self, written: Sequence[Written], model: Any, tokenizer: Any) -> list[NDArray[np.float64]]:
        import torch

        tokens, mask = padded([ids for ids, _ in written], 0, self.device)
        with self._loading, torch.inference_mode():
            out = model(input_ids=tokens, attention_mask=mask).double()
        if FORMS[self.form].reads == "signs":
            signs = [tokenizer.encode(sign, add_special_tokens=False)[-1] for sign in SIGNS]
            right = out[..., signs].softmax(-1)[..., 0]
        else:
            right = out[..., 0].sigmoid() if out.shape[-1] == 1 else out.softmax(-1)[..., -1]
        return [right[row, places].cpu().numpy() for row, (_, places) in enumerate(written)]


def load(path: Path, form: str, device: str) -> tuple[Any, Any]:
    """Return the model, from tokens to logits of labels or of the vocabulary at each token, and its tokenizer.

    No code of the model's directory runs: a head is read from its weights, as one or two linear layers.

    Raises:
        InputError: the directory holds no such model, or no head.
        UnsupportedError: the extra ``hf`` is missing.
    """
    try:
        from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer
    except ImportError:
        raise UnsupportedError(
            "process reward models need torch and transformers: install the extra with pip install 'tts-rerank[hf]'"
        ) from None
    from tts.models.loading import quiet
    from tts.scorers.reward.headed import CausalModel, HeadedModel, read_head

    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
            signs = FORMS[form].reads == "signs"
            kind: Any = AutoModelForCausalLM if signs else AutoModel
            inner, found = kind.from_pretrained(path, local_files_only=True, output_loading_info=True)
            if missing := sorted(found["missing_keys"]):
                raise InputError(
                    f"reward model {path} lacks the weights {', '.join(missing)}: give a complete directory"
                )
            model = CausalModel(inner) if signs else HeadedModel(inner, read_head(path, HEADS))
    except InputError:
        raise
    except Exception as error:  # whatever a broken directory makes of it
        reason = " ".join(str(error).split())
        raise InputError(f"reward model {path} cannot be loaded ({reason:.200}): give a complete directory") from error
    check_tokenizer(path, form, tokenizer)
    return model.to(device).eval(), tokenizer
