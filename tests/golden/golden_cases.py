"""The golden cases: every command that is played, and every pool that is read.

This module and ``golden_pools`` alone import the project, and this one names its commands, options and configuration
keys. A rename changes it here; the golden files keep their old names, and ``names.json`` maps those to the new ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tts.pool import PoolStore, RunKey

from .golden_pools import POOLS, read_back, stored

__all__ = [
    "CASES",
    "DATA",
    "ECHOED",
    "FORMATS",
    "POOLS",
    "PROSE",
    "VALUES",
    "PoolStore",
    "RunKey",
    "read_back",
    "stored",
]

HERE = Path(__file__).parent
DATA = HERE / "data"
"""The golden output of each case, NAME.json.gz."""
POOL = HERE / "pool.jsonl.gz"
VALUES = HERE / "values_whole.jsonl.gz"

Tts = Callable[..., Any]
"""The command line: arguments in, an object with ``status``, ``out`` and ``err`` out."""
Play = Callable[[Tts, Path], Any]
"""A case: the command line and an empty folder in, a JSON value out."""

PROSE = ("calibration:*.reason", "source", "summary", "path", "sha256", "skipped", "imported_from")
"""Old keys whose strings are for people, or name files: they are not compared. With a colon: a pattern of paths."""
ECHOED = ("config",)
"""Old keys of an echoed configuration, of which numbers alone are compared."""

FORMATS = (
    "pool_v4.sqlite.gz",  # imported by today's code
    "pool_v3.sqlite.gz",  # written by the code whose tables had version 3: without `given`
    "pool_v2.sqlite.gz",  # ... version 2: without `steps`, `probe` and `given`
    "values.jsonl",
    "values.jsonl.gz",
    "values.parquet",
    "values_old.parquet",  # written by the code of version 2: without the columns that came later
    "values.sqlite.gz",  # two runs; the second has a full key
    "run.sqlite.gz",  # drawn live on the fake engine, whole samples and cut ones
    "plain.jsonl",  # of another program: only the keys that a line needs, answers that could not be read
)


def run_command(tts: Tts, *arguments: str | Path) -> Any:
    """Run a command that must succeed, or in which every draw failed."""
    ran = tts(*arguments)
    assert ran.status == 0 or "tts: every draw failed" in ran.err, ran.err
    return ran


# --- comparisons ------------------------------------------------------------------------------------------------------

QUICK = ("permutations=12", "replicates=200", "window=4")
FEW = ("--strategies", "self_consistency,best_of_n,grace_sc,cisc,grace_es,cges,pandora,reasc")
COMPOSED = """
strategies:
  - self_consistency
  - {name: softmax_beta, weighting: {name: softmax, temperature: 0.3}, stop: {name: beta, level: 0.9}}
  - name: log_odds_two_rules
    weighting: {name: log_odds, prior: null}
    stop: [{name: confident, tau: 0.98}, {name: posterior, gamma: 0.95}]
    select: vote
    budget: 6
  - {name: soft_count_share, weighting: {name: soft_count, strength: 0.5}, stop: {name: share, tau: 0.9}}
  - {name: pruned_best, weighting: linear, stop: {name: reservation, value: 0.9}, select: best, prune: 0.2}
  - {name: two_windows, stop: {name: unanimous, window: 2}, budget: 7}
"""


def compared(*options: str, pool: Path = POOL) -> Play:
    """``tts compare`` with these options: its JSON, and the numbers that it prints of each strategy."""

    def play(tts: Tts, folder: Path) -> Any:
        target = folder / "compared.json"
        ran = run_command(tts, "compare", pool, *QUICK, *options, "--json", target)
        return {"json": json.loads(target.read_text()), "printed": printed(ran.out)}

    return play


def composed(tts: Tts, folder: Path) -> Any:
    """``tts compare`` of composed strategies from a file."""
    (folder / "composed.yaml").write_text(COMPOSED)
    return compared("--config", str(folder / "composed.yaml"), "--budget", "7", "--seed", "3")(tts, folder)


def printed(text: str) -> dict[str, list[str]]:
    """The numbers of each line that has nothing but a name and numbers: regret, exact curves."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, *cells = line.split() or [""]
        if cells and all(re.fullmatch(r"-|[-+]?\d+(\.\d+)?", cell) for cell in cells):
            found.setdefault(name, []).extend(cells)
    return found


