"""Promises and drift on the bundled model: fitted on 1,000 questions, measured on 800 others.

The pools are drawn into ``out/agent`` by the commands that a user would type, and found there by a second run.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evals.metrics.stats import wilson_interval
from evals.promise.scores import Judging, QuestionScores
from evals.promise.selective import select
from evals.replay.provenance import reference_of
from evals.replay.rescore import rescored
from tts.agent.drift import DriftAlarm
from tts.engines.base import Meter
from tts.engines.config import EngineConfig, open_engine
from tts.engines.loop import LOOP
from tts.models.bundled import weights
from tts.pool import Pool, load_pool
from tts.prompts import BUNDLED_TEMPLATE, Prompt
from tts.scorers.calibration.reference import Reference, mean_logprob
from tts.types import Signals

FOLDER = Path("out/agent")
ALPHA = DELTA = 0.1
FIT, OTHERS, LIVE = 1000, 800, 300
ORDERS, REFITS = 20, 500
Live = Sequence[tuple[float | None, float | None]]


def drawn(name: str, *, model: str | None = None, split: str, questions: int, samples: int, temperature: float) -> Pool:
    """Return a pool of stories, drawn as far as it is not there yet."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}-{questions}.sqlite"
    plain = [f"engine.signals.{key}" for key in ("top=0", "entropy=false", "certainty=false")]
    command = ["sample", "configs/task/stories.yaml", "configs/model/grace.yaml", *plain, f"task.split={split}"]
    if model is not None:
        command.append(f"engine.model={model}")
    if model == "tiny":
        command += ["engine.signals.confidence=false", "engine.signals.steps=false"]
    command += [f"task.questions={questions}", f"samples={samples}", f"engine.temperature={temperature}", f"out={path}"]
    print("tts " + " ".join(command), file=sys.stderr, flush=True)
    subprocess.run([sys.executable, "-c", "from tts.cli import main; main()", *command], check=True, stdout=sys.stderr)
    return load_pool(path)


def disturbed(folder: Path, noise: float) -> str:
    """Return a directory with the bundled GrACE model whose weights are off by this share: another, worse model."""
    import torch
    from transformers import AutoModelForCausalLM

    if not (folder / "model.safetensors").exists():
        shutil.copytree(weights("grace"), folder, dirs_exist_ok=True)
        model = AutoModelForCausalLM.from_pretrained(weights("grace"))
        torch.manual_seed(0)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1.0 + noise * torch.randn_like(parameter))
        model.save_pretrained(folder)
    return str(folder)


def pools(fraction: float) -> tuple[Pool, Pool]:
    """Return the calibration questions and the others, nine draws each."""
    fit = drawn("fit", split="calibration", questions=round(FIT * fraction), samples=9, temperature=0.8)
    others = drawn("others", split="test", questions=round(OTHERS * fraction), samples=9, temperature=0.8)
    return fit, others


def promises(fraction: float) -> str:
    """Fit promises and count the answers let through, and the wrong ones, on other questions.

    The last columns fit again on as many questions, drawn with replacement from all of them: in how many fits the risk
    of the threshold over all questions is above alpha, and in how many no threshold passed.
    """
    fit, others = pools(fraction)
    refits = max(50, round(REFITS * fraction))
    lines = [
        f"alpha {ALPHA}, delta {DELTA}; fitted on {fit.questions} questions, counted on {others.questions} others; "
        f"{refits} fits again",
        f"{'way':26} {'threshold':>9} {'let through':>11}  {'wrong, 95 % interval':22} above alpha  refused",
    ]
    ways = [Judging("grace"), *(Judging("grace", draws=draws) for draws in (2, 4, 8))]
    ways += [Judging("grace", strategy=name, budget=8) for name in ("self_consistency", "cges", "grace_sc")]
    for judging in ways:
        known, new = judging.on(fit), judging.on(others)
        again = fitted_again(known, new, refits)
        passed = select(known.scores, known.right, alpha=ALPHA, delta=DELTA)
        if passed is None:
            lines.append(f"{known.how:26} {'refused':>9} {'':35} {again}")
            continue
        through = new.scores >= passed.threshold
        wrong, count = int((~new.right[through]).sum()), int(through.sum())
        low, high = wilson_interval(wrong, count)
        share = f"{100 * wrong / count:4.1f} % [{100 * low:4.1f}, {100 * high:4.1f}]"
        lines.append(f"{known.how:26} {passed.threshold:9.4f} {100 * through.mean():9.1f} %  {share:22} {again}")
    return "\n".join(lines)


