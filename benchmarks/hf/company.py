"""Share of texts that do not depend on the batch, and the cost of noise for each token, beside inversion.

    python -m benchmarks.hf.company [--questions 64] [--samples 4] [--parts texts,noise,speed]
    .venv-vllm/bin/python -m benchmarks.hf.company --engine vllm

Parts: `texts` draws the same samples of the bundled model with 1, 16 and 64 sequences at a time, and with 64 in another
order, in float32 and bfloat16, and compares the texts of each pair of runs; `noise` adds Gaussian noise to logits and
counts the tokens that change; `speed` measures the same step with both samplers in turn. Inversion is the sampler of
earlier versions: a token is found by one uniform number in the distribution function.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor

from tts.engines.base import Request
from tts.engines.hf.decoder import Decoder
from tts.engines.hf.engine import TransformersEngine
from tts.engines.hf.sampler import SampledTokens, Sampler
from tts.engines.hf.step_input import JoiningSequence, StepInput
from tts.engines.sampling import Sampling
from tts.engines.streams import collected
from tts.models.bundled import weights
from tts.prompts import Prompt
from tts.stories.stories import take
from tts.types import Problem, Signals

SIZES = (1, 16, 64)
DTYPES = ("float32", "bfloat16")
SAMPLING = Sampling(temperature=0.8, max_tokens=256)
SIGNALS = Signals()

Keys = Sequence[tuple[int, int]]
Tokens = dict[tuple[str, int], tuple[int, ...]]


class Inversion(Sampler):
    """The sampler of earlier versions, at temperatures above 0 and without top-p and top-k."""

    def __init__(self, *arguments: Any) -> None:
        """Take what a sampler takes."""
        super().__init__(*arguments)
        self._uniform: dict[int, Any] = {}

    def draw(self, logits: Tensor, noise_keys: Keys, *_: Any) -> SampledTokens:
        """Draw a token of each row."""
        logits = logits.float()
        heap = (logits / self.sampling.temperature).softmax(-1).cumsum(-1)
        total = heap[:, -1:].contiguous()
        at = torch.tensor([self._at(*key) for key in noise_keys], dtype=heap.dtype)[:, None] * total
        tokens = torch.searchsorted(heap, at, right=True).minimum(torch.searchsorted(heap, total))
        logprobs = logits.log_softmax(-1).gather(-1, tokens)
        return SampledTokens(tokens[:, 0].tolist(), logprobs[:, 0].tolist())

    def _at(self, key: int, position: int) -> float:
        if key not in self._uniform:
            numbers = np.random.Generator(np.random.Philox(key=key)).random(SAMPLING.max_tokens, dtype=np.float32)
            self._uniform[key] = numbers.tolist()
        return float(self._uniform[key][position])


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="transformers", choices=["transformers", "vllm"])
    parser.add_argument("--questions", type=int, default=64)
    parser.add_argument("--samples", type=int, default=4, help="samples of each question")
    parser.add_argument("--parts", default="texts,noise,speed", help="parts to measure; vLLM has `texts` alone")
    options = parser.parse_args()
    problems = [Problem(f"s{i}", s.question, s.answer) for i, s in enumerate(take("test", options.questions, seed=5))]
    requests = [(problem, index) for problem in problems for index in range(options.samples)]
    print(
        f"torch {torch.__version__}, transformers {transformers.__version__}, "
        f"Python {platform.python_version()}, {torch.get_num_threads()} threads"
    )
    if options.engine == "vllm":
        for dtype in DTYPES:
            print(f"vLLM, seeded, {dtype}")
            compare_texts(lambda size, wanted, dtype=dtype: vllm_tokens(size, wanted, dtype), requests)
        return
    if "texts" in options.parts:
        for dtype, sampler in product(DTYPES, (Inversion, Sampler)):
            print(f"transformers, {name_of(sampler)}, {dtype}")
            compare_texts(
                lambda size, wanted, how=(sampler, dtype): hf_tokens(size, wanted, *how),
                requests,
            )
    if "noise" in options.parts:
        perturb("of the bundled model", bundled_logits(requests))
        perturb("of 49,152 tokens, logits of standard deviation 3", 3 * torch.randn(500, 49_152))
    if "speed" in options.parts:
        for title, model, pairs in models():
            speed(title, model, pairs)


def name_of(sampler: type[Sampler]) -> str:
    """Return the name of a sampler's way of drawing."""
    return "inversion" if sampler is Inversion else "Gumbel-max"


def compare_texts(draw: Callable[[int, list[Any]], Tokens], requests: list[Any]) -> None:
    """Print the share of equal texts of each pair of runs."""
    runs = {f"{size} at a time": draw(size, requests) for size in SIZES}
    shuffled = random.Random(0).sample(requests, len(requests))
    runs["64, another order"] = draw(64, shuffled)
    print(f"  {'runs':36} {'equal texts':>18} {'tokens that changed':>24}")
    for one, other in combinations(runs, 2):
        changed = kept = 0
        for key, tokens in runs[one].items():
            same = next((i for i, (a, b) in enumerate(zip(tokens, runs[other][key], strict=False)) if a != b), None)
            changed += same is not None
            kept += len(tokens) if same is None else same  # what follows a changed token has another context
        n = len(requests)
        share = f"{1 - changed / n:7.2%} ({n - changed}/{n})"
        print(f"  {one + ' / ' + other:36} {share:>18} {changed / (kept + changed):12.1e} ({changed}/{kept + changed})")


