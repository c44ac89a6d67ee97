"""vLLM's requests of LoRA adapters, one for each directory.

Imports vLLM only inside functions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tts.errors import UnsupportedError


class LoraRequests:
    """vLLM's ``LoRARequest`` objects by adapter directory.

    Attributes:
        enabled: whether vLLM was started with ``enable_lora``.
    """

    def __init__(self, *, enabled: bool) -> None:
        """Start without adapters."""
        self.enabled = enabled
        self._requests: dict[str, Any] = {}

    def get(self, adapter: Path | None) -> Any:
        """Return the ``LoRARequest`` of an adapter's directory, the same at each call; None without an adapter.

        Raises:
            UnsupportedError: vLLM was started without ``enable_lora``.
        """
        if adapter is None:
            return None
        if not self.enabled:
            raise UnsupportedError(
                f"adapter {adapter} needs LoRA and vLLM was started without it: set engine.vllm.enable_lora=true"
            )
        from vllm.lora.request import LoRARequest

        path = str(adapter.resolve())
        if path not in self._requests:
            number = len(self._requests) + 1
            self._requests[path] = LoRARequest(lora_name=f"adapter-{number}", lora_int_id=number, lora_path=path)
        return self._requests[path]