# --- scores, maps and pools -------------------------------------------------------------------------------------------

SCORES = ("total_logprob", "entropy", "self_certainty", "deepconf_bottom10", "grace_min", "grace_step", "frequency")


def measured(tts: Tts, folder: Path) -> Any:
    """``tts reliability``: every metric of the recorded confidence, of maps, and of every score."""
    found = {}
    for name, options in {
        "recorded": (),
        "recorded_beta": ("--calibrate", "beta"),
        "mean_logprob_isotonic": ("--score", "mean_logprob", "--calibrate", "isotonic"),
        "deepconf_tail_platt": ("--score", "deepconf_tail", "--calibrate", "platt"),
        "stacked": ("--score", "stacked"),
        **{score: ("--score", score) for score in SCORES},
    }.items():
        run_command(tts, "reliability", POOL, *options, "--replicates", "10", "--json", folder / f"{name}.json")
        found[name] = json.loads((folder / f"{name}.json").read_text())
    return found


def fitted(tts: Tts, folder: Path) -> Any:
    """``tts calibrate``: every kind of map, and stacked weights of both kinds of models."""
    found = {}
    for name, pool, options in (
        *((kind, POOL, ("--score", score, "--map", kind, "--window", "4")) for kind, score in MAPS.items()),
        ("stacked", POOL, ("--score", "stacked")),
        ("stacked_values", VALUES, ("--score", "stacked")),
    ):
        run_command(tts, "calibrate", pool, *options, "--out", folder / f"{name}.json")
        found[name] = json.loads((folder / f"{name}.json").read_text())
    return found


MAPS = {"platt": "deepconf_tail", "isotonic": "deepconf_lowest", "beta": "grace", "temperature": "grace_mean"}


def summarised(tts: Tts, folder: Path) -> Any:
    """``tts pool info`` of two pools, and ``tts pool simulate``."""
    found: dict[str, Any] = {}
    for pool in (POOL, VALUES):
        lines = run_command(tts, "pool", "info", pool).out.splitlines()
        found[pool.name] = {line[:20].strip().replace(" ", "_"): line[20:].strip() for line in lines}
    target = folder / "simulated.jsonl"
    run_command(tts, "pool", "simulate", target, "--questions", "2", "--samples", "2", "--seed", "5")
    return {**found, "simulated": read_back(target)}


# --- live runs on the fake engine -------------------------------------------------------------------------------------

FAKE = ("engine.kind=fake", "engine.max_batch_size=4", "engine.seed=1", "engine.signals.steps=true")
TEST = ("task.split=test", "task.questions=5")
WATCHED = "scorer.name=watched"
BEAMS = (
    "{name: top_k, beams: {width: 3, until: step, pruner: {name: top_k, k: 1}}, budget: 5}",
    "{name: threshold, beams: {width: 3, until: {tokens: 7}, pruner: {name: threshold, min_confidence: 0.4}, "
    "length: 20}}",
    "{name: gap, beams: {width: 3, start_width: 5, until: step, pruner: {name: gap, max_gap: 0.1}, max_checks: 2}}",
    "{name: quantile, beams: {width: 4, until: step, pruner: {name: quantile, quantile: 0.5}, fork: false}}",
    "{name: resample, beams: {width: 4, until: step, pruner: {name: resample, temperature: 0.2}}}",
    "{name: no_pruning, beams: {width: 2, until: step, pruner: no_pruning}, "
    "weighting: linear, stop: {name: confident, tau: 0.98}}",
)


def played(tts: Tts, folder: Path, *options: str | Path, name: str = "run") -> Any:
    """``tts run`` on the fake engine: every decision, and every sample of every run of its pool."""
    path, target = folder / f"{name}.sqlite", folder / f"{name}.json"
    run_command(tts, "run", *FAKE, *options, f"out={path}", "--json", target)
    return {"json": json.loads(target.read_text()), "pool": read_back(path)}


def live_all(tts: Tts, folder: Path) -> Any:
    """All strategies, fitted and calibrated on another live pool, with look-ahead."""
    fit = folder / "fit.sqlite"
    run_command(
        tts, "run", *FAKE, "task.split=calibration", "task.questions=12", "budget=6", WATCHED, f"out={fit}", "--json",
        folder / "fit.json",
    )  # fmt: skip
    fitting = (f"fit={fit}", "calibrate=platt", "margin=0.01")
    return played(tts, folder, *TEST, "budget=6", "strategies=[all]", WATCHED, *fitting, "lookahead=2")


