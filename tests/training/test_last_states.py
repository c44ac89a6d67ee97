"""The states of frozen layers, read once: the same as without, whatever the model's type and the tree's shape."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tests.support.extras import needs_peft  # noqa: E402
from tests.training.cases import QUICK, halves, model, responses, run  # noqa: E402
from tts.errors import InputError  # noqa: E402
from tts.training import last_states  # noqa: E402
from tts.training.last_states import PLAIN, LastStates, decoder_of, frozen_layers  # noqa: E402
from tts.training.packing import Packed, pack  # noqa: E402
from tts.training.responses import Branches, Split, group_rows  # noqa: E402
from tts.training.schedule import GrowConfig, LoraConfig, Schedule  # noqa: E402


def packed(*, count: int = 3, seed: int = 0) -> Packed:
    some = responses(count, seed=seed)
    return pack([Branches.of(some, row) for row in group_rows(some)], end=2, token=7)


def of_type(name: str) -> Any:
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(
        name,
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=64,
    )
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def calls_of(layer: Any, seen: list[int]) -> None:
    layer.register_forward_hook(lambda module, given, found: seen.append(1))


@pytest.mark.parametrize("name", PLAIN)
def test_kept_states_and_logits_are_those_of_the_whole_model(name: str) -> None:
    whole, tree = of_type(name), packed()
    wanted, logits = LastStates().read(whole, tree)
    out = whole(input_ids=tree.ids, attention_mask=tree.mask, position_ids=tree.positions)
    torch.testing.assert_close(logits, tree.read(out.logits))
    kept = LastStates(2)
    for _ in range(2):  # computed, and kept
        found, same = kept.read(whole, tree)
        torch.testing.assert_close(found, wanted)
        torch.testing.assert_close(same, logits)


def test_frozen_layers_are_run_once_for_each_row() -> None:
    whole, kept = of_type("llama"), LastStates(2)
    below: list[int] = []
    above: list[int] = []
    calls_of(decoder_of(whole).layers[1], below)
    calls_of(decoder_of(whole).layers[2], above)
    both, first = packed(count=3), packed(count=2)
    with torch.inference_mode():
        kept(whole, first)
    found = kept(whole, both)  # one row more, of another length
    torch.testing.assert_close(both.read(found), both.read(LastStates()(whole, both)))
    assert len(below) == 3 and len(above) == 3  # one of each is the comparison's
    kept(whole, both).sum().backward()  # what an evaluation kept can be learned from
    assert len(below) == 3 and len(above) == 4
    assert decoder_of(whole).layers[2].mlp.up_proj.weight.grad is not None
    assert decoder_of(whole).layers[1].mlp.up_proj.weight.grad is None


def test_states_beyond_the_room_are_computed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, tree = of_type("llama"), packed()
    monkeypatch.setattr(last_states, "ROOM", 4 * 32 * len(tree.trees[0].ids))
    kept, seen = LastStates(2), list[int]()
    calls_of(decoder_of(whole).layers[0], seen)
    wanted = LastStates()(whole, tree)
    for _ in range(2):
        torch.testing.assert_close(tree.read(kept(whole, tree)), tree.read(wanted))
    assert len(seen) == 3


@needs_peft
@pytest.mark.parametrize("anchor", ["response", "base"])
def test_a_training_of_the_last_layers_is_the_same_with_and_without_kept_states(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, anchor: str
) -> None:
    recipe = replace(QUICK, method="lora", lora=LoraConfig(rank=4, layers=1), anchor=anchor, epochs=2)
    kept = run(tmp_path / "kept", recipe, halves(6))
    monkeypatch.setattr("tts.training.grace.method.frozen_layers", lambda config, schedule: 0)
    plain = run(tmp_path / "plain", recipe, halves(6))
    assert np.allclose(kept.history.losses, plain.history.losses, rtol=1e-4)
    trained = {name for name, weight in kept.model.named_parameters() if weight.requires_grad and "lora" in name}
    assert trained and all(".layers.1." in name for name in trained)


def test_layers_that_a_model_does_not_have_are_refused() -> None:
    some = Schedule(method="lora", lora=LoraConfig(layers=3))
    with pytest.raises(InputError, match=r"recipe\.lora\.layers must be at most 2, the number of the model's layers"):
        frozen_layers(model().config, some)
    with pytest.raises(InputError, match=r"recipe\.lora\.layers supports models of type llama, .*, got 'gemma2'"):
        frozen_layers(transformers.AutoConfig.for_model("gemma2"), some)
    assert frozen_layers(model().config, replace(some, method="full")) == 0
    with pytest.raises(InputError, match=r"recipe\.lora\.layers must be at least 1, got 0"):
        Schedule(lora=LoraConfig(layers=0))
    with pytest.raises(InputError, match=r"recipe\.lora\.layers needs recipe\.readout=before"):
        replace(QUICK, method="lora", lora=LoraConfig(layers=1), readout="after", positions="end")


def test_a_model_with_appended_layers_alone_keeps_the_bases_states(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(QUICK, method="grow", grow=GrowConfig(channels=2, heads=0, neurons=0, layers=1), epochs=2)
    alone = Split(responses(6, each=1), responses(6, seed=1))  # the preparation reads the rows of the training
    assert run(tmp_path / "alone", recipe, alone).history.evaluations
    kept = run(tmp_path / "kept", recipe, halves(6))
    monkeypatch.setattr("tts.training.grace.method.frozen_layers", lambda config, schedule: 0)
    plain = run(tmp_path / "plain", recipe, halves(6))
    assert np.allclose(kept.history.losses, plain.history.losses, rtol=1e-4)
    assert len(set(np.array(kept.history.losses)[:, 1])) > 1