def fitted_again(known: QuestionScores, new: QuestionScores, refits: int) -> str:
    """Return the shares of fits whose threshold has too high a risk, and of those that no threshold passed."""
    scores, right = np.concatenate([known.scores, new.scores]), np.concatenate([known.right, new.right])
    rng, above, refused = np.random.default_rng(0), 0, 0
    for seed in range(refits):
        taken = rng.integers(0, len(scores), len(known.scores))
        passed = select(scores[taken], right[taken], alpha=ALPHA, delta=DELTA, seed=seed)
        if passed is None:
            refused += 1
        else:
            above += bool(np.mean(~right[scores >= passed.threshold]) > ALPHA)
    return f"{100 * above / refits:9.1f} % {100 * refused / refits:6.1f} %"


def drift(fraction: float) -> str:
    """Count the answers until the alarm fires: the same model, hotter, colder, another model, and shuffled words."""
    fit, others = pools(fraction)
    live = max(60, round(LIVE * fraction))
    again: dict[str, Any] = {"split": "test", "questions": live, "samples": 1, "temperature": 0.8}
    reference = reference_of(rescored(fit, "grace"))
    cases: dict[str, Live] = {
        "the same, on other questions": scored(others),
        "temperature 1.2": scored(drawn("hot", **{**again, "temperature": 1.2})),
        "temperature 0": scored(drawn("cold", **{**again, "temperature": 0.0})),
        "weights disturbed by 10 %": scored(drawn("disturbed", model=disturbed(FOLDER / "disturbed", 0.1), **again)),
        "the bundled model tiny": unscored(drawn("tiny", model="tiny", **again)),
        "words of own draws, shuffled": shuffled(others, 60),
    }
    lines = [
        f"delta {DELTA}; {len(reference.scores)} scores and {len(reference.logprobs)} log-probabilities to begin with"
    ]
    lines.append(f"{'live answers':30} {'of':>5}  fired in {ORDERS} orders, and after how many answers (median, most)")
    for name, answers in cases.items():
        after = [first for seed in range(ORDERS) if (first := fires(reference, answers, seed)) is not None]
        when = f", {np.median(after):.0f}, {max(after)}" if after else ""
        lines.append(f"{name:30} {len(answers):5}  {len(after)}{when}")
    return "\n".join(lines)


def fires(reference: Reference, answers: Live, seed: int) -> int | None:
    """Return after how many answers, in a random order, the alarm fires; None where it does not."""
    alarm = DriftAlarm(reference, DELTA, seed=seed)
    order = random.Random(seed).sample(list(answers), len(answers))
    return next((alarm.seen for score, logprob in order if alarm.see(score, logprob)), None)


def scored(pool: Pool) -> Live:
    """Return the score and the log-probability of the first sample of each question that has an answer."""
    firsts = (entry.samples[:1] for entry in rescored(pool, "grace").entries)
    return [(one[0].confidence, mean_logprob(one)) for one in firsts if one[0].answer is not None]


def unscored(pool: Pool) -> Live:
    """Return the log-probabilities alone."""
    return [(None, mean_logprob(entry.samples[:1])) for entry in pool.entries if entry.samples[0].answer is not None]


def shuffled(pool: Pool, count: int) -> Live:
    """Return log-probabilities of texts whose words stand in another order."""
    engine = open_engine(EngineConfig(model="grace"), Prompt(template=BUNDLED_TEMPLATE), lambda text: None)
    try:
        found = []
        for number, entry in enumerate(list(pool.entries)[:count]):
            words = entry.samples[0].text.split()
            random.Random(number).shuffle(words)
            trace = LOOP.run(engine.read(entry.problem, " ".join(words), Signals(logprobs=True), Meter()))
            found.append((None, float(np.mean(trace.logprobs))))
        return found
    finally:
        engine.close()


ROWS: dict[str, Callable[[float], str]] = {"promise": promises, "drift": drift}
