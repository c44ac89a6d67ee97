"""The entry of a client's settings file, as the page has it, started by the client of the MCP SDK."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.support.pages import ROOT, blocks

BEADS = "Jack has 11 beads. Jack buys 8 more beads. How many beads does Jack have now?"


@pytest.mark.slow
def test_the_entry_starts_a_server_that_verifies_and_solves(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    [block] = [b for b in blocks(ROOT / "docs/agents.md") if b.language == "json"]
    [entry] = json.loads(block.code)["mcpServers"].values()
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    started = StdioServerParameters(command=entry["command"], args=entry["args"], env=environment, cwd=tmp_path)

    async def run() -> tuple[Any, Any]:
        async with Client(stdio_client(started)) as client:
            solved = await client.call_tool("solve", {"question": BEADS})
            verified = await client.call_tool("verify", {"question": BEADS, "answer": "17"})
            return solved.structured_content, verified.structured_content

    solved, verified = asyncio.run(run())
    assert (solved["answer"], solved["accept"], verified["accept"]) == ("19", True, False)
