"""An agent's side of the MCP server: it starts `tts mcp`, lists its tools, and asks for an answer and a verdict.

    python examples/mcp_client.py                                      # the bundled GrACE model
    python examples/mcp_client.py engine.kind=fake engine.model=fake   # arguments of `tts mcp`

A client with a settings file starts the same command:

    {"mcpServers": {"tts": {"command": "tts", "args": ["mcp"]}}}
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

QUESTION = "Jack has 11 beads. Jack buys 8 more beads. How many beads does Jack have now?"
WORKING = "11 + 8 = 19, so the beads of Jack is 19.\n#### 19"


async def report(done: float, total: float | None, message: str | None) -> None:
    """Print the progress of a call."""
    print(f"  {message}")


async def main(arguments: list[str]) -> None:
    """Solve a question, and verify a text that answers it."""
    server = StdioServerParameters(command=sys.executable, args=["-m", "tts", "mcp", *arguments])
    async with Client(stdio_client(server)) as client:
        for tool in (await client.list_tools()).tools:
            print(f"{tool.name}: {tool.description}")
        for name, given in (
            ("solve", {"question": QUESTION, "budget": 8, "time_limit_s": 60}),
            ("verify", {"question": QUESTION, "answer": WORKING}),
        ):
            result = await client.call_tool(name, given, progress_callback=report)
            if result.is_error:
                print(f"{name}: {result.content[0].text}")  # one sentence that a model can act on
                continue
            found: Any = result.structured_content
            shown = {key: found[key] for key in ("answer", "p_correct", "accept", "promise")}
            print(f"{name}: {shown}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
