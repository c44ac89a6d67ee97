"""Distinct draws against a language that is enumerated: masses, modes and certificates are exact at every step."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.catalog import method
from strategies.mass.distinct import EXHAUSTED, FUTILITY, ORDERS, TOKENS, Distinct, Order
from strategies.vote import BUDGET
from tests.strategies.distinct.cases import Language, distinct, played
from tts.engines.fake.engine import FakeEngine, extract
from tts.errors import InputError, UnsupportedError
from tts.runtime.driver import run_all
from tts.runtime.recorded import decide
from tts.strategy import TIME_LIMIT, TimeUp
from tts.types import Draw, End, Problem, Sample

CERTAIN = "mass_certificate"
Q = Problem("q", "?")


@settings(max_examples=40, deadline=None)
@given(
    language=st.builds(
        Language, seed=st.integers(0, 999), sharpness=st.sampled_from([0.3, 1.0, 3.0]), k=st.integers(2, 4)
    ),
    order=st.sampled_from(ORDERS),
    budget=st.integers(1, 40),
    start=st.integers(1, 3),
    width=st.integers(1, 4),
)
def test_masses_and_certificates_are_exact_at_every_step(
    language: Language, order: Order, budget: int, start: int, width: int
) -> None:
    decision, asked = played(distinct(order, budget, start=start, width=width), language)
    assert all(draw.n <= width for draw in asked[1:])
    texts = {s.token_ids: s.answer for s in decision.samples}
    assert len(texts) == len(decision.samples) or start > 1
    assert len(decision.samples) <= budget
    assert sum(draw.n for draw in asked) == len(decision.samples)
    exact = {answer: mass for answer, mass in language.answers.items() if answer is not None}
    assert decision.masses is not None and decision.unseen_mass is not None
    for answer, mass in decision.masses.items():
        assert mass == pytest.approx(sum(language.whole[t] for t, a in texts.items() if a == answer), abs=1e-9)
    assert decision.unseen_mass == pytest.approx(1 - sum(language.whole[t] for t in texts), abs=1e-9)
    if decision.certified:
        assert decision.answer == max(exact, key=lambda answer: exact[answer])
    assert decision.certified is (decision.reason == CERTAIN)
    assert decision.reason in (CERTAIN, BUDGET, EXHAUSTED, FUTILITY)
    if decision.reason == EXHAUSTED:
        assert language.k < 4 or set(texts) == set(language.whole)


@pytest.mark.parametrize("order", ORDERS)
def test_unseen_mass_never_rises_and_every_stop_is_certain(order: Order) -> None:
    for seed in range(20):
        language, before = Language(seed), 1.0
        for budget in range(1, 30):
            decision, _ = played(distinct(order, budget), language, seed=seed)
            assert decision.unseen_mass is not None and decision.unseen_mass <= before + 1e-12
            before = decision.unseen_mass
            assert decision.reason in (BUDGET, FUTILITY, CERTAIN)
            assert decision.certified is (decision.reason == CERTAIN)
            if decision.certified:
                break


@pytest.mark.parametrize("order", ORDERS)
def test_a_share_below_one_stops_no_later(order: Order) -> None:
    for seed in range(10):
        bold, certain = (played(distinct(order, share=share), Language(seed), seed=seed)[0] for share in (0.2, 1.0))
        assert len(bold.samples) <= len(certain.samples)


def test_best_first_takes_the_branch_with_the_most_mass_and_costs_only_new_tokens() -> None:
    language = Language(1, sharpness=0.3)
    decision, asked = played(distinct(budget=12, share=1.0), language)
    behind = [
        sum(mass for text, mass in language.masses.items() if text[: len(ids)] == ids)
        for ids in (draw.prefix.token_ids for draw in asked[1:] if draw.prefix is not None)
    ]
    assert len(behind) > 3
    found, seen = [decision.samples[0].token_ids], {decision.samples[0].token_ids}
    for mass, sample in zip(behind, decision.samples[1:], strict=True):
        open_prefixes = {text[:n] for text in language.masses for n in range(1, len(text) + 1)}
        free = [p for p in open_prefixes if not any(t[: len(p)] == p for t in seen)]
        assert mass == pytest.approx(
            max(sum(m for t, m in language.masses.items() if t[: len(p)] == p) for p in free), abs=1e-9
        )
        seen.add(sample.token_ids)
        found.append(sample.token_ids)
    assert all(s.usage is not None and s.usage.delivered == len(s.token_ids) - s.given for s in decision.samples)


def test_the_tokens_are_those_that_are_decoded() -> None:
    language = Language(4, length=12, sharpness=0.1)
    decision, _ = played(distinct(tokens=30), language)
    costs = [len(s.token_ids) - s.given for s in decision.samples]
    assert decision.reason == TOKENS and sum(costs[:-1]) < 30 <= sum(costs)


@pytest.mark.parametrize("order", ORDERS)
def test_a_wave_takes_branches_of_which_none_leads_to_another(order: Order) -> None:
    for seed in range(10):
        language = Language(seed, length=5, sharpness=0.8)
        wide, asked = played(distinct(order, 20, width=5), language, seed=seed)
        texts = [sample.token_ids for sample in wide.samples]
        assert len(set(texts)) == len(texts)
        assert max(draw.n for draw in asked) == 5 or len(asked) < 3
        for draw in asked[1:]:
            ends = [draw.single(k).prefix.token_ids for k in range(draw.n)]  # type: ignore[union-attr]
            assert not any(a == b[: len(a)] for i, a in enumerate(ends) for b in ends[i + 1 :])


def test_one_text_is_certain_at_once() -> None:
    decision, asked = played(distinct(), Language(2, sharpness=2000.0))
    assert (decision.reason, decision.certified, len(asked)) == (CERTAIN, True, 1)


def test_failed_draws_take_up_budget_and_the_next_one_is_free_until_one_is_there() -> None:
    failed = Sample(end=End.FAILED, error="no")
    steps = distinct(budget=4, share=0.05).run(Q)
    assert next(steps) == Draw(1)
    assert steps.send([failed]) == Draw(1)
    sample = Language(8, sharpness=0.3).draw(np.random.default_rng(0))
    draw = steps.send([sample])
    assert draw.prefix is not None
    other = steps.send([failed])
    assert other.prefix is not None and other.prefix.token_ids != draw.prefix.token_ids
    with pytest.raises(StopIteration) as stop:
        steps.send([failed])
    assert (stop.value.value.reason, stop.value.value.failed) == (BUDGET, 3)


def test_it_decides_on_what_it_has_when_the_time_is_up() -> None:
    steps = distinct().run(Q)
    next(steps)
    with pytest.raises(StopIteration) as stop:
        steps.throw(TimeUp([]))
    assert (stop.value.value.reason, stop.value.value.answer) == (TIME_LIMIT, None)


def test_a_source_without_alternatives_is_exhausted() -> None:
    sample = Sample("a", "a", token_ids=(1, 0), trace=Language(0).draw(np.random.default_rng(0)).trace)
    sample = replace(sample, trace=replace(sample.trace, processed=(-1.0, -1.0), alternatives=()))
    steps = distinct().run(Q)
    next(steps)
    with pytest.raises(StopIteration) as stop:
        steps.send([sample])
    assert stop.value.value.reason == EXHAUSTED
    assert stop.value.value.unseen_mass == pytest.approx(1 - math.exp(-2))


@pytest.mark.parametrize("name", ["distinct_best_first", "distinct_sampling"])
def test_a_recording_is_refused_in_one_sentence(name: str) -> None:
    row = method(name)
    assert row.requires.branching and row.requires.signals.processed and row.requires.signals.alternatives == 20
    with pytest.raises(UnsupportedError, match=f"strategy {name} asked a recording for partial samples"):
        samples = [Language(3, sharpness=0.1).draw(np.random.default_rng(0))] * 4
        decide(row.build(4, {"least": 0.0}), Q, samples)


def test_an_engine_without_alternatives_is_refused_in_one_sentence() -> None:
    engine = FakeEngine(seed=1)
    with pytest.raises(UnsupportedError, match=r"needs .*, which this engine cannot collect"):
        asyncio.run(run_all(distinct(), engine.problems(1), engine, extract=extract))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"budget": 0}, "budget >= 1, got 0"),
        ({"start": 0}, "start >= 1, got 0"),
        ({"alternatives": 0}, "alternatives >= 1, got 0"),
        ({"patience": 0}, "patience >= 1, got 0"),
        ({"width": 0}, "width >= 1, got 0"),
        ({"level": 1.0}, "beta needs level in .0, 1., got 1.0"),
        ({"tokens": -1}, "tokens >= 0, got -1"),
        ({"least": 1.5}, "least in .0, 1., got 1.5"),
        ({"boldness": -0.1}, "boldness in .0, 1., got -0.1"),
        ({"share": 0.0}, "share in .0, 1., got 0.0"),
        ({"order": "worst"}, "order best_first or sampling, got worst"),
    ],
)
def test_meaningless_values_are_refused(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        Distinct(**{"name": "distinct", "budget": 4, **options})
