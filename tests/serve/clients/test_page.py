"""Each block of the pages that asks a server, run against one: as it stands, but for the port and the verifier."""

from __future__ import annotations

import io
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

import tts
from tests.serve.clients.chat_model import Rule, by_turn
from tests.serve.clients.conftest import Chat
from tests.support.gateway import Gateway, gateway
from tests.support.pages import ROOT, Block, blocks

SERVED = [b for page in sorted((ROOT / "docs").glob("*.md")) for b in blocks(page) if b.mark == "served"]
BUNDLED = 'tts.Verifier.open("configs/serve/grace.yaml")'
QUICK = 'tts.Verifier.open(kind="fake", model="fake", draws=4)'
HEADINGS = [
    "Ask a question",
    "Ask a question",
    "Judge an answer",
    "Judge an answer",
    "litellm",
    "langchain-openai",
    "openai-agents",
    "pydantic-ai",
    "smolagents",
    "DSPy",
    "Inspect",
]


def needs(block: Block) -> set[str]:
    """Return the modules that a block imports, or the tool that it calls."""
    if block.language == "sh":
        return {"inspect_ai"} if re.search(r"^inspect ", block.code, re.M) else set()
    return set(re.findall(r"^(?:from|import) (\w+)", block.code, re.M))


def agent_of(right: str) -> Rule:
    """Return the rule of a chat model that calls tools, or fills the fields that DSPy asks for."""
    calls = by_turn([("add", {"first": 11, "second": 8})], [("final_answer", {"answer": right})])

    def rule(messages: list[dict[str, Any]]) -> Any:
        if any("[[ ## answer ## ]]" in str(message["content"]) for message in messages):
            return f"[[ ## answer ## ]]\n{right}\n\n[[ ## completed ## ]]"
        return calls(messages)

    return rule


def output_of(block: Block, server: Gateway, chat: Chat, tmp_path: Path) -> str:
    """Return all that a block prints."""
    for module in sorted(needs(block) - set(sys.stdlib_module_names)):
        pytest.importorskip(module)
    code = block.code.replace("127.0.0.1:8321", f"127.0.0.1:{server.port}")
    code = code.replace("127.0.0.1:8400", f"127.0.0.1:{chat.server.port}")
    if block.language == "python":
        script, printed = tmp_path / "page.py", io.StringIO()
        script.write_text(code)  # frameworks read the source of tools
        with redirect_stdout(printed):
            runpy.run_path(str(script), run_name="page")
        return printed.getvalue()
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "INSPECT_LOG_DIR": str(tmp_path)}
    command = ["bash", "-e", "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_client_has_a_block() -> None:
    assert [block.heading for block in SERVED] == HEADINGS
    assert all("127.0.0.1:8321" in block.code or "127.0.0.1:8400" in block.code for block in SERVED)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    tts.close()


@pytest.mark.parametrize("block", SERVED, ids=lambda block: block.where)
def test_a_block_asks_a_server(block: Block, served: Gateway, chat: Chat, tmp_path: Path) -> None:
    """On the fake engine, for which 0 is right everywhere."""
    chat.model.rule = agent_of("0")
    quick = Block(block.where, block.heading, block.language, block.mark, block.code.replace(BUNDLED, QUICK))
    printed = output_of(quick, served, chat, tmp_path)
    assert "0" in printed and "error" not in printed.lower()


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    pytest.importorskip("transformers")
    with gateway(tmp_path_factory.mktemp("bundled")) as server:
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("block", SERVED, ids=lambda block: block.where)
def test_a_block_asks_the_bundled_model(
    block: Block, bundled: Gateway, chat: Chat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    chat.model.rule = agent_of("19")
    printed = output_of(block, bundled, chat, tmp_path)
    if block.heading == "Inspect":
        assert float(re.findall(r"accuracy\s+([.\d]+)", printed)[-1]) >= 0.5
    elif block.heading == "Judge an answer":
        assert max(map(float, re.findall(r"\b0\.\d+", printed))) > 0.7
    else:
        assert "19" in printed
