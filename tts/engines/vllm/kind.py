"""The engine kind "vllm": vLLM in this process. Imports vLLM only where a model is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict

from tts.engines.config import EngineConfig
from tts.engines.kinds import LiveEngine, LocalModelKind
from tts.errors import InputError
from tts.models.resolve import resolve
from tts.prompts import Prompt


class VllmKind(LocalModelKind):
    """Implements :class:`~tts.engines.kinds.EngineKind`."""

    def check(self, config: EngineConfig) -> None:
        """Refuse signals that vLLM does not report.

        Raises:
            InputError: naming them.
        """
        asked = config.signals
        if asked.entropy or asked.certainty or (asked.top and asked.confidence):
            raise InputError(
                "vLLM reports no entropies or self-certainties, and top-k confidences or the model's own, not both: "
                f"change engine.signals, got {asdict(asked)}"
            )

    def key(self, config: EngineConfig) -> Mapping[str, object]:
        """Return the precision, the kind and whether each request has its own seed."""
        return {
            "dtype": self.dtype(config),
            "engine": "vllm",
            "seeded": bool(config.seeded),
            "extra": dict(config.openai.extra),
        }

    def load(self, config: EngineConfig, prompt: Prompt, notify: Callable[[str], None]) -> LiveEngine:
        """Start vLLM with the model."""
        from tts.engines.vllm.engine import VllmEngine

        return VllmEngine.load(
            resolve(config.model),
            prompt=prompt,
            sampling=config.sampling,
            dtype=self.dtype(config),
            revision=config.revision,
            device=config.device,
            seeded=bool(config.seeded),
            check_every_tokens=config.check_every_tokens,
            options={"max_num_seqs": config.max_batch_size, **config.vllm},
            notify=notify,
        )


KIND = VllmKind()
