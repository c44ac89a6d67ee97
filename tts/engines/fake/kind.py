"""The engine kind "fake": no language model, for tests and demonstrations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tts.engines.config import EngineConfig
from tts.engines.kinds import LiveEngine
from tts.prompts import Prompt


class FakeKind:
    """Implements :class:`~tts.engines.kinds.EngineKind`."""

    def check(self, config: EngineConfig) -> None:
        """Accept every configuration."""

    def folder(self, config: EngineConfig) -> Path | None:
        """Return None: there is no model."""
        return None

    def identity(self, config: EngineConfig) -> tuple[str, str]:
        """Return the name "fake" and no revision."""
        return "fake", ""

    def key(self, config: EngineConfig) -> Mapping[str, object]:
        """Return nothing: the sampling parameters decide every token."""
        return {}

    def load(self, config: EngineConfig, prompt: Prompt, notify: Callable[[str], None]) -> LiveEngine:
        """Make a fake engine."""
        from tts.engines.fake.engine import FakeEngine, Latency

        return FakeEngine(seed=config.seed, latency=Latency(tick_s=config.token_delay_s))


KIND = FakeKind()
