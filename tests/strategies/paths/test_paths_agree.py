"""The promise of two paths: a live question and a replayed row decide alike, draw for draw."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.catalog import METHODS
from strategies.deepconf import DeepConf
from strategies.draw_arrays import DrawArrays, by_discovery
from strategies.mass import first_seen, mass_of
from strategies.mass.gated import MassGated
from strategies.mass.rpc import RPC
from strategies.stopping import (
    Beta,
    Confident,
    Dirichlet,
    Gate,
    MassCertificate,
    Posterior,
    Reservation,
    SamplingCost,
    Share,
    Unanimous,
)
from strategies.stopping.certificates import PPR, Certified, CertifiedWeighted, MajorityMartingale
from strategies.vote import BUDGET, Vote
from strategies.weighting import Linear, LogOdds, Mass, SoftCount, Softmax, Uniform
from tests.strategies.cases import sizes
from tts.types import Decision, Problem, Sample, Trace

WEIGHTS = st.sampled_from([0.0, 1.0, 2.0, 8.0, 64.0])
CONFIDENCES = st.one_of(st.sampled_from([0.0, 0.05, 0.3, 0.5, 0.7, 0.9, 0.95, 1.0]), st.floats(0.0, 1.0))
REPLAYED = [m for m in METHODS if not m.requires.branching and not isinstance(m.build(1, m.example), DeepConf)]
"""The rows of the catalogue that one draw after another plays, live and on recorded ones."""
DRAW = st.tuples(st.integers(-1, 4), CONFIDENCES, st.integers(0, 5))


class Rows(NamedTuple):
    """Rows of equal length, each array [draws, rows].

    Attributes:
        labels: -1 for unparsed.
        confidence: P(correct).
        texts: the number of each draw's text.
        masses: the probability of that text, in [0, 1], of a row's distinct texts at most 1 in all; 0 if unknown.
    """

    labels: np.ndarray
    confidence: np.ndarray
    texts: np.ndarray
    masses: np.ndarray


@st.composite
def pools(draw):
    """Rows of draws, of which some have no probability."""
    draws, rows = draw(st.integers(1, 24)), draw(st.integers(1, 4))
    cells = draw(st.lists(DRAW, min_size=draws * rows, max_size=draws * rows))
    labels, confidence, texts = (np.array(values).reshape(draws, rows) for values in zip(*cells, strict=True))
    weights = np.array(draw(st.lists(WEIGHTS, min_size=6 * rows, max_size=6 * rows))).reshape(6, rows)
    probabilities = weights * draw(st.sampled_from([1.0, 0.9, 0.3])) / np.maximum(weights.sum(axis=0), 1e-9)
    masses = np.where(draw(st.booleans()), np.take_along_axis(probabilities, texts, axis=0), 0.0)
    return Rows(labels.astype(np.int16), confidence, texts, masses)


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
    certain = st.builds(MassCertificate, st.sampled_from([1.0, 0.5, 0.1]))
    gated = st.builds(
        MassGated,
        name=st.just("gated"),
        budget=st.integers(1, 24),
        probe=st.integers(1, 5),
        least=st.sampled_from([0.0, 0.1, 0.3, 1.0]),
        share=st.sampled_from([1.0, 0.3]),
        weighting=st.sampled_from([Uniform(), Linear()]),
        level=level,
    )

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
        family(st.just(Mass()), st.one_of(free, counted, certain)),
        family(positive, certain),
        gated,
    )


def play(strategy: Vote | MassGated | RPC, pool: Rows, row: int) -> Decision:
    """Play one row through the generator."""
    steps = strategy.run(Problem("p", "?"))
    draw, at = next(steps), 0
    try:
        while True:
            cells = zip(*(values[at : at + draw.n, row].tolist() for values in pool), strict=True)
            samples = [sample(*cell) for cell in cells]
            assert len(samples) == draw.n, "asked for more than its budget"
            at += draw.n
            draw = steps.send(samples)
    except StopIteration as stop:
        return stop.value


def sample(label: int, confidence: float, text: int, mass: float) -> Sample:
    """Return a draw; the log-probability is that of the mass that a replay reads."""
    trace = Trace(processed=(math.log(mass),)) if mass > 0.0 else Trace()
    return Sample(
        answer=None if label < 0 else f"answer {label}", confidence=confidence, token_ids=(text,), trace=trace
    )


def agree(strategy: Vote | MassGated | RPC, pool: Rows) -> None:
    """Hold the two paths to the same answer, number of draws and reason, row by row."""
    labels, names = by_discovery(pool.labels)
    masses = np.vectorize(lambda *cell: mass_of(sample(*cell)), otypes=[float])(*pool)
    decided = strategy.decide(DrawArrays(labels, pool.confidence, first_seen(pool.texts, masses)))
    for row in range(labels.shape[1]):
        live = play(strategy, pool, row)
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
        agree(replace(strategy, budget=min(strategy.budget, len(pool.labels))), pool)

    check()


@sizes(quick=50, full=150)
def test_every_row_of_the_catalogue_decides_alike_on_both_paths(examples):
    @settings(max_examples=examples, deadline=None)
    @given(pools(), st.sampled_from(REPLAYED))
    def check(pool, method):
        agree(method.build(len(pool.labels), method.example), pool)

    check()


@sizes(quick=50, full=200)
def test_a_strategy_never_draws_beyond_its_budget_nor_lets_unparsed_samples_win(examples):
    @settings(max_examples=examples, deadline=None)
    @given(pools(), composed())
    def check(pool, strategy):
        labels, _ = by_discovery(pool.labels)
        decided = strategy.decide(DrawArrays(labels, pool.confidence, first_seen(pool.texts, pool.masses)))
        assert (decided.used >= 1).all()
        assert (decided.used <= min(strategy.budget, len(labels))).all()
        for row in range(labels.shape[1]):
            drawn = labels[: decided.used[row], row]
            assert decided.label[row] in drawn if (drawn >= 0).any() else decided.label[row] == -1

    check()
