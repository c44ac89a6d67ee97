"""The agents of examples/agent_loop.py on the subject: its files are fitted as docs/verify.md shows, then they play."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from omegaconf import OmegaConf

from benchmarks.agent.promise import DELTA, FIT, drawn
from benchmarks.agent.subject import Subject
from benchmarks.smollm2.reasoner import ROOT, run
from tts.errors import InputError

PLAYED = 200
STRATEGY, BUDGET, DRAWS = "cges", 8, 8
WAYS = {"read": (), "draw": (f"draws={DRAWS}",), "solve": (f"strategy={STRATEGY}", f"budget={BUDGET}")}
"""The keys of `tts calibrate` by way of judging."""


def agent_loop(subject: Subject, fraction: float) -> str:
    """Play all agents on questions that nothing was fitted on, and return their table."""
    command = ["examples/agent_loop.py"]
    if subject.bundled:
        command += ["--stories", str(subject.count(PLAYED, fraction))]
    else:
        questions = subject.file("test", subject.count(PLAYED, fraction))
        command += ["--config", str(fitted(subject, fraction)), "--questions", str(questions)]
    print("$ python " + " ".join(command), file=sys.stderr, flush=True)
    played = subprocess.run([sys.executable, str(ROOT / command[0]), *command[1:]], stdout=subprocess.PIPE, text=True)
    if played.returncode:
        raise InputError(f"the command above ended with status {played.returncode}: mend its cause, and run this again")
    return played.stdout.rstrip()


def fitted(subject: Subject, fraction: float) -> Path:
    """Return the configuration of the agent: the subject's, with calibrations and the promises that can be kept."""
    folder, count = subject.folder, subject.count(FIT, fraction)
    pool = drawn(subject, "fit", split="calibration", questions=count, samples=DRAWS + 1).path
    files: dict[str, dict[str, str]] = {"calibration": {}, "promise": {}}
    for way, keys in WAYS.items():
        for kind, more in (("calibration", ()), ("promise", (f"promise=alpha={subject.alpha},delta={DELTA}",))):
            path = folder / f"{way}_{kind}.json"
            path.unlink(missing_ok=True)
            try:
                run(["calibrate", str(pool), f"score={subject.scorer}", *keys, *more, f"out={path}"])
            except InputError:
                if kind == "calibration":
                    raise
                continue  # no threshold keeps the promise: nothing is let through
            files[kind][way] = path.name
    made = OmegaConf.merge(
        OmegaConf.load(subject.config),
        {"engine": {"model": subject.model}, "scorer": {"name": subject.scorer}},
        {"strategy": STRATEGY, "budget": BUDGET, "draws": DRAWS, **files},
    )
    out = folder / "agent.yaml"
    OmegaConf.save(made, out)
    return out
