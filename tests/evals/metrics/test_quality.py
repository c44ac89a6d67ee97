"""Every metric of the registry: known values, ranges, order of samples, and intervals that cover."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.metrics import probability, ranking
from evals.metrics.counts import Counts
from evals.metrics.quality import METRICS, Metric, as_mapping, measure
from evals.metrics.reliability import reliability_bins
from evals.metrics.scored import ScoredSamples
from evals.metrics.stats import bootstrap_weights
from tests.evals.cases import real
from tests.evals.metrics.cases import METRIC, cases, samples_of, simulated, value
from tests.support.examples import examples
from tts.errors import InputError


def test_known_values_by_hand() -> None:
    p, y = [0.9, 0.8, 0.8, 0.1], [1, 1, 0, 0]
    assert value("brier", p, y) == pytest.approx((0.01 + 0.04 + 0.64 + 0.01) / 4)
    assert value("nll", p, y) == pytest.approx(-(math.log(0.9) + math.log(0.8) + math.log(0.2) + math.log(0.9)) / 4)
    # equal width, 15 bins: three bins {0.1}, {0.8, 0.8}, {0.9}
    assert value("ece_equal_width", p, y) == pytest.approx((0.1 + 2 * 0.3 + 0.1) / 4)
    assert value("auroc", p, y) == pytest.approx(3.5 / 4)
    assert value("auprc", p, y) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    # risks at k = 1..4, the tie at k = 2 averaged over both orders: 0, 1/4, 1/3, 1/2
    assert value("aurc", p, y) == pytest.approx((0 + 1 / 4 + 1 / 3 + 1 / 2) / 4)
    assert value("selective_accuracy_25", p, y) == 1.0
    assert value("selective_accuracy_50", p, y) == 0.75
    assert value("selective_accuracy_75", p, y) == pytest.approx(2 / 3)


@settings(deadline=None, max_examples=examples(50))
@given(cases(), st.randoms(use_true_random=False))
def test_no_metric_depends_on_the_order_of_the_samples(case, random) -> None:
    p, y, q = case
    order = list(range(len(p)))
    random.shuffle(order)
    for name in METRIC:
        assert value(name, p, y, q) == pytest.approx(value(name, p[order], y[order], q[order]), nan_ok=True, abs=1e-12)


@settings(deadline=None, max_examples=examples(50))
@given(cases())
def test_every_metric_keeps_to_its_range(case) -> None:
    for name, metric in METRIC.items():
        found = value(name, *case)
        assert math.isnan(found) or metric.low - 1e-9 <= found <= metric.high + 1e-9


@settings(deadline=None, max_examples=examples(50))
@given(cases(low=-50.0, high=50.0))
def test_ranking_metrics_ignore_increasing_maps_and_others_refuse_raw_scores(case) -> None:
    s, y, q = case
    for name, metric in METRIC.items():
        if not metric.needs_probabilities:
            assert value(name, s, y, q) == pytest.approx(value(name, s**3 / 7 + s, y, q), nan_ok=True)
        elif s.min() < 0 or s.max() > 1:
            with pytest.raises(InputError, match=r"probabilities in \[0, 1\], got scores from"):
                value(name, s, y, q)


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 0.8])
def test_intervals_cover_the_value_of_the_population(shift: float) -> None:
    # 150 pools of 80 questions: one standard error at 95 % is 1.8 points; bootstrap intervals at this size are known to
    # fall short by a few points, those of a large ECE by seven.
    names = ("auroc", "aurc", "brier", "nll", "ece_equal_mass", "reliability", "resolution", "within_question_auroc")
    chosen = [METRIC[name] for name in names]
    rng = np.random.default_rng(5)
    population = Counts.of(simulated(rng, 40_000, 6, shift))
    truth = {metric.name: float(metric.of(population)[0]) for metric in chosen}
    if shift == 0:
        truth |= {"ece_equal_mass": 0.0, "reliability": 0.0}
    hits = dict.fromkeys(truth, 0)
    for seed in range(150):
        for m in measure(simulated(rng, 80, 6, shift), replicates=200, seed=seed, metrics=chosen).measured:
            assert m.interval is not None
            hits[m.metric.name] += m.interval[0] <= truth[m.metric.name] <= m.interval[1]
    assert min(hits.values()) >= 0.84 * 150, hits


@pytest.mark.slow
def test_the_interval_is_over_questions_not_samples() -> None:
    rng = np.random.default_rng(1)
    p, y = rng.random(40), rng.random(40) < 0.5
    one = measure(samples_of(p, y), replicates=500)
    copies = measure(samples_of(np.repeat(p, 25), np.repeat(y, 25), np.repeat(np.arange(40), 25)), replicates=500)
    for a, b in zip(one.measured, copies.measured, strict=True):
        if a.metric.name in ("brier", "auroc", "nll", "aurc"):
            assert a.interval is not None and b.interval is not None
            assert b.value == pytest.approx(a.value, abs=0.02)
            assert np.subtract(*b.interval) == pytest.approx(np.subtract(*a.interval), rel=0.1)
    assert copies.accuracy_ci == pytest.approx(one.accuracy_ci)


def test_what_has_no_interval_says_why() -> None:
    single = {m.metric.name: m for m in measure(samples_of([0.2, 0.9], [0, 1], [0, 0]), replicates=20).measured}
    assert single["auroc"].value == 1.0 and single["auroc"].interval is None
    assert "2 questions" in single["auroc"].reason
    right = {m.metric.name: m for m in measure(samples_of([0.2, 0.9], [1, 1]), replicates=20).measured}
    assert right["auroc"].value is None and right["auroc"].reason == "not defined: every sample is correct"
    apart = {m.metric.name: m for m in measure(samples_of([0.2, 0.9, 0.4], [1, 0, 1]), replicates=200).measured}
    assert "no question has both" in apart["within_question_auroc"].reason
    assert apart["auroc"].value == 0.0 and "no interval" in apart["auroc"].reason
    raw = {m.metric.name: m for m in measure(samples_of([-2.0, 3.5], [0, 1]), replicates=20).measured}
    assert raw["brier"].value is None and "[-2, 3.5]" in raw["brier"].reason
    assert raw["auroc"].value == 1.0


def test_measuring_repeats_by_seed_and_does_not_depend_on_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    data = simulated(np.random.default_rng(2), 20, 5, 0.3)
    one = as_mapping(data, measure(data, replicates=50, seed=3))
    assert one == as_mapping(data, measure(data, replicates=50, seed=3))
    assert one != as_mapping(data, measure(data, replicates=50, seed=4))
    monkeypatch.setattr("evals.metrics.counts._ROWS", 7)
    assert one == as_mapping(data, measure(data, replicates=50, seed=3))


def test_bad_settings_are_refused() -> None:
    data = samples_of([0.1, 0.2], [0, 1])
    counts = Counts.of(data)
    with pytest.raises(InputError, match="at least 1 bin"):
        probability.ece_equal_width(counts, 0)
    with pytest.raises(InputError, match="at least 1 bin"):
        reliability_bins(data, bootstrap_weights(2, 5, 0), 0)
    for coverage in (0.0, 1.1, math.nan):
        with pytest.raises(InputError, match="Coverage is a share"):
            ranking.selective_accuracy(counts, coverage)
    with pytest.raises(InputError, match="seed must be at least 0"):
        measure(data, seed=-1)
    with pytest.raises(InputError, match="1 replicate"):
        measure(data, replicates=0)


def test_the_registry_names_each_metric_once_with_a_direction() -> None:
    assert len(METRIC) == len(METRICS)
    assert [m.name for m in METRICS if m.better == "neither"] == ["uncertainty"]
    assert all(isinstance(m, Metric) and m.low < m.high and m.label for m in METRICS)


@pytest.mark.parametrize(
    ("name", "auroc"),
    [("math-l5_claude_conf32", 0.82), ("gsm8k_csqa_claude_conf12", 0.76), ("math_qwen2.5-math_rm8", 0.97)],
)
def test_real_pools_have_the_auroc_their_description_says(name: str, auroc: float) -> None:
    data = ScoredSamples.of_pool(real(name))
    found = {m.metric.name: m for m in measure(data, replicates=100).measured}
    assert found["auroc"].value == pytest.approx(auroc, abs=0.006)
    for m in found.values():
        if m.value is not None:
            assert m.interval is not None
            assert m.interval[0] <= m.value <= m.interval[1]
    assert (found["brier"].value is None) is (name == "math_qwen2.5-math_rm8")
