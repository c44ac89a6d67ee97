"""The transformers engine's alternatives are those of the tree, and a draw that takes one reads one token anew."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.engines.mass.test_transformers import CASES, NARROW, PROBLEM, Make, draw, make, masses, seeded  # noqa: E402
from tests.engines.mass.tree import END, WORDS, processed, random_model  # noqa: E402
from tts.engines.base import Request  # noqa: E402
from tts.engines.hf.engine import TransformersEngine  # noqa: E402
from tts.engines.sampling import Sampling  # noqa: E402
from tts.types import End, Sample, Signals, Trace  # noqa: E402

__all__ = ["make"]

ALL = Signals(processed=True, alternatives=20, logprobs=True, entropy=True, steps=True)


def ten(engine: TransformersEngine, signals: Signals = ALL) -> list[Sample]:
    return draw(engine, [Request(PROBLEM, signals=signals, sampling=seeded(seed)) for seed in range(10)])


def branch(sample: Sample, at: int, rank: int) -> Sample:
    """The prefix that leaves a sample at a position by one of its alternatives."""
    token, drawn, plain = sample.trace.alternatives[at][rank]
    shorter = sample.trace.truncated(at + 1)
    trace = replace(
        shorter,
        processed=(*shorter.processed[:-1], drawn),
        logprobs=(*shorter.logprobs[:-1], plain),
        steps=(),
    )
    return Sample(token_ids=(*sample.token_ids[:at], token), end=End.BOUNDARY, trace=trace)


def distributions(engine: TransformersEngine, sample: Sample, suppressed: tuple[int, ...] = ()) -> list[Any]:
    ids = (*engine.prompt_ids(PROBLEM), *sample.token_ids)
    with torch.no_grad():
        rows = random_model(suppressed)(input_ids=torch.tensor([ids])).logits[0]
    return [row.numpy() for row in rows[len(ids) - len(sample.token_ids) - 1 : -1]]


def check(
    engine: TransformersEngine, samples: Sequence[Sample], sampling: Sampling, suppressed: tuple[int, ...] = ()
) -> None:
    plain = Sampling(1.0, max_tokens=4)
    for sample in samples:
        assert len(sample.trace.alternatives) == len(sample.token_ids)
        rows = distributions(engine, sample, suppressed)
        for at, (found, row) in enumerate(zip(sample.trace.alternatives, rows, strict=True), 1):
            p, q = processed(row, sampling, suppressed), processed(row, plain, suppressed)
            tokens = range(len(WORDS)) if at < sampling.max_tokens else [END]
            assert {token for token, _, _ in found} == {token for token in tokens if p[token]}
            assert [one[1] for one in found] == sorted((one[1] for one in found), reverse=True)
            for token, drawn, at_one in found:
                assert (drawn, at_one) == pytest.approx((math.log(p[token]), math.log(q[token])), abs=1e-5)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("suppressed", [(), (2,)])
def test_the_alternatives_are_those_of_the_tree(make: Make, name: str, suppressed: tuple[int, ...]) -> None:
    engine = make(CASES[name], suppressed)
    check(engine, ten(engine), CASES[name], suppressed)


def test_at_temperature_zero_there_is_one(make: Make) -> None:
    [greedy, mixed] = draw(
        make(NARROW), [Request(PROBLEM, signals=ALL, sampling=seeded(0, temperature=t)) for t in (0.0, 0.7)]
    )
    for sample in (greedy, *draw(make(Sampling(0.0, max_tokens=4)), [Request(PROBLEM, signals=ALL)])):
        [*positions] = sample.trace.alternatives
        assert [[one[:2] for one in position] for position in positions] == [[(t, 0.0)] for t in sample.token_ids]
    assert max(map(len, mixed.trace.alternatives)) > 1


def test_each_request_gets_as_many_as_it_asks_for(make: Make) -> None:
    wanted = [replace(ALL, alternatives=k) for k in (1, 3, 0)]
    samples = draw(make(Sampling(1.0, max_tokens=3)), [Request(PROBLEM, signals=one) for one in wanted])
    assert [{len(found) for found in sample.trace.alternatives[:2]} for sample in samples] == [{1}, {3}, set()]


def test_a_branch_reads_its_own_token_and_has_the_mass_of_the_whole(make: Make) -> None:
    engine = make(NARROW)
    tree, begun = masses(engine, NARROW), ten(engine)
    prefixes = [
        branch(sample, at, rank)
        for sample in begun
        for at, found in enumerate(sample.trace.alternatives)
        for rank in range(len(found))
    ]
    prefixes = [one for one in prefixes if one.token_ids[-1] != END]
    requests = [Request(PROBLEM, prefix=one, signals=ALL, sampling=seeded(i)) for i, one in enumerate(prefixes)]
    for prefix, request, sample in zip(prefixes, requests, draw(engine, requests), strict=True):
        assert sample.token_ids[: sample.given] == prefix.token_ids
        assert sample.text == engine.decode(sample.token_ids)
        assert sum(sample.trace.processed) == pytest.approx(math.log(tree[sample.token_ids]), abs=1e-4)
        assert len(sample.trace.alternatives) == len(sample.trace.logprobs) == len(sample.token_ids)
        assert not sample.trace.steps  # whether the alternative ends a step is not known
        assert request.meter.prompt <= 1
        assert request.meter.prompt + request.meter.prompt_cached == len(engine.prompt_ids(PROBLEM)) + sample.given


def test_a_branch_that_ends_at_once_draws_nothing(make: Make) -> None:
    engine = make(NARROW)
    tree = masses(engine, NARROW)
    for sample in ten(engine):
        for at, found in enumerate(sample.trace.alternatives):
            for rank in (rank for rank, one in enumerate(found) if one[0] == END):
                prefix = branch(sample, at, rank)
                request = Request(PROBLEM, prefix=prefix, signals=ALL)
                [ended] = draw(engine, [request])
                assert (ended.token_ids, ended.end, ended.given) == (prefix.token_ids, End.STOP, at + 1)
                assert ended.text == engine.decode(prefix.token_ids)
                assert ended.logprob == pytest.approx(math.log(tree[ended.token_ids]), abs=1e-4)
                assert (request.meter.prompt, request.meter.prompt_cached, request.meter.drawn) == (0, 0, 0)


def test_a_prefix_without_them_leaves_the_whole_without_them(make: Make) -> None:
    engine = make(NARROW)
    prefix = replace(branch(ten(engine)[0], 0, 0), trace=Trace())
    [sample] = draw(engine, [Request(PROBLEM, prefix=prefix, signals=ALL)])
    assert not sample.trace.alternatives and not sample.trace.processed
