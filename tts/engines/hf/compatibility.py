"""The check that a model runs on this engine's cache."""

from __future__ import annotations

from typing import Any

import torch

from tts.engines.hf.decoder import Decoder, JoiningSequence
from tts.engines.sampling import Sampling
from tts.errors import UnsupportedError


def check_model(model: Any) -> None:
    """Refuse a model that this cache cannot serve.

    Raises:
        UnsupportedError: its layers attend in ways that one key-value cache cannot hold, or its logits with the
            cache differ.
    """
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    name = f"model type {config.model_type}"
    if kinds != {"full_attention"}:
        raise UnsupportedError(
            f"{name} has layers of type {', '.join(sorted(kinds - {'full_attention'}))}, which the transformers engine "
            "does not run: it needs full attention in every layer; use the vllm or an OpenAI-compatible engine"
        )
    ids = tuple(i % model.get_output_embeddings().weight.shape[0] for i in (5, 7, 11, 13))
    decoder = Decoder(model, Sampling())
    try:
        with torch.inference_mode():
            plain = model(input_ids=torch.tensor([ids], device=model.device)).logits[0, -1].float()
            cached = decoder.prefill([JoiningSequence(ids, ids[:2])])[0].logits.float()
    except (TypeError, RuntimeError, IndexError) as error:
        raise UnsupportedError(f"{name} cannot run on the transformers engine's cache ({error})") from None
    loose = 1e-3 if model.dtype == torch.float32 else 0.1
    if not torch.allclose(plain, cached, atol=loose * float(plain.abs().max()), rtol=0):
        raise UnsupportedError(f"{name} computes something else on the transformers engine's cache: use another engine")
