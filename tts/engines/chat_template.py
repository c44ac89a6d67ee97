"""The choice of ``task.chat=auto``: chat messages where the model has a template for them, plain text elsewhere.

Loads a tokenizer only of a model on the hub, and no weights.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from tts.engines.config import EngineConfig
from tts.models.resolve import BUNDLED

FILES = ("chat_template.jinja", "chat_template.json")
"""Files of a model's directory that hold a template of their own."""
CONNECT_S = 5.0
"""Seconds to wait for the hub."""


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
    """Return whether a tokenizer of the hub, or of its cache, has a template; False where it cannot be loaded."""
    try:
        from transformers import AutoTokenizer
    except ModuleNotFoundError:
        return False
    for cached in (True, False):
        if not cached and not _hub_answers():
            return False
        try:
            tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, local_files_only=cached)
        except Exception:  # loading the model names the fault
            continue
        return bool(getattr(tokenizer, "chat_template", None))
    return False


def _hub_answers() -> bool:
    """Return whether the hub can be reached; its own client would try for half a minute."""
    from huggingface_hub import constants

    host = urlsplit(constants.ENDPOINT)
    if getproxies():
        return True
    try:
        with socket.create_connection((host.hostname or "", host.port or 443), timeout=CONNECT_S):
            return True
    except OSError:
        return False


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
    if chosen and config.kind in ("transformers", "vllm") and config.model not in BUNDLED and config.folder is not None:
        return f"{config.model} has no chat template and is asked in plain text"
    if not chosen and not chat and config.kind in ("transformers", "vllm") and takes_chat(config):
        return f"{config.model} has a chat template, and task.chat=false asks it in plain text"
    return None
