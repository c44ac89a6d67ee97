"""The bundled GrACE model: small, plain, as accurate as its base, and surer where it is right."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tts.answers import extract_gsm8k  # noqa: E402
from tts.engines.base import Request  # noqa: E402
from tts.engines.hf.engine import TransformersEngine  # noqa: E402
from tts.engines.replay import ReplayEngine  # noqa: E402
from tts.engines.sampling import Sampling  # noqa: E402
from tts.models.bundled import weights  # noqa: E402
from tts.models.grace import GraceCard, read_card  # noqa: E402
from tts.prompts import Prompt  # noqa: E402
from tts.ranking import auroc, within_auroc  # noqa: E402
from tts.runtime.driver import run_all  # noqa: E402
from tts.scorers.grace import Grace  # noqa: E402
from tts.stories.stories import take  # noqa: E402
from tts.types import Problem, Sample, Signals  # noqa: E402

QUESTIONS, FEW, DRAWS = 60, 16, 8
PROBLEMS = [Problem(f"story-test-{i}", story.question, story.answer) for i, story in enumerate(take("test", QUESTIONS))]


@pytest.fixture(scope="module")
def folder() -> Path:
    return weights("grace")


@pytest.fixture(scope="module")
def card(folder: Path) -> GraceCard:
    return read_card(folder)


def engine(folder: Path) -> TransformersEngine:
    return TransformersEngine.load(folder, prompt=Prompt(), sampling=Sampling(temperature=0.8, seed=5))


def test_both_bundled_models_are_within_the_budget() -> None:
    kept = weights().parent
    assert sum(f.stat().st_size for f in kept.rglob("*") if f.is_file() and "__pycache__" not in f.parts) <= 12e6


def test_it_is_a_plain_model_with_a_token_more(folder: Path, card: GraceCard) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert type(model).__name__ == "LlamaForCausalLM" and not list(folder.glob("*.py"))
    assert tokenizer.convert_tokens_to_ids(card.token) == card.token_id == len(tokenizer) - 1
    assert model.generation_config.suppress_tokens == [card.token_id]
    given = tokenizer([f"{p.question}\n" for p in PROBLEMS[:4]], return_tensors="pt", padding=True, padding_side="left")
    given.pop("token_type_ids", None)
    drawn = model.generate(**given, max_new_tokens=150, do_sample=True)[:, given["input_ids"].shape[1] :]
    assert card.token_id not in drawn
    assert sum(extract_gsm8k(text) is not None for text in tokenizer.batch_decode(drawn, skip_special_tokens=True)) >= 3


@cache
def drawn(model: str, questions: int) -> list[tuple[str, bool, float]]:
    """The text of each draw, its correctness, and for GrACE the confidence token's probability at its end."""
    found, token = engine(weights(model)), read_card(weights(model)).token_id if model == "grace" else None
    signals = Signals(watch=() if token is None else (token,))

    async def one(problem: Problem, index: int) -> tuple[str, bool, float]:
        async with aclosing(found.sample(Request(problem, index, signals=signals))) as stream:  # type: ignore[type-var]
            chunks = [chunk async for chunk in stream]
        text = "".join(chunk.text for chunk in chunks)
        confidence = 0.0 if token is None else chunks[-1].trace.watched[token][-1]
        return text, extract_gsm8k(text) == problem.gold, confidence

    async def everything() -> list[tuple[str, bool, float]]:
        return await asyncio.gather(*(one(p, i) for p in PROBLEMS[:questions] for i in range(DRAWS)))

    rows = asyncio.run(everything())
    found.close()
    return rows


@pytest.mark.slow
@pytest.mark.parametrize(("same", "questions"), [(15, QUESTIONS)])
def test_it_writes_what_its_base_writes(same: int, questions: int) -> None:
    """The same seed draws the same texts: learning about its own answers has not changed them."""
    before, after = drawn("tiny", same), drawn("grace", questions)
    equal = sum(a[0] == b[0] for a, b in zip(before, after, strict=False))
    assert equal >= 0.97 * len(before)  # a tie that rounding decides may fall either way


@pytest.mark.slow
@pytest.mark.parametrize("questions", [QUESTIONS])
def test_it_answers_and_knows_when_it_is_right(questions: int) -> None:
    """Four standard errors over 60 questions from the results on 1,000; 16 others break a bound at .04."""
    _, right, confidences = zip(*drawn("grace", questions), strict=True)
    correct, confidence = np.array(right), np.array(confidences)
    assert 0.38 < correct.mean() < 0.72
    assert auroc(confidence, correct) > 0.75
    assert within_auroc(confidence, correct, np.repeat(np.arange(questions), DRAWS)) > 0.65
    assert np.mean((confidence - correct) ** 2) < 0.20


@pytest.mark.slow
def test_live_in_pass_confidences_replay_to_the_same_decisions(folder: Path, card: GraceCard) -> None:
    from strategies.catalog import CATALOG

    found, scorer = engine(folder), Grace(card)
    problems: list[Any] = PROBLEMS[:3]
    whole = asyncio.run(
        run_all(
            CATALOG["grace_sc"].build(6),
            problems,
            found,
            extract=lambda problem, text: extract_gsm8k(text),
            scorer=scorer,
        )
    )
    found.close()
    again = engine(folder)
    strategy = CATALOG["grace_es"].build(6, {"tau": 0.9})
    live = asyncio.run(
        run_all(strategy, problems, again, extract=lambda problem, text: extract_gsm8k(text), scorer=scorer)
    )
    again.close()
    recorded: dict[str, tuple[Sample, ...]] = {r.problem.id: r.decision.samples for r in whole}
    replayed = asyncio.run(run_all(strategy, problems, ReplayEngine(recorded)))
    for one, other in zip(live, replayed, strict=True):
        assert (one.decision.answer, one.decision.reason) == (other.decision.answer, other.decision.reason)
        assert len(one.decision.samples) == len(other.decision.samples)
        usage = one.decision.usage
        assert usage is not None and usage.scorer_prefill == usage.scorer_decode == 0
    assert any(len(r.decision.samples) < 6 for r in live)


def test_a_pool_can_record_the_confidence_token(card: GraceCard) -> None:
    from tts.engines.config import EngineConfig, SignalsConfig, recorded_signals
    from tts.errors import InputError

    asked = SignalsConfig(top=5, steps=True, confidence=True, logprobs=False)
    recorded = Signals(watch=(card.token_id,), owners={"grace": (card.token_id,)}, top=5, steps=True)
    assert recorded_signals(EngineConfig(model="grace", signals=asked)) == recorded
    assert recorded_signals(EngineConfig(model="grace", signals=replace(asked, logprobs=True))) == replace(
        recorded, logprobs=True
    )
    with pytest.raises(InputError, match=r"has no grace\.json"):
        recorded_signals(EngineConfig(model="tiny", signals=asked))
