"""A training starts from the base, or from a model grown from it, whose parts stay and are read too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.training.cases import model, tokenizer  # noqa: E402
from tts.engines.config import EngineConfig  # noqa: E402
from tts.errors import InputError  # noqa: E402
from tts.training.adapters import add_tokens  # noqa: E402
from tts.training.base_model import load_base  # noqa: E402
from tts.training.grow import grow  # noqa: E402
from tts.training.schedule import GrowConfig, Schedule  # noqa: E402

IDS = torch.randint(5, 300, (3, 20), generator=torch.Generator().manual_seed(0))
MORE = GrowConfig(channels=16, heads=1, neurons=12, layers=1)


def saved(folder: Path, found: Any, words: Any) -> str:
    found.save_pretrained(folder)
    words.save_pretrained(folder)
    return str(folder)


def stirred(learner: Any) -> Any:
    """The plain model after the new parts have become something."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in learner.parameters():
            if weight.requires_grad:
                weight.add_(0.2 * torch.randn(weight.shape, generator=generator))
    return learner.merged()


@pytest.fixture
def places(tmp_path: Path) -> tuple[str, str]:
    """A base, and a model grown from it with one more token."""
    base, words = model(), tokenizer()
    mine = saved(tmp_path / "base", base, words)
    (token,) = add_tokens(base, words, ["<CNF>"])
    return mine, saved(tmp_path / "grown", stirred(grow(base, MORE, [token])), words)


def growing(name: str) -> Schedule:
    return Schedule(method="grow", grow=GrowConfig(16, 1, 12, 1, base=name))


def test_what_grows_upon_a_grown_model_writes_as_the_base_and_keeps_the_earlier_parts(places: tuple[str, str]) -> None:
    base, grown = places
    plain = load_base(EngineConfig(model=base), Schedule(method="grow"))
    loaded = load_base(EngineConfig(model=base), growing(grown))
    assert loaded.model.config.hidden_size == 48 and "<CNF>" not in loaded.tokenizer.get_vocab()
    tokens = add_tokens(loaded.model, loaded.tokenizer, ["<C0>", "<C1>"])
    found = stirred(grow(loaded.model, growing(grown).grow, tokens))
    assert found.config.hidden_size == 64 and found.config.num_hidden_layers == 4
    with torch.no_grad():
        before = plain.model(input_ids=IDS).logits.log_softmax(-1)
        after = found(input_ids=IDS).logits[..., : before.shape[-1]].log_softmax(-1)
    assert float((after - before).abs().max()) < 4e-3
    name = "model.layers.2.mlp.gate_proj.weight"  # of the layer that was grown before
    kept = loaded.model.get_parameter(name)
    assert torch.equal(found.get_parameter(name)[: len(kept), : kept.shape[1]], kept)


def test_what_was_not_grown_from_the_base_gets_one_sentence(places: tuple[str, str], tmp_path: Path) -> None:
    base, grown = places
    with pytest.raises(InputError, match=r"recipe\.grow\.base .*none: no model there; give a directory, or one of tin"):
        load_base(EngineConfig(model=base), growing(str(tmp_path / "none")))
    for mine, other in ((base, base), (grown, base), ("tiny", grown)):
        with pytest.raises(InputError, match="was not grown from the base model: give null, or one that was"):
            load_base(EngineConfig(model=mine), growing(other))
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text((tmp_path / "grown" / "config.json").read_text())
    with pytest.raises(InputError, match=r"recipe\.grow\.base .*broken cannot be read \(.*\): train it again, or give"):
        load_base(EngineConfig(model=base), growing(str(broken)))
    tuned = model()
    with torch.no_grad():
        tuned.model.layers[0].mlp.up_proj.weight.add_(0.1)  # adapters merged: its words are the base's still
    with pytest.raises(InputError, match="was not grown from the base model"):
        load_base(EngineConfig(model=saved(tmp_path / "tuned", tuned, tokenizer())), growing(grown))


def test_a_checkpoint_knows_what_it_grows_upon(places: tuple[str, str]) -> None:
    base, grown = places
    assert not load_base(EngineConfig(model=base), Schedule(method="grow")).grown_from
    assert list(load_base(EngineConfig(model=base), growing(grown)).grown_from) == ["grow_base"]
