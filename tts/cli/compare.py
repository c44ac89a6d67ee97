"""``tts compare``: replay strategies on a pool."""

from __future__ import annotations

from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts.cli.app import app, console
from tts.cli.options import (
    AnswersOption,
    BudgetOption,
    CalibrateOption,
    ForceOption,
    PermutationsOption,
    PoolArgument,
    RunOption,
    ScoreOption,
    SeedOption,
    as_overrides,
    read_config,
)
from tts.cli.tables import FormatOption, TableFormat, TableOption, WideOption, check_table, print_text, table_file
from tts.cli.verbosity import notify, shown_work
from tts.errors import InputError
from tts.files import Output, check_outputs
from tts.wording import counted

if TYPE_CHECKING:
    from rich.console import Console

    from evals.comparison.session import ComparisonOutcome
    from evals.report.tables import Table


class PlotAxis(StrEnum):
    """The quantities that a plot shows accuracy against."""

    SAMPLES = "samples"
    TOKENS = "tokens"
    COST = "cost"
    SECONDS = "seconds"


@app.command(
    schema="evals.config:CompareConfig",
    examples=(
        "tts compare pool.jsonl.gz budget=16 plot=accuracy.png",
        "tts compare pool.jsonl.gz strategies='self_consistency,{name: esc, window: 8}'",
    ),
)
def compare(
    pool: PoolArgument,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE|KEY=VALUE", help="YAML files, and keys such as seed=1."),
    ] = None,
    config: Annotated[list[Path] | None, typer.Option(help="YAML configuration; repeat to merge several.")] = None,
    budget: BudgetOption = None,
    strategies: Annotated[
        str | None, typer.Option(help="Comma-separated names, see `tts strategies` [default: all].")
    ] = None,
    permutations: PermutationsOption = None,
    seed: SeedOption = None,
    answers: AnswersOption = None,
    equal: Annotated[
        str | None,
        typer.Option(
            help="Equality of answers: auto, exact, math, entailment (with equal.model=NAME) or judge (with "
            "equal.engine.kind=openai, .model and .openai.urls) [default: auto]."
        ),
    ] = None,
    score: ScoreOption = None,
    calibrate: CalibrateOption = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Sweep the threshold of every stopping rule and show the frontiers.")
    ] = False,
    regret: Annotated[bool, typer.Option("--regret", help="Split wrong decisions by their cause.")] = False,
    margin: Annotated[
        float | None, typer.Option(help="Non-inferiority margin of accuracy, a fraction [default: 0.005].")
    ] = None,
    decisions: Annotated[
        bool, typer.Option("--decisions", help="Add each strategy's decision on each question to the JSON.")
    ] = False,
    json: Annotated[Path | None, typer.Option(help="Write all numbers as JSON.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Plot accuracy and paired differences: .png, .svg or .pdf.")] = None,
    x: Annotated[
        PlotAxis, typer.Option("--x", help="Horizontal axis of the plot; cost needs price.generated=... and the like.")
    ] = PlotAxis.SAMPLES,
    table: TableOption = None,
    output: FormatOption = TableFormat.TABLE,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the parameters of every strategy.")] = False,
    wide: WideOption = False,
    force: ForceOption = False,
    run: RunOption = None,
) -> None:
    """Compare strategies on the same recorded samples of a pool.

    Replays every strategy under the same random orders. Prints accuracy with its 95 % interval, mean samples and
    tokens, the share of tokens saved and the paired difference to self-consistency at the full budget; then maj@k,
    pass@k and best-of-k, and the cheapest strategy that is not worse.
    """
    from dataclasses import replace

    from evals.comparison.session import compare_pool
    from evals.config import CompareConfig
    from evals.report import figures
    from evals.report import plot as plotting
    from evals.report.comparison import as_mapping, to_json
    from evals.report.comparison_table import comparison_table
    from evals.report.output import json_file
    from tts.pool import load_pool, read_pool

    names = as_overrides(strategies=strategies, answers=answers)
    given: dict[str, Any] = {"budget": budget, "permutations": permutations, "seed": seed}
    given |= {"score": score, "calibrate": calibrate, "tune": tune or None, "margin": margin}
    given["decisions"] = decisions or None
    kinds = [] if equal is None else [f"equal={equal}"]  # before its options
    settings, files = read_config(CompareConfig, [*map(str, config or ()), *kinds, *(overrides or ()), *names])
    settings = replace(settings, **{key: value for key, value in given.items() if value is not None})
    if settings.decisions and json is None and output is not TableFormat.JSON:
        raise InputError("decisions are a part of the JSON: give json=FILE or format=json, too")
    if plot is not None:
        figures.check(str(plot))
    check_table(table)
    outputs = [
        Output(json, "JSON file"),
        Output(plot, "picture"),
        Output(table, "table", "strategy,frontier,"),
    ]
    check_outputs(outputs, [pool, *files], command="tts compare", force=force)
    read = load_pool if settings.score is None else read_pool
    with shown_work():
        outcome = compare_pool(read(pool, run=run, notify=notify), settings, notify=notify)
    main = comparison_table(outcome.rows)
    if plot is not None:
        plotting.check_axis(outcome.rows, x.value)
    # Files first, all or none: they are written even if the reader of the table stops early.
    with ExitStack() as stack:
        if json is not None:
            stack.enter_context(json_file(json, as_mapping(outcome)))
        if table is not None:
            stack.enter_context(table_file(main, table, command="tts compare"))
        if plot is not None:
            name, budget = Path(outcome.pool["path"]).name, outcome.settings.budget
            title = f"{name}: {counted(outcome.questions, 'question')}, budget {budget}"
            drawn = plotting.plot(title, outcome.rows, outcome.frontiers, x=x.value, margin=outcome.settings.margin)
            figures.save(drawn, plot, command="tts compare")
    if output is TableFormat.TABLE:
        _print(console(), outcome, main, regret=regret, verbose=verbose, wide=wide)
    else:
        print_text(to_json(as_mapping(outcome)) if output is TableFormat.JSON else main.render(output.value))
    for written in (json, plot, table):
        if written is not None:
            typer.echo(f"wrote {written}", err=output is not TableFormat.TABLE)


