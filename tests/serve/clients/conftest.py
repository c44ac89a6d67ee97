"""Processes of ``tts serve`` that the tests of clients share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.serve.clients.chat_model import ChatModel
from tests.support.gateway import GatewayProcess, gateway
from tests.support.servers.plain import serving

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # litellm would fetch prices from the network
os.environ.setdefault("HF_HUB_OFFLINE", "1")

FAKE = """
engine: {kind: fake, model: fake}
scorer: watched
strategy: cges
budget: 8
draws: 4
"""
CHAT = """
engine: {kind: openai, model: m, openai: {urls: [URL]}}
task: {chat: true}
strategy: self_consistency
budget: 3
"""


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A process that serves the fake engine, for which 0 is right everywhere, under the name of the bundled model."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "grace.yaml").write_text(FAKE)
    with gateway(folder, str(folder / "grace.yaml")) as server:
        yield server


@dataclass
class Chat:
    """A process in front of a chat model.

    Attributes:
        server: the process.
        model: the model, with the requests that it had.
    """

    server: GatewayProcess
    model: ChatModel

    @property
    def url(self) -> str:
        """The URL, ending with /v1."""
        return self.server.url


@pytest.fixture(scope="session")
def chat_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    folder = tmp_path_factory.mktemp("chat")
    with serving(ChatModel()) as upstream:
        assert isinstance(upstream.script, ChatModel)
        (folder / "chat.yaml").write_text(CHAT.replace("URL", upstream.url))
        with gateway(folder, str(folder / "chat.yaml")) as server:
            yield Chat(server, upstream.script)


@pytest.fixture
def chat(chat_process: Chat) -> Any:
    """A process in front of a chat model that calls tools; tests script the model."""
    chat_process.model.restart()
    return chat_process
