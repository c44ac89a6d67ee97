"""What vLLM's workers are given: watched tokens gathered for a whole batch at once.

vLLM fills its table of watched tokens row by row, in Python, at every step (3 to 4 % of the step with 128 rows), and
counts ranks by a function that it compiles first, for seconds. Where all rows watch the same tokens, as those of a
strategy do, one tensor serves all, and ranks are counted without compiling. vLLM's own argument
``worker_extension_cls`` imports this module in each worker.
"""

from __future__ import annotations

import inspect
from typing import Any

KNOWN = ("self", "logprobs", "logprob_token_ids", "sampled")


def quicken(sampler: Any) -> bool:
    """Let a class of vLLM's samplers gather at once where it can; False where it is not the one that is known here.

    Args:
        sampler: ``vllm.v1.sample.sampler.Sampler``.
    """
    import torch
    from vllm.v1.outputs import LogprobsTensors

    slow = getattr(sampler, "gather_specific_token_logprobs", None)
    if slow is None or tuple(inspect.signature(slow).parameters) != KNOWN:
        return False

    def gather(self: Any, logprobs: Any, logprob_token_ids: dict[int, list[int]], sampled: Any) -> Any:
        rows = list(logprob_token_ids.values())
        if len(rows) != len(logprobs) or any(row != rows[0] for row in rows):
            return slow(self, logprobs, logprob_token_ids, sampled)
        watched = torch.tensor(rows[0], dtype=torch.int64).to(logprobs.device, non_blocking=True)
        ids = torch.cat((sampled.unsqueeze(-1), watched.expand(len(rows), -1)), dim=-1)
        told = logprobs.gather(-1, ids)
        return LogprobsTensors(
            logprob_token_ids=ids.to(torch.int32),
            logprobs=told,
            selected_token_ranks=(logprobs >= told[:, :1]).sum(-1),
        )

    sampler.gather_specific_token_logprobs = gather
    return True


def _quickened() -> bool:
    try:
        from vllm.v1.sample.sampler import Sampler
    except ImportError:  # another vLLM than the one that is known here
        return False
    return quicken(Sampler)


AT_ONCE = _quickened()


class Watching:
    """What is mixed into a worker."""

    def gathers_at_once(self) -> bool:
        """Whether watched tokens are, for whoever asks by ``collective_rpc``."""
        return AT_ONCE
