"""The metrics of a confidence equal their definitions, whatever the order of the samples, and their intervals cover."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import mannwhitneyu

from evals.metrics import probability, ranking
from evals.metrics.counts import Counts, resampled
from evals.metrics.probability import brier_parts, reliability_bins
from evals.metrics.quality import METRICS, Metric, as_mapping, measure
from evals.metrics.scored import ScoredSamples
from evals.metrics.stats import bootstrap_weights
from tests.evals.cases import pool_of, real
from tts.errors import InputError
from tts.pool import Entry, Pool
from tts.types import Problem, Sample

METRIC = {metric.name: metric for metric in METRICS}


def judged(p, y, q=None):
    return ScoredSamples.of(p, np.asarray(y, dtype=bool), q)


def value(metric: str | Callable[[Counts], np.ndarray], p, y, q=None) -> float:
    function = METRIC[metric].of if isinstance(metric, str) else metric
    (found,) = function(Counts.of(judged(p, y, q)))
    return float(found)


@st.composite
def cases(draw, low=0.0, high=1.0):
    """Samples of few questions with many ties, 0 and 1 among their confidences."""
    n = draw(st.integers(1, 30))
    number = st.one_of(st.sampled_from([low, high, (low + high) / 2]), st.floats(low, high, width=16))
    p = draw(st.lists(number, min_size=n, max_size=n))
    y = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    q = draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    return np.array(p), np.array(y), np.array(q)


# --- known values -----------------------------------------------------------------------------------------------------


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


def test_within_question_auroc_ignores_pairs_across_questions() -> None:
    p, y = [0.9, 0.8, 0.3, 0.3, 0.2, 0.5], [1, 0, 1, 0, 0, 1]
    # question a: 0.9 beats 0.8; b: 0.3 ties 0.3 and beats 0.2; c has no wrong sample
    assert value("within_question_auroc", p, y, list("aabbbc")) == pytest.approx(2.5 / 3)
    assert math.isnan(value("within_question_auroc", p, y, range(6)))


@pytest.mark.parametrize("bins", [1, 2, 10, 15])
def test_confidences_of_exactly_0_and_1_count_in_every_bin_scheme(bins: int) -> None:
    for metric in (probability.ece_equal_width, probability.ece_equal_mass):
        assert value(lambda c, m=metric: m(c, bins), [0.0, 1.0], [0, 1]) == 0.0
        expected = 1.0 if bins > 1 else 0.0  # in one bin, two opposite errors cancel
        assert value(lambda c, m=metric: m(c, bins), [0.0, 1.0], [1, 0]) == expected
        assert value(lambda c, m=metric: m(c, bins), [1.0], [0]) == 1.0


def test_equal_width_bins_are_closed_on_the_right_for_decimals_too() -> None:
    # ((b - 1) / 10, b / 10]: 0.3 and 0.25 share a bin and 0.31 is in the next; 0.1 * 3 > 0.3 would part the first two.
    tenth = probability._equal_width(np.array([0.0, 0.1, 0.25, 0.3, 0.31, 0.6, 0.7, 1.0]), 10)
    assert tenth.tolist() == [0, 0, 2, 2, 3, 5, 6, 9]


def test_undefined_is_nan_and_never_one_half() -> None:
    for y in ([1, 1], [0, 0]):
        assert math.isnan(value("auroc", [0.2, 0.7], y))
        assert math.isnan(value("within_question_auroc", [0.2, 0.7], y, [0, 0]))
    assert math.isnan(value("auprc", [0.2, 0.7], [0, 0]))
    assert value("auprc", [0.2, 0.7], [1, 1]) == 1.0


def test_a_sure_error_costs_much_but_not_infinitely() -> None:
    assert value("nll", [1.0], [0]) == pytest.approx(-math.log(1e-12), rel=1e-4)
    assert value("nll", [0.0], [1]) == pytest.approx(-math.log(1e-12))
    assert value("nll", [0.0, 1.0], [0, 1]) == pytest.approx(0.0, abs=1e-11)


# --- against brute force ----------------------------------------------------------------------------------------------


def slow_ece(p, y, where):
    return sum(abs(np.sum(p[where == b]) - np.sum(y[where == b])) for b in set(where)) / len(p)


def slow_equal_mass(p, bins):
    return np.array([int(bins * (np.sum(p < v) + np.sum(p == v) / 2) / len(p)) for v in p])


@settings(deadline=None, max_examples=50)
@given(cases())
def test_ece_is_its_definition(case) -> None:
    p, y, _ = case
    width = np.array([next(b for b in range(15) if v <= (b + 1) / 15) for v in p])
    assert value("ece_equal_width", p, y) == pytest.approx(slow_ece(p, y, width), abs=1e-12)
    assert value("ece_equal_mass", p, y) == pytest.approx(slow_ece(p, y, slow_equal_mass(p, 15)), abs=1e-12)


def test_equal_mass_bins_are_equal_where_nothing_ties() -> None:
    p = np.random.default_rng(0).random(150)
    bins = reliability_bins(judged(p, p > 0.5), bootstrap_weights(150, 10, 0))
    assert [one.samples for one in bins] == [10] * 15
    tied = reliability_bins(judged(np.round(p, 1), p > 0.5), bootstrap_weights(150, 10, 0))
    assert sum(one.samples for one in tied) == 150
    assert all(before.high < after.low for before, after in pairwise(tied))


@settings(deadline=None, max_examples=50)
@given(cases())
def test_auroc_is_the_mann_whitney_statistic(case) -> None:
    p, y, _ = case
    if y.all() or not y.any():
        assert math.isnan(value("auroc", p, y))
    else:
        expected = mannwhitneyu(p[y], p[~y]).statistic / (y.sum() * (~y).sum())
        assert value("auroc", p, y) == pytest.approx(expected)


@settings(deadline=None, max_examples=50)
@given(cases())
def test_within_question_auroc_counts_pairs(case) -> None:
    p, y, q = case
    pairs = [(a, b) for a in range(len(p)) for b in range(len(p)) if q[a] == q[b] and y[a] and not y[b]]
    found = value("within_question_auroc", p, y, q)
    if not pairs:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(np.mean([(p[a] > p[b]) + (p[a] == p[b]) / 2 for a, b in pairs]))


@settings(deadline=None, max_examples=50)
@given(cases())
def test_auprc_is_precision_weighted_by_new_recall(case) -> None:
    p, y, _ = case
    if y.any():
        steps = sorted(set(p), reverse=True)
        expected = sum(np.sum(y & (p == t)) / y.sum() * y[p >= t].mean() for t in steps)
        assert value("auprc", p, y) == pytest.approx(expected)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.9]), st.booleans()), min_size=1, max_size=6))
def test_aurc_and_selective_accuracy_average_over_the_orders_of_ties(samples) -> None:
    n = len(samples)
    orders = [o for o in permutations(samples) if all(a[0] >= b[0] for a, b in pairwise(o))]
    risk = np.mean([[np.mean([not y for _, y in o[:k]]) for k in range(1, n + 1)] for o in orders], axis=0)
    p, y = zip(*samples, strict=True)
    assert value("aurc", p, y) == pytest.approx(risk.mean())
    found = ranking.selective_accuracy(Counts.of(judged(p, y)), np.arange(1, n + 1) / n)[0]
    assert found == pytest.approx(1 - risk)


@pytest.mark.parametrize(
    ("p", "y"),
    [
        ([0.3, 0.9, 0.95, 0.2, 0.6, 0.61], [1, 0, 1, 0, 0, 0]),
        ([0.0, 0.0, 1.0, 1.0, 1.0], [0, 1, 1, 0, 0]),
        ([0.5] * 10, [1] * 7 + [0] * 3),
    ],
)
def test_smooth_ece_is_the_fixed_point_of_its_definition(p, y) -> None:
    p, y = np.array(p), np.array(y)

    t, images = np.linspace(0, 1, 2001), 2 * np.arange(-3, 4)  # what lies six bandwidths away adds nothing

    def error(width: float) -> float:
        near = [t[:, None, None] + sign * p[:, None] + images for sign in (-1, 1)]
        kernel = sum(np.exp(-((x / width) ** 2) / 2).sum(axis=2) for x in near) / (width * math.sqrt(2 * math.pi))
        return float(np.trapezoid(np.abs(kernel @ (y - p)) / len(p), t))

    expected = brentq(lambda width: error(width) - width, 1e-2, 1.0, xtol=1e-6)
    assert value("smooth_ece", p, y) == pytest.approx(expected, abs=1e-4)


# --- invariants -------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=50)
@given(cases())
def test_the_parts_of_the_brier_score_add_up(case) -> None:
    p, y, _ = case
    for bins in (1, 3, 15):
        parts = brier_parts(Counts.of(judged(p, y)), bins)
        whole = parts.reliability - parts.resolution + parts.uncertainty
        assert float(whole[0]) == pytest.approx(value("brier", p, y), abs=1e-12)
        assert parts.reliability[0] >= -1e-12 and 0 <= parts.uncertainty[0] <= 0.25


def test_the_parts_are_murphys_where_a_bin_is_one_confidence() -> None:
    p = np.repeat([0.2, 0.5, 0.9], [40, 30, 30])
    y = np.arange(100) % np.repeat([4, 2, 10], [40, 30, 30]) == 1
    shares = {v: y[p == v].mean() for v in (0.2, 0.5, 0.9)}
    weight = {v: np.mean(p == v) for v in shares}
    parts = brier_parts(Counts.of(judged(p, y)))
    assert parts.reliability[0] == pytest.approx(sum(weight[v] * (v - shares[v]) ** 2 for v in shares))
    assert parts.resolution[0] == pytest.approx(sum(weight[v] * (shares[v] - y.mean()) ** 2 for v in shares))
    assert parts.uncertainty[0] == pytest.approx(y.mean() * (1 - y.mean()))


@settings(deadline=None, max_examples=50)
@given(cases(), st.randoms(use_true_random=False))
def test_no_metric_depends_on_the_order_of_the_samples(case, random) -> None:
    p, y, q = case
    order = list(range(len(p)))
    random.shuffle(order)
    for name in METRIC:
        assert value(name, p, y, q) == pytest.approx(value(name, p[order], y[order], q[order]), nan_ok=True, abs=1e-12)


@settings(deadline=None, max_examples=50)
@given(cases())
def test_every_metric_keeps_to_its_range(case) -> None:
    for name, metric in METRIC.items():
        found = value(name, *case)
        assert math.isnan(found) or metric.low - 1e-9 <= found <= metric.high + 1e-9


@settings(deadline=None, max_examples=50)
@given(cases(low=-50.0, high=50.0))
def test_ranking_metrics_ignore_increasing_maps_and_others_refuse_raw_scores(case) -> None:
    s, y, q = case
    for name, metric in METRIC.items():
        if not metric.needs_probabilities:
            assert value(name, s, y, q) == pytest.approx(value(name, s**3 / 7 + s, y, q), nan_ok=True)
        elif s.min() < 0 or s.max() > 1:
            with pytest.raises(InputError, match=r"probabilities in \[0, 1\], got scores from"):
                value(name, s, y, q)


@settings(deadline=None, max_examples=50)
@given(cases())
def test_the_oracles_ranking_has_the_least_aurc(case) -> None:
    p, y, q = case
    n, right = len(y), int(y.sum())
    best = sum((k - right) / k for k in range(right + 1, n + 1)) / n
    assert value("aurc", y.astype(float), y) == pytest.approx(best)
    assert value(ranking.optimal_aurc, p, y, q) == pytest.approx(best)
    assert best - 1e-12 <= value("aurc", p, y) <= 1
    assert value("aurc", np.full(n, 0.3), y) == pytest.approx(1 - y.mean())


@settings(deadline=None, max_examples=50)
@given(cases(), st.integers(0, 99))
def test_a_resample_is_the_data_with_questions_repeated(case, seed) -> None:
    p, y, q = case
    data = judged(p, y, q)
    times = np.rint(bootstrap_weights(data.questions, 3, seed) * data.questions)
    (counts,) = resampled(data, times)
    for row, repeats in enumerate(times.astype(int)):
        picked = [i for i in range(len(p)) for _ in range(repeats[data.question[i]])]
        copy = [c for i in range(len(p)) for c in range(repeats[data.question[i]])]
        labels = [10 * int(data.question[i]) + c for i, c in zip(picked, copy, strict=True)] if picked else []
        for name, metric in METRIC.items():
            expected = value(name, p[picked], y[picked], labels)
            assert metric.of(counts)[row] == pytest.approx(expected, nan_ok=True, abs=1e-9), name


# --- statistics -------------------------------------------------------------------------------------------------------


def test_calibration_errors_shrink_on_perfectly_calibrated_data() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(40_000)
    y = rng.random(40_000) < p
    for name in ("ece_equal_width", "ece_equal_mass", "smooth_ece", "reliability"):
        few, many = (np.mean([value(name, p[i : i + n], y[i : i + n]) for i in (0, 5000)]) for n in (200, 5000))
        assert many < few / 2
        assert value(name, p, y) < 0.01
        assert value(name, 0.5 * p, y) > 20 * value(name, p, y)
    assert value("ece_equal_width", 0.5 * p, y) == pytest.approx(0.25, abs=0.01)
    assert value("smooth_ece", 0.5 * p, y) == pytest.approx(0.25, abs=0.01)


def simulated(rng, questions: int, samples: int, shift: float) -> ScoredSamples:
    """Questions of different difficulty; the scorer sees it, and its log-odds are too high by ``shift``."""
    logit = np.repeat(rng.normal(0, 1.2, questions), samples) + rng.normal(0, 0.7, questions * samples)
    y = rng.random(len(logit)) < 1 / (1 + np.exp(-logit))
    return judged(1 / (1 + np.exp(-logit - shift)), y, np.repeat(np.arange(questions), samples))


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


def test_the_interval_is_over_questions_not_samples() -> None:
    rng = np.random.default_rng(1)
    p, y = rng.random(40), rng.random(40) < 0.5
    one = measure(judged(p, y), replicates=500)
    copies = measure(judged(np.repeat(p, 25), np.repeat(y, 25), np.repeat(np.arange(40), 25)), replicates=500)
    for a, b in zip(one.measured, copies.measured, strict=True):
        if a.metric.name in ("brier", "auroc", "nll", "aurc"):
            assert a.interval is not None and b.interval is not None
            assert b.value == pytest.approx(a.value, abs=0.02)
            assert np.subtract(*b.interval) == pytest.approx(np.subtract(*a.interval), rel=0.1)
    assert copies.accuracy_ci == pytest.approx(one.accuracy_ci)


def test_what_has_no_interval_says_why() -> None:
    single = {m.metric.name: m for m in measure(judged([0.2, 0.9], [0, 1], [0, 0]), replicates=20).measured}
    assert single["auroc"].value == 1.0 and single["auroc"].interval is None
    assert "2 questions" in single["auroc"].reason
    right = {m.metric.name: m for m in measure(judged([0.2, 0.9], [1, 1]), replicates=20).measured}
    assert right["auroc"].value is None and right["auroc"].reason == "not defined: every sample is correct"
    apart = {m.metric.name: m for m in measure(judged([0.2, 0.9, 0.4], [1, 0, 1]), replicates=200).measured}
    assert "no question has both" in apart["within_question_auroc"].reason
    assert apart["auroc"].value == 0.0 and "no interval" in apart["auroc"].reason
    raw = {m.metric.name: m for m in measure(judged([-2.0, 3.5], [0, 1]), replicates=20).measured}
    assert raw["brier"].value is None and "[-2, 3.5]" in raw["brier"].reason
    assert raw["auroc"].value == 1.0


def test_measuring_repeats_by_seed_and_does_not_depend_on_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    data = simulated(np.random.default_rng(2), 20, 5, 0.3)
    one = as_mapping(data, measure(data, replicates=50, seed=3))
    assert one == as_mapping(data, measure(data, replicates=50, seed=3))
    assert one != as_mapping(data, measure(data, replicates=50, seed=4))
    monkeypatch.setattr("evals.metrics.scored._ROWS", 7)
    assert one == as_mapping(data, measure(data, replicates=50, seed=3))


# --- pools and maps ---------------------------------------------------------------------------------------------------


def test_only_graded_samples_with_a_confidence_count_and_the_rest_is_counted() -> None:
    samples = (
        Sample(answer="1", confidence=0.9, index=0),
        Sample(answer="1", confidence=None, index=1),
        Sample(answer=None, confidence=0.4, index=2),
        Sample(answer="2", confidence=0.3, index=3),
    )
    graded = Entry(Problem("a", "?", "1"), samples, (True, True, False, False))
    ungraded = Entry(Problem("b", "?", None), samples, (None, None, None, None))
    by_gold = Entry(Problem("c", "?", "1.0"), samples, (None, None, None, None))
    data = ScoredSamples.of_pool(Pool("memory", "0" * 64, (graded, ungraded, by_gold)))
    assert data.confidence.tolist() == [0.9, 0.4, 0.3, 0.4, 0.9, 0.4, 0.3]
    assert data.correct.tolist() == [True, False, False, False, True, False, False]
    assert data.question.tolist() == [0, 0, 0, 1, 2, 2, 2]
    assert data.left_out == {"no confidence": 3, "no grade, and no gold answer to grade by": 2}
    assert data.unparsed == 3
    with pytest.raises(InputError, match=r"memory: calibration needs samples with a confidence.*2 have no confidence"):
        ScoredSamples.of_pool(pool_of(["1", "2"]))


@pytest.mark.parametrize("kind", ["platt", "isotonic", "beta", "temperature"])
def test_a_map_is_never_fitted_on_the_questions_it_is_used_on(kind: str) -> None:
    data = simulated(np.random.default_rng(3), 60, 4, 1.0)
    mapped = data.calibrated(kind, 0)
    assert mapped.probabilities
    turned = data.correct.copy()
    turned[data.question == 7] ^= True  # other grades of one question change the map of the other half only
    moved = ScoredSamples(data.confidence, turned, data.question).calibrated(kind, 0).confidence != mapped.confidence
    assert not moved[data.question == 7].any()
    assert moved.any() and len(np.unique(data.question[moved])) <= 30
    before, after = (value("ece_equal_mass", d.confidence, d.correct) for d in (data, mapped))
    assert after < before


def test_too_few_questions_cannot_be_cross_fitted() -> None:
    with pytest.raises(InputError, match="at least 4 questions"):
        judged([0.1, 0.4, 0.6], [0, 1, 1]).calibrated("platt", 0)


@pytest.mark.parametrize(
    ("p", "y", "message"),
    [
        ([], [], "at least one sample"),
        ([0.1, 0.2], [True], "pair them"),
        ([0.1], [1], "True or False, got int"),
        ([math.nan], [True], "must be finite"),
        ([math.inf], [True], "must be finite"),
    ],
)
def test_bad_samples_are_refused(p, y, message) -> None:
    with pytest.raises(InputError, match=message):
        ScoredSamples.of(p, y if y else np.array(y, dtype=bool))


def test_bad_settings_are_refused() -> None:
    data = judged([0.1, 0.2], [0, 1])
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


# --- real pools -------------------------------------------------------------------------------------------------------


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
