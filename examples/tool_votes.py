"""Votes on calls of tools: several replies of a model, and the call that most of them agree on, argument by argument.

python examples/tool_votes.py                                    # a scripted server stands in for a model
python examples/tool_votes.py http://localhost:8000/v1 NAME      # a server whose model calls tools
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from typing import Any

import tts

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The forecast for a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "request_id": {"type": "string"}},
            "required": ["city", "days"],
        },
    },
}
QUESTION = "Will it rain in Oslo in the next three days?"
REPLIES = cycle(
    [
        '{"city": "Oslo", "days": 3, "request_id": "a"}',
        '{"days": 3.0, "city": "Oslo", "request_id": "b"}',  # the same call: keys in another order, 3.0 for 3
        '{"city": "Oslo", "days": 2}',
        '{"city": "Bergen", "days": 3}',
        '{"city": "Oslo"}',  # breaks the schema, and never votes
        '{"city": "Oslo", "days": 3, "request_id": "c"}',
        '{"city": "Os',  # no JSON
        '{"city": "Oslo", "days": 3}',
    ]
)


class Scripted(BaseHTTPRequestHandler):
    """OpenAI's interface with the replies above, in turn."""

    def log_message(self, *_: Any) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        """Return the list of models."""
        self._send({"object": "list", "data": [{"id": "scripted", "object": "model"}]})

    def do_POST(self) -> None:
        """Return the next reply."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        message: dict[str, Any] = {"role": "assistant", "content": "Hello."}
        if "tools" in body:
            function = {"name": "weather", "arguments": next(REPLIES)}
            message = {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "function": function}]}
        reason = "tool_calls" if "tools" in body else "stop"
        usage = {"prompt_tokens": 60, "completion_tokens": 20}
        self._send({"choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": usage})

    def _send(self, content: Any) -> None:
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def main(url: str, model: str) -> None:
    """Print every reply, and the call that won."""
    solver = tts.Solver.open(
        kind="openai",
        model=model,
        openai={"urls": [url], "concurrency": 1},
        chat=True,
        strategy="self_consistency",
        budget=8,
        tools={"ignore": ["request_id"]},
    )
    problem = tts.Problem.of_messages("rain", [tts.Message("user", QUESTION)], tools=(WEATHER,))
    answer = solver.solve(problem)
    for sample in answer.samples:
        for call in sample.calls:
            print(f"{'votes' if sample.answer else 'no vote':8} {call.name} {call.arguments}")
    for call in answer.calls:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in call.agreement.items())
        print(f"winner   {call.name} {call.arguments}\n         agreement: {shares}")
    if not answer.calls:
        print(f"winner   {answer}, a text")
    tts.close()


if __name__ == "__main__":
    if len(sys.argv) == 3:
        main(*sys.argv[1:])
    else:
        with ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            main(f"http://127.0.0.1:{server.server_port}/v1", "scripted")
            server.shutdown()
