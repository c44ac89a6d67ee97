"""The bundled FineCE model: small, plain, writes what its base writes, and predicts the end of a prefix."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from strategies.beam import PrunedBeams  # noqa: E402
from strategies.pruning import TopK  # noqa: E402
from tts.answers import extract_gsm8k  # noqa: E402
from tts.engines.config import EngineConfig, SignalsConfig, recorded_signals  # noqa: E402
from tts.engines.hf.engine import TransformersEngine  # noqa: E402
from tts.engines.sampling import Sampling  # noqa: E402
from tts.errors import InputError  # noqa: E402
from tts.models.bundled import weights  # noqa: E402
from tts.models.finece import read_card  # noqa: E402
from tts.prompts import Prompt  # noqa: E402
from tts.ranking import auroc  # noqa: E402
from tts.runtime.driver import run_all  # noqa: E402
from tts.scorers.finece import Finece, open_finece  # noqa: E402
from tts.scorers.metered import MeteredEngine  # noqa: E402
from tts.scorers.trace_scores import value_confidence  # noqa: E402
from tts.stories.stories import take  # noqa: E402
from tts.strategy import BaseStrategy  # noqa: E402
from tts.types import Decision, Draw, End, Problem, Sample, Signals  # noqa: E402

QUESTIONS, FEW, DRAWS = 60, 12, 8
PROBLEMS = [Problem(f"story-test-{i}", story.question, story.answer) for i, story in enumerate(take("test", QUESTIONS))]


class Whole(BaseStrategy):
    """A strategy that draws samples and decides nothing."""

    name, budget = "whole", DRAWS

    def run(self, problem: Problem):  # type: ignore[no-untyped-def]
        samples = yield Draw(DRAWS)
        return Decision(None, tuple(samples), "budget")


@pytest.fixture(scope="module")
def folder() -> Path:
    torch.set_num_threads(2)
    return weights("finece")


@pytest.fixture(scope="module")
def scorer(folder: Path) -> Finece:
    found = open_finece(folder=folder)
    assert isinstance(found, Finece)
    return found


def engine(folder: Path) -> TransformersEngine:
    return TransformersEngine.load(folder, prompt=Prompt(), sampling=Sampling(temperature=0.8, seed=5))


def drawn(folder: Path, scorer: Finece | None, problems: Sequence[Problem]) -> list[tuple[Sample, ...]]:
    found = engine(folder)
    work = run_all(
        Whole(),
        problems,
        found,
        extract=lambda problem, text: extract_gsm8k(text),
        scorer=scorer,
        signals=Signals(steps=True),
    )
    results = asyncio.run(work)
    found.close()
    return [r.decision.samples for r in results]


def test_it_is_a_plain_model_that_never_writes_its_values(folder: Path, scorer: Finece) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert type(model).__name__ == "LlamaForCausalLM" and not list(folder.glob("*.py"))
    tokens = scorer.card.tokens
    assert tokenizer.convert_ids_to_tokens(list(tokens)) == [f"<C{v}>" for v in range(11)]
    assert tuple(model.generation_config.suppress_tokens) == tokens
    assert read_card(folder).base == "tiny"


@pytest.mark.slow
@pytest.mark.parametrize(("same", "questions"), [(QUESTIONS, QUESTIONS)])
def test_it_writes_what_its_base_writes_and_knows_how_that_ends(
    folder: Path, scorer: Finece, same: int, questions: int
) -> None:
    """Four standard errors over 60 questions from the results on 500; 12 other questions break a bound at .003."""
    problems = PROBLEMS[:questions]
    samples = [s for some in drawn(folder, scorer, problems) for s in some]
    base = [s for some in drawn(weights(), None, problems[:same]) for s in some]
    assert sum(a.token_ids == b.token_ids for a, b in zip(samples, base, strict=False)) >= 0.97 * len(base)
    gold = [p.gold for p in problems for _ in range(DRAWS)]
    correct = np.array([s.answer == g for s, g in zip(samples, gold, strict=True)])
    traces = [value_confidence(s.trace) for s in samples]
    ends = np.array([trace[-1] for trace in traces])
    assert ends.tolist() == pytest.approx([s.confidence for s in samples])
    assert auroc(ends, correct) > 0.72 and np.mean((ends - correct) ** 2) < 0.22
    first = np.array([trace[s.trace.steps.index(True) + 1] for trace, s in zip(traces, samples, strict=True)])
    assert auroc(first, correct) > 0.6
    assert all(s.usage is not None and s.usage.scorer_prefill == 0 for s in samples)


@pytest.mark.slow
def test_text_is_read_as_it_was_drawn(folder: Path, scorer: Finece) -> None:
    """A whole sample and a paused one get the number of the pass that draws them; an empty text that of its prompt."""
    (samples,) = drawn(folder, scorer, PROBLEMS[:1])
    found = engine(folder)
    bare = [Sample(s.text, end=s.end, token_ids=s.token_ids) for s in samples]
    begun = samples[0].token_ids[: samples[0].trace.steps.index(True) + 1]
    bare.append(Sample(found.decode(begun), end=End.BOUNDARY, token_ids=begun))
    bare.append(Sample("", end=End.BOUNDARY))
    metered = MeteredEngine(found)
    read = asyncio.run(scorer.score(PROBLEMS[0], bare, metered))
    found.close()
    trace = value_confidence(samples[0].trace)
    assert read[:-2].tolist() == pytest.approx([s.confidence for s in samples], abs=1e-3)
    assert read[-2:].tolist() == pytest.approx([trace[len(begun) - 1], trace[0]], abs=1e-3)
    assert metered.usage.scorer_prefill > 0 and metered.usage.scorer_decode == 0


@pytest.mark.slow
def test_beams_are_guided_by_the_pass_that_draws_them(folder: Path, scorer: Finece) -> None:
    found = engine(folder)
    strategy = PrunedBeams(width=3, start_width=4, budget=4, pruner=TopK(2))
    results = asyncio.run(
        run_all(strategy, PROBLEMS[:2], found, extract=lambda problem, text: extract_gsm8k(text), scorer=scorer)
    )
    total = [r.decision.usage for r in results]
    assert sum(u.delivered + u.aborted for u in total if u) == found.batch.drawn
    assert sum(u.prompt for u in total if u) == found.batch.prompt
    found.close()
    for result in results:
        samples = result.decision.samples
        assert all(s.confidence is not None and 0 <= s.confidence <= 1 for s in samples)
        assert any(s.given for s in samples) and result.decision.answer is not None
        assert all(len(s.trace.logprobs) == len(s.token_ids) for s in samples)


def test_a_pool_can_record_the_values(scorer: Finece) -> None:
    asked = SignalsConfig(steps=True, confidence=True)
    recorded = recorded_signals(EngineConfig(model="finece", signals=asked))
    assert recorded.watch == scorer.card.tokens and recorded.steps
    with pytest.raises(InputError, match=r"has no grace\.json"):
        recorded_signals(EngineConfig(model="tiny", signals=asked))
