"""The few names of vLLM that its engine imports, so that tests without vLLM can see how they are used."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


@dataclass
class AsyncEngineArgs:
    model: str = ""
    dtype: str = "auto"
    seed: int = 0
    revision: str | None = None
    max_model_len: int | None = None
    max_num_seqs: int | None = None
    enable_chunked_prefill: bool | None = None
    enable_prefix_caching: bool = False
    enforce_eager: bool = False
    block_size: int = 16
    kv_cache_memory_bytes: int | None = None
    gpu_memory_utilization: float | None = None
    disable_log_stats: bool = False
    max_logprobs: int = 20
    use_tqdm_on_load: bool = True
    worker_extension_cls: str = ""

    def __post_init__(self) -> None:
        if self.max_model_len == 0:
            raise ValueError("max_model_len must be positive")


class EngineDeadError(Exception):
    pass


class EngineGenerateError(Exception):
    pass


def install(monkeypatch: pytest.MonkeyPatch, *, device: str = "cpu") -> None:
    """Put the names in place of vLLM for one test."""
    modules: dict[str, dict[str, Any]] = {
        "vllm": {"AsyncEngineArgs": AsyncEngineArgs, "SamplingParams": SimpleNamespace},
        "vllm.inputs": {},
        "vllm.inputs.engine": {"tokens_input": lambda ids: {"prompt_token_ids": ids}},
        "vllm.platforms": {"current_platform": SimpleNamespace(device_type=device)},
        "vllm.sampling_params": {"RequestOutputKind": SimpleNamespace(DELTA="delta")},
        "vllm.v1": {},
        "vllm.v1.engine": {},
        "vllm.v1.engine.exceptions": {"EngineDeadError": EngineDeadError, "EngineGenerateError": EngineGenerateError},
        "vllm.v1.metrics": {},
        "vllm.v1.metrics.loggers": {"StatLoggerBase": object},
        "vllm.v1.outputs": {"LogprobsTensors": SimpleNamespace},
    }
    for name, names in modules.items():
        module = ModuleType(name)
        vars(module).update(names)
        monkeypatch.setitem(sys.modules, name, module)
