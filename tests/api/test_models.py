"""Open models: one engine for equal settings, another for other settings or another prompt."""

from __future__ import annotations

from tts.agent.models import OpenModels
from tts.engines.config import EngineConfig
from tts.prompts import Prompt


def test_equal_settings_share_an_engine_until_it_is_closed() -> None:
    held = OpenModels()
    first = held.get(EngineConfig(kind="fake", model="fake"), Prompt())
    with held.opened(EngineConfig(kind="fake", model="fake"), Prompt()) as again:
        assert again is first
    assert held.get(EngineConfig(kind="fake", model="fake", seed=1), Prompt()) is not first
    assert held.get(EngineConfig(kind="fake", model="fake"), Prompt("Q: {question}")) is not first
    held.close()
    assert held.get(EngineConfig(kind="fake", model="fake"), Prompt()) is not first
