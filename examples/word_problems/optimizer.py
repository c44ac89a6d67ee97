"""AdamW on float32 copies of parameters that a model keeps in bfloat16."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch


class MasterAdamW(torch.optim.AdamW):
    """AdamW whose parameters are float32 copies; the model's own are rounded from them after each step.

    A step of 2e-4 times a weight's own size is smaller than the distance between numbers of bfloat16: without the
    copies most steps would be lost.
    """

    def __init__(self, parameters: Iterable[torch.nn.Parameter], **options: Any) -> None:
        """Copy float32 parameters, and turn the model's own into bfloat16.

        Args:
            parameters: the model's parameters that are trained.
            options: those of AdamW.
        """
        self._working = list(parameters)
        self._copies = [torch.nn.Parameter(parameter.detach().float().clone()) for parameter in self._working]
        for parameter in self._working:
            parameter.data = parameter.data.bfloat16()
        super().__init__(self._copies, fused=True, **options)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take one step on the copies by the gradients of the model's parameters, and round the copies into it.

        Args:
            closure: None; a step computes no loss.
        """
        for copy, parameter in zip(self._copies, self._working, strict=True):
            copy.grad = None if parameter.grad is None else parameter.grad.float()
        super().step(closure)
        for copy, parameter in zip(self._copies, self._working, strict=True):
            parameter.copy_(copy)
            copy.grad = None

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of the model's parameters."""
        for parameter in self._working:
            parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        """Return the state of AdamW with the copies."""
        return {**super().state_dict(), "copies": [copy.detach() for copy in self._copies]}

    @torch.no_grad()
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Set the state of AdamW and the copies."""
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "copies"})
        for copy, kept in zip(self._copies, state_dict["copies"], strict=True):
            copy.copy_(kept)
