"""Reports of live runs: a table for people, and everything as a mapping for JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from rich.console import Console

from evals.comparison.difference import Difference
from evals.comparison.paired import Point
from evals.config import RunConfig, SampleConfig
from evals.live.draws import DrawCounts
from evals.live.outcome import RunOutcome, RunPart, SampleOutcome
from evals.live.paired import REPLICATES, played_differences
from evals.live.pool_run import PoolRun
from evals.live.runner import Played
from evals.metrics.stats import accuracy_interval, bootstrap_weights, wilson_interval
from evals.report import figures, units
from evals.report import plot as plotting
from evals.report.comparison_table import conclusion
from evals.report.draws import draw_sentences
from evals.report.run_table import RunRow, run_table
from evals.report.units import describe_all
from evals.tasks import Task
from tts.errors import InputError
from tts.runtime.driver import Result
from tts.wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RIGHT = {"contains": "a gold answer stands in the answer", "f1": "F1 of at least 0.5"}
"""The answers that metrics other than equality count as right."""


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """A row of a live run as comparisons and plots read it; see :class:`evals.comparison.table.Compared`."""

    name: str
    source: str
    point: Point
    difference: Difference
    efficiency: tuple[tuple[int, Point], ...]


def run_rows(played: Sequence[Played], *, margin: float, seed: int) -> list[RunRow]:
    """Return one row a strategy; a question has one decision, so that Wilson's interval holds for the accuracy.

    Args:
        played: strategies on the same questions, in the same order.
        margin: the loss of accuracy that still counts as not worse, as a fraction.
        seed: of the bootstrap behind differences.
    """
    differences = played_differences(played, margin=margin, seed=seed)
    return [
        RunRow(
            name=p.planned.method.name,
            source=p.planned.method.source,
            accuracy=None if p.right is None else sum(p.right) / len(p.right),
            accuracy_ci=None if p.right is None else wilson_interval(sum(p.right), len(p.right)),
            samples=float(np.mean([len(r.decision.samples) for r in p.results])),
            tokens=_mean([None if r.decision.usage is None else r.decision.usage.generated for r in p.results]),
            p_correct=_mean([r.decision.p_correct for r in p.results if r.decision.answer is not None]),
            vote_share=_mean([r.decision.vote_share for r in p.results if r.decision.answer is not None]),
            reasons=dict(Counter(r.decision.reason for r in p.results).most_common()),
            abstained=sum(r.decision.answer is None for r in p.results),
            failed=sum(r.decision.failed for r in p.results),
            failed_share=sum(r.decision.failed for r in p.results) / max(1, sum(map(_draws, p.results))),
            cached=sum(r.cached for r in p.results),
            difference=difference,
            certified=_certified(p),
            reward=None if p.rewards is None else float(np.mean(p.rewards)),
            reward_ci=None if p.rewards is None else _interval(p.rewards, seed),
        )
        for p, difference in zip(played, differences, strict=True)
    ]


def _certified(played: Played) -> int | None:
    found = [result.decision.certified for result in played.results]
    return None if all(one is None for one in found) else sum(map(bool, found))


def _interval(values: Sequence[float], seed: int) -> tuple[float, float]:
    low, high = accuracy_interval(values, bootstrap_weights(len(values), REPLICATES, seed))
    return float(low), float(high)


def _draws(result: Result) -> int:
    return len(result.decision.samples)


def compared_rows(rows: Sequence[RunRow], budget: int) -> list[ComparedRun]:
    """Return the rows for the conclusion and the plot of a comparison; empty where self-consistency was not played."""
    found = []
    for row in rows:
        if row.difference is None or row.accuracy is None or row.accuracy_ci is None:
            return []
        nearly = (row.samples, row.samples)
        diff, diff_ci = row.difference.accuracy_diff, row.difference.accuracy_diff_ci
        point = Point(
            row.accuracy,
            row.accuracy_ci,
            row.samples,
            nearly,
            row.tokens,
            accuracy_diff=diff,
            accuracy_diff_ci=diff_ci,
        )
        found.append(ComparedRun(row.name, row.source, point, row.difference, ((budget, point),)))
    return found


def print_run(
    console: Console, config: RunConfig, outcome: RunOutcome, rows: Sequence[RunRow], *, wide: bool = False
) -> None:
    """Print the table, the fitted parameters, the strategies left out, and where the samples are."""
    task = outcome.task
    line = f"{task.name}: {counted(len(task.problems), 'question')}; budget {config.budget}, seed {config.engine.seed}"
    line += f"; right: {RIGHT[config.task.metric]}" if config.task.metric in RIGHT else ""
    judges = [_judged(part) for part in outcome.parts]
    console.print(f"{line}; {judges[0]}" if len(judges) == 1 else line, soft_wrap=True)
    if len(judges) > 1:
        for judge, part in zip(judges, outcome.parts, strict=True):
            names = ", ".join(planned.method.name for planned in part.plan.strategies)
            console.print(f"{judge}: {names}", soft_wrap=True)
    run_table(rows, metric=task.metric).print(console, wide=wide)
    console.print()
    if any(row.difference is not None for row in rows):
        console.print(legend(config), style="dim")
    print_notes(console, outcome)
    for pool, draws in outcome.runs:
        print_end(console, draws, pool, config.engine.max_tokens)
    if len(rows) > 1 and (compared := compared_rows(rows, config.budget)):
        console.print(conclusion(compared, questions=len(task.problems)), style="bold", soft_wrap=True)


def print_notes(console: Console, outcome: RunOutcome, prefix: str = "") -> None:
    """Print the fitted parameters and the strategies that were left out, each line behind a prefix."""
    for part in outcome.parts:
        for planned in part.plan.strategies:
            if planned.params:
                chosen = describe_all(planned.params)
                console.print(f"{prefix}fitted on other questions: {planned.method.name}: {chosen}", style="dim")
    for sentence in mass_sentences(outcome.played):
        console.print(prefix + sentence, style="dim", soft_wrap=True)
    for reason in dict.fromkeys(outcome.skipped.values()):
        names = ", ".join(name for name, why in outcome.skipped.items() if why == reason)
        console.print(f"{prefix}left out ({reason}): {names}", style="dim")
    if report := outcome.task.grader.report:
        console.print(prefix + report, style="dim", soft_wrap=True)


def mass_sentences(played: Sequence[Played]) -> list[str]:
    """Return a sentence a strategy that knows masses: the certified decisions, and those that votes had to make."""
    found = []
    for one in played:
        if (certified := _certified(one)) is None:
            continue
        masses = [result.decision.unseen_mass for result in one.results]
        unseen = np.mean([1.0 if mass is None else mass for mass in masses])
        sentence = f"{one.planned.method.name}: {certified} of {counted(len(one.results), 'decision')} certified, "
        sentence += f"{unseen:.2f} of the mass unseen on average"
        if one.asides:
            sentence += f"; {counted(len(one.asides), 'question')} by votes: {one.asides[0]}"
        found.append(sentence)
    return found


def _judged(part: RunPart) -> str:
    scorer = part.plan.scorer
    return f"model {part.model}" + ("" if scorer is None else f", scorer {scorer.name}")


def legend(config: RunConfig) -> str:
    """Return the meaning of the columns that compare with self-consistency."""
    return (
        f"saved: tokens, against self_consistency at budget {config.budget}. diff: accuracy minus its accuracy, paired "
        f"by question. verdict, by the 95 % interval of diff: better = above 0; not worse = above "
        f"-{100 * config.margin:g}; worse = below 0; open = none of these; too few = too few questions to tell."
    )


def run_plot(
    config: RunConfig, outcome: RunOutcome, rows: Sequence[RunRow], *, x: Literal["samples", "tokens"] = "tokens"
) -> Figure:
    """Return the plot of a live run; see :func:`evals.report.plot.plot`.

    Args:
        config: its configuration.
        outcome: what was played.
        rows: as :func:`run_rows` returns them.
        x: the horizontal axis.

    Raises:
        InputError: self-consistency was not played, or an engine counts no tokens.
        UnsupportedError: matplotlib is not installed.
    """
    figures.check_installed()
    if not outcome.task.graded:
        raise InputError("a plot shows accuracies, and these questions have no gold answers: leave the plot out")
    compared = compared_rows(rows, config.budget)
    if not compared:
        raise InputError("a plot compares with self_consistency: add it to the strategies")
    title = f"{outcome.task.name}: {counted(len(outcome.task.problems), 'question')}, budget {config.budget}"
    return plotting.plot(title, compared, None, x=x, margin=config.margin)


def print_samples(console: Console, config: SampleConfig, task: Task, outcome: SampleOutcome) -> None:
    """Print the share of right samples with its 95 % interval over questions, and where the samples are."""
    graded = [[(s, bool(task.grade(r.problem, s))) for s in r.decision.samples] for r in outcome.results]
    rates = [sum(right for _, right in row) / config.samples for row in graded]
    interval = _interval(rates, config.engine.seed)
    samples = [pair for row in graded for pair in row]
    unread = sum(sample.answer is None for sample, _ in samples)
    right = (
        f"{sum(right for _, right in samples)} of {len(samples)} "
        f"right ({units.percent(sum(rates) / len(rates))} % {units.percent_interval(interval)}), "
    )
    right = right if task.graded else "no gold answers, "
    rest = f"{_reward(config, task, outcome)}{unread} without an answer"
    console.print(
        f"{counted(len(graded), 'question')}, {counted(config.samples, 'sample')} each: {right}{rest}",
        soft_wrap=True,
    )
    if report := task.grader.report:
        console.print(report, style="dim", soft_wrap=True)
    print_end(console, outcome.draws, outcome.pool, config.engine.max_tokens)


def _reward(config: SampleConfig, task: Task, outcome: SampleOutcome) -> str:
    """Return the mean of the task's graded metric over samples in words; empty where it has none."""
    if task.reward is None or not task.metric or not task.graded:
        return ""
    means = [float(np.mean([task.reward(r.problem, s.answer) for s in r.decision.samples])) for r in outcome.results]
    mean = float(np.mean(means))
    return f"{task.metric} {units.percent(mean)} % {units.percent_interval(_interval(means, config.engine.seed))}, "


def print_end(console: Console, draws: DrawCounts, pool: PoolRun, max_tokens: int, prefix: str = "") -> None:
    """Print what there is to say about the draws, and where the samples are, each line behind a prefix."""
    for sentence in draw_sentences(draws, max_tokens):
        console.print(prefix + sentence, style="yellow", soft_wrap=True)
    console.print(f"{prefix}{pool}", soft_wrap=True)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None
