"""The extension of vLLM's workers that gathers watched tokens for a whole batch at once.

vLLM fills its table of watched tokens row by row, in Python, at every step (3 to 4 % of the step with 128 rows), and
counts ranks by a function that it compiles first, for seconds. If all rows watch the same tokens, as those of one
strategy do, one tensor serves all rows, and ranks are counted without compiling. vLLM's own argument
``worker_extension_cls`` imports this module in each worker.
"""

from __future__ import annotations

import inspect
from typing import Any

KNOWN_PARAMETERS = ("self", "logprobs", "logprob_token_ids", "sampled")


def patch_sampler(sampler: Any) -> bool:
    """Replace the gathering of watched tokens in a sampler class by a batched one.

    Args:
        sampler: ``vllm.v1.sample.sampler.Sampler``.

    Returns:
        True if it was replaced; False if the class has no such method with the known signature.
    """
    import torch
    from vllm.v1.outputs import LogprobsTensors

    by_row = getattr(sampler, "gather_specific_token_logprobs", None)
    if by_row is None or tuple(inspect.signature(by_row).parameters) != KNOWN_PARAMETERS:
        return False

    def gather(self: Any, logprobs: Any, logprob_token_ids: dict[int, list[int]], sampled: Any) -> Any:
        rows = list(logprob_token_ids.values())
        if len(rows) != len(logprobs) or any(row != rows[0] for row in rows):
            return by_row(self, logprobs, logprob_token_ids, sampled)
        watched = torch.tensor(rows[0], dtype=torch.int64).to(logprobs.device, non_blocking=True)
        ids = torch.cat((sampled.unsqueeze(-1), watched.expand(len(rows), -1)), dim=-1)
        gathered = logprobs.gather(-1, ids)
        return LogprobsTensors(
            logprob_token_ids=ids.to(torch.int32),
            logprobs=gathered,
            selected_token_ranks=(logprobs >= gathered[:, :1]).sum(-1),
        )

    sampler.gather_specific_token_logprobs = gather
    return True


def _patch_vllm() -> bool:
    try:
        from vllm.v1.sample.sampler import Sampler
    except ImportError:  # vLLM is missing, or its modules have other names
        return False
    return patch_sampler(Sampler)


IS_PATCHED = _patch_vllm()


class WorkerExtension:
    """The class that vLLM mixes into its worker."""

    def gathers_whole_batch(self) -> bool:
        """Return whether watched tokens are gathered for a whole batch at once; called by ``collective_rpc``."""
        return IS_PATCHED
