"""Runs against scripted servers: the command, and all that it left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.cases import Ran, Tts
from tests.support.servers.plain import PlainServer, serving
from tts.pool import load_pool


class Tried:
    """A finished run: its command, its JSON and its samples."""

    def __init__(self, ran: Ran, folder: Path) -> None:
        self.ran, self.status, self.err = ran, ran.status, " ".join(ran.err.split())
        target, pool = folder / "run.json", folder / "run.sqlite"
        self.json: dict[str, Any] = json.loads(target.read_text()) if target.exists() else {}
        self.samples = [s for e in load_pool(pool).entries for s in e.samples] if self.status == 0 else []


def tried(tts: Tts, folder: Path, script: PlainServer, *more: str, chat: bool = True, url: str = "") -> Tried:
    """Run two draws of one question against a server."""
    for old in ("run.sqlite", "run.json"):
        (folder / old).unlink(missing_ok=True)
    with serving(script) as server:
        ran = tts(
            "run", folder / "questions.jsonl", "engine.kind=openai", "engine.model=m",
            f"engine.url={url or server.url}", "engine.openai.retries=0", "engine.openai.outage_timeout_s=0.2",
            "strategies=[self_consistency]", "budget=2", f"task.chat={str(chat).lower()}", *more,
            f"out={folder / 'run.sqlite'}", "--json", folder / "run.json",
        )  # fmt: skip
    return Tried(ran, folder)


def right(found: Tried) -> None:
    """Check that every draw is right and counted."""
    assert found.status == 0, found.ran.err
    assert [s.answer for s in found.samples] == ["5", "5"]
    for sample in found.samples:
        assert sample.usage is not None and sample.usage.delivered > 0
        assert sample.usage.prompt + sample.usage.prompt_cached > 0
