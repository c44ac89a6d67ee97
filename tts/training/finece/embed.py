"""Embedding of texts by a model: the mean of its last hidden states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import NDArray

from tts.engines.hf.engine import TransformersEngine


def model_embedding(engine: TransformersEngine) -> Callable[[Sequence[str]], NDArray[Any]]:
    """Return a function that embeds texts with the engine's model, [texts, width]; a text without tokens gets zeros."""
    import torch

    model = engine.batch.decoder.model

    @torch.inference_mode()
    def embed(texts: Sequence[str]) -> NDArray[Any]:
        ids = [engine.encode(text)[: engine.encoder.context] for text in texts]
        width = max(1, *map(len, ids))
        tokens = torch.tensor([[*one, *[0] * (width - len(one))] for one in ids], device=model.device)
        inside = torch.tensor([[1.0] * len(one) + [0.0] * (width - len(one)) for one in ids], device=model.device)
        states = model(input_ids=tokens, output_hidden_states=True, use_cache=False).hidden_states[-1].float()
        total = (states * inside[..., None]).sum(1) / inside.sum(1, keepdim=True).clamp(min=1)
        found: NDArray[Any] = total.double().cpu().numpy()
        return found

    return embed
