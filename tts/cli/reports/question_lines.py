"""One question of a pool on a terminal: lines of samples, the stops among them, and a table of decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tts.wording import counted, visible

if TYPE_CHECKING:
    from rich.console import Console

    from evals.report.tables import Table
    from evals.report_page.one_question import ShownQuestion

LEAST_TEXT = 24
"""The columns that the first line of a text needs; spare columns are hidden where it has fewer."""
MOST_ANSWER = 16
"""The columns of an answer."""
MOST_QUESTION = 2000
"""The characters of a question and of each gold answer that are shown without ``--texts``."""
MOST_WRAPPED = 20_000
"""The characters of a text that is broken between words; a longer one is left to the terminal."""
GRADES = {True: "right", False: "wrong", None: "-"}
STYLES = {True: "green", False: "red", None: ""}
CAUSES = {
    "unsolved": "no right sample",
    "not_selected": "right sample not selected",
    "stopped_early": "stopped too early",
    "gained": "right by luck",
}


@dataclass(frozen=True, slots=True)
class _Column:
    heading: str
    cells: Sequence[str]
    left: bool = False
    spare: int = 0

    @property
    def width(self) -> int:
        from rich.cells import cell_len

        return max(map(cell_len, (self.heading, *self.cells)))


def print_question(console: Console, found: ShownQuestion, title: str, texts: bool, wide: bool) -> None:
    """Print a question.

    Args:
        console: the terminal or file.
        found: the question.
        title: the first line, without its id.
        texts: whether the texts of all samples are printed in full.
        wide: whether spare columns are shown, however narrow the terminal is.
    """
    question = found.question
    console.print(f"{title}, {question['id']}", style="bold", soft_wrap=True)
    console.print()
    console.print(_shown(question["question"], texts))
    console.print()
    gold = ", ".join(_shown(one, texts) for one in question["gold"])
    console.print(f"gold: {gold or 'not known'}", soft_wrap=True)
    console.print()
    stops = _stops(found)
    if texts:
        _print_texts(console, question, stops)
    else:
        _print_samples(console, question, stops, wide)
    if question["decisions"]:
        console.print()
        console.print("decisions, in the order drawn")
        _decisions(found).print(console, wide=wide)
    console.print()
    for sentence in found.missing:
        console.print(sentence, style="yellow")
    if found.skipped:
        console.print(f"left out: {', '.join(found.skipped)}; --json says why", style="dim")


def _print_samples(console: Console, question: Mapping[str, Any], stops: Mapping[int, str], wide: bool) -> None:
    from rich.text import Text

    columns, hidden, room = _columns(question), list[str](), console.width - 1
    for column in sorted((one for one in columns if one.spare), key=lambda one: one.spare):
        if not wide and room - _taken(columns) < LEAST_TEXT:
            columns.remove(column)
            hidden.append(column.heading)
    left = max(LEAST_TEXT, room - _taken(columns))
    console.print("  ".join([*(_padded(column, column.heading) for column in columns), "text"]), soft_wrap=True)
    for at, sample in enumerate(question["samples"]):
        line = Text()
        for column in columns:
            style = STYLES[sample["right"]] if column.heading == "grade" else ""
            line.append(_padded(column, column.cells[at]) + "  ", style=style)
        line.append(_cut(_first_line(_said(sample)), left))
        line.rstrip()
        console.print(line, soft_wrap=True)
        if at + 1 in stops:
            console.print(f"-- {stops[at + 1]}", style="bold")
    if hidden:
        console.print(f"hidden: --wide shows {', '.join(hidden)}", style="dim")


def _print_texts(console: Console, question: Mapping[str, Any], stops: Mapping[int, str]) -> None:
    columns = _columns(question)
    for at, sample in enumerate(question["samples"]):
        facts = [
            column.cells[at] if column.heading in ("answer", "grade") else f"{column.heading} {column.cells[at]}"
            for column in columns[1:]
        ]
        console.print(f"# {at + 1}  {', '.join(facts)}", style=f"bold {STYLES[sample['right']]}", soft_wrap=True)
        if sample.get("reasoning"):
            console.print(f"(reasoning) {sample['reasoning']}", style="dim")
        said = _said(sample)
        console.print(said, soft_wrap=len(said) > MOST_WRAPPED)
        if at + 1 in stops:
            console.print(f"-- {stops[at + 1]}", style="bold")
        console.print()


def _columns(question: Mapping[str, Any]) -> list[_Column]:
    """Return the columns in front of the text; those that no sample has are left out."""
    samples, answers = question["samples"], question["answers"]
    names = ["-" if s["answer"] < 0 else _cut(_first_line(answers[s["answer"]]), MOST_ANSWER) for s in samples]
    posteriors = question["posteriors"]
    found = [
        _Column("#", [str(number) for number in range(1, len(samples) + 1)]),
        _Column("answer", names, left=True),
        _known("grade", samples, lambda s: GRADES[s["right"]], "right", left=True),
        _known("confidence", samples, _confidence(samples), "confidence"),
        _known("tokens", samples, lambda s: str(s["tokens"]), "tokens"),
        _Column("end", [s["end"] for s in samples], left=True),
        _Column("leader", _leads(samples), spare=2),
        None
        if posteriors is None
        else _Column("posterior", [f"{max(after, default=0.0):.3f}" for after in posteriors], spare=1),
    ]
    return [column for column in found if column is not None]


def _known(
    heading: str,
    samples: Sequence[Mapping[str, Any]],
    show: Callable[[Mapping[str, Any]], str],
    key: str,
    left: bool = False,
) -> _Column | None:
    if all(sample[key] is None for sample in samples):
        return None
    return _Column(heading, ["-" if sample[key] is None else show(sample) for sample in samples], left)


def _confidence(samples: Sequence[Mapping[str, Any]]) -> Callable[[Mapping[str, Any]], str]:
    """Return the text of a sample's confidence: raw scores with four digits, probabilities with three decimals."""
    raw = any(not 0.0 <= s["confidence"] <= 1.0 for s in samples if s["confidence"] is not None)
    return lambda sample: f"{sample['confidence']:{'.4g' if raw else '.3f'}}"


