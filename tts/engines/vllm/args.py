"""From a configuration to vLLM's own arguments: which are set here, which are passed on, which are refused.

Imports vLLM only inside functions: it is an optional extra.
"""

from __future__ import annotations

import difflib
import os
import secrets
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from tts.errors import InputError, first_line

OURS = {
    "model": "engine.model",
    "tokenizer": "engine.model",
    "revision": "engine.revision",
    "tokenizer_revision": "engine.revision",
    "dtype": "engine.dtype",
    "seed": "engine.seed",
}
"""Arguments that have a key of their own."""
CPU_BLOCK = 32
"""Tokens a block of the prefix cache on a CPU: the least that its attention takes. vLLM's own default there, 128, would
find few questions long enough to share."""

WATCHING = "tts.engines.vllm.worker.Watching"
"""What vLLM's workers are given."""
MOST = 128
"""Tokens whose probabilities a request can ask for."""
CPU_CACHE = 1 << 30
"""Bytes of the prefix cache on a CPU; vLLM's own default there is nearly all of the machine's memory."""


def quiet() -> None:
    """Errors of vLLM only, unless the environment says otherwise; to be called before it is imported."""
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
    """VLLM's ``AsyncEngineArgs``.

    Args:
        model: a directory, or a name on the hub.
        dtype: of the weights.
        revision: of a model on the hub.
        device: "auto", or that of vLLM's build.
        seed: of the engine, where requests have seeds of their own; where not, every start has another: with the same
            one, draws that are added to those of an earlier run could repeat them.
        seeded: whether requests have seeds of their own.
        options: any other arguments by name, as vLLM knows them.

    Raises:
        InputError: an argument that vLLM does not have or that has a key of its own, one that cannot be had with
            another, or a device that this build of vLLM is not for.
    """
    from vllm import AsyncEngineArgs
    from vllm.platforms import current_platform

    known = {one.name for one in fields(AsyncEngineArgs)}
    for name in options:
        if name in OURS:
            raise InputError(f"engine.vllm.{name} has a key of its own: set {OURS[name]}")
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else "see `vllm serve --help` for what there is"
            raise InputError(f"engine.vllm.{name} is no argument of vLLM's engine: {hint}")
    here = str(current_platform.device_type)
    if device not in ("auto", here):
        raise InputError(f"engine.device is {device} and the vLLM that is installed runs on {here}: use auto")
    ours: dict[str, Any] = {"enable_prefix_caching": True, "disable_log_stats": True, "max_logprobs": MOST}
    ours |= {"use_tqdm_on_load": False, "worker_extension_cls": WATCHING}
    if here == "cpu":
        ours |= {"enforce_eager": True, "block_size": CPU_BLOCK}
        if not os.environ.get("VLLM_CPU_KVCACHE_SPACE") and "gpu_memory_utilization" not in options:
            ours["kv_cache_memory_bytes"] = CPU_CACHE
        if seeded:  # seeds and split prefills kill the CPU engine ("CPU Generator does not use offset")
            if options.get("enable_chunked_prefill"):
                raise InputError(
                    "engine.vllm.enable_chunked_prefill=true and engine.seeded=true kill vLLM's CPU engine: "
                    "leave one of them out"
                )
            ours["enable_chunked_prefill"] = False
    start = seed if seeded else secrets.randbits(31)
    given = {"model": str(model), "dtype": dtype, "seed": start, **({"revision": revision} if revision else {})}
    try:
        return AsyncEngineArgs(**{**ours, **options, **given})
    except (TypeError, ValueError) as error:
        raise InputError(f"vLLM refuses engine.vllm ({first_line(error)})") from None
