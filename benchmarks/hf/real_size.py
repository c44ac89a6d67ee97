"""Tokens a second of the transformers engine on a model of a real size, beside `generate` and continuous batching.

    python -m benchmarks.hf.real_size [--model out/models/smollm2] [--rows 16,64,128] [--lengths 20,300] [--rounds 3]
        [--spread even,wide] [--against generate,batching] [--dtype bfloat16]

All draw the same numbers of tokens, 16 samples of each of SVAMP's questions (in $TTS_DATA): of `even` lengths, or of
`wide` ones, uniform between half of the length and one and a half of it; end-of-sequence tokens do not end them. There
are --waves times as many samples as rows. `generate` gets them in batches of as many rows, each of which takes as long
as its longest sample; transformers' continuous batching gets all at once, with as many places. Ratios are
of pairs, measured in turn. Memory is the largest of the process.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import platform
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.generation.configuration_utils import ContinuousBatchingConfig

from benchmarks.hf.engine import compare
from tts.engines.base import Request
from tts.engines.hf.engine import TransformersEngine
from tts.engines.sampling import Sampling, SamplingChange
from tts.prompts import Prompt
from tts.types import Problem, Signals

TEMPERATURE = 0.8
DRAWS = 16
PAGE = 64
"""Tokens of a page of the cache of continuous batching."""

Work = list[tuple[Problem, int, int]]
"""Samples to draw: the question, the number of the draw, the tokens."""


class Limits(transformers.StoppingCriteria):  # type: ignore[misc]
    """Ends each row of `generate` after tokens of its own."""

    def __init__(self, limits: list[int], prompt: int) -> None:
        """Take the tokens of each row, and those of the padded prompt."""
        self._ends = torch.tensor(limits) + prompt

    def __call__(self, ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        """Return whether each row has ended."""
        return ids.shape[1] >= self._ends


class Bench:
    """The contenders on one model."""

    def __init__(self, model: str, dtype: str) -> None:
        """Load the model for all of them."""
        self.model: Any = transformers.AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, dtype)).eval()
        self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(model)
        self.prompt = Prompt(template="<|im_start|>{question}\n", system="", chat=False)

    def engine(self, work: Work, rows: int, signals: Signals) -> tuple[int, float]:
        """Return the tokens and seconds of the engine."""
        engine = TransformersEngine(
            self.model, self.tokenizer, prompt=self.prompt, sampling=Sampling(TEMPERATURE), max_batch_size=rows
        )
        engine.batch.ends = frozenset()

        async def one(problem: Problem, index: int, tokens: int) -> None:
            sampling = SamplingChange(max_tokens=tokens)
            async for _ in engine.sample(Request(problem, index, signals=signals, sampling=sampling)):
                pass

        async def everything() -> None:
            await asyncio.gather(*(one(*item) for item in work))

        started = time.perf_counter()
        asyncio.run(everything())
        took = time.perf_counter() - started
        engine.close()
        return engine.batch.drawn, took

    def generate(self, work: Work, rows: int) -> tuple[int, float]:
        """Return the tokens and seconds of `generate` on padded batches."""
        self.tokenizer.padding_side = "left"
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token
        started = time.perf_counter()
        with torch.inference_mode():
            for at in range(0, len(work), rows):
                part = work[at : at + rows]
                batch = self.tokenizer(
                    [self.prompt.text(problem) for problem, *_ in part], return_tensors="pt", padding=True
                )
                limits = [tokens for *_, tokens in part]
                self.model.generate(
                    **batch,
                    generation_config=_config(max(limits)),
                    stopping_criteria=[Limits(limits, batch["input_ids"].shape[1])],
                )
        return sum(tokens for *_, tokens in work), time.perf_counter() - started

    def batching(self, work: Work, rows: int) -> tuple[int, float]:
        """Return the tokens and seconds of transformers' continuous batching."""
        ids = [self.tokenizer(self.prompt.text(problem)).input_ids for problem, *_ in work]
        longest = max(len(prompt) + tokens for prompt, (*_, tokens) in zip(ids, work, strict=True))
        config = ContinuousBatchingConfig(
            max_requests_per_batch=rows, page_size=PAGE, num_blocks=rows * (longest // PAGE + 2), max_batch_tokens=2048
        )
        before, tokens = self.model.config._attn_implementation, 0
        started = time.perf_counter()
        with self.model.continuous_batching_context_manager(
            generation_config=_config(max(limit for *_, limit in work)), continuous_batching_config=config, warmup=False
        ) as manager:
            for prompt, (*_, limit) in zip(ids, work, strict=True):
                manager.add_request(prompt, max_new_tokens=limit, eos_token_id=-1)
            for _ in work:
                while (result := manager.get_result(timeout=600)) is None:
                    pass
                tokens += len(result.generated_tokens)
        took = time.perf_counter() - started
        self.model.set_attn_implementation(before)
        return tokens, took


def _config(longest: int) -> transformers.GenerationConfig:
    return transformers.GenerationConfig(
        do_sample=True, temperature=TEMPERATURE, top_k=0, max_new_tokens=longest, eos_token_id=None, pad_token_id=0
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="out/models/smollm2", help="a model's directory, or its name on the hub")
    parser.add_argument("--dtype", default="bfloat16", help="of all contenders")
    parser.add_argument("--rows", default="16,64,128", help="sequences at a time")
    parser.add_argument("--lengths", default="20,300", help="tokens of a sample, in the mean")
    parser.add_argument("--spread", default="even,wide", help="even lengths, wide ones, or both")
    parser.add_argument("--against", default="generate,batching", help="contenders; batching is run once")
    parser.add_argument("--waves", type=float, default=2.0, help="samples for each row")
    parser.add_argument("--rounds", type=int, default=3, help="pairs")
    parser.add_argument(
        "--signals", action="store_true", help="the engine collects top-20 confidence, entropy, certainty"
    )
    options = parser.parse_args()
    bench = Bench(options.model, options.dtype)
    signals = Signals(top=20, entropy=True, certainty=True) if options.signals else Signals()
    print(
        f"{options.model}, {options.dtype}, torch {torch.__version__}, transformers {transformers.__version__}, "
        f"Python {platform.python_version()}, {torch.get_num_threads()} threads"
    )
    with gzip.open(Path(os.environ["TTS_DATA"]) / "svamp_test.jsonl.gz", "rt") as lines:
        questions = [Problem(f"s{i}", json.loads(line)["question"], "0") for i, line in enumerate(lines)]
    for length in map(int, options.lengths.split(",")):
        for spread in options.spread.split(","):
            for rows in map(int, options.rows.split(",")):
                work = workload(questions, round(rows * options.waves), length, spread == "wide")
                contenders: dict[str, Callable[[], tuple[int, float]]] = {
                    "generate": lambda work=work, rows=rows: bench.generate(work, rows),  # type: ignore[misc]
                    "batching": lambda work=work, rows=rows: bench.batching(work, rows),  # type: ignore[misc]
                }
                for name in options.against.split(","):
                    compare(
                        f"{length} tokens, {spread}, {rows} rows: engine / {name}",
                        lambda work=work, rows=rows: bench.engine(work, rows, signals),  # type: ignore[misc]
                        contenders[name],
                        options.rounds if name == "generate" else 1,
                    )
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB at most")


def workload(questions: list[Problem], samples: int, length: int, wide: bool) -> Work:
    """Return samples to draw, :data:`DRAWS` of each question in a row."""
    rng = random.Random(0)
    return [
        (questions[i // DRAWS], i % DRAWS, rng.randint(length // 2, length + length // 2) if wide else length)
        for i in range(samples)
    ]


if __name__ == "__main__":
    main()
