"""Check certificates by mass against many more draws of the same questions.

    python -m benchmarks.smollm2.certificates POOL.sqlite --model out/models/smollm2-reasoner [--draws 10000]

The pool holds samples of the bare form with exact log-probabilities (configs/model/smollm2_reasoner.yaml). On each of
its questions `mass_certificate` decides on the recorded samples, in their order. The first --questions of them with a
certificate are drawn --draws times anew, by transformers' own forward pass and not by the engine: draws that share a
prefix are computed once, and the number of them that go on with each token is drawn from the multinomial distribution,
which is the distribution of independent draws. A certificate is contradicted where another answer is the most frequent
one of the new draws; its lead over that answer is in standard errors. The masses of its texts are compared with the
frequencies of the same texts.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

from evals.config import DecideConfig
from evals.decisions.session import PoolDecision, open_decider
from tts.answers.reading import read_reply
from tts.engines.hf.device import pick_dtype
from tts.errors import InputError, TTSError
from tts.models.loading import quiet
from tts.pool import Entry, load_pool
from tts.types import End

TEMPLATE = "<|im_start|>{question}\n"
ROWS = 96
"""Prefixes that are computed at once."""
Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """A certificate beside the new draws of its question.

    Attributes:
        contradicted: whether another answer is more frequent than the decision's.
        margin: (count of the answer - the largest other count) / its standard error if both were equally probable.
        texts: distinct texts of the new draws.
        apart: frequency - mass of each text that the decision has seen.
        z: the same in standard errors of the frequency, where there are enough draws for one.
        right: whether the decision is right; None where it is not known.
        used: samples that the decision used.
    """

    contradicted: bool
    margin: float
    texts: int
    apart: tuple[float, ...]
    z: tuple[float, ...]
    right: bool | None
    used: int


class Drawer:
    """Many draws of one prompt at once."""

    def __init__(self, model: Path, *, dtype: str, temperature: float, max_tokens: int) -> None:
        """Load the model in a precision, "auto" as the engine does."""
        with quiet():
            self._tokenizer: Any = AutoTokenizer.from_pretrained(model)
            self._model: Any = AutoModelForCausalLM.from_pretrained(model, dtype=pick_dtype(dtype, "cpu", model)).eval()
        self._temperature, self._most = temperature, max_tokens
        self.computed = 0

    def answer(self, ids: Ids) -> str | None:
        """Return the answer that tokens spell."""
        return read_reply(self._tokenizer.decode(ids, skip_special_tokens=True), "number", guess=True).answer

    @torch.inference_mode()
    def texts(self, question: str, draws: int, rng: np.random.Generator) -> Counter[Ids | None]:
        """Return the number of draws by their tokens, without the one that ends them; those cut off are None.

        Args:
            question: goes into the template.
            draws: their number, >= 1.
            rng: the only source of randomness.
        """
        prompt = self._tokenizer(TEMPLATE.format(question=question), return_tensors="pt", add_special_tokens=False)
        cache = DynamicCache(config=self._model.config)
        logits = self._model(prompt.input_ids, past_key_values=cache, use_cache=True).logits[:, -1]
        found: Counter[Ids | None] = Counter()
        waiting = [(cache, logits, [()], [draws])]
        while waiting:
            cache, logits, prefixes, counts = waiting.pop()
            parents: list[int] = []
            children: list[Ids] = []
            numbers: list[int] = []
            probabilities = torch.softmax(logits.double() / self._temperature, -1).numpy()
            for row, (prefix, count) in enumerate(zip(prefixes, counts, strict=True)):
                for token, number in _split(probabilities[row], count, rng):
                    if token == self._tokenizer.eos_token_id:
                        found[prefix] += number
                    elif len(prefix) + 1 == self._most:
                        found[None] += number
                    else:
                        parents.append(row)
                        children.append((*prefix, token))
                        numbers.append(number)
            for at in range(0, len(children), ROWS):
                part = slice(at, at + ROWS)
                rows, tokens = torch.tensor(parents[part]), torch.tensor([[ids[-1]] for ids in children[part]])
                past = DynamicCache(
                    ddp_cache_data=[(layer.keys[rows], layer.values[rows]) for layer in cache.layers],
                    config=self._model.config,
                )
                logits = self._model(tokens, past_key_values=past, use_cache=True).logits[:, -1]
                self.computed += len(tokens)
                waiting.append((past, logits, children[part], numbers[part]))
        return found


def _split(probabilities: np.ndarray, count: int, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Yield the tokens that some of ``count`` independent draws take, with the number of these."""
    if count == 1:
        sums = probabilities.cumsum()
        yield int(np.searchsorted(sums, rng.random() * sums[-1], side="right")), 1
        return
    numbers = rng.multinomial(count, probabilities / probabilities.sum())
    for token in np.flatnonzero(numbers):
        yield int(token), int(numbers[token])


