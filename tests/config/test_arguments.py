"""Keyword arguments become a configuration: a key of the engine by its own name, nested keys, and plain values."""

from __future__ import annotations

import pytest

from tts.agent.config import AgentConfig
from tts.config.arguments import configured, named, plain
from tts.engines.config import EngineConfig
from tts.errors import InputError


def test_keys_of_the_engine_go_to_the_engine() -> None:
    given = {"engine.model": "tiny", "scorer": named("mean_logprob"), "budget": None}
    found = configured(AgentConfig, "tts.solve", given, temperature=0.5, lookahead=2)
    assert (found.engine.model, found.engine.temperature, found.lookahead, found.budget) == ("tiny", 0.5, 2, 16)
    assert found.scorer == {"name": "mean_logprob"}


def test_configurations_and_tuples_become_plain_values() -> None:
    assert plain({"a": (1, None), "engine": EngineConfig(kind="fake").openai})["a"] == [1, None]
    assert named({"name": "grace", "calibration": "m.json"}) == {"name": "grace", "calibration": "m.json"}


def test_an_unknown_key_is_refused_with_the_closest_one() -> None:
    with pytest.raises(InputError, match=r"tts.solve has no argument 'lookahed'; did you mean lookahead\?"):
        configured(AgentConfig, "tts.solve", {}, lookahed=1)
