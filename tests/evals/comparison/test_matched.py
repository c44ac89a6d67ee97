"""Comparisons at equal accuracy: the baseline's setting, and every number, against a search done by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from evals.comparison.difference import Difference, against
from evals.comparison.fit import choose
from evals.comparison.matched import ReplaySet, matched, play_fitted
from evals.comparison.settings import Settings
from evals.metrics.folds import Fold
from evals.metrics.stats import bootstrap_weights
from evals.replay.arrays import PoolArrays
from evals.replay.synthetic import synthetic_pool
from evals.replay.vectorised import Candidate, decide
from evals.report.comparison import to_json
from strategies.catalog import CATALOG
from tests.evals.cases import pool_of
from tts.errors import InputError

SETTINGS = Settings(budget=8, permutations=10, replicates=300)
METHOD = CATALOG["confidence_gated_self_consistency"]
BASELINES = [CATALOG[name] for name in ("adaptive_consistency", "esc", "reasc", "first_sample")]


def side(questions, seed):
    return ReplaySet.of(
        PoolArrays.of(synthetic_pool(questions=questions, samples=9, seed=seed)), budget=8, count=10, seed=0
    )


@pytest.fixture(scope="module")
def fit():
    return side(30, 6)


@pytest.fixture(scope="module")
def scored():
    return side(24, 7)


def means(where, method, params):
    orders = where.orders[np.arange(where.arrays.questions)]
    outcome = decide(where.arrays, [Candidate(method.build(8, params))], orders, scores=where.scores)[0]
    return [getattr(outcome, field).mean(axis=1) for field in ("correct", "tokens", "used")]


def test_a_baseline_plays_its_cheapest_setting_that_is_as_accurate_where_settings_are_chosen(fit, scored):
    everything = Fold.fit_all(30)
    params = choose(fit.arrays, [METHOD], fit.orders, fit.scores, everything, budget=8, margin=SETTINGS.margin)[0]
    target, _, _ = means(fit, METHOD, params)
    found = matched(fit, scored, METHOD, BASELINES[:2], settings=SETTINGS)
    assert [(m.method, m.baseline) for m in found] == [(METHOD.name, b.name) for b in BASELINES[:2]]
    for match, baseline in zip(found, BASELINES[:2], strict=True):
        (key,) = baseline.sweep
        tried = [(value, *means(fit, baseline, {key: value})) for value in baseline.sweep[key]]
        enough = [(tokens.mean(), value) for value, right, tokens, _ in tried if right.mean() >= target.mean()]
        best = max(tried, key=lambda t: t[1].mean())[0]
        assert match.reached == bool(enough)
        assert match.baseline_params == {key: min(enough)[1] if enough else best}
        assert match.params == {**METHOD.params, **params}


def test_differences_and_ratios_are_paired_on_the_scored_questions(fit, scored):
    weights = bootstrap_weights(24, 300, 0)
    for match in matched(fit, scored, METHOD, BASELINES, settings=SETTINGS):
        mine, theirs = (
            means(scored, METHOD, match.params),
            means(scored, CATALOG[match.baseline], match.baseline_params),
        )
        assert match.point.accuracy == pytest.approx(mine[0].mean())
        assert match.baseline_point.tokens == pytest.approx(theirs[1].mean())
        assert match.difference.accuracy_diff == pytest.approx((mine[0] - theirs[0]).mean())
        assert match.difference.accuracy_diff_ci == pytest.approx(
            np.quantile(weights @ (mine[0] - theirs[0]), [0.025, 0.975])
        )
        for i, ratio, interval in (
            (1, match.difference.tokens_ratio, match.difference.tokens_ratio_ci),
            (2, match.difference.samples_ratio, match.difference.samples_ratio_ci),
        ):
            assert ratio == pytest.approx(mine[i].mean() / theirs[i].mean())
            assert interval == pytest.approx(np.quantile((weights @ mine[i]) / (weights @ theirs[i]), [0.025, 0.975]))


def test_a_method_matched_with_itself_is_equal(fit, scored):
    esc = CATALOG["esc"]
    only = replace(esc, sweep={"window": (5,)})
    (match,) = matched(fit, scored, esc, [only], settings=SETTINGS)
    assert match.reached
    assert match.difference == Difference(0.0, (0.0, 0.0), 1.0, 1.0, 0, 1.0, (1.0, 1.0), 1.0, (1.0, 1.0), "too few")


def test_a_baseline_that_is_never_as_accurate_plays_its_most_accurate_setting_and_says_so(fit, scored):
    (match,) = matched(fit, scored, replace(METHOD, scores="oracle"), [CATALOG["first_sample"]], settings=SETTINGS)
    assert not match.reached
    assert match.difference.verdict == "too few"
    assert match.baseline_params == {}


def test_settings_do_not_depend_on_the_scored_side(fit, scored):
    turned = replace(scored, arrays=replace(scored.arrays, class_correct=~scored.arrays.class_correct))
    pairs = zip(
        matched(fit, scored, METHOD, BASELINES, settings=SETTINGS),
        matched(fit, turned, METHOD, BASELINES, settings=SETTINGS),
        strict=True,
    )
    for honest, poisoned in pairs:
        assert (honest.params, honest.baseline_params) == (poisoned.params, poisoned.baseline_params)
        assert honest.point.accuracy != poisoned.point.accuracy


def test_costs_are_draws_where_no_tokens_are_counted():
    """Every window of ESC is right; the smallest draws least."""
    arrays = PoolArrays.of(pool_of(*[["1"] * 8] * 6))
    one = ReplaySet.of(arrays, budget=8, count=3, seed=0)
    (match,) = matched(one, one, CATALOG["self_consistency"], [CATALOG["esc"]], settings=SETTINGS)
    assert match.baseline_params == {"window": 2}
    assert (match.difference.samples_ratio, match.difference.tokens_ratio, match.difference.tokens_ratio_ci) == (
        4.0,
        None,
        None,
    )


def test_methods_fitted_on_one_pool_are_compared_with_self_consistency_on_another(fit, scored):
    methods = [CATALOG["self_consistency"], METHOD, CATALOG["reasc"]]
    params, outcomes = play_fitted(fit, scored, methods, budget=8, margin=0.005)
    everything = Fold.fit_all(30)
    assert params == choose(fit.arrays, methods, fit.orders, fit.scores, everything, budget=8, margin=0.005)
    right, tokens, used = means(scored, METHOD, params[1])
    assert outcomes[1].correct / 10 == pytest.approx(right)
    compared = against(scored.comparison(SETTINGS), outcomes, 0)
    reference = means(scored, methods[0], {})
    assert compared[0].verdict == "reference"
    assert compared[1].accuracy_diff == pytest.approx((right - reference[0]).mean())
    assert compared[1].tokens_ratio == pytest.approx(tokens.mean() / reference[1].mean())
    assert compared[1].samples_ratio == pytest.approx(used.mean() / 8)


def test_a_match_is_written_as_json(fit, scored):
    (match,) = matched(fit, scored, METHOD, [CATALOG["esc"]], settings=SETTINGS)
    read = json.loads(to_json(match.as_mapping()))
    assert (read["method"], read["baseline"], read["reached"]) == (METHOD.name, "esc", match.reached)
    assert read["point"]["accuracy"] == pytest.approx(match.point.accuracy)
    assert read["tokens_ratio_ci"] == pytest.approx(list(match.difference.tokens_ratio_ci))


def test_a_side_with_too_few_samples_is_refused(fit):
    with pytest.raises(InputError, match="budget 10 is above the 9 samples"):
        ReplaySet.of(fit.arrays, budget=10, count=2, seed=0)