def check(entry: Entry, decision: PoolDecision, drawer: Drawer, draws: int, rng: np.random.Generator) -> Check:
    """Draw a question anew and compare."""
    for sample in entry.samples:
        if sample.end is End.STOP and sample.answer != drawer.answer(sample.token_ids):
            raise InputError(f"question {entry.problem.id}: its samples are read in another way than here")
    texts = drawer.texts(entry.problem.question, draws, rng)
    answers: Counter[str] = Counter()
    for ids, number in texts.items():
        answer = None if ids is None else drawer.answer(ids)
        if answer is not None:
            answers[answer] += number
    mine = answers[decision.answer] if decision.answer is not None else 0
    other = max((number for answer, number in answers.items() if answer != decision.answer), default=0)
    seen: dict[Ids, float] = {}
    for index in decision.samples:
        sample = entry.samples[index]
        if sample.end is End.STOP and sample.logprob is not None:
            seen[sample.token_ids[:-1]] = math.exp(sample.logprob)
    z = [
        (texts[ids] / draws - mass) / math.sqrt(mass * (1 - mass) / draws)
        for ids, mass in seen.items()
        if draws * mass >= 10 and draws * (1 - mass) >= 10
    ]
    grade = next((entry.correct[i] for i in decision.samples if entry.samples[i].answer == decision.answer), None)
    return Check(
        other > mine,
        (mine - other) / math.sqrt(max(mine + other, 1)),
        len(texts),
        tuple(texts[ids] / draws - mass for ids, mass in seen.items()),
        tuple(z),
        grade,
        len(decision.samples),
    )


def main() -> int:
    """Check, print a table, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pool", type=Path, help="recorded samples")
    parser.add_argument("--model", type=Path, default=Path("out/models/smollm2-reasoner"), help="that drew them")
    parser.add_argument("--temperature", type=float, default=0.8, help="at which they were drawn (0.8)")
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto", help="precision (auto)")
    parser.add_argument("--max-tokens", type=int, default=96, help="of a draw (96)")
    parser.add_argument("--questions", type=int, default=200, help="the first of the pool (200)")
    parser.add_argument("--draws", type=int, default=10_000, help="of each question (10000)")
    parser.add_argument("--seed", type=int, default=0, help="of the new draws (0)")
    options = parser.parse_args()
    try:
        pool = load_pool(options.pool)
        decider = open_decider(pool, DecideConfig(strategy="mass_certificate", answers="number"), notify=print)
        drawer = Drawer(
            options.model, dtype=options.dtype, temperature=options.temperature, max_tokens=options.max_tokens
        )
        rng = np.random.default_rng(options.seed)
        checks: list[Check] = []
        asked = 0
        for entry, decision in zip(pool.entries, decider, strict=True):
            if len(checks) == options.questions:
                break
            asked += 1
            if decision.certified:
                checks.append(check(entry, decision, drawer, options.draws, rng))
                if len(checks) % 20 == 0:
                    print(f"{len(checks)} questions, {drawer.computed:,} prefixes", file=sys.stderr, flush=True)
        if not checks:
            raise InputError(f"{options.pool}: mass_certificate certifies none of its questions")
    except TTSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(
        f"{options.pool}: the first {len(checks)} certificates, of {asked} questions; "
        f"{options.draws} new draws of each, T = {options.temperature}\n"
        f"samples used {np.mean([check.used for check in checks]):.1f}, distinct texts of the new draws "
        f"{np.mean([check.texts for check in checks]):.0f}, {drawer.computed:,} prefixes computed\n"
        f"right {100 * np.mean([bool(check.right) for check in checks]):.1f} %\n"
        f"contradicted {sum(check.contradicted for check in checks)}; smallest lead "
        f"{min(check.margin for check in checks):.1f} standard errors"
    )
    apart, z = (np.array([one for check in checks for one in getattr(check, name)]) for name in ("apart", "z"))
    spread = f"; in standard errors, of {len(z)} of them, {z.mean():+.2f} and {z.std():.2f}" if len(z) else ""
    print(
        f"masses of {len(apart)} texts: frequency - mass {apart.mean():+.4f} on average, {np.abs(apart).mean():.4f} in "
        f"size, {np.abs(apart).max():.4f} at most{spread}"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
