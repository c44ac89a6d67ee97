"""A random model of five tokens, and the probabilities of all texts that it can draw, by plain softmax."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tts.engines.sampling import Sampling  # noqa: E402

END = 0
WORDS = ["<end>", "1", "2", "3", "4"]
"""The tokens by their ids; the first one ends a text."""


def tokenizer() -> Any:
    """A tokenizer of these five words."""
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="4"))
    made.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    made.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<end>", unk_token="4")


def random_model(suppressed: tuple[int, ...] = (), *, hidden_size: int = 16) -> Any:
    """A Llama of two layers, the same each time, which never draws the suppressed tokens."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(1)
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=hidden_size,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=512,
        bos_token_id=None,
        eos_token_id=END,
        initializer_range=1.4 / hidden_size**0.5,
    )
    model = LlamaForCausalLM(config).eval()
    model.generation_config.suppress_tokens = list(suppressed) or None
    return model


def processed(logits: Any, sampling: Sampling, suppressed: tuple[int, ...] = (), *, of_kept: bool = False) -> Any:
    """The distribution that a token is drawn from, [vocab], by the definition of each sampling parameter.

    ``top_p`` is a share of all tokens, or as in vLLM of those that ``top_k`` keeps.
    """
    logits = np.array(logits, np.float64)
    logits[list(suppressed)] = -np.inf
    if sampling.temperature == 0:
        return np.eye(len(logits))[logits.argmax()]
    p = np.exp((logits - logits.max()) / sampling.temperature)
    p /= p.sum()
    if of_kept and sampling.top_k:
        p /= np.sort(p)[-sampling.top_k :].sum()
    kept, mass = np.zeros_like(p), 0.0
    for rank, token in enumerate(np.argsort(-p)):
        if (sampling.top_k and rank >= sampling.top_k) or (sampling.top_p < 1 and mass >= sampling.top_p):
            break
        kept[token] = p[token]
        mass += p[token]
    return kept / kept.sum()


def tree(
    model: Any, prompt: tuple[int, ...], sampling: Sampling, suppressed: tuple[int, ...] = (), *, of_kept: bool = False
) -> dict[tuple[int, ...], float]:
    """P(text) of every text with at most ``max_tokens`` tokens: of those that end, and of those that are cut off."""

    def grown(texts: dict[tuple[int, ...], float]) -> Iterator[tuple[tuple[int, ...], float]]:
        with torch.no_grad():
            rows = model(input_ids=torch.tensor([[*prompt, *text] for text in texts])).logits[:, -1]
        for (text, mass), row in zip(texts.items(), rows, strict=True):
            p = processed(row.numpy(), sampling, suppressed, of_kept=of_kept)
            yield from (((*text, token), mass * float(p[token])) for token in range(len(WORDS)) if p[token])

    found: dict[tuple[int, ...], float] = {}
    open_texts: dict[tuple[int, ...], float] = {(): 1.0}
    for _ in range(sampling.max_tokens):
        longer = dict(grown(open_texts))
        found |= {text: mass for text, mass in longer.items() if text[-1] == END}
        open_texts = {text: mass for text, mass in longer.items() if text[-1] != END}
    return found | open_texts
