"""A draw until ENTROPY_ABOVE pauses at the first token the model was unsure of, and is refused without entropies."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.engines.hf.cases import PROBLEMS, alone, draws, random_model  # noqa: E402
from tts.engines.base import Capabilities, Request  # noqa: E402
from tts.engines.fake.engine import FakeEngine  # noqa: E402
from tts.engines.hf.engine import TransformersEngine  # noqa: E402
from tts.engines.sampling import Sampling  # noqa: E402
from tts.engines.streams import collected  # noqa: E402
from tts.errors import UnsupportedError  # noqa: E402
from tts.prompts import Prompt  # noqa: E402
from tts.training.tiny.tokenizer import build  # noqa: E402
from tts.types import CONFIDENCE_BELOW, ENTROPY_ABOVE, GROUP_BELOW, STEP, STEP_BELOW, TOKENS, End, Signals  # noqa: E402

ENTROPY = Signals(entropy=True)
MANY = [(problem, index) for problem in PROBLEMS[:6] for index in range(4)]


@pytest.fixture(scope="module")
def engine() -> Iterator[TransformersEngine]:
    tokenizer = build(2000)
    model = random_model(tokenizer)
    made = TransformersEngine(model, tokenizer, prompt=Prompt(), sampling=Sampling(temperature=0.7, max_tokens=40))
    yield made
    made.close()


@pytest.mark.parametrize("share", [0.3, 0.9, 0.99])
def test_it_ends_at_the_first_token_above_and_nowhere_before(engine: TransformersEngine, share: float) -> None:
    whole = draws(engine, MANY, signals=ENTROPY)
    bar = float(np.quantile([e for sample in whole for e in sample.trace.entropy], share))
    ends = set()
    for sample, full in zip(draws(engine, MANY, signals=ENTROPY, until=ENTROPY_ABOVE(bar)), whole, strict=True):
        above = [i for i, entropy in enumerate(full.trace.entropy) if entropy > bar]
        n = above[0] + 1 if above else len(full.token_ids)
        assert sample.token_ids == full.token_ids[:n]
        assert sample.end is (full.end if n == len(full.token_ids) else End.BOUNDARY)
        ends.add(sample.end)
    assert End.BOUNDARY in ends


def test_the_entropy_is_that_at_temperature_one_of_tokens_that_can_be_drawn(engine: TransformersEngine) -> None:
    most = math.log(engine.batch.decoder.vocabulary)
    assert alone(engine, PROBLEMS[0], signals=ENTROPY, until=ENTROPY_ABOVE(most)).end is not End.BOUNDARY
    assert len(alone(engine, PROBLEMS[0], signals=ENTROPY, until=ENTROPY_ABOVE(0.0)).token_ids) == 1


def test_what_may_have_no_more_tokens_has_ended_and_does_not_pause(engine: TransformersEngine) -> None:
    begun = draws(engine, MANY, until=TOKENS(39))
    place = next(i for i, sample in enumerate(begun) if sample.end is End.BOUNDARY)
    for until in (TOKENS(1), ENTROPY_ABOVE(0.0)):
        request = Request(MANY[place][0], 0, begun[place], until, ENTROPY)
        assert asyncio.run(collected(engine, request)).end in (End.LENGTH, End.STOP)


def test_a_draw_that_cannot_see_its_boundary_is_refused_in_one_sentence(engine: TransformersEngine) -> None:
    with pytest.raises(UnsupportedError, match="ENTROPY_ABOVE needs the entropy of each token: ask for") as caught:
        alone(engine, PROBLEMS[0], until=ENTROPY_ABOVE(1.0))
    assert "\n" not in str(caught.value)
    assert Capabilities().lacking(ENTROPY) == "the entropy of each token"
    for until in (ENTROPY_ABOVE(1.0), GROUP_BELOW(1.0, 2)):
        request = Request(FakeEngine.problems(1)[0], until=until, signals=ENTROPY)
        fake = FakeEngine()
        with pytest.raises(UnsupportedError, match=f"draws until no {until.kind.upper()}: use STEP, TOKENS") as caught:
            asyncio.run(collected(fake, request))
        assert (fake.prompt, fake.drawn) == (0, 0)
        assert "\n" not in str(caught.value)
    for until in (STEP, TOKENS(3), CONFIDENCE_BELOW(0.5), STEP_BELOW(0.5)):
        request = Request(FakeEngine.problems(1)[0], until=until)
        assert asyncio.run(collected(FakeEngine(), request)).end in (End.BOUNDARY, End.STOP)


@pytest.mark.parametrize("value", [-1e-9, -1.0, math.nan])
def test_a_bar_below_every_entropy_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="needs value >= 0, got"):
        ENTROPY_ABOVE(value)
