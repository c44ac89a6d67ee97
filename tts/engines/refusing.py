"""Refusals that engines share."""

from __future__ import annotations

from pathlib import Path

from tts.engines.base import Capabilities
from tts.errors import UnsupportedError
from tts.types import Signals


def refuse_adapter(adapter: Path | None, engine: str) -> None:
    """Refuse an adapter for an engine that reads with its own model only.

    Raises:
        UnsupportedError: an adapter is given.
    """
    if adapter is not None:
        raise UnsupportedError(f"{engine} does not switch adapters: {adapter} must be read by a model of its own")


def refuse_reading(signals: Signals, capabilities: Capabilities, engine: str) -> None:
    """Refuse signals that an engine cannot read from a given text.

    Raises:
        UnsupportedError: naming the first of them.
    """
    if (lack := capabilities.unreadable(signals)) is not None:
        raise UnsupportedError(
            f"{engine} cannot read {lack} from a given text: read with engine.kind=transformers, or draw with that "
            "signal recorded"
        )
