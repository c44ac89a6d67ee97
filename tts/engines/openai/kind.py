"""The engine kind "openai": any server with OpenAI's interface. Imports the client only to connect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tts.engines.config import EngineConfig
from tts.engines.kinds import LiveEngine
from tts.prompts import Prompt


class OpenAIKind:
    """Implements :class:`~tts.engines.kinds.EngineKind`."""

    def check(self, config: EngineConfig) -> None:
        """Refuse a configuration without a server.

        Raises:
            InputError: no URL.
        """
        config.openai.check()

    def folder(self, config: EngineConfig) -> Path | None:
        """Return the directory of the tokenizer; None where it is on the hub or none is given."""
        known = Path(config.openai.tokenizer).expanduser() if config.openai.tokenizer else None
        return known if known is not None and known.is_dir() else None

    def identity(self, config: EngineConfig) -> tuple[str, str]:
        """Return the model's name at the servers, which have no revisions."""
        return config.model, ""

    def key(self, config: EngineConfig) -> Mapping[str, object]:
        """Return the kind, whether each request has its own seed, and the further fields of each request."""
        return {"engine": "openai", "seeded": bool(config.seeded), "extra": dict(config.openai.extra)}

    def load(self, config: EngineConfig, prompt: Prompt, notify: Callable[[str], None]) -> LiveEngine:
        """Connect to the servers."""
        from tts.engines.openai.engine import OpenAIEngine

        return OpenAIEngine.load(
            config.openai,
            model=config.model,
            prompt=prompt,
            sampling=config.sampling,
            seeded=bool(config.seeded),
            check_every_tokens=config.check_every_tokens,
            notify=notify,
        )


KIND = OpenAIKind()
