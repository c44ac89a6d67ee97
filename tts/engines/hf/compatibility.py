"""The choice of a decoder for a model, by trying it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch

from tts.engines.hf.decoder import Decoder
from tts.engines.hf.library_decoder import LibraryDecoder
from tts.engines.hf.step_input import JoiningSequence
from tts.engines.sampling import Sampling
from tts.engines.text import Ids
from tts.errors import UnsupportedError

TRIED = (5, 7, 11, 13)


def choose_decoder(model: Any, sampling: Sampling, suppressed: Ids, notify: Callable[[str], None]) -> Decoder:
    """Return the decoder with one cache for all rows, or for other models one that steps the library's own caches.

    Args:
        model: in evaluation mode, on its device.
        sampling: how tokens are drawn.
        suppressed: ids of tokens that are never drawn.
        notify: receives one sentence about a slower decoder.

    Raises:
        UnsupportedError: with neither cache the model computes what it computes without one.
    """
    config = model.config.get_text_config()
    name = f"model type {config.model_type}"
    why = other_layers(config)
    if not why:
        found = Decoder(model, sampling, suppressed=suppressed)
        why = _fault(found)
        if not why:
            return found
    stepped = LibraryDecoder(model, sampling, suppressed=suppressed)
    if fault := _fault(stepped):
        raise UnsupportedError(f"{name} cannot run on the transformers engine ({fault}): use another engine")
    notify(f"{name} ({why}) runs on transformers' own cache, one sample after another, and so slower than others")
    return stepped


def other_layers(config: Any) -> str:
    """Return the layers that do more than attend to all earlier tokens, in words; empty without any."""
    kinds = set(getattr(config, "layer_types", None) or ()) - {"full_attention"}
    if kinds:
        return f"layers of type {', '.join(sorted(kinds))}"
    window, context = getattr(config, "sliding_window", None), getattr(config, "max_position_embeddings", None)
    if window and getattr(config, "use_sliding_window", True) and not (context and window >= context):
        return f"a sliding window of {window} tokens"
    return ""


def _fault(decoder: Decoder) -> str:
    """Return what is wrong with the logits of a few tokens read in two parts; empty where they are right."""
    model = decoder.model
    if "past_key_values" not in inspect.signature(model.forward).parameters:
        return "it has no key-value cache"
    ids = tuple(i % decoder.vocabulary for i in TRIED)
    try:
        with torch.inference_mode():
            plain = model(input_ids=torch.tensor([ids], device=model.device)).logits[0, -1].float()
            cached = decoder.prefill([JoiningSequence(ids, ids[:2])])[0].logits.float()
    except (TypeError, RuntimeError, IndexError, AttributeError, ValueError) as error:
        return str(error).partition("\n")[0][:200]
    finally:
        decoder.clear()
    loose = 1e-3 if model.dtype == torch.float32 else 0.1
    same = torch.allclose(plain, cached, atol=loose * float(plain.abs().max()), rtol=0)
    return "" if same else "it computes something else with a cache than without"