async def tokens_of(engine: Any, requests: list[Any]) -> Tokens:
    """Return the tokens of all samples, requested at once in this order."""
    samples = await asyncio.gather(*(collected(engine, Request(problem, index)) for problem, index in requests))
    return {(problem.id, i): s.token_ids for (problem, i), s in zip(requests, samples, strict=True)}


def hf_tokens(size: int, requests: list[Any], sampler: type[Sampler], dtype: str) -> Tokens:
    """Draw with the transformers engine, with ``size`` sequences in a batch."""
    engine = TransformersEngine.load(weights(), prompt=Prompt(), sampling=SAMPLING, max_batch_size=size, dtype=dtype)
    engine.batch.decoder.sampler = sampler(SAMPLING, (), "cpu")
    found = asyncio.run(tokens_of(engine, requests))
    engine.close()
    return found


def vllm_tokens(size: int, requests: list[Any], dtype: str) -> Tokens:
    """Draw with vLLM, with ``size`` sequences in a batch, each with its own seed."""
    from tts.engines.vllm.engine import VllmEngine

    engine = VllmEngine.load(
        weights(), prompt=Prompt(), sampling=SAMPLING, dtype=dtype, seeded=True, options={"max_num_seqs": size}
    )
    found = asyncio.run(tokens_of(engine, requests))
    engine.close()
    return found


def bundled_logits(requests: list[Any]) -> Tensor:
    """Return the logits that the bundled model draws from, [tokens, vocab]."""
    engine = TransformersEngine.load(weights(), prompt=Prompt(), sampling=SAMPLING)
    seen: list[Tensor] = []
    draw = engine.batch.decoder.sampler.draw
    engine.batch.decoder.sampler.draw = lambda logits, *rest: (seen.append(logits), draw(logits, *rest))[1]  # type: ignore[method-assign]
    asyncio.run(tokens_of(engine, requests))
    engine.close()
    return torch.cat(seen)[:5000]


def perturb(title: str, logits: Tensor) -> None:
    """Print the share of tokens that change when noise is added to the logits."""
    generator = torch.Generator().manual_seed(0)
    print(f"noise on the logits of {len(logits)} distributions {title}, 20 times each")
    for scale in (1e-4, 1e-3, 1e-2):
        changed = {Inversion: 0, Sampler: 0}
        for again in range(20):
            keys = [(row, again) for row in range(len(logits))]
            near = logits + scale * torch.randn(logits.shape, generator=generator)
            for kind in changed:
                sampler = kind(SAMPLING, (), "cpu")
                first, second = (sampler.draw(some, keys, SIGNALS, [], {}).tokens for some in (logits, near))
                changed[kind] += sum(one != other for one, other in zip(first, second, strict=True))
        shares = ", ".join(f"{name_of(kind)} {n / 20 / len(logits):.1e}" for kind, n in changed.items())
        print(f"  standard deviation {scale:g}: {shares}")


def models() -> Iterator[tuple[str, Any, int]]:
    """Yield the bundled model and a random one with a large vocabulary, and the pairs to measure."""
    yield "the bundled model", transformers.AutoModelForCausalLM.from_pretrained(weights()).eval(), 200
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=49_152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
        num_key_value_heads=3, tie_word_embeddings=True,
    )  # fmt: skip
    yield "a random model of SmolLM2-135M's shape", transformers.LlamaForCausalLM(config).eval(), 61


def speed(title: str, model: Any, pairs: int) -> None:
    """Print how much a step and its draw take with Gumbel-max, relative to inversion."""
    print(f"time of Gumbel-max / inversion, {title}, {model.config.vocab_size} tokens")
    for size in SIZES:
        decoder = Decoder(model, SAMPLING)
        samplers = {kind: kind(SAMPLING, (), "cpu") for kind in (Inversion, Sampler)}
        joining = [JoiningSequence((*range(5, 37), i), tuple(range(5, 37))) for i in range(size)]
        tokens = decoder.run(StepInput(joining=joining, noise_keys=[(i, 0) for i in range(size)])).tokens
        logits = torch.randn((size, model.config.vocab_size)) * 3
        steps, draws = [], []
        for number in range(pairs):
            keys = [(i, number) for i in range(size)]
            work = StepInput(tokens=tokens, lengths=[33] * size, noise_keys=keys)
            took = {}
            for kind in (Inversion, Sampler) if number % 2 else (Sampler, Inversion):
                decoder.sampler = samplers[kind]
                began = time.perf_counter()
                decoder.run(work)
                middle = time.perf_counter()
                with torch.inference_mode():
                    decoder.sampler.draw(logits, keys, SIGNALS, [], {})
                took[kind] = (middle - began, time.perf_counter() - middle)
            steps.append((took[Sampler][0], took[Inversion][0]))
            draws.append((took[Sampler][1], took[Inversion][1]))
        print(f"  {size:2} rows: step {ratio(steps)}; draw alone {ratio(draws)}", flush=True)


def ratio(pairs: list[tuple[float, float]]) -> str:
    """Return the median ratio of the pairs, its interval by the sign test, and the median milliseconds."""
    ratios = sorted(a / b for a, b in pairs)
    n = len(ratios)
    skip = max(0, int(n / 2 - 0.98 * n**0.5))
    first, second = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
    interval = f"[{ratios[skip]:.3f}, {ratios[n - 1 - skip]:.3f}]"
    return f"{statistics.median(ratios):.3f} {interval} ({first:.2f} / {second:.2f} ms)"


if __name__ == "__main__":
    main()
