"""LoRA adapters as models: merged into their base once; what does not fit gets one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft")

from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

from tts.errors import InputError  # noqa: E402
from tts.models.bundled import weights  # noqa: E402
from tts.models.loading import quiet_peft  # noqa: E402
from tts.models.resolve import identity, resolve  # noqa: E402


@pytest.fixture
def adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(weights("tiny"), dtype=torch.float32)
    with quiet_peft():
        tuned: Any = peft.get_peft_model(base, peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"]))
    for name, weight in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    folder = tmp_path / "adapter"
    tuned.save_pretrained(folder)
    return on(folder, "tiny")


def on(folder: Path, base: str | None) -> Path:
    """Write the base into an adapter's configuration."""
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "base_model_name_or_path": base}))
    return folder


def test_an_adapter_is_merged_into_its_base_once(adapter: Path) -> None:
    folder = resolve(str(adapter))
    assert isinstance(folder, Path) and folder != adapter and resolve(str(adapter)) == folder
    ids = torch.tensor([[5, 6, 7, 8, 9]])
    with torch.no_grad(), quiet_peft():
        base = AutoModelForCausalLM.from_pretrained(weights("tiny"), dtype=torch.float32)
        plain = base(ids).logits.clone()
        asked = peft.PeftModel.from_pretrained(base, adapter)(ids).logits
        found = AutoModelForCausalLM.from_pretrained(folder)(ids).logits
    assert not torch.allclose(asked, plain, atol=1e-2)
    torch.testing.assert_close(found, asked, atol=1e-4, rtol=1e-4)
    assert len(AutoTokenizer.from_pretrained(folder)) == len(AutoTokenizer.from_pretrained(weights("tiny")))


def test_its_identity_is_that_of_adapter_and_base(adapter: Path, tmp_path: Path) -> None:
    name, revision = identity(str(adapter))
    assert name == str(adapter) and revision.endswith(identity("tiny")[1]) and revision != identity("tiny")[1]
    assert not (tmp_path / "cache").exists()


def test_what_does_not_fit_gets_one_sentence(adapter: Path) -> None:
    for base, why in (
        ("finece", "the adapter does not fit its base finece"),
        ("./none", r"its base \./none is not here \(engine\.model \./none: no such directory"),
        (None, "adapter_config.json does not name the adapter's base"),
    ):
        with pytest.raises(InputError, match=why):
            resolve(str(on(adapter, base)))
