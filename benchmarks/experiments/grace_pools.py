"""The pools of the GrACE experiment, drawn by the commands a user would type, and every score of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.replay.rescore import fit_weights, rescored
from tts.engines.base import Engine
from tts.engines.config import EngineConfig, open_engine
from tts.engines.loop import LOOP
from tts.errors import TTSError
from tts.pool import Entry, Pool, load_pool
from tts.prompts import Prompt
from tts.scorers.asking import PTrue
from tts.scorers.base import Scorer
from tts.scorers.metered import MeteredEngine
from tts.training.grace.probe import fit_probe
from tts.types import Sample

Floats = NDArray[np.float64]
ROOT = Path(__file__).resolve().parents[2]
TRAINING_FREE = (
    "mean_logprob",
    "total_logprob",
    "entropy",
    "self_certainty",
    "deepconf_mean",
    "deepconf_bottom10",
    "deepconf_tail",
    "deepconf_lowest",
)
GRACE = ("grace", "grace_min", "grace_step", "grace_mean")


def pool(
    folder: Path, name: str, *, model: str, split: str, questions: int, draws: int, seed: int = 0, signals: bool = True
) -> Pool:
    """Draw a pool, or what is missing of it.

    Args:
        folder: where it goes.
        name: of the file.
        model: "tiny", "grace", or a directory.
        split: of the stories.
        questions: how many.
        draws: samples a question.
        seed: of the stories.
        signals: whether to record everything that one pass gives.
    """
    path = folder / f"{name}.sqlite"
    recorded = [] if model == "tiny" else ["engine.signals.confidence=true", "engine.signals.steps=true"]
    if not signals:
        recorded = [f"engine.signals.{key}" for key in ("top=0", "entropy=false", "certainty=false")]
    configs = [str(ROOT / "configs" / part) for part in ("task/stories.yaml", "model/tiny.yaml")]
    size = (f"task.questions={questions}", f"samples={draws}")
    command = ["sample", *configs, f"engine.model={model}", f"task.split={split}", *size]
    command += [f"task.seed={seed}", *recorded, f"out={path}"]
    print("tts " + " ".join(command).replace(f"{ROOT}/", ""), file=sys.stderr, flush=True)
    subprocess.run([sys.executable, "-c", "from tts.cli import main; main()", *command], check=True)
    return load_pool(path)


def read(given: Pool, name: str) -> Pool:
    """The pool with a trace score, or the frequency of answers, for its confidences."""
    return rescored(given, name, answers="number")


def stacked(fit: Pool, given: Pool, features: Sequence[str]) -> Pool:
    """The pool with a stacked score, its weights fitted on another."""
    weights = fit_weights(fit, features=features)
    return with_scores(given, lambda samples: weights.score(samples))


def probed(fit: Pool, given: Pool) -> tuple[Pool, Pool]:
    """Both pools with the log-odds of a linear probe on the base model's last hidden state, fitted on the first."""
    states = [hidden(p) for p in (fit, given)]
    samples = [(s, bool(c)) for e in fit.entries for s, c in zip(e.samples, e.correct, strict=True)]
    probe = fit_probe(states[0], np.array([right for _, right in samples]))
    out = []
    for one, found in zip((fit, given), states, strict=True):
        values = iter(probe.log_odds(found).tolist())
        out.append(with_scores(one, lambda some, values=values: [next(values) for _ in some], every=True))  # type: ignore[misc]
    return out[0], out[1]


def hidden(given: Pool) -> Floats:
    """The base model's last hidden state at each sample's last token, [samples, width]."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from tts.models.bundled import weights

    tokenizer = AutoTokenizer.from_pretrained(weights())
    model: Any = AutoModelForCausalLM.from_pretrained(weights(), dtype=torch.float32).eval()
    end = tokenizer.eos_token_id
    rows = []
    for entry in given.entries:
        prompt = tokenizer(f"{entry.problem.question}\n").input_ids
        rows += [[*prompt, *(t for t in sample.token_ids if t != end)] for sample in entry.samples]
    out = np.empty((len(rows), model.config.hidden_size))
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    for start in range(0, len(order), 128):
        some = order[start : start + 128]
        ids = torch.zeros((len(some), len(rows[some[-1]])), dtype=torch.long)
        for place, i in enumerate(some):
            ids[place, : len(rows[i])] = torch.tensor(rows[i])
        with torch.inference_mode():
            states = model.model(input_ids=ids, use_cache=False).last_hidden_state
        out[some] = states[torch.arange(len(some)), torch.tensor([len(rows[i]) - 1 for i in some])].numpy()
    return out


def asked(given: Pool, scorer: Scorer) -> Pool | str:
    """The pool with the confidences of a scorer that asks the base model, or why it has none."""
    engine = open_engine(EngineConfig(), Prompt(), lambda text: None)
    try:
        return with_scores_of(given, scorer, engine)
    except TTSError as error:
        return str(error)
    finally:
        engine.close()


def p_true() -> Scorer:
    """P(True) in words of the bundled model's small vocabulary; the usual question has none of its words."""
    return PTrue(template="\n So the answer is{answer}. Is this", true=" good", false=" not")


def with_scores_of(given: Pool, scorer: Scorer, engine: Engine) -> Pool:
    """The pool with a scorer's confidences of its answered samples."""

    def scores(entry: Entry) -> list[float]:
        found: list[float] = LOOP.run(scorer.score(entry.problem, entry.answered, MeteredEngine(engine))).tolist()
        return found

    return given.with_confidences(scores)


def with_scores(given: Pool, score: Callable[[Sequence[Sample]], Any], *, every: bool = False) -> Pool:
    """The pool with these confidences; ``every`` scores samples without an answer too, and drops them."""

    def scores(entry: Entry) -> list[float]:
        if not every:
            return [float(value) for value in score(entry.answered)]
        pairs = zip(entry.samples, score(entry.samples), strict=True)
        return [float(value) for sample, value in pairs if sample.answer is not None]

    return given.with_confidences(scores)