def _leads(samples: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the votes of the leading answer of those cast, after each draw."""
    counts, found = dict[int, int](), []
    for sample in samples:
        if sample["answer"] >= 0:
            counts[sample["answer"]] = counts.get(sample["answer"], 0) + 1
        found.append(f"{max(counts.values())}/{sum(counts.values())}" if counts else "-")
    return found


def _stops(found: ShownQuestion) -> dict[int, str]:
    """Return who stopped after each number of draws, and by which rule."""
    stopped = dict[int, list[str]]()
    for name, decision in zip(found.strategies, found.question["decisions"], strict=True):
        stopped.setdefault(decision["used"], []).append(f"{name} ({decision['stopped_by']})")
    return {after: f"after {counted(after, 'draw')}: {', '.join(who)}" for after, who in stopped.items()}


def _decisions(found: ShownQuestion) -> Table:
    from evals.report import units
    from evals.report.tables import Column, Table

    rows = [
        {"strategy": name, **decision}
        for name, decision in zip(found.strategies, found.question["decisions"], strict=True)
    ]
    columns = (
        Column("strategy", "strategy", left=True),
        Column("answer", "answer", lambda answer: _cut(_first_line(answer), MOST_ANSWER), left=True),
        Column("right", "grade", lambda right: GRADES[right], left=True),
        Column("used", "samples"),
        Column("stopped_by", "stopped by", left=True),
        Column("tokens", "tokens", spare=2),
        Column("p_correct", "P(right)", units.probability, spare=3),
        Column("vote_share", "vote share", units.probability, spare=4),
        Column("cause", "cause", lambda cause: CAUSES.get(cause, cause), left=True, fold=True, spare=1),
    )
    known = [column for column in columns if any(row[column.key] is not None for row in rows) or not column.spare]
    return Table(tuple(known), tuple(rows), styles=tuple(STYLES[row["right"]] for row in rows))


def _said(sample: Mapping[str, Any]) -> str:
    """Return the text of a sample, or what it has in place of one."""
    return sample["text"] or "; ".join(sample.get("calls", ())) or sample.get("error", "")


def _shown(text: str, whole: bool) -> str:
    rest = 0 if whole else max(0, len(text) - MOST_QUESTION)
    return text[: len(text) - rest] + (f" ... ({rest} more characters: --texts)" if rest else "")


def _first_line(text: str) -> str:
    return next((visible(line).replace("\t", " ") for line in text.splitlines() if line.strip()), "")


def _cut(text: str, room: int) -> str:
    from rich.cells import cell_len, set_cell_size

    short = text[: room + 1]  # a character takes a column at least
    return short if cell_len(short) <= room else f"{set_cell_size(short, room - 1)}…"


def _taken(columns: Sequence[_Column]) -> int:
    return sum(column.width + 2 for column in columns)


def _padded(column: _Column, cell: str) -> str:
    from rich.cells import cell_len

    space = " " * (column.width - cell_len(cell))
    return cell + space if column.left else space + cell
