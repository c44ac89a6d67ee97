"""The configuration reference, generated from the keys of the schemas that check configurations."""

from __future__ import annotations

from collections.abc import Iterator

from evals.config import CompareConfig, DecideConfig, RunConfig, SampleConfig
from evals.tasks import TaskConfig
from evals.training.config import FineceConfig, GraceConfig, HeadConfig, RewardConfig, TinyConfig
from tts.agent.config import AgentConfig
from tts.cli.config import shown
from tts.config.keys import Key, keys
from tts.engines.config import EngineConfig
from tts.serve.config import ServedConfig

COMMANDS: dict[str, type] = {
    "tts ask": AgentConfig,
    "tts sample": SampleConfig,
    "tts run": RunConfig,
    "tts compare": CompareConfig,
    "tts decide": DecideConfig,
    "tts serve": ServedConfig,
    "tts train grace": GraceConfig,
    "tts train finece": FineceConfig,
    "tts train head": HeadConfig,
    "tts train reward": RewardConfig,
    "tts train tiny": TinyConfig,
}
SHARED: dict[type, str] = {TaskConfig: "task", EngineConfig: "engine"}
"""Schemas that several commands have; each has a section of its own."""

INTRODUCTION = """# Configuration reference

The keys of each command, generated from the schemas that check them. YAML files, such as those in `configs/`, and
`KEY=VALUE` arguments fill them; a dot separates levels (`engine.temperature=0.7`). Later ones replace earlier ones.
"""


def page() -> str:
    """Return the page as Markdown."""
    parts = [INTRODUCTION]
    parts += [_section(f"`{command}`", list(_rows(schema))) for command, schema in COMMANDS.items()]
    for schema, name in SHARED.items():
        parts.append(_section(f"`{name}`", [_row(key, f"{name}.") for key in keys(schema) if not key.section]))
    return "\n".join(parts)


def _rows(schema: type) -> Iterator[str]:
    """Yield a row a key; a section that several commands have is one row with a link, any other its keys alone."""
    for key in keys(schema):
        if key.path in SHARED.values():
            yield f"| `{key.path}.*` | section | | {_plain(key.text)} See [below](#{key.path}). |"
        elif not key.section and key.path.partition(".")[0] not in SHARED.values():
            yield _row(key)


def _row(key: Key, prefix: str = "") -> str:
    return f"| `{prefix}{key.path}` | {key.type} | {_default(key.default)} | {_plain(key.text)} |"


def _section(title: str, rows: list[str]) -> str:
    return "\n".join([f"## {title}", "", "| key | type | default | meaning |", "|---|---|---|---|", *rows, ""])


def _default(value: object) -> str:
    return f"`{shown(value)}`" if value != "" else "empty"


def _plain(text: str) -> str:
    return text.replace("|", "\\|")
