"""Confidences of prefixes at many positions, read off the recorded samples of the FineCE experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts.pool import Pool
from tts.scorers.trace_scores import value_confidence
from tts.training.grace.probe import fit_probe
from tts.types import End, Sample

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
POSITIONS = ("question", "first step", *(f"{share}0 %" for share in range(1, 10)), "last step but one", "answer")
"""The ends of prefixes: nowhere, behind a step, or at a tenth of the answer's tokens."""
FREE = ("mean_logprob", "total_logprob", "entropy", "self_certainty", "deepconf_mean", "least_logprob")
"""Scores of a prefix that need no training, of the tokens drawn so far."""


@dataclass(frozen=True)
class Prefixes:
    """The same positions of every sample of a pool.

    Attributes:
        samples: the samples.
        at: tokens in front of each position, [samples, positions].
        correct: whether each sample ended well, [samples].
        question: number of its question, [samples].
        ids: of each question.
    """

    samples: tuple[Sample, ...]
    at: Ints
    correct: NDArray[np.bool_]
    question: Ints
    ids: tuple[str, ...]

    @staticmethod
    def of(pool: Pool) -> Prefixes:
        """The positions of :data:`POSITIONS`, of samples that the model has ended."""
        rows = [
            (sample, bool(right), number)
            for number, entry in enumerate(pool.entries)
            for sample, right in zip(entry.samples, entry.correct, strict=True)
            if sample.end is End.STOP and len(sample.token_ids) > 2
        ]
        return Prefixes(
            tuple(sample for sample, _, _ in rows),
            np.array([positions(sample) for sample, _, _ in rows]),
            np.array([right for _, right, _ in rows]),
            np.array([number for _, _, number in rows]),
            tuple(entry.problem.id for entry in pool.entries),
        )


def positions(sample: Sample) -> list[int]:
    """Tokens in front of each of :data:`POSITIONS`."""
    size = len(sample.token_ids) - 1  # without the token that ended it
    ends = [i + 1 for i in range(size) if sample.trace.steps[i]]
    first = ends[0] if ends else size
    last = ends[-1] if ends else 0
    return [0, first, *(round(share * size / 10) for share in range(1, 10)), last, size]


def finece(given: Prefixes) -> Floats:
    """FineCE's confidence, [samples, positions]."""
    found = [np.array(value_confidence(sample.trace)) for sample in given.samples]
    return np.stack([values[at] for values, at in zip(found, given.at, strict=True)])


def alike(given: Prefixes, others: Pool) -> Prefixes:
    """The samples whose text another model drew, too: rounding turns a draw in thousands into another one."""
    known = _known(others)
    pairs = zip(given.samples, given.question, strict=True)
    same = np.array([known[given.ids[q], s.index].token_ids == s.token_ids for s, q in pairs])
    samples = tuple(s for s, keep in zip(given.samples, same, strict=True) if keep)
    return Prefixes(samples, given.at[same], given.correct[same], given.question[same], given.ids)


def watched(given: Prefixes, others: Pool, token: int) -> Floats:
    """The probability of another model's confidence token on the same texts, [samples, positions].

    Args:
        given: samples that both drew, see :func:`alike`.
        others: the other model's.
        token: its confidence token.
    """
    known = _known(others)
    traces = [known[given.ids[q], s.index].trace for s, q in zip(given.samples, given.question, strict=True)]
    return np.stack([np.array(trace.watched[token])[at] for trace, at in zip(traces, given.at, strict=True)])


def _known(pool: Pool) -> dict[tuple[str, int], Sample]:
    return {(entry.problem.id, sample.index): sample for entry in pool.entries for sample in entry.samples}


def training_free(given: Prefixes, name: str) -> Floats:
    """A score of the tokens so far, high where the model is sure, [samples, positions]; 0 where there are none."""
    read: Mapping[str, Callable[[Any], Sequence[float]]] = {
        "mean_logprob": lambda trace: trace.logprobs,
        "total_logprob": lambda trace: trace.logprobs,
        "least_logprob": lambda trace: trace.logprobs,
        "entropy": lambda trace: trace.entropy,
        "self_certainty": lambda trace: trace.certainty,
        "deepconf_mean": lambda trace: trace.top,
    }
    out = np.zeros(given.at.shape)
    for row, (sample, at) in enumerate(zip(given.samples, given.at, strict=True)):
        values = np.array(read[name](sample.trace), dtype=np.float64)
        total = np.concatenate([[0.0], np.cumsum(values)])[at]
        if name == "least_logprob":
            total = np.concatenate([[0.0], np.minimum.accumulate(values)])[at]
        elif name != "total_logprob":
            total = total / np.maximum(at, 1)
        out[row] = -total if name == "entropy" else total
    return out


def probed(fit: Prefixes, given: Prefixes, prompts: Callable[[int, bool], Sequence[int]]) -> Floats:
    """P(ends well) by a linear probe on the base model's last hidden state, one a position, [samples, positions].

    Args:
        fit: samples to fit on, of other questions.
        given: samples to judge.
        prompts: the tokens of a question's prompt, by its number and whether it is one of ``fit``.
    """
    mine, theirs = hidden(fit, lambda q: prompts(q, True)), hidden(given, lambda q: prompts(q, False))
    out = np.empty(given.at.shape)
    for position in range(given.at.shape[1]):
        probe = fit_probe(mine[:, position].astype(np.float64), fit.correct)
        out[:, position] = 1 / (1 + np.exp(-probe.log_odds(theirs[:, position].astype(np.float64))))
    return out


def hidden(given: Prefixes, prompt: Callable[[int], Sequence[int]]) -> NDArray[np.float32]:
    """The base model's last hidden state at each position, [samples, positions, width]."""
    import torch
    from transformers import AutoModelForCausalLM

    from tts.models.bundled import weights

    model: Any = AutoModelForCausalLM.from_pretrained(weights(), dtype=torch.float32).eval()
    heads = [list(prompt(int(question))) for question in given.question]
    rows = [[*head, *sample.token_ids[:-1]] for head, sample in zip(heads, given.samples, strict=True)]
    out = np.empty((*given.at.shape, model.config.hidden_size), dtype=np.float32)
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    for start in range(0, len(order), 128):
        some = order[start : start + 128]
        ids = torch.zeros((len(some), len(rows[some[-1]])), dtype=torch.long)
        for place, i in enumerate(some):
            ids[place, : len(rows[i])] = torch.tensor(rows[i])
        with torch.inference_mode():
            states = model.model(input_ids=ids, use_cache=False).last_hidden_state.numpy()
        for place, i in enumerate(some):
            out[i] = states[place, given.at[i] + len(heads[i]) - 1]
    return out
