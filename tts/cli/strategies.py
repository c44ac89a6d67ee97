"""``tts strategies``: the catalogue, with what each strategy needs and its parameters."""

from __future__ import annotations

from json import dumps
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts.cli.app import app, console
from tts.cli.options import ForceOption
from tts.cli.tables import FormatOption, TableFormat, TableOption, WideOption, check_table, print_text, table_file
from tts.files import Output, check_outputs

if TYPE_CHECKING:
    from strategies.method import Method


@app.command(examples=("tts strategies esc", "tts strategies --names"))
def strategies(
    chosen: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Strategies to explain, with all parameters.")
    ] = None,
    names: Annotated[bool, typer.Option("--names", help="Print the names alone, one a line.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, with what each needs and its parameters.")] = False,
    output: FormatOption = TableFormat.TABLE,
    table: TableOption = None,
    wide: WideOption = False,
    force: ForceOption = False,
) -> None:
    """List all strategies with their sources and parameters."""
    from evals.report.comparison_table import catalogue_table
    from strategies.catalog import method
    from tts.registry import STRATEGIES

    check_table(table)
    check_outputs([Output(table, "table", "strategy,source,")], [], command="tts strategies", force=force)
    rows = [method(name) for name in chosen or STRATEGIES.names()]
    listed = catalogue_table(rows)
    if table is not None:
        with table_file(listed, table, command="tts strategies"):
            pass
    if names:
        print_text("".join(f"{row.name}\n" for row in rows))
    elif json:
        print_text(dumps([explained(row) for row in rows], indent=1, ensure_ascii=False) + "\n")
    elif output is not TableFormat.TABLE:
        print_text(listed.render(output.value))
    elif chosen:
        width = console().width
        print("\n\n".join(_text(row, width) for row in rows))
    else:
        listed.print(console(), wide=wide)
    if table is not None:
        typer.echo(f"wrote {table}", err=output is not TableFormat.TABLE)


def needs(row: Method) -> list[str]:
    """Return what a strategy needs of a run or a pool, one phrase each."""
    required = row.requires
    signals = {
        "top": "top-k confidences",
        "entropy": "entropies",
        "certainty": "self-certainty",
        "processed": "the log-probabilities of whole samples",
        "alternatives": "the most probable tokens at each position",
        "steps": "steps",
    }
    found = {
        "confidences (a scorer)": required.confidence,
        "confidences of partial samples (a scorer of prefixes)": required.prefix_confidence,
        "a scorer that watches one token, such as grace": required.watched,
        "an engine that continues prefixes (live only)": required.branching,
        "a fit pool (fit=POOL)": row.learn is not None,
        "a recorded pool (compare only)": row.scores != "recorded",
    }
    phrases = [phrase for phrase, needed in found.items() if needed]
    return phrases + [f"signal: {word}" for name, word in signals.items() if getattr(required.signals, name)]


def explained(row: Method) -> dict[str, Any]:
    """Return a strategy with its source, needs and parameters, as plain JSON values."""
    from evals.report.units import describe
    from tts.components import describe_type

    params: dict[str, Any] = {"budget": {"type": "a whole number", "default": None}}
    for key, value in {**{key: values[0] for key, values in row.sweep.items()}, **row.example}.items():
        params[key] = {
            "type": describe_type(type(value)) if isinstance(value, str | int | float) else "a component",
            "default": describe(row.example[key]) if key in row.example else None,
            "swept": [describe(one) for one in row.sweep.get(key, ())],
        }
    return {
        "name": row.name,
        "source": row.source,
        "summary": row.summary,
        "needs": needs(row),
        "parameters": params,
    }


def _text(row: Method, width: int) -> str:
    """Return a strategy as a few lines of text."""
    facts = explained(row)
    needed = ", ".join(facts["needs"]) or "nothing beside samples"
    lines = [f"{row.name}: {row.summary}", f"  source: {row.source}", f"  needs: {needed}"]
    for key, one in facts["parameters"].items():
        default = "the run's" if one["default"] is None else one["default"]
        swept = f"; swept over {', '.join(one['swept'])}" if one.get("swept") else ""
        lines.append(f"  {key}={default}  ({one['type'].removeprefix('a ')}{swept})")
    return "\n".join(fill(line, width - 1, subsequent_indent=" " * 4, break_on_hyphens=False) for line in lines)
