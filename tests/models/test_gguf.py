"""GGUF files: one that is written here loads as the model that it was made of; broken ones get one sentence each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
gguf = pytest.importorskip("gguf")

from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM  # noqa: E402

from tts.engines.config import EngineConfig  # noqa: E402
from tts.errors import InputError, UnsupportedError  # noqa: E402
from tts.models.resolve import identity, resolve  # noqa: E402

WORDS = ["<s>", "</s>", *"abcdefghi", "ab", "cd"]
TEMPLATE = "{% for m in messages %}{{ m['content'] }}{% endfor %}"


def write(path: Path, *, architecture: str = "llama", merges: Sequence[str] = ("a b", "c d")) -> Any:
    """Write a random Llama of llama.cpp's names and order of heads, and return it."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config).eval()
    out = gguf.GGUFWriter(path, architecture)
    out.add_block_count(2)
    out.add_context_length(64)
    out.add_embedding_length(64)
    out.add_feed_forward_length(96)
    out.add_head_count(2)
    out.add_head_count_kv(1)
    out.add_rope_dimension_count(32)
    out.add_rope_freq_base(10000.0)
    out.add_layer_norm_rms_eps(config.rms_norm_eps)
    out.add_tokenizer_model("gpt2")
    out.add_token_list(WORDS)
    out.add_token_types([3, 3, *[1] * (len(WORDS) - 2)])
    out.add_token_merges(merges)  # at least two: transformers 5.2 reads a list of one as its item
    out.add_bos_token_id(0)
    out.add_eos_token_id(1)
    out.add_chat_template(TEMPLATE)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 2)
    for key, weight in model.state_dict().items():
        if key == "lm_head.weight":
            continue
        name = names.get_name(key, try_suffixes=(".weight",))
        values = weight.float().numpy()
        if "q_proj" in key or "k_proj" in key:
            heads = 2 if "q_proj" in key else 1
            values = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:]).swapaxes(1, 2)
            values = np.ascontiguousarray(values.reshape(weight.shape))
        out.add_tensor(name, values)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return model


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_file_is_converted_once_and_is_the_model_that_it_was_made_of(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "small.gguf"
    model = write(path)
    folder = resolve(str(path))
    assert isinstance(folder, Path) and folder.parent == cache / "tts-rerank" and folder.name.startswith("small-")
    assert folder.name.endswith(identity(str(path))[1])
    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert resolve(str(path)) == folder and (folder / "model.safetensors").stat().st_mtime_ns == before
    loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = torch.tensor([[0, 2, 5, 7, 3]])
    with torch.no_grad():
        torch.testing.assert_close(loaded(ids).logits, model(ids).logits, atol=2e-3, rtol=2e-3)
    assert AutoTokenizer.from_pretrained(folder).chat_template == TEMPLATE
    assert EngineConfig(model=str(path)).folder == folder


def test_an_identity_needs_no_conversion_and_changes_with_the_file(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "small.gguf"
    write(path)
    before = identity(str(path))
    assert before[0] == str(path) and len(before[1]) == 12 and not cache.exists()
    path.write_bytes(path.read_bytes() + b"\0")
    assert identity(str(path)) != before


def test_broken_files_get_one_sentence_and_leave_nothing(tmp_path: Path, cache: Path) -> None:
    whole = tmp_path / "whole.gguf"
    write(whole)
    cut, text, other, odd = (tmp_path / f"{name}.gguf" for name in ("cut", "text", "other", "odd"))
    text.write_text("hello")
    write(other, architecture="starcoder3")
    write(odd, merges=("ab", "cd"))
    for size in (len(whole.read_bytes()) - 1000, 900, 10):
        cut.write_bytes(whole.read_bytes()[:size])
        with pytest.raises(InputError, match=r"engine\.model .*cut\.gguf: the file is cut short, or holds no model"):
            resolve(str(cut))
    with pytest.raises(InputError, match=r"text\.gguf: no GGUF file \(it does not begin with GGUF\)"):
        resolve(str(text))
    with pytest.raises(UnsupportedError, match=r"other\.gguf: GGUF model with architecture starcoder3 is not supp"):
        resolve(str(other))
    with pytest.raises(InputError, match=r"odd\.gguf: cannot be read \(.*Merges"):
        resolve(str(odd))
    with pytest.raises(InputError, match=r"none\.gguf: no such directory or GGUF file; give tiny, grace, finece, a"):
        resolve(str(tmp_path / "none.gguf"))
    assert not cache.exists() or not any((cache / "tts-rerank").iterdir())
