"""The choice of ``task.chat=auto``: chat messages where the model has a template for them, plain text elsewhere.

Loads a tokenizer only of a model on the hub, and no weights.
"""

from __future__ import annotations

import json
from pathlib import Path

from tts.engines.config import EngineConfig
from tts.models.resolve import BUNDLED

FILES = ("chat_template.jinja", "chat_template.json")
"""Files of a model's directory that hold a template of their own."""


def takes_chat(config: EngineConfig) -> bool:
    """Return whether a model is asked in chat messages where the configuration leaves that open.

    A bundled model has no chat template; a server without a tokenizer here applies the template itself.

    Args:
        config: the model.
    """
    if config.model in BUNDLED or config.kind not in ("transformers", "vllm", "openai"):
        return False
    if config.kind == "openai" and config.openai.tokenizer is None:
        return True
    folder = config.folder
    if folder is not None:
        return _folder_has_template(folder)
    name = config.openai.tokenizer if config.kind == "openai" else config.model
    return _hub_has_template(str(name), config.revision)


def _folder_has_template(folder: Path) -> bool:
    if any((folder / name).is_file() for name in FILES):
        return True
    try:
        settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # loading it names the fault
        return False
    return isinstance(settings, dict) and bool(settings.get("chat_template"))


def _hub_has_template(name: str, revision: str | None) -> bool:
    try:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision)
    except Exception:  # loading the model names the fault
        return False
    return bool(getattr(tokenizer, "chat_template", None))


def chat_note(config: EngineConfig, *, chat: bool, chosen: bool) -> str | None:
    """Return one sentence on how a model is asked, where that is no matter of course; None elsewhere.

    Args:
        config: the model.
        chat: whether it is asked in chat messages.
        chosen: whether "auto" chose that.
    """
    if chosen and chat:
        where = "at the server's chat endpoint" if config.kind == "openai" else "in its chat template"
        return f"{config.model} is asked {where} (task.chat=false asks in plain text)"
    if chosen and config.model not in BUNDLED and config.kind in ("transformers", "vllm"):
        return f"{config.model} has no chat template and is asked in plain text"
    if not chosen and not chat and config.kind in ("transformers", "vllm") and takes_chat(config):
        return f"{config.model} has a chat template, and task.chat=false asks it in plain text"
    return None
