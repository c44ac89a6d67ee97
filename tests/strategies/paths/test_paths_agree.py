"""The promise of two paths: a live question and a replayed row decide alike, draw for draw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.catalog import METHODS
from strategies.draw_arrays import DrawArrays, by_discovery
from strategies.stopping import Beta, Confident, Dirichlet, Gate, Posterior, Reservation, SamplingCost, Share, Unanimous
from strategies.stopping.certificates import PPR, Certified, CertifiedWeighted, MajorityMartingale
from strategies.vote import BUDGET, Vote
from strategies.weighting import Linear, LogOdds, SoftCount, Softmax, Uniform
from tests.strategies.cases import sizes
from tts.types import Decision, Problem, Sample

CONFIDENCES = st.one_of(st.sampled_from([0.0, 0.05, 0.3, 0.5, 0.7, 0.9, 0.95, 1.0]), st.floats(0.0, 1.0))
DRAW = st.tuples(st.integers(-1, 4), CONFIDENCES)


@st.composite
def pools(draw):
    """Rows of equal length: (labels [draws, rows] with -1 for unparsed, confidence [draws, rows])."""
    draws, rows = draw(st.integers(1, 24)), draw(st.integers(1, 4))
    cells = draw(st.lists(DRAW, min_size=draws * rows, max_size=draws * rows))
    labels = np.array([label for label, _ in cells], dtype=np.int16).reshape(draws, rows)
    return labels, np.array([c for _, c in cells]).reshape(draws, rows)


def composed():
    """Strategies over every weighting, rule and selection, several rules at once included."""
    level, small = st.floats(0.3, 0.999), st.floats(0.01, 0.9)
    free = st.one_of(
        st.builds(Confident, st.floats(0.0, 1.0)),
        st.builds(Gate, st.floats(0.0, 1.0)),
        st.builds(Reservation, st.floats(0.0, 1.0)),
        st.builds(Unanimous, st.integers(1, 6)),
    )
    counting = st.one_of(
        st.builds(Dirichlet, level),
        st.builds(PPR, small, st.integers(2, 20)),
        st.builds(MajorityMartingale, small),
        st.builds(Certified, small),
    )
    counted = st.one_of(st.builds(Beta, level), st.builds(Share, st.floats(0.1, 1.0), st.integers(1, 4)))
    unit = st.one_of(st.just(Uniform()), st.just(Linear()), st.builds(Softmax, st.floats(0.02, 10.0)))
    positive = st.one_of(unit, st.builds(SoftCount, st.floats(0.0, 2.0), st.floats(0.0, 1.0), st.floats(0.1, 1.0)))
    odds = st.builds(LogOdds, st.one_of(st.none(), st.floats(0.01, 0.9)), st.floats(1e-4, 0.1))

    def family(weightings, rules):
        return st.builds(
            Vote,
            name=st.just("composed"),
            budget=st.integers(1, 24),
            weighting=weightings,
            stop=st.lists(rules, min_size=1, max_size=3).map(tuple),
            select=st.sampled_from(["vote", "best"]),
        )

    return st.one_of(
        family(st.just(Uniform()), st.one_of(free, counted, counting)),
        family(positive, st.one_of(free, counted)),
        family(unit, st.one_of(free, counted, st.builds(CertifiedWeighted, small))),
        family(odds, st.one_of(free, st.builds(Posterior, level), st.builds(SamplingCost, small))),
    )


def play(strategy: Vote, labels: np.ndarray, confidence: np.ndarray) -> Decision:
    """Play one row through the generator."""
    steps = strategy.run(Problem("p", "?"))
    draw, at = next(steps), 0
    try:
        while True:
            cells = zip(labels[at : at + draw.n], confidence[at : at + draw.n], strict=True)
            samples = [Sample(answer=None if k < 0 else f"answer {k}", confidence=float(c)) for k, c in cells]
            assert len(samples) == draw.n, "asked for more than its budget"
            at += draw.n
            draw = steps.send(samples)
    except StopIteration as stop:
        return stop.value


def agree(strategy: Vote, raw: np.ndarray, confidence: np.ndarray) -> None:
    """Hold the two paths to the same answer, number of draws and reason, row by row."""
    labels, names = by_discovery(raw)
    decided = strategy.decide(DrawArrays(labels, confidence))
    for row in range(raw.shape[1]):
        live = play(strategy, raw[:, row], confidence[:, row])
        label = decided.label[row]
        assert live.answer == (None if label < 0 else f"answer {names[label, row]}")
        assert len(live.samples) == decided.used[row]
        rule = decided.rule[row]
        assert live.reason == (BUDGET if rule < 0 else strategy.stop[rule].name)


@sizes(quick=80, full=600)
def test_any_composition_decides_alike_on_both_paths(examples):
    @settings(max_examples=examples, deadline=None)
    @given(pools(), composed())
    def check(pool, strategy):
        agree(replace(strategy, budget=min(strategy.budget, len(pool[0]))), *pool)

    check()


@sizes(quick=50, full=150)
def test_every_row_of_the_catalogue_decides_alike_on_both_paths(examples):
    @settings(max_examples=examples, deadline=None)
    @given(pools(), st.sampled_from([m for m in METHODS if isinstance(m.build(1, m.example), Vote)]))
    def check(pool, method):
        raw, confidence = pool
        agree(method.build(len(raw), method.example), raw, confidence)

    check()


@sizes(quick=50, full=200)
def test_a_strategy_never_draws_beyond_its_budget_nor_lets_unparsed_samples_win(examples):
    @settings(max_examples=examples, deadline=None)
    @given(pools(), composed())
    def check(pool, strategy):
        raw, confidence = pool
        labels, _ = by_discovery(raw)
        decided = strategy.decide(DrawArrays(labels, confidence))
        assert (decided.used >= 1).all()
        assert (decided.used <= min(strategy.budget, len(raw))).all()
        for row in range(raw.shape[1]):
            drawn = labels[: decided.used[row], row]
            assert decided.label[row] in drawn if (drawn >= 0).any() else decided.label[row] == -1

    check()
