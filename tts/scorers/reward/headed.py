"""Models with logits at every token: a language model, and a model with the head that its weights hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from tts.errors import InputError


class CausalModel(nn.Module):
    """A causal language model as a function from tokens to logits, [rows, tokens, vocabulary]."""

    def __init__(self, inner: Any) -> None:
        """Wrap a Hugging Face model."""
        super().__init__()
        self.inner, self.config = inner, inner.config

    def forward(self, **given: Any) -> Tensor:
        """Return the logits of each next token."""
        logits: Tensor = self.inner(**given, use_cache=False).logits
        return logits


class HeadedModel(nn.Module):
    """A model without its language head, and a head on its last hidden states, [rows, tokens, labels]."""

    def __init__(self, inner: Any, head: nn.Module) -> None:
        """Wrap a Hugging Face model and a head."""
        super().__init__()
        self.inner, self.head, self.config = inner, head, inner.config

    def forward(self, **given: Any) -> Tensor:
        """Return the logits of the labels at each token."""
        logits: Tensor = self.head(self.inner(**given, use_cache=False).last_hidden_state)
        return logits


def read_head(path: Path, names: Sequence[str]) -> nn.Module:
    """Return the head that the weights of a directory hold: linear layers with rectifiers between them.

    Args:
        path: the directory.
        names: the names that a head may have in the weights.

    Raises:
        InputError: no weights of a head.
    """
    weights: dict[str, Tensor] = {}
    for file in sorted(path.glob("*.safetensors")):
        from safetensors import safe_open

        with safe_open(file, framework="pt") as opened:
            for key in opened.keys():  # noqa: SIM118 - not a dict
                if any(key.removeprefix("model.").startswith(f"{name}.") for name in names):
                    weights[key.removeprefix("model.")] = opened.get_tensor(key).float()
    name = next((name for name in names if any(key.startswith(f"{name}.") for key in weights)), None)
    layers = sorted({key.rpartition(".")[0] for key in weights if key.startswith(f"{name}.")})
    if name is None or not all(f"{layer}.weight" in weights for layer in layers):
        raise InputError(f"reward model {path} has no weights of a head ({', '.join(names)}): choose another form")
    parts: list[nn.Module] = []
    for layer in layers:
        weight, bias = weights[f"{layer}.weight"], weights.get(f"{layer}.bias")
        linear = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
        linear.load_state_dict({"weight": weight} if bias is None else {"weight": weight, "bias": bias})
        parts += [nn.ReLU(), linear] if parts else [linear]
    return nn.Sequential(*parts)
