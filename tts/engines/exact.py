"""The source of exact log-probabilities: those of the distribution that tokens were drawn from."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from tts.engines.base import Capabilities
from tts.engines.sampling import Sampling

Exact = Literal["", "greedy", "raw", "processed"]
"""The source of ``Trace.processed``: "greedy" tokens have probability 1; "raw" and "processed" log-probabilities are
those that the engine reports, "raw" ones at temperature 1 too; "" for none."""


def exactness(sampling: Sampling, mode: str = "raw_logprobs") -> Exact:
    """Return the source of the log-probabilities of the distribution that tokens are drawn from.

    Args:
        sampling: how tokens are drawn.
        mode: the log-probabilities that the engine reports, in vLLM's words: "raw_logprobs" at temperature 1,
            "processed_logprobs" with all sampling parameters applied, or any others.
    """
    if sampling.temperature == 0:
        return "greedy"
    known = mode in ("raw_logprobs", "processed_logprobs")
    if known and sampling.temperature == 1 and sampling.top_p == 1 and not sampling.top_k:
        return "raw"
    return "processed" if mode == "processed_logprobs" else ""


def with_exactness(capabilities: Capabilities, exact: Exact, sampling: Sampling) -> Capabilities:
    """Return the abilities of an engine that reports log-probabilities at temperature 1 with that of exact ones.

    Args:
        capabilities: the others.
        exact: the source of the log-probabilities that are exact.
        sampling: how tokens are drawn.
    """
    off = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k}
    plain = {"temperature": 1, "top_p": 1, "top_k": 0}
    named = [f"{name}={value:g}" for name, value in off.items() if value != plain[name]]
    return replace(
        capabilities, processed=bool(exact), inexact="" if exact or not capabilities.logprobs else ", ".join(named)
    )
