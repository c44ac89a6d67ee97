"""Muon: an optimiser that orthogonalises the update of each matrix.

``torch.optim.Muon`` always iterates in bfloat16. Processors without bfloat16 emulate it: one step of a model of three
million parameters then takes nine seconds instead of a third of a second. This class iterates in float32 there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from tts.engines.hf.device import fast_bfloat16

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised by Newton-Schulz iterations, at a rate that matches AdamW's.

    Args:
        params: matrices.
        lr: learning rate, > 0; an entry of an update is about 0.2 lr, as AdamW's is.
        momentum: in [0, 1).
        weight_decay: decoupled, >= 0.

    Source:
        Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; Liu et al., arXiv 2502.16982, for
        the factor 0.2 sqrt(max(rows, columns)).
    """

    def __init__(
        self, params: Iterable[Tensor], *, lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        """Take the matrices."""
        super().__init__(list(params), {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(weight)
                buffer = state["momentum_buffer"]
                buffer.lerp_(weight.grad, 1 - group["momentum"])
                update = orthogonal(weight.grad.lerp(buffer, group["momentum"]))
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(update, alpha=-0.2 * group["lr"] * max(weight.shape) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """Return roughly the nearest matrix with equal singular values, in the same shape and precision."""
    dtype = torch.bfloat16 if fast_bfloat16(matrix.device.type) else torch.float32
    tall = matrix.shape[0] > matrix.shape[1]
    found = (matrix.T if tall else matrix).to(dtype)
    found = found / found.norm().clamp(min=1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = found @ found.T
        found = torch.addmm(found, torch.addmm(gram, gram, gram, beta=b, alpha=c), found, beta=a)
    return (found.T if tall else found).to(matrix.dtype)
