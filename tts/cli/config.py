"""``tts config``: the configuration keys of each command, read from the schemas that check them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from json import dumps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts.cli.app import app, console
from tts.cli.grammar import Command
from tts.cli.tables import print_text
from tts.errors import unknown_name

if TYPE_CHECKING:
    from tts.config.keys import Key


@app.command(examples=("tts config run", "tts config train grace recipe"))
def config(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND [KEY...]", help="A command, such as run or train grace; keys or sections."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON: path, type, default and text of each key.")] = False,
) -> None:
    """List the configuration keys of a command.

    Shows the type, the default and the meaning of each. A key is given as `key=value` or `--key value` on the command
    line, or stands in a YAML file. The last part of a name is enough where no other key ends so: `temperature` means
    `engine.temperature`.
    """
    from tts.config.arguments import plain
    from tts.config.keys import keys

    schemas = configured_commands(ctx.find_root().command)
    given = list(words or ())
    if not given:
        print(_overview(schemas))
        return
    name = next((name for size in (2, 1) if (name := " ".join(given[:size])) in schemas), None)
    if name is None:
        raise unknown_name("command with a configuration", " ".join(given[:2]), list(schemas))
    chosen = {key.path for key in _chosen(schemas[name], given[len(name.split()) :])}
    shown = [key for key in keys(schemas[name]) if key.path in chosen and not (json and key.section)]
    if json:
        rows = [{"key": k.path, "type": k.type, "default": plain(k.default), "text": k.text} for k in shown]
        print_text(dumps({"command": f"tts {name}", "keys": rows}, indent=1) + "\n")
    else:
        width = console().width
        print("\n\n".join(_described(key, width) for key in shown))


def configured_commands(group: Any, prefix: str = "") -> dict[str, type[Any]]:
    """Return the schema of each command with a configuration, by the command's name, such as "train grace"."""
    found: dict[str, type[Any]] = {}
    for name, command in group.commands.items():
        if isinstance(command, Command):
            if command.schema:
                found[prefix + name] = command.configuration
        else:
            found |= configured_commands(command, f"{prefix}{name} ")
    return found


def _chosen(schema: type[Any], names: Sequence[str]) -> list[Key]:
    """Return the keys of these names, those of sections with all that they hold; every key for no name.

    Raises:
        InputError: no key has this name.
    """
    from tts.config.keys import keys
    from tts.config.overrides import find_keys, unknown_key

    known = keys(schema)
    if not names:
        return list(known)
    found: list[Key] = []
    for name in names:
        roots = [key.path for key, rest in find_keys(schema, name) if not rest]
        if not roots:
            raise unknown_key(known, name, "tts config")
        found += [key for key in known if any(key.path == root or key.path.startswith(f"{root}.") for root in roots)]
    return found


def _overview(schemas: Mapping[str, type[Any]]) -> str:
    from tts.config.keys import keys

    lines = ["Commands with a configuration, and its keys and sections:", ""]
    for name, schema in schemas.items():
        first = ", ".join(key.path for key in keys(schema) if "." not in key.path)
        lines.append(textwrap.fill(first, 78, initial_indent=f"  {name:<14}", subsequent_indent=" " * 16))
    return "\n".join([*lines, "", "`tts config COMMAND` lists every key with type, default and meaning."])


def _described(key: Key, width: int) -> str:
    """Return a key, its type and its default in one line, and its meaning below."""
    from tts.config.arguments import plain

    head = key.path if key.section else f"{key.path}={shown(plain(key.default))}"
    kind = "section" if key.section else key.type
    indent = " " * 4
    text = textwrap.fill(key.text, width - 1, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    return "\n".join(line for line in (f"{head}  ({kind})", text) if line.strip())


def shown(value: object) -> str:
    """Return a value as it is typed on the command line: null and true, not None and True."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return ",".join(shown(item) for item in value) or "[]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {shown(item)}" for name, item in value.items()) + "}"
    return str(value)