def live_ahead(tts: Tts, folder: Path) -> Any:
    """Strategies that stop early, with look-ahead and with draws to fill the batch: aborted draws, and cut ones."""
    early = (
        "strategies=[confidence_pruned_cges,grace_es,{name: pair, stop: {name: unanimous, window: 2}},"
        "cges,adaptive_consistency,self_consistency]"
    )
    return {
        "ahead": played(tts, folder, *TEST, "budget=6", early, WATCHED, "lookahead=3", name="ahead"),
        "filled": played(
            tts, folder, *TEST, "budget=6", early, WATCHED, "min_in_flight=8", "concurrency=2", name="filled"
        ),
    }


def live_asked(tts: Tts, folder: Path) -> Any:
    """Scorers that ask the model: their tokens, and draws that fail since the fake engine cannot answer."""
    few = ("task.split=test", "task.questions=2", "budget=3", "strategies=[best_of_n,esc]")
    return {
        name: played(tts, folder, *few, f"scorer.name={name}", name=name) for name in ("verbalised", "p_true", "oracle")
    }


def live_beams(tts: Tts, folder: Path) -> Any:
    """Beams with every pruner beside a vote, by the watched token; and some by controls."""
    return {
        name: played(tts, folder, *TEST, "budget=6", f"strategies=[{','.join(entries)}]", f"scorer={scorer}", name=name)
        for name, scorer, entries in (
            ("watched", "{name: watched}", ("self_consistency", *BEAMS)),
            ("random", "{name: random, seed: 3}", BEAMS[4:5]),
            ("constant", "{name: constant, value: 0.3}", BEAMS[:1]),
        )
    }


RUN = (*TEST, "budget=6", "strategies=[self_consistency,grace_es,confidence_pruned_voting]", WATCHED)
"""The command that drew ``run.sqlite.gz``."""


def resumed(tts: Tts, folder: Path) -> Any:
    """The same command on a pool that an earlier version drew: nothing is drawn again, no run is added."""
    stored("run.sqlite.gz", folder)
    return played(tts, folder, *RUN)


def sampled(tts: Tts, folder: Path) -> Any:
    """``tts sample`` on the fake engine."""
    path = folder / "sampled.sqlite"
    run_command(tts, "sample", *FAKE, *TEST, "samples=3", f"out={path}")
    return read_back(path)


def of_format(name: str) -> Play:
    """Read a stored pool."""
    return lambda tts, folder: read_back(stored(name, folder))


def converted(tts: Tts, folder: Path) -> Any:
    """A pool through every format: imported, exported to Parquet, and from there to JSON Lines, twice gzipped."""
    database, table, lines = (folder / f"through.{suffix}" for suffix in ("sqlite", "parquet", "jsonl.gz"))
    run_command(tts, "pool", "import", stored("values.jsonl", folder), database)
    run_command(tts, "pool", "export", database, table)
    run_command(tts, "pool", "export", table, lines)
    assert read_back(database)[0]["entries"] == read_back(table)[0]["entries"] == read_back(lines)[0]["entries"]
    return read_back(lines)


CASES: dict[str, Play] = {
    "compare": compared("--regret"),
    "compare_tune": compared("--tune", "permutations=5", "replicates=100"),
    "compare_platt": compared("--calibrate", "platt", "--regret"),
    "compare_logprob_isotonic": compared(*FEW, "--score", "mean_logprob", "--calibrate", "isotonic"),
    "compare_stacked": compared(*FEW, "--score", "stacked", "--budget", "5", "--seed", "2"),
    "compare_values": compared(*FEW, "--score", "finece", pool=VALUES),
    "compare_values_stacked": compared(*FEW, "--score", "stacked", pool=VALUES),
    "compare_composed": composed,
    "calibration": measured,
    "maps": fitted,
    "summaries": summarised,
    "live_all": live_all,
    "live_ahead": live_ahead,
    "live_asked": live_asked,
    "live_beams": live_beams,
    "live_resumed": resumed,
    "sample": sampled,
    "converted": converted,
    **{f"format_{name.replace('.', '_')}": of_format(name) for name in FORMATS},
}
