"""vLLM's engine arguments from a configuration: which arguments are set here, passed on or refused.

Imports vLLM only inside functions: it is an optional extra.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from tts.errors import InputError, first_line, suggestion

OWN_KEYS = {
    "model": "engine.model",
    "tokenizer": "engine.model",
    "revision": "engine.revision",
    "tokenizer_revision": "engine.revision",
    "dtype": "engine.dtype",
    "seed": "engine.seed",
}
"""vLLM's arguments that have their own configuration key."""
WORKER_EXTENSION = "tts.engines.vllm.worker.WorkerExtension"
"""The class that vLLM mixes into its workers."""
MAX_LOGPROBS = 128
"""Most tokens whose probabilities one request can ask for."""
CPU_BLOCK_SIZE = 32
"""Tokens per block of the prefix cache on a CPU, the least that vLLM's CPU attention takes. With vLLM's default there,
128, few questions are long enough to share a block."""
CPU_CACHE_BYTES = 1 << 30
"""Size of the prefix cache on a CPU. vLLM's default there is nearly all of the machine's memory."""


def silence_vllm() -> None:
    """Make vLLM log errors only, unless the environment sets another level; call this before vLLM is imported."""
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")


def engine_args(
    model: str | Path,
    *,
    dtype: str,
    revision: str | None,
    device: str,
    seed: int,
    seeded: bool,
    options: Mapping[str, Any],
) -> Any:
    """Return vLLM's ``AsyncEngineArgs``.

    Args:
        model: a directory, or a name on the hub.
        dtype: of the weights.
        revision: of a model on the hub.
        device: "auto", or the device type that the installed vLLM was built for.
        seed: of the engine, used if requests have their own seeds. If not, every start gets another seed: with the
            same one, draws that are added to those of an earlier run could repeat them.
        seeded: whether requests have their own seeds.
        options: other arguments of vLLM's engine by name.

    Raises:
        InputError: an argument that vLLM does not have or that has its own configuration key, two arguments that
            exclude each other, or a device that this vLLM was not built for.
    """
    from vllm import AsyncEngineArgs
    from vllm.platforms import current_platform

    check_options(options, known={one.name for one in fields(AsyncEngineArgs)})
    built_for = str(current_platform.device_type)
    if device not in ("auto", built_for):
        raise InputError(
            f"engine.device is {device} and the vLLM that is installed runs on {built_for}: use auto, "
            "and choose a GPU by the variable CUDA_VISIBLE_DEVICES"
        )
    defaults: dict[str, Any] = {
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "max_logprobs": MAX_LOGPROBS,
        "use_tqdm_on_load": False,
        "worker_extension_cls": WORKER_EXTENSION,
    }
    if built_for == "cpu":
        defaults |= _cpu_defaults(options, seeded=seeded)
    start = seed if seeded else secrets.randbits(31)
    given = {"model": str(model), "dtype": dtype, "seed": start, **({"revision": revision} if revision else {})}
    try:
        return AsyncEngineArgs(**{**defaults, **options, **given})
    except (TypeError, ValueError) as error:
        raise InputError(f"vLLM refuses engine.vllm ({first_line(error)})") from None


def check_options(options: Mapping[str, Any], *, known: set[str]) -> None:
    """Refuse options that have their own configuration key or that vLLM does not have.

    Args:
        options: arguments of vLLM's engine by name.
        known: names of all arguments that vLLM's engine takes.

    Raises:
        InputError: such an option.
    """
    for name in options:
        if name in OWN_KEYS:
            raise InputError(f"engine.vllm.{name} has its own key: set {OWN_KEYS[name]}")
        if name not in known:
            hint = suggestion(name, known) or ": see `vllm serve --help` for the arguments"
            raise InputError(f"engine.vllm.{name} is no argument of vLLM's engine{hint}")


def _cpu_defaults(options: Mapping[str, Any], *, seeded: bool) -> dict[str, Any]:
    """The defaults on a CPU.

    Raises:
        InputError: split prefills together with seeds, which kill vLLM's CPU engine ("CPU Generator does not use
            offset").
    """
    defaults: dict[str, Any] = {"enforce_eager": True, "block_size": CPU_BLOCK_SIZE}
    if not os.environ.get("VLLM_CPU_KVCACHE_SPACE") and "gpu_memory_utilization" not in options:
        defaults["kv_cache_memory_bytes"] = CPU_CACHE_BYTES
    if seeded:
        if options.get("enable_chunked_prefill"):
            raise InputError(
                "engine.vllm.enable_chunked_prefill=true and engine.seeded=true kill vLLM's CPU engine: "
                "leave one of them out"
            )
        defaults["enable_chunked_prefill"] = False
    return defaults
