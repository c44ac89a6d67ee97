"""Pools that reports are made of: simulated ones, one with texts that would do harm, and their documents."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from evals.config import CompareConfig
from evals.replay.synthetic import synthetic_pool
from evals.report_page.document import RunReport, run_report
from tts.pool import Pool

FAST = CompareConfig(permutations=10, replicates=200, strategies=["self_consistency", "esc", "cges", "first_sample"])
POOL = synthetic_pool(questions=12, samples=8)
HARM = (
    "<script>window.harmed = 1</script>",
    "</script><script>window.harmed = 2</script>",
    '<img src="x" onerror="window.harmed = 3">',
    "\u202egnirts\u202c and \u2066isolated\u2069 \u200f",
    "NUL \x00 and escape \x1b[31m red \x07 \x7f \x9b",
    "--><!-- <svg onload=alert(1)> &lt;b&gt; \u2028 \u2029",
    "javascript:alert(1) {{datum.x}} ${window.harmed = 4}",
)
"""Texts that would do harm as markup or as code."""


@cache
def report_of(questions: int = 12) -> RunReport:
    """The report of a simulated pool."""
    return run_report(synthetic_pool(questions=questions, samples=8), FAST, given=True)


def other() -> RunReport:
    """Other samples of ten of the same questions, with fewer strategies."""
    found = run_report(synthetic_pool(questions=10, samples=8, seed=1), replace(FAST, strategies=["esc"]), given=True)
    same = [
        {**mine, "id": theirs["id"], "question": theirs["question"]}
        for mine, theirs in zip(reversed(found.questions), report_of().questions, strict=False)
    ]
    return RunReport(found.summary, same, found.places)


def harmful() -> Pool:
    """A pool whose questions, gold answers, samples, answers and names are such texts, with a line of a megabyte."""
    entries = []
    for q, entry in enumerate(POOL.entries):
        text = HARM[q % len(HARM)]
        samples = [
            replace(
                sample,
                text=f"{text} {sample.text}",
                answer=None if sample.answer is None else f"{text} {sample.answer}",
            )
            for sample in entry.samples
        ]
        samples[0] = replace(samples[0], text="x" * 1_000_000)
        problem = replace(entry.problem, id=f"{q} {text}", question=text, gold=f"{text} {entry.problem.gold}")
        entries.append(replace(entry, problem=problem, samples=tuple(samples), meta={"model": text}))
    return replace(POOL, path=f"{HARM[0]}.jsonl".replace("/", ""), entries=tuple(entries))
