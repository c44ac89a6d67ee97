"""The transformers engine's probability of each sample is that of the tree, whatever the sampling parameters."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.engines.mass.tree import END, random_model, tokenizer, tree  # noqa: E402
from tts.engines.base import Request  # noqa: E402
from tts.engines.hf.engine import TransformersEngine  # noqa: E402
from tts.engines.sampling import Sampling, SamplingChange  # noqa: E402
from tts.engines.streams import collected, together  # noqa: E402
from tts.prompts import Prompt  # noqa: E402
from tts.scorers.metered import MeteredEngine, with_signals  # noqa: E402
from tts.types import TOKENS, End, Problem, Sample, Signals  # noqa: E402

PROBLEM = Problem("p", "12")
EXACT = Signals(processed=True)
NARROW = Sampling(0.7, top_p=0.9, top_k=3, max_tokens=4)
CASES = {
    "temperature": Sampling(0.7, max_tokens=4),
    "top_p": Sampling(1.0, top_p=0.6, max_tokens=4),
    "top_k": Sampling(1.3, top_k=2, max_tokens=4),
    "all": NARROW,
}

Make = Callable[..., TransformersEngine]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[TransformersEngine] = []

    def engine(sampling: Sampling, suppressed: tuple[int, ...] = ()) -> TransformersEngine:
        model = random_model(suppressed)
        made.append(TransformersEngine(model, tokenizer(), prompt=Prompt(), sampling=sampling, max_batch_size=32))
        return made[-1]

    yield engine
    for one in made:
        one.close()


def draw(engine: TransformersEngine, requests: Sequence[Request]) -> list[Sample]:
    return asyncio.run(together([collected(engine, request) for request in requests]))


def seeded(seed: int, **more: Any) -> SamplingChange:
    return SamplingChange(seed=seed, **more)


def hundred(engine: TransformersEngine, **more: Any) -> list[Sample]:
    return draw(engine, [Request(PROBLEM, signals=EXACT, sampling=seeded(seed), **more) for seed in range(100)])


def masses(engine: TransformersEngine, sampling: Sampling, suppressed: tuple[int, ...] = ()) -> dict[Any, float]:
    found = tree(random_model(suppressed), engine.prompt_ids(PROBLEM), sampling, suppressed)
    assert sum(found.values()) == pytest.approx(1, abs=1e-9)
    return found


def check(samples: Sequence[Sample], found: dict[Any, float]) -> None:
    """Each sample has the mass of its text in the tree; one that was cut off has none."""
    for sample in samples:
        assert sum(sample.trace.processed) == pytest.approx(math.log(found[sample.token_ids]), abs=1e-4)
        assert (sample.end is End.STOP) == (sample.token_ids[-1] == END)
        assert sample.logprob == (sum(sample.trace.processed) if sample.end is End.STOP else None)
    seen = {s.token_ids: math.exp(s.logprob) for s in samples if s.logprob is not None}
    ended = {text: mass for text, mass in found.items() if text[-1] == END}
    assert len(seen) > 1 and max(ended, key=lambda text: ended[text]) in seen
    unseen = sum(mass for text, mass in found.items() if text not in seen)
    assert sum(seen.values()) + unseen == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("suppressed", [(), (2,)])
def test_the_probability_of_each_sample_is_that_of_the_tree(make: Make, name: str, suppressed: tuple[int, ...]) -> None:
    engine = make(CASES[name], suppressed)
    check(hundred(engine), masses(engine, CASES[name], suppressed))


@pytest.mark.parametrize("tokens", [1, 2])
def test_a_sample_that_continues_a_prefix_has_the_mass_of_the_whole(make: Make, tokens: int) -> None:
    engine = make(NARROW)
    begun = hundred(engine, until=TOKENS(tokens))
    assert all(sample.logprob is None for sample in begun if sample.end is End.BOUNDARY)
    rest = [Request(PROBLEM, prefix=one, signals=EXACT, sampling=seeded(i)) for i, one in enumerate(begun)]
    whole = draw(engine, [request for request in rest if request.prefix and request.prefix.end is End.BOUNDARY])
    assert {sample.given for sample in whole} == {tokens}
    check([*whole, *(sample for sample in begun if sample.end is End.STOP)], masses(engine, NARROW))


def test_requests_of_one_batch_have_sampling_parameters_of_their_own(make: Make) -> None:
    engine, changed = make(NARROW), replace(NARROW, temperature=1.5, top_p=0.7)
    changes = [{}, {"temperature": 1.5, "top_p": 0.7}, {"temperature": 0.0}]
    asked = [Request(PROBLEM, signals=EXACT, sampling=seeded(i // 3, **changes[i % 3])) for i in range(300)]
    samples = draw(engine, asked)
    check(samples[::3], masses(engine, NARROW))
    check(samples[1::3], masses(engine, changed))
    assert len({sample.token_ids for sample in samples[2::3]}) == 1
    assert all(set(sample.trace.processed) == {0.0} for sample in samples[2::3])


def test_at_temperature_zero_there_is_one_text(make: Make) -> None:
    [sample] = draw(make(Sampling(0.0, max_tokens=400)), [Request(PROBLEM, signals=EXACT)])
    assert set(sample.trace.processed) == {0.0} and len(sample.trace.processed) == len(sample.token_ids)
    assert sample.logprob == (0.0 if sample.end is End.STOP else None)


def test_it_is_collected_where_it_is_asked_for(make: Make) -> None:
    engine = make(NARROW)
    plain, exact = draw(engine, [Request(PROBLEM), Request(PROBLEM, signals=EXACT)])
    assert not plain.trace.processed and plain.logprob is None and plain.token_ids == exact.token_ids
    assert engine.capabilities.lacking(EXACT) is None and engine.capabilities.unreadable(EXACT) is not None


@pytest.mark.parametrize("lost", [{"trace": Sample().trace}, {"token_ids": (), "trace": Sample().trace}])
def test_the_rest_of_a_text_is_no_mass_of_the_whole(make: Make, lost: dict[str, Any]) -> None:
    engine = make(NARROW)
    begun = next(sample for sample in hundred(engine, until=TOKENS(1)) if sample.end is End.BOUNDARY)
    requests = [Request(PROBLEM, prefix=replace(begun, **lost), signals=EXACT, sampling=seeded(i)) for i in range(20)]
    samples = draw(engine, requests)
    assert any(sample.end is End.STOP for sample in samples)
    assert all(sample.logprob is None and not sample.trace.processed for sample in samples)


def test_signals_that_are_read_later_leave_what_the_draw_recorded(make: Make) -> None:
    engine = make(NARROW)
    [drawn] = draw(engine, [Request(PROBLEM, signals=EXACT)])
    wanted = EXACT | Signals(entropy=True)
    [read] = asyncio.run(with_signals(PROBLEM, [drawn], wanted, MeteredEngine(engine)))
    assert read.trace.entropy and read.trace.processed == drawn.trace.processed
    [plain] = draw(engine, [Request(PROBLEM)])
    [read] = asyncio.run(with_signals(PROBLEM, [plain], wanted, MeteredEngine(engine)))
    assert read.trace.entropy and not read.trace.processed
