"""The abilities of vLLM with a model, and the log-probabilities that it reports."""

from __future__ import annotations

from typing import Any

from tts.engines.base import Capabilities
from tts.engines.exact import Exact, exactness, with_exactness
from tts.engines.sampling import Sampling
from tts.engines.special_tokens import Ids, readable
from tts.errors import UnsupportedError
from tts.types import Signals


def logprobs_mode(config: Any) -> str:
    """Return the kind of log-probabilities that vLLM reports; "other" where tokens are drawn from none that it has.

    Args:
        config: vLLM's ``model_config``.
    """
    mode = str(getattr(config, "logprobs_mode", "raw_logprobs"))
    own = mode == "raw_logprobs" and getattr(config, "logits_processors", None)
    return "other" if own else mode


def most_logprobs(config: Any) -> int:
    """Return the most log-probabilities at a position that vLLM returns; -1 in its configuration stands for all."""
    most = int(config.max_logprobs)
    return most if most >= 0 else int(config.get_vocab_size())


def capabilities_of(config: Any, sampling: Sampling, suppressed: Ids, *, adapters: bool) -> Capabilities:
    """Return the abilities of the engine.

    With ``logprobs_mode=processed_logprobs`` at another temperature, draws report nothing at temperature 1. Prefixes
    and given texts are read greedily: their log-probabilities are those at temperature 1 in every mode.

    Args:
        config: vLLM's ``model_config``.
        sampling: how tokens are drawn.
        suppressed: ids of tokens that are never drawn.
        adapters: whether prefixes are read with adapters.
    """
    exact = exactness(sampling, logprobs_mode(config))
    plain = exact != "processed"
    found = Capabilities(
        watch_tokens=plain,
        score_prefix=True,
        branch=True,
        continues=True,
        top=most_logprobs(config) if plain and not suppressed else 0,
        alternatives=0 if suppressed or not exact else most_logprobs(config),
        steps=True,
        probe=True,
        logprobs=plain,
        watch_beside_top=False,
        adapters=adapters,
        reads=readable(suppressed),
    )
    return with_exactness(found, exact, sampling)


def exactness_of(signals: Signals, sampling: Sampling, mode: str) -> Exact:
    """Return the source of one request's ``processed`` log-probabilities; see :func:`~tts.engines.exact.exactness`.

    Raises:
        UnsupportedError: signals at temperature 1, and vLLM reports the request's processed log-probabilities.
    """
    exact = exactness(sampling, mode)
    if exact == "processed" and (signals.watch or signals.top):
        raise UnsupportedError(
            "vLLM with engine.vllm.logprobs_mode=processed_logprobs reports no watched tokens and no top-k confidences "
            "beside another temperature than 1: leave logprobs_mode out, or draw at temperature 1"
        )
    return exact
