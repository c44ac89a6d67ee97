"""vLLM's arguments: the defaults that the engine sets, the options that pass, and those that are refused."""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest

from tests.engines.vllm import stub
from tts.engines.vllm.args import CPU_BLOCK_SIZE, WORKER_EXTENSION, check_options, engine_args, silence_vllm
from tts.errors import InputError


def args(monkeypatch: pytest.MonkeyPatch, *, device: str = "cpu", **more: Any) -> Any:
    stub.install(monkeypatch, device=device)
    given = {"dtype": "float32", "revision": None, "device": "auto", "seed": 3, "seeded": True, "options": {}, **more}
    return engine_args("model", **given)


def test_options_are_known_or_refused_with_a_hint() -> None:
    known = {"max_model_len", "seed"}
    check_options({"max_model_len": 8}, known=known)
    with pytest.raises(InputError, match=r"max_model_length is no argument .* did you mean max_model_len\?"):
        check_options({"max_model_length": 8}, known=known)
    with pytest.raises(InputError, match=r"zzz is no argument .* see `vllm serve --help`"):
        check_options({"zzz": 8}, known=known)
    with pytest.raises(InputError, match=r"engine\.vllm\.seed has its own key: set engine\.seed"):
        check_options({"seed": 8}, known=known)


def test_the_worker_extension_exists_under_both_of_its_names() -> None:
    module, _, name = WORKER_EXTENSION.rpartition(".")
    extension = getattr(importlib.import_module(module), name)
    assert importlib.import_module("tts.engines.vllm_worker").Watching is extension


def test_a_cpu_has_a_small_cache_of_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VLLM_CPU_KVCACHE_SPACE", raising=False)
    found = args(monkeypatch)
    assert found.enforce_eager and found.block_size == CPU_BLOCK_SIZE and found.kv_cache_memory_bytes == 1 << 30
    assert args(monkeypatch, options={"gpu_memory_utilization": 0.5}).kv_cache_memory_bytes is None
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "2")
    assert args(monkeypatch).kv_cache_memory_bytes is None
    gpu = args(monkeypatch, device="cuda")
    assert not gpu.enforce_eager and gpu.kv_cache_memory_bytes is None and gpu.enable_prefix_caching


def test_seeds_and_split_prefills_exclude_each_other_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    assert args(monkeypatch).enable_chunked_prefill is False and args(monkeypatch).seed == 3
    free = args(monkeypatch, seeded=False)
    assert free.enable_chunked_prefill is None and free.seed != args(monkeypatch, seeded=False).seed
    split = {"enable_chunked_prefill": True}
    assert args(monkeypatch, seeded=False, options=split).enable_chunked_prefill
    assert args(monkeypatch, device="cuda", options=split).enable_chunked_prefill
    with pytest.raises(InputError, match="kill vLLM's CPU engine: leave one of them out"):
        args(monkeypatch, options=split)


def test_options_replace_defaults_and_keys_replace_options(monkeypatch: pytest.MonkeyPatch) -> None:
    found = args(monkeypatch, revision="main", options={"block_size": 64, "max_logprobs": 5})
    assert (found.block_size, found.max_logprobs, found.revision, found.model) == (64, 5, "main", "model")


def test_another_device_or_a_refusal_of_vllm_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"engine\.device is cuda and the vLLM .* runs on cpu: use auto"):
        stub.install(monkeypatch, device="cpu")
        engine_args("model", dtype="float32", revision=None, device="cuda", seed=0, seeded=False, options={})
    with pytest.raises(InputError, match=r"vLLM refuses engine\.vllm \(max_model_len must be positive\)"):
        args(monkeypatch, options={"max_model_len": 0})


def test_logging_is_quiet_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "DEBUG")
    monkeypatch.delenv("VLLM_NO_USAGE_STATS", raising=False)
    silence_vllm()
    assert os.environ["VLLM_LOGGING_LEVEL"] == "DEBUG" and os.environ["VLLM_NO_USAGE_STATS"] == "1"
