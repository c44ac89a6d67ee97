"""The engine kind "transformers": a model in this process. Imports torch only where a model is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tts.engines.config import EngineConfig
from tts.engines.kinds import LiveEngine, LocalModelKind
from tts.engines.sampling import NOISE
from tts.models.resolve import resolve
from tts.prompts import Prompt


class TransformersKind(LocalModelKind):
    """Implements :class:`~tts.engines.kinds.EngineKind`."""

    def key(self, config: EngineConfig) -> Mapping[str, object]:
        """Return the precision, and the noise that tokens are drawn with, if they are drawn with any."""
        return {"dtype": self.dtype(config), **({"noise": NOISE} if config.temperature > 0 else {})}

    def load(self, config: EngineConfig, prompt: Prompt, notify: Callable[[str], None]) -> LiveEngine:
        """Load the model with transformers."""
        from tts.engines.hf.engine import TransformersEngine

        return TransformersEngine.load(
            resolve(config.model),
            prompt=prompt,
            sampling=config.sampling,
            max_batch_size=config.max_batch_size,
            device=config.device,
            dtype=self.dtype(config),
            revision=config.revision,
            notify=notify,
        )


KIND = TransformersKind()
