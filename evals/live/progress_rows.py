"""The progress of a strategy as text: a row of a table and the facts below it, or one plain line for a log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evals.live.pace import Pace
from evals.progress.display import clock

if TYPE_CHECKING:
    from rich.console import RenderableType

COLUMNS = (("questions", 11), ("accuracy, % [95 %]", 19), ("samples", 7), ("tokens", 7))
"""The heading and the width of each column behind the name; samples and tokens are means of a question."""
GAP = "  "
LEAST_NAME, MOST_BAR = 8, 24
UNKNOWN = "-"


def heading(width: int) -> str:
    """Return the line above the rows, for this number of characters."""
    return _joined("strategy", [name for name, _ in COLUMNS], width)


def row(pace: Pace, width: int) -> str:
    """Return a strategy's row, for this number of characters."""
    accuracy = UNKNOWN
    if pace.accuracy is not None and pace.interval is not None:
        low, high = (f"{100 * end:.1f}" for end in pace.interval)
        accuracy = f"{100 * pace.accuracy:.1f} [{low}, {high}]"
    cells = [f"{pace.done}/{pace.total}", accuracy, _number(pace.samples_each, 1), _number(pace.tokens_each, 0)]
    return _joined(pace.label, cells, width)


def running_facts(pace: Pace) -> str:
    """Return the rate and the time left, which are unknown before there is evidence, and what was unusual."""
    left = pace.left_s
    facts = [f"{_number(pace.tokens_per_s, 0)} tokens/s", f"{UNKNOWN if left is None else clock(left)} left"]
    return ", ".join(facts + unusual(pace))


def final_facts(pace: Pace) -> str:
    """Return the time that a strategy took, its mean rate, and what was unusual."""
    rate = pace.mean_tokens_per_s
    facts = [f"took {clock(pace.seconds)}", *([] if rate is None else [f"{rate:.0f} tokens/s"])]
    return ", ".join(facts + unusual(pace))


def unusual(pace: Pace) -> list[str]:
    """Return the numbers of recalled questions, failed draws and truncated samples, those above 0."""
    counts = ((pace.recalled, "recalled"), (pace.failed, "failed"), (pace.truncated, "truncated"))
    return [f"{count} {word}" for count, word in counts if count]


def plain_line(pace: Pace, *, running: bool) -> str:
    """Return one line for a log."""
    rate = pace.tokens_per_s if running else pace.mean_tokens_per_s
    facts = [f"{pace.label}: {pace.done} of {pace.total} questions"]
    if pace.accuracy is not None:
        facts.append(f"accuracy {pace.accuracy:.3f}")
    if rate is not None:
        facts.append(f"{rate:.0f} tokens/s")
    if running and (left := pace.left_s) is not None:
        facts.append(f"{clock(left)} left")
    return ", ".join(facts + unusual(pace))


def table(pace: Pace, width: int, *, running: bool, head: bool) -> RenderableType:
    """Return a strategy's row with its facts, under the heading where that is wanted, for a screen of this width."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    def line(text: str, style: str = "") -> Text:
        return Text(text, style=style, no_wrap=True, overflow="ellipsis")

    facts = running_facts(pace) if running else final_facts(pace)
    bar = min(MOST_BAR, width - len(facts) - 2 * len(GAP))
    below: RenderableType = line(GAP + facts, "dim")
    if running and bar >= LEAST_NAME:
        grid = Table.grid(padding=(0, 1))
        grid.add_row(GAP[1:], ProgressBar(total=pace.total, completed=pace.done, width=bar), line(facts))
        below = grid
    lines: list[RenderableType] = [line(heading(width), "bold")] if head else []
    return Group(*lines, line(row(pace, width)), below)


def _joined(name: str, cells: Sequence[str], width: int) -> str:
    room = max(width - sum(len(GAP) + size for _, size in COLUMNS), LEAST_NAME)
    short = name if len(name) <= room else f"{name[: room - 1]}…"
    return GAP.join([f"{short:{room}}", *(f"{cell:>{size}}" for cell, (_, size) in zip(cells, COLUMNS, strict=True))])


def _number(value: float | None, digits: int) -> str:
    return UNKNOWN if value is None else f"{value:.{digits}f}"
