"""Promises and drift: fitted on 1,000 stories and measured on 800 others, or on halves of SVAMP.

The pools are drawn by the commands that a user would type, and found by a second run.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.agent.subject import TEMPERATURE, Subject
from benchmarks.smollm2.reasoner import run
from evals.metrics.stats import wilson_interval
from evals.promise.scores import Judging, QuestionScores
from evals.promise.selective import select
from evals.replay.provenance import reference_of
from evals.replay.rescore import rescored
from tts.agent.drift import DriftAlarm
from tts.engines.base import Meter
from tts.engines.config import EngineConfig, open_engine
from tts.engines.loop import LOOP
from tts.models.resolve import resolve
from tts.pool import Pool, load_pool
from tts.scorers.calibration.reference import Reference, mean_logprob
from tts.types import Signals

DELTA = 0.1
FIT, OTHERS, LIVE = 1000, 800, 300
BUNDLED = Subject()
ORDERS, REFITS = 20, 500
Live = Sequence[tuple[float | None, float | None]]


def drawn(
    subject: Subject,
    name: str,
    *,
    split: str = "test",
    questions: int,
    samples: int = 1,
    temperature: float = TEMPERATURE,
    model: str | None = None,
) -> Pool:
    """Return a pool of the subject's questions, drawn by it or by another model as far as it is not there yet."""
    path = subject.folder / f"{name}-{questions}.sqlite"
    command = ["sample", *subject.keys(split, questions)]
    if model is not None:
        command.append(f"engine.model={model}")
    if model == "tiny":
        command += ["engine.signals.confidence=false", "engine.signals.steps=false"]
    run([*command, f"samples={samples}", f"engine.temperature={temperature}", f"out={path}"])
    return load_pool(path)


def disturbed(folder: Path, noise: float, *, model: str = "grace") -> str:
    """Return a directory with a model whose weights are off by this share: another, worse model."""
    import torch
    from transformers import AutoModelForCausalLM

    if not (folder / "model.safetensors").exists():
        source = resolve(model)
        shutil.copytree(source, folder, dirs_exist_ok=True)
        changed = AutoModelForCausalLM.from_pretrained(source)
        torch.manual_seed(0)
        with torch.no_grad():
            for parameter in changed.parameters():
                parameter.mul_(1.0 + noise * torch.randn_like(parameter))
        changed.save_pretrained(folder)
    return str(folder)


def pools(subject: Subject, fraction: float) -> tuple[Pool, Pool]:
    """Return the calibration questions and the others, nine draws each."""
    fit, others = subject.count(FIT, fraction), subject.count(OTHERS, fraction)
    known = drawn(subject, "fit", split="calibration", questions=fit, samples=9)
    return known, drawn(subject, "others", questions=others, samples=9)


def promises(subject: Subject, fraction: float) -> str:
    """Fit promises and count the answers let through, and the wrong ones, on other questions.

    The last columns fit again on as many questions, drawn with replacement from all of them: in how many fits the risk
    of the threshold over all questions is above alpha, and in how many no threshold passed.
    """
    alpha, score, (fit, others) = subject.alpha, subject.scorer, pools(subject, fraction)
    refits = max(50, round(REFITS * fraction))
    lines = [
        f"alpha {alpha}, delta {DELTA}; fitted on {fit.questions} questions, counted on {others.questions} others; "
        f"{refits} fits again",
        f"{'way':26} {'threshold':>9} {'let through':>11}  {'wrong, 95 % interval':22} above alpha  refused",
    ]
    ways = [Judging(score), *(Judging(score, draws=draws) for draws in (2, 4, 8))]
    ways += [Judging(score, strategy=name, budget=8) for name in ("self_consistency", "cges", "grace_sc")]
    for judging in ways:
        known, new = judging.on(fit), judging.on(others)
        again = fitted_again(known, new, refits, alpha)
        passed = select(known.scores, known.right, alpha=alpha, delta=DELTA)
        if passed is None:
            lines.append(f"{known.how:26} {'refused':>9} {'':35} {again}")
            continue
        through = new.scores >= passed.threshold
        wrong, count = int((~new.right[through]).sum()), int(through.sum())
        low, high = wilson_interval(wrong, count)
        share = f"{100 * wrong / count:4.1f} % [{100 * low:4.1f}, {100 * high:4.1f}]"
        lines.append(f"{known.how:26} {passed.threshold:9.4f} {100 * through.mean():9.1f} %  {share:22} {again}")
    return "\n".join(lines)


def fitted_again(known: QuestionScores, new: QuestionScores, refits: int, alpha: float) -> str:
    """Return the shares of fits whose threshold has too high a risk, and of those that no threshold passed."""
    scores, right = np.concatenate([known.scores, new.scores]), np.concatenate([known.right, new.right])
    rng, above, refused = np.random.default_rng(0), 0, 0
    for seed in range(refits):
        taken = rng.integers(0, len(scores), len(known.scores))
        passed = select(scores[taken], right[taken], alpha=alpha, delta=DELTA, seed=seed)
        if passed is None:
            refused += 1
        else:
            above += bool(np.mean(~right[scores >= passed.threshold]) > alpha)
    return f"{100 * above / refits:9.1f} % {100 * refused / refits:6.1f} %"


def drift(subject: Subject, fraction: float) -> str:
    """Count the answers until the alarm fires: the same model, hotter, colder, another model, and shuffled words."""
    fit, others = pools(subject, fraction)
    live, score = min(others.questions, max(60, round(LIVE * fraction))), subject.scorer
    reference = reference_of(rescored(fit, score))
    other = disturbed(subject.folder / "disturbed", 0.1, model=subject.model)
    cases: dict[str, Live] = {
        "the same, on other questions": scored(others, score),
        "temperature 1.2": scored(drawn(subject, "hot", questions=live, temperature=1.2), score),
        "temperature 0": scored(drawn(subject, "cold", questions=live, temperature=0.0), score),
        "weights disturbed by 10 %": scored(drawn(subject, "disturbed", questions=live, model=other), score),
    }
    if subject.bundled:
        cases["the bundled model tiny"] = unscored(drawn(subject, "tiny", questions=live, model="tiny"))
    cases["words of own draws, shuffled"] = shuffled(others, 60, subject)
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


def scored(pool: Pool, score: str = "grace") -> Live:
    """Return the score and the log-probability of the first sample of each question that has an answer."""
    firsts = (entry.samples[:1] for entry in rescored(pool, score).entries)
    return [(one[0].confidence, mean_logprob(one)) for one in firsts if one[0].answer is not None]


def unscored(pool: Pool) -> Live:
    """Return the log-probabilities alone."""
    return [(None, mean_logprob(entry.samples[:1])) for entry in pool.entries if entry.samples[0].answer is not None]


def shuffled(pool: Pool, count: int, subject: Subject = BUNDLED) -> Live:
    """Return log-probabilities of texts whose words stand in another order."""
    engine = open_engine(EngineConfig(model=subject.model), subject.prompt, lambda text: None)
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


ROWS: dict[str, Callable[[Subject, float], str]] = {"promise": promises, "drift": drift}
