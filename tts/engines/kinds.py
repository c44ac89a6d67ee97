"""Kinds of engines: how each checks, identifies and loads itself. Imports neither torch nor transformers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from tts.engines.base import Engine
from tts.models.resolve import identity, resolve
from tts.prompts import Prompt

if TYPE_CHECKING:
    from tts.engines.config import EngineConfig


@runtime_checkable
class LiveEngine(Engine, Protocol):
    """An engine of this process, which holds a model until it is closed."""

    def close(self) -> None:
        """Free what the engine holds."""
        ...


@runtime_checkable
class CountsTokens(Protocol):
    """An engine that counts tokens as it draws them."""

    @property
    def drawn(self) -> int:
        """Tokens drawn so far, those of running and closed samples included."""
        ...


class EngineKind(Protocol):
    """A kind of engine: it reads its own part of an :class:`EngineConfig`. ``engine.kind`` names it."""

    def check(self, config: EngineConfig) -> None:
        """Refuse a configuration that this kind cannot serve.

        Raises:
            InputError: naming the key.
        """
        ...

    def folder(self, config: EngineConfig) -> Path | None:
        """Return the local directory of the model's tokenizer and cards; None where there is none.

        Raises:
            InputError: no such directory.
        """
        ...

    def identity(self, config: EngineConfig) -> tuple[str, str]:
        """Return the name and the revision that identify the model.

        Raises:
            InputError: no such directory.
        """
        ...

    def key(self, config: EngineConfig) -> Mapping[str, object]:
        """Return what decides the drawn tokens beside the model, the prompt, the sampling parameters and the dtype.

        With the key "dtype" it replaces the configured one. Pools store these names and values, so they must stay as
        they are.
        """
        ...

    def load(self, config: EngineConfig, prompt: Prompt, notify: Callable[[str], None]) -> LiveEngine:
        """Load the model; see :func:`open_engine`.

        Raises:
            ModuleNotFoundError: an extra is not installed.
        """
        ...


class LocalModelKind:
    """The part of :class:`EngineKind` that kinds with a model of this machine or of the hub share."""

    def check(self, config: EngineConfig) -> None:
        """Accept every configuration."""

    def folder(self, config: EngineConfig) -> Path | None:
        """Return the model's directory; None for a model on the hub.

        Raises:
            InputError: no such directory.
        """
        model = resolve(config.model)
        return model if isinstance(model, Path) else None

    def identity(self, config: EngineConfig) -> tuple[str, str]:
        """Return the model's name and revision; see :func:`tts.models.resolve.identity`."""
        return identity(config.model, config.revision)

    def dtype(self, config: EngineConfig) -> str:
        """Return the precision; see :func:`tts.engines.hf.device.pick_dtype`.

        Raises:
            InputError: no such model, or a device that this machine lacks.
        """
        if config.dtype != "auto":
            return config.dtype
        from tts.engines.hf.device import pick_dtype

        return pick_dtype(config.dtype, config.device, resolve(config.model), config.revision)
