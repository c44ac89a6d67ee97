"""Open models by their settings: a model that one call has opened serves every later call with the same settings."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from tts.engines.config import EngineConfig, open_engine
from tts.engines.kinds import LiveEngine
from tts.prompts import Prompt

LOG = logging.getLogger(__name__)


class OpenModels:
    """Engines by configuration and prompt, each loaded once."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._lock = threading.Lock()
        self._engines: dict[str, LiveEngine] = {}

    def get(self, config: EngineConfig, prompt: Prompt, notify: Callable[[str], None] = LOG.warning) -> LiveEngine:
        """Return the engine of these settings; it is loaded if it is not open yet.

        Raises:
            InputError: no such model or device, a prompt that this model cannot take, or an extra that is missing.
        """
        key = json.dumps([asdict(config), config.identity, asdict(prompt)], sort_keys=True, default=str)
        with self._lock:
            if key not in self._engines:
                LOG.info("loading %s", config.identity[0])
                self._engines[key] = open_engine(config, prompt, notify)
            return self._engines[key]

    @contextmanager
    def opened(
        self, config: EngineConfig, prompt: Prompt, notify: Callable[[str], None] = LOG.warning
    ) -> Iterator[LiveEngine]:
        """Lend the engine of these settings to a block; it stays open afterwards."""
        yield self.get(config, prompt, notify)

    def close(self) -> None:
        """Close every engine."""
        with self._lock:
            engines, self._engines = self._engines, {}
        for engine in engines.values():
            engine.close()


MODELS = OpenModels()
"""The models that the front door has opened."""
