"""The choice of chat messages where the configuration leaves it open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tts.engines.chat_template import chat_note, takes_chat
from tts.engines.config import EngineConfig
from tts.engines.openai.config import OpenAIConfig

SERVER = OpenAIConfig(urls=["http://localhost:8000/v1"])


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (EngineConfig(), False),
        (EngineConfig(kind="fake", model="a/b"), False),
        (EngineConfig(kind="openai", model="a/b", openai=SERVER), True),
        (EngineConfig(kind="openai", model="tiny", openai=SERVER), False),
    ],
)
def test_servers_have_a_template_and_bundled_models_have_none(config: EngineConfig, expected: bool) -> None:
    assert takes_chat(config) is expected


def test_a_directory_has_the_template_of_its_tokenizer(tmp_path: Path) -> None:
    config = EngineConfig(model=str(tmp_path))
    assert not takes_chat(config)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages }}"}))
    assert takes_chat(config)
    (tmp_path / "tokenizer_config.json").write_text("{")
    assert not takes_chat(config)
    (tmp_path / "chat_template.jinja").write_text("{{ messages }}")
    assert takes_chat(config)
    assert "is asked in its chat template" in str(chat_note(config, chat=True, chosen=True))
    assert "task.chat=false asks it in plain text" in str(chat_note(config, chat=False, chosen=False))
    assert chat_note(EngineConfig(), chat=False, chosen=True) is None
