"""GrACE on a real model: no forward pass more, and the readings of a pass over the text."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from strategies.vote import Vote
from tts.models.grace import GraceCard, write_card
from tts.runtime.driver import Options, run_all
from tts.scorers.grace import open_grace
from tts.scorers.metered import MeteredEngine
from tts.types import End, Problem, Sample

READINGS = ("last", "min", "step", "mean")

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def grace_model() -> Any:
    """A small random Llama with an added token: it writes words and line breaks, ends, and is never sure."""
    from tts.training.tiny.tokenizer import build

    torch.set_num_threads(1)
    torch.manual_seed(0)
    tokenizer = build(2000)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<CNF>"]})
    cnf, end, line = (tokenizer.convert_tokens_to_ids(t) for t in ("<CNF>", tokenizer.eos_token, "\n"))
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=False,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=end,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.1,
    )
    model = transformers.LlamaForCausalLM(config).eval()
    model.generation_config.suppress_tokens = [cnf]
    with torch.no_grad():  # one hidden dimension is always on, so that a row of the head can say how probable it is
        model.model.embed_tokens.weight[:, 0] = 2.0
        bias = torch.full((len(tokenizer),), -4.0)
        pieces = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
        bias[[i for i, piece in enumerate(pieces) if piece[0] == " " and piece[1:].isalpha()]] = 0.0
        bias[[cnf, end, line]] = torch.tensor([0.9, 0.9, 0.9])
        model.lm_head.weight[:, 0] = bias
    return model, tokenizer, cnf


@pytest.fixture
def live(grace_model: Any) -> Any:
    from tts.engines.hf.engine import TransformersEngine
    from tts.engines.sampling import Sampling
    from tts.prompts import Prompt

    model, tokenizer, cnf = grace_model
    engine = TransformersEngine(
        model, tokenizer, prompt=Prompt(), sampling=Sampling(temperature=1.0, max_tokens=60, seed=1)
    )
    passes: list[int] = []
    hook = model.register_forward_hook(lambda *_: passes.append(1))
    yield engine, cnf, passes
    hook.remove()
    engine.close()


def whole(problem: Problem, text: str) -> str:
    return text.split()[0] if text.split() else "nothing"


def play(engine: Any, scorer: Any) -> tuple[Sample, ...]:
    problem = Problem("p", "How many apples are left?")
    (result,) = asyncio.run(
        run_all(
            Vote("sc", 8),
            [problem],
            engine,
            extract=whole,
            scorer=scorer,
            options=Options(concurrency=1, lookahead=7),
        )
    )
    samples: tuple[Sample, ...] = result.decision.samples
    return samples


def test_it_adds_no_forward_pass_and_agrees_with_one_over_the_text(live: Any, tmp_path: Path) -> None:
    engine, cnf, passes = live
    write_card(tmp_path, GraceCard("<CNF>", cnf))
    play(engine, None)  # the prompt is read, and kept
    passes.clear()
    plain = play(engine, None)
    without = len(passes)
    passes.clear()
    samples = play(engine, open_grace(folder=tmp_path))
    assert len(passes) == without > 0
    assert [s.token_ids for s in samples] == [s.token_ids for s in plain]
    confidences = [s.confidence for s in samples]
    assert confidences == [s.trace.watched[cnf][-1] for s in samples]

    ended = [s for s in samples if s.end is End.STOP and engine.encode(s.text) == s.token_ids[:-1]]
    assert len(ended) >= 6, "texts that are read back as they were drawn"
    foreign = [Sample(s.text, s.answer, index=s.index) for s in ended]
    passes.clear()
    metered = MeteredEngine(engine)
    problem = Problem("p", "How many apples are left?")
    read = asyncio.run(open_grace(folder=tmp_path).score(problem, foreign, metered))
    assert len(passes) == 1
    assert read == pytest.approx([s.confidence for s in ended], abs=1e-4, rel=1e-3)
    assert np.ptp(read) > 1e-3 and read.min() > 1e-3, "confidences that differ, and are not all next to nothing"
    prompt = len(engine.prompt_ids(problem))
    assert metered.usage.scorer_prefill == sum(prompt + len(engine.encode(s.text)) for s in foreign)


@pytest.mark.parametrize("reading", READINGS[1:])
def test_readings_of_steps_agree_with_a_pass_over_the_text(live: Any, tmp_path: Path, reading: str) -> None:
    engine, cnf, _ = live
    write_card(tmp_path, GraceCard("<CNF>", cnf))
    scorer = open_grace(reading=reading, folder=tmp_path)
    samples = play(engine, scorer)
    ended = [
        s for s in samples if s.end is End.STOP and engine.encode(s.text) == s.token_ids[:-1] and "\n\n" not in s.text
    ]
    assert len(ended) >= 4 and any("\n" in s.text for s in ended)
    problem, foreign = Problem("p", "How many apples are left?"), [Sample(s.text) for s in ended]
    read = asyncio.run(scorer.score(problem, foreign, MeteredEngine(engine)))
    assert read == pytest.approx([s.confidence for s in ended], abs=1e-4, rel=1e-3)


def test_a_probed_value_agrees_with_a_pass_over_the_text_and_the_token(live: Any, tmp_path: Path) -> None:
    engine, cnf, _ = live
    write_card(tmp_path, GraceCard("<CNF>", cnf, "after"))
    scorer = open_grace(folder=tmp_path)
    samples = play(engine, scorer)
    assert all(s.trace.probe is not None for s in samples)
    ended = [s for s in samples if s.end is End.STOP and engine.encode(s.text) == s.token_ids[:-1]]
    assert len(ended) >= 6
    problem, foreign = Problem("p", "How many apples are left?"), [Sample(s.text) for s in ended]
    read = asyncio.run(scorer.score(problem, foreign, MeteredEngine(engine)))
    assert read == pytest.approx([s.confidence for s in ended], abs=1e-4, rel=1e-3)
