"""Distinct draws on the transformers engine: what they see is the tree, and only new tokens are computed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

torch = pytest.importorskip("torch")

from strategies.mass.distinct import EXHAUSTED, FUTILITY, ORDERS, Distinct, Order  # noqa: E402
from strategies.stopping import MassCertificate  # noqa: E402
from tests.engines.mass.tree import END, random_model, tokenizer, tree  # noqa: E402
from tts.engines.hf.engine import TransformersEngine  # noqa: E402
from tts.engines.sampling import Sampling  # noqa: E402
from tts.prompts import Prompt  # noqa: E402
from tts.runtime.driver import run_all  # noqa: E402
from tts.types import Decision, End, Problem, Usage  # noqa: E402

PROBLEM = Problem("p", "12")
SAMPLING = Sampling(0.7, top_k=3, max_tokens=4)


@pytest.fixture
def engine() -> Iterator[TransformersEngine]:
    made = TransformersEngine(random_model(), tokenizer(), prompt=Prompt(), sampling=SAMPLING, max_batch_size=8)
    yield made
    made.close()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No draw is held to be in vain."""
    monkeypatch.setattr(MassCertificate, "can_fire", lambda *_: True)


def play(strategy: Distinct, engine: TransformersEngine, problem: Problem = PROBLEM) -> Decision:
    """Play it; the answer is the number of tokens."""
    work = run_all(strategy, [problem], engine, extract=lambda p, text: str(len(text) % 2) if text else None)
    return asyncio.run(work)[0].decision


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("width", [1, 5])
@pytest.mark.parametrize("order", ORDERS)
def test_every_whole_text_is_found_once_with_its_mass(engine: TransformersEngine, order: Order, width: int) -> None:
    found = tree(random_model(), engine.prompt_ids(PROBLEM), SAMPLING)
    whole = {text: mass for text, mass in found.items() if text[-1] == END}
    exact = [
        sum(mass for text, mass in whole.items() if (len(text) - 1) % 2 == odd and len(text) > 1) for odd in (0, 1)
    ]
    decision = play(Distinct("distinct", 500, order, width=width, least=0.0), engine)
    seen = [sample.token_ids for sample in decision.samples]
    assert len(set(seen)) == len(seen)
    assert decision.unseen_mass == pytest.approx(1 - sum(found[text] for text in seen if text[-1] == END), abs=1e-4)
    assert all(sample.text == engine.decode(sample.token_ids) for sample in decision.samples)
    if decision.reason == EXHAUSTED:  # the rest is cut off
        assert {text for text in seen if text[-1] == END} == set(whole)
        assert decision.unseen_mass == pytest.approx(1 - sum(whole.values()), abs=1e-4)
    else:
        assert decision.reason == MassCertificate.name and decision.certified
        assert decision.answer == str(exact.index(max(exact)))


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("width", [1, 4])
def test_a_draw_computes_only_what_is_new(engine: TransformersEngine, width: int) -> None:
    decision = play(Distinct("distinct", 13, width=width, least=0.0), engine)
    first, *others = decision.samples
    assert len(others) > 3
    assert all(sample.usage is not None for sample in decision.samples)
    for sample in others:
        assert sample.given > 0 and sample.usage is not None
        assert sample.usage.delivered == len(sample.token_ids) - sample.given
        ended = sample.end is End.STOP and sample.given == len(sample.token_ids)
        assert sample.usage.prompt == (0 if ended else 1)
    assert first.usage is not None and decision.usage == sum((s.usage or Usage() for s in others), first.usage)


@pytest.mark.parametrize("order", ORDERS)
def test_it_stops_for_futility_where_following_every_branch_is_exhausted(
    engine: TransformersEngine, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = play(Distinct("distinct", 500, order, least=0.0), engine)
    monkeypatch.setattr(MassCertificate, "can_fire", lambda *_: True)
    long = play(Distinct("distinct", 500, order, least=0.0), engine)
    assert (short.reason, long.reason) == (FUTILITY, EXHAUSTED) and not long.certified
    texts, all_texts = ([sample.token_ids for sample in decision.samples] for decision in (short, long))
    assert texts == all_texts[: len(texts)] and len(texts) < len(all_texts)


def test_the_same_question_gets_the_same_draws(engine: TransformersEngine) -> None:
    one, other = (play(Distinct("distinct", 8, "sampling", least=0.0), engine) for _ in range(2))
    assert [s.token_ids for s in one.samples] == [s.token_ids for s in other.samples]
