"""Seconds of samples of the same questions, with and without a shared slot for samples that agree so far.

    python -m benchmarks.hf.shared [--model out/models/smollm2-reasoner] [--questions 32] [--samples 16] [--rounds 3]
        [--temperature 0.8] [--rows 128]

Questions are the model's held-out ones (examples/finetune.py) in the bare form; the model ends its samples. Both
ways draw the same samples but for rounding; ratios are of pairs, measured in turn. "computed" is the share of the drawn
tokens for which the model computed a distribution of their own.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers

from benchmarks.hf.engine import compare, drain
from tts.engines.hf import batching
from tts.engines.hf.device import pick_dtype
from tts.engines.hf.engine import TransformersEngine
from tts.engines.hf.sequence import SequenceState, Slots
from tts.engines.sampling import Sampling
from tts.engines.text import Ids
from tts.prompts import Prompt
from tts.types import Problem, Signals


class OwnSlots(Slots):
    """A slot for each sequence."""

    def joined_by(self, joining: Mapping[SequenceState, Ids]) -> Slots:
        """Return these slots and one behind them for each sequence that joins."""
        return OwnSlots([*self.members, *([row] for row in joining)])


def drawn(model: Any, tokenizer: Any, problems: list[Problem], options: Any, slots: Any) -> tuple[int, float, int]:
    """Return the tokens, the seconds, and the tokens that were computed."""
    batching.Slots = slots  # type: ignore[misc]
    prompt = Prompt(template="<|im_start|>{question}\n", system="", chat=False)
    sampling = Sampling(options.temperature, max_tokens=96)
    engine = TransformersEngine(model, tokenizer, prompt=prompt, sampling=sampling, max_batch_size=options.rows)

    work = [(problem, i) for problem in problems for i in range(options.samples)]
    tokens, took = drain(engine, work, Signals(processed=True))
    return tokens, took, engine.batch.computed


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("out/models/smollm2-reasoner"))
    parser.add_argument("--questions", type=int, default=32)
    parser.add_argument("--samples", type=int, default=16, help="of each question")
    parser.add_argument("--rows", type=int, default=128, help="samples at the same time")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--rounds", type=int, default=3, help="pairs")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dtype = pick_dtype("auto", "cpu", options.model)
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(options.model, dtype=dtype).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(options.model)
    lines = (options.model / "held_out.jsonl").read_text(encoding="utf-8").splitlines()[: options.questions]
    problems = [Problem(row["id"], row["question"]) for row in map(json.loads, lines)]

    def side(name: str, slots: Any) -> Callable[[], tuple[int, float]]:
        def run() -> tuple[int, float]:
            tokens, took, computed = drawn(model, tokenizer, problems, options, slots)
            print(f"{name:<8}{tokens:>8} tokens {took:>8.1f} s, computed {100 * computed / tokens:.0f} %", flush=True)
            return tokens, took

        return run

    compare("shared / own slots", side("shared", Slots), side("own", OwnSlots), options.rounds)


if __name__ == "__main__":
    main()
