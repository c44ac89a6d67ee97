"""The model of a FineCE scorer that is not grown: a separate model, or adapters that are active for scoring only.

The model is loaded on first use and runs in a thread, so that the event loop keeps running. The generator is another
copy, so the weights learned for scoring do not change the text.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts.errors import InputError, UnsupportedError, first_line
from tts.models.finece import HEAD, FineceCard
from tts.types import Problem

Ids = tuple[int, ...]


class PrefixModel:
    """Reads texts with their questions, in batches of like length."""

    def __init__(
        self,
        path: Path,
        card: FineceCard,
        base: Path | str,
        *,
        revision: str | None = None,
        device: str = "cpu",
        batch: int = 32,
    ) -> None:
        """Name the scorer; nothing is loaded yet.

        Args:
            path: the scorer's directory.
            card: its card.
            base: directory or name of the model that the adapters belong to.
            revision: revision of the base, if it is a name on the hub; None takes the newest.
            device: where torch puts the model.
            batch: texts per pass, >= 1.
        """
        self.path, self.card, self.base, self.revision = path, card, base, revision
        self.device, self.batch = device, batch
        self._loading = threading.Lock()
        self._model: Any = None

    def check(self, problem: Problem, texts: Sequence[Ids]) -> None:
        """Check that every text fits into the context.

        Raises:
            InputError: the model cannot be loaded.
            UnsupportedError: a text is longer than the model's context.
        """
        with self._loading:
            self._load()
        most = getattr(self._model.config, "max_position_embeddings", None)
        longest = max(map(len, texts), default=0)
        if most is not None and longest > most:
            raise UnsupportedError(
                f"a prefix of problem {problem.id!r} has {longest} tokens with its question and the scorer's context "
                f"holds {most}: judge earlier, or draw shorter samples"
            )

    def read(self, texts: Sequence[Ids]) -> NDArray[np.float64]:
        """The confidence of each text, in [0, 1], shape [texts]."""
        import torch

        from tts.models.value_head import confidence

        out = np.empty(len(texts))
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        with self._loading, torch.inference_mode():
            for start in range(0, len(order), self.batch):
                rows = order[start : start + self.batch]
                width = len(texts[rows[-1]])
                ids = torch.tensor([[*texts[i], *[0] * (width - len(texts[i]))] for i in rows], device=self.device)
                mask = torch.tensor(
                    [[1] * len(texts[i]) + [0] * (width - len(texts[i])) for i in rows], device=self.device
                )
                logits = self._model(input_ids=ids, attention_mask=mask, use_cache=False).logits
                at = logits[torch.arange(len(rows)), torch.tensor([len(texts[i]) - 1 for i in rows])].float()
                said = at[:, list(self.card.tokens)] if self.card.tokens else at
                out[rows] = confidence(said).double().cpu().numpy()
        return out

    def _load(self) -> None:
        if self._model is not None:
            return
        import torch
        from safetensors import SafetensorError
        from transformers import AutoModelForCausalLM, AutoTokenizer

        from tts.models.loading import quiet, quiet_peft

        try:
            with quiet():
                adapter = self.card.form == "adapter"
                given = {"revision": self.revision} if adapter and self.revision else {}
                source = self.base if adapter else self.path
                model: Any = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, **given)
                if adapter:
                    from peft import PeftModel

                    words = len(AutoTokenizer.from_pretrained(self.path))
                    if words > model.get_input_embeddings().weight.shape[0]:
                        model.resize_token_embeddings(words, mean_resizing=False)
                    with quiet_peft():
                        model = PeftModel.from_pretrained(model, self.path)
                if self.card.read == "head":
                    model = _headed(model, self.path)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            why = first_line(error)
            raise InputError(f"scorer {self.path} cannot be loaded ({why:.200}): train it again") from None
        self._model = model.to(self.device).eval()


def _headed(model: Any, path: Path) -> Any:
    """The model with the head that was trained."""
    from safetensors.torch import load_file

    from tts.models.value_head import ValueHeadModel

    found = ValueHeadModel(model)
    found.head.load_state_dict(load_file(path / HEAD))
    return found
