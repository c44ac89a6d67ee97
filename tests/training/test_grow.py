"""Growing: the base's text stays as it is, whatever the new parts learn, and the result is a plain model."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from transformers import GPT2Config, GPT2LMHeadModel, Qwen2Config, Qwen2ForCausalLM  # noqa: E402

from tests.training.cases import model, tokenizer  # noqa: E402
from tts.errors import InputError  # noqa: E402
from tts.training.adapters import add_tokens  # noqa: E402
from tts.training.grace.losses import others  # noqa: E402
from tts.training.grow import Grown, grow  # noqa: E402
from tts.training.schedule import GrowConfig  # noqa: E402

IDS = torch.randint(5, 300, (3, 20), generator=torch.Generator().manual_seed(0))
CONFIG = GrowConfig(channels=16, heads=1, neurons=12, layers=1)


def qwen(tied: bool) -> Any:
    """Grouped queries, and biases."""
    torch.manual_seed(0)
    small = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=400,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            tie_word_embeddings=tied,
        )
    ).eval()
    for name, weight in small.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(weight, std=0.1)
    return small


def grown(base: Any, token: int) -> Grown:
    return grow(base, CONFIG, [token])


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_whatever_the_new_parts_hold_the_text_is_the_bases(kind: str, tied: bool) -> None:
    base = model(tied=tied) if kind == "llama" else qwen(tied)
    token = base.config.vocab_size - 1
    found = grown(base, token)
    with torch.no_grad():
        before = others(base(input_ids=IDS).logits, token).log_softmax(-1)
        start = found(input_ids=IDS, use_cache=False).logits
        for weight in found.parameters():
            if weight.requires_grad:
                weight.add_(0.2 * torch.randn_like(weight))
        after = found(input_ids=IDS, use_cache=False).logits
        assert float((after - start)[..., token].abs().max()) > 0.1  # the confidence did change
        text = others(after, token).log_softmax(-1)
        kept = [i for i in range(before.shape[-1]) if i != token]
        assert float((text - before)[..., kept].abs().max()) < 2e-3
        plain = found.merged()
        assert type(plain) is type(base) and not plain.training
        assert torch.allclose(plain(input_ids=IDS).logits, after, atol=1e-4)
        cached = plain(input_ids=IDS[:, :10], use_cache=True).past_key_values
        assert torch.allclose(plain(input_ids=IDS[:, 10:], past_key_values=cached).logits, after[:, 10:], atol=1e-3)


def test_only_what_is_new_is_trained() -> None:
    base = model()
    found = grown(base, 10)
    names = [name for name, weight in found.named_parameters() if weight.requires_grad]
    assert names and all(name.endswith("trained") for name in names)
    found(input_ids=IDS, use_cache=False).logits[..., 10].sum().backward()
    for name, weight in found.named_parameters():
        assert (weight.grad is not None) == name.endswith("trained"), name


def test_a_new_layer_has_all_the_heads_and_neurons_that_the_others_have() -> None:
    base = model()
    last = grown(base, 10).merged().model.layers[-1]
    for name in ("self_attn.q_proj", "self_attn.v_proj", "mlp.gate_proj"):
        assert bool((last.get_submodule(name).weight.abs().amax(1) > 0).all()), name
    for name in ("self_attn.o_proj", "mlp.down_proj"):  # and writes into the new channels only
        rows = last.get_submodule(name).weight.abs().amax(1) > 0
        assert rows.tolist() == [False] * base.config.hidden_size + [True] * CONFIG.channels, name


def test_a_model_of_another_type_gets_one_sentence() -> None:
    small = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=16, n_layer=1, n_head=2))
    with pytest.raises(InputError, match="method=grow supports models of type llama, mistral, qwen2, got 'gpt2'"):
        grown(small, 3)


def test_channels_that_the_heads_do_not_divide_get_one_sentence() -> None:
    with pytest.raises(InputError, match="makes 34 channels and 3 attention heads"):
        grow(model(), GrowConfig(channels=2), [3])


def test_the_token_row_can_be_the_vocabularys_last() -> None:
    words, base = tokenizer(), model()
    (token,) = add_tokens(base, words, ["<CNF>"])
    assert grown(base, token)(input_ids=IDS, use_cache=False).logits.shape[-1] == token + 1


def test_without_heads_and_neurons_the_appended_layers_alone_are_new() -> None:
    base = model()
    found = grow(base, GrowConfig(channels=2, heads=0, neurons=0, layers=1), [base.config.vocab_size - 1])
    names = {name for name, weight in found.named_parameters() if weight.requires_grad and weight.numel()}
    assert names and all(".layers.2." in n or "lm_head" in n or n.endswith("model.norm.trained") for n in names)
    with torch.no_grad():
        states = found.merged()(input_ids=IDS, use_cache=False, output_hidden_states=True).hidden_states
    width = base.config.hidden_size
    assert not states[2][..., width:].any() and states[3][..., width:].abs().amin() > 0
