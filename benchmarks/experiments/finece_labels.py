"""Check of labels in the FineCE experiment: shares of a few completions beside those of many."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.experiments.finece_rollouts import fresh_shares
from evals.tasks import TaskConfig, load_task
from tts.pool import load_pool
from tts.training.finece.labels import Labelled, labelled
from tts.training.responses import read_responses
from tts.types import Problem

Say = Callable[[str], None]


def labels(path: Path | None, count: int, say: Say) -> None:
    """Labels of Algorithm 1 beside the shares of 200 fresh completions."""
    if path is None:
        say("\n## Labels: not checked, give --trees POOL, what `tts train finece` drew")
        return
    from transformers import AutoTokenizer

    from tts.models.bundled import weights

    tokenizer = AutoTokenizer.from_pretrained(weights())
    given = load_pool(path)
    responses = read_responses(
        given,
        model="tiny",
        prompt_ids=lambda problem: tuple(tokenizer(f"{problem.question}\n").input_ids),
        encode=lambda text: tuple(tokenizer(text, add_special_tokens=False).input_ids),
        end=tokenizer.eos_token_id,
        context=512,
        forks=True,
    )
    rng = np.random.default_rng(0)
    prefixes = [one for one in labelled(responses) if one.kind != "answer"]
    chosen: list[tuple[Problem, Labelled]] = []
    for kind, number in (("question", count // 4), ("partial", count - count // 4)):
        some = [one for one in prefixes if one.kind == kind]
        picked = rng.permutation(len(some))[:number]
        chosen += [(given.entries[some[i].question].problem, some[i]) for i in picked]
    task = load_task(TaskConfig(split="train", questions=1))
    share = fresh_shares(chosen, task.extract, draws=200, seed=101)
    label = np.array([one.label for _, one in chosen])
    kinds = np.array([one.kind for _, one in chosen])
    depth = np.array([len(one.ids) for _, one in chosen])
    k = chosen[0][1].completions
    noise = np.mean(np.sqrt(share * (1 - share) / k))
    say(f"\n## Labels: shares of {k} completions and of 200 fresh ones, {len(chosen)} prefixes of training questions")
    say(f"{'prefixes':24}{'number':>8}{'correlation':>13}{'mean error':>12}{'mean difference':>17}")
    for name, mine in (
        ("all", kinds != ""),
        ("questions", kinds == "question"),
        ("partial answers", kinds == "partial"),
    ):
        off = label[mine] - share[mine]
        r = np.corrcoef(label[mine], share[mine])[0, 1]
        say(f"{name:24}{mine.sum():8}{r:13.3f}{np.abs(off).mean():12.3f}{off.mean():+17.3f}")
    say(
        f"mean tokens of a partial answer: {depth[kinds == 'partial'].mean():.1f}; the standard deviation of a share of"
    )
    say(f"{k} by chance alone is {noise:.3f} on average")
