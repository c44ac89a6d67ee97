"""The engine of a judge: any engine with its own configuration, such as another model behind a server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tts.config import from_mapping
from tts.engines.config import EngineConfig, LiveEngine, open_engine
from tts.errors import PromptFormError
from tts.files import read_bytes
from tts.prompts import Prompt

DEFAULTS: Mapping[str, object] = {"temperature": 0.0, "max_tokens": 512}
"""Keys of the judge's engine that differ from an engine's own defaults."""


def open_judge_engine(
    engine: Mapping[str, Any], *, rubric: str | None, usual: str, chat: bool | None, section: str
) -> tuple[LiveEngine, str, Mapping[str, object]]:
    """Open the engine of a judge; its prompt is what it is asked, alone.

    Args:
        engine: the configuration of the engine; see :data:`DEFAULTS`.
        rubric: a file with the judge's prompt; None takes ``usual``.
        usual: the prompt without a file.
        chat: whether to ask in chat messages; None does for servers.
        section: the configuration key that holds ``engine``, such as "scorer".

    Returns:
        The engine, the prompt, and everything that decides the judge's replies.

    Raises:
        InputError: an unknown key, a rubric that cannot be read, or an engine that cannot be opened.
    """
    config = from_mapping(EngineConfig, {**DEFAULTS, **engine}, f"{section}.engine")
    text = usual if rubric is None else read_bytes(Path(rubric)).decode("utf-8-sig", errors="replace")
    asks_in_chat = config.kind == "openai" if chat is None else chat
    try:
        opened = open_engine(config, Prompt(template="{question}", chat=asks_in_chat), _ignore)
    except PromptFormError as error:
        if chat is not None:
            raise
        asks_in_chat = error.chat
        opened = open_engine(config, Prompt(template="{question}", chat=asks_in_chat), _ignore)
    name, revision = config.identity
    key = {"engine": {"model": name, "revision": revision, **config.key}, "rubric": text, "chat": asks_in_chat}
    return opened, text, key


def _ignore(_: str) -> None:
    return None