def _print(
    screen: Console, outcome: ComparisonOutcome, main: Table, *, regret: bool, verbose: bool, wide: bool
) -> None:
    """Print the tables, the strategies left out, and the sentence that they come to."""
    from evals.replay.kinds import AutoKind
    from evals.report import comparison_table as tables
    from evals.report.units import describe_all

    pool, settings = outcome.pool, outcome.settings
    sizes = "-".join(str(size) for size in dict.fromkeys((pool["samples_min"], pool["samples_max"])))
    screen.print(
        f"{pool['path']}: {counted(outcome.questions, 'question')}, {sizes} samples each; budget {settings.budget}, "
        f"{settings.permutations} permutations, seed {settings.seed}"
        + (f", score {pool['score']}" if pool["score"] else "")
        + (f", {settings.calibrate} calibration" if settings.calibrate else ""),
        soft_wrap=True,
    )
    if "auto" in pool:
        screen.print(AutoKind(**pool["auto"]).sentence, style="dim", soft_wrap=True)
    if "comparisons" in pool:
        screen.print(pool["comparisons"], style="dim", soft_wrap=True)
    main.print(screen, wide=wide)
    screen.print()
    screen.print(tables.legend(outcome.rows, settings), style="dim")
    if verbose:
        screen.print("parameters (a | b: fitted on one half of the questions, scored on the other):", style="dim")
        for row in outcome.rows:
            if row.params:
                screen.print(f"  {row.name}: {describe_all(row.params)}", style="dim")
    for reason in dict.fromkeys(outcome.skipped.values()):
        names = [name for name, why in outcome.skipped.items() if why == reason]
        screen.print(f"left out ({reason}): {', '.join(names)}", style="dim")
    if pool["grade_conflicts"]:
        screen.print(f"{pool['grade_conflicts']} answers carried different grades; the majority counts", style="yellow")
    if regret:
        tables.regret_table(outcome.rows).print(screen, wide=wide)
        screen.print()
        screen.print(tables.REGRET_LEGEND, style="dim")
    if outcome.frontiers is not None:
        if outcome.frontiers:
            tables.frontiers_table(outcome.frontiers).print(screen, wide=wide)
        else:
            screen.print("tuned: none of these strategies has a parameter to sweep", style="dim")
    tables.curves_table(outcome.curves, samples=pool["samples_max"]).print(screen, wide=wide)
    screen.print()
    screen.print(tables.conclusion(outcome.rows, questions=outcome.questions), style="bold", soft_wrap=True)
