"""Comparisons: nothing scored is fitted, intervals cover, numbers match an independent replay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evals.comparison.curves import curves
from evals.comparison.fit import cheapest, choose, most_accurate, scores_for
from evals.comparison.frontier import frontiers
from evals.comparison.paired import Comparison, Settings, compare, verdict
from evals.metrics.folds import halves
from evals.replay.arrays import PoolArrays
from evals.replay.synthetic import synthetic_pool
from evals.replay.vectorised import permutations
from strategies.catalog import CATALOG, METHODS
from tests.evals.cases import pool_of, real
from tts.errors import InputError

SMALL = Settings(budget=8, permutations=20, replicates=500)


@pytest.fixture(scope="module")
def arrays():
    return PoolArrays.of(synthetic_pool(questions=60, samples=10, seed=3))


def test_what_is_fitted_never_sees_the_questions_that_are_scored(arrays):
    """Poison the scored half (grades turned over, confidences shuffled): every fitted parameter stays the same."""
    orders = permutations(arrays.sizes, count=10, draws=8, seed=0)
    rng = np.random.default_rng(0)
    for fold in halves(arrays.questions, seed=0):
        assert not set(fold.fit) & set(fold.scored)
        assert len(fold.fit) + len(fold.scored) == arrays.questions
        poisoned_right, poisoned_confidence = arrays.class_correct.copy(), arrays.confidence.copy()
        poisoned_right[fold.scored] = ~poisoned_right[fold.scored]
        poisoned_confidence[fold.scored] = rng.permuted(poisoned_confidence[fold.scored], axis=1)
        poisoned = replace(arrays, class_correct=poisoned_right, confidence=poisoned_confidence)
        for calibrate in (None, "platt", "isotonic", "beta", "temperature"):
            chosen = [
                choose(
                    a,
                    METHODS,
                    orders,
                    scores_for(a, fold, orders, calibrate=calibrate, seed=0),
                    fold,
                    budget=8,
                    margin=0.005,
                )
                for a in (arrays, poisoned)
            ]
            assert chosen[0] == chosen[1]


def test_fitting_does_use_the_fitting_half(arrays):
    orders = permutations(arrays.sizes, count=10, draws=8, seed=0)
    fold = halves(arrays.questions, seed=0)[0]
    poisoned = replace(arrays, confidence=1.0 - arrays.confidence)
    chosen = [
        choose(a, METHODS, orders, scores_for(a, fold, orders, calibrate=None, seed=0), fold, budget=8, margin=0.005)
        for a in (arrays, poisoned)
    ]
    assert chosen[0] != chosen[1]


def test_the_table_holds_every_strategy_and_the_reference_against_itself(arrays):
    rows = {row.name: row for row in compare(arrays, METHODS, SMALL)}
    assert list(rows) == [m.name for m in METHODS]
    reference = rows["self_consistency"]
    assert (reference.diff, reference.diff_ci, reference.mcnemar_p, reference.samples_ratio) == (
        0.0,
        (0.0, 0.0),
        1.0,
        1.0,
    )
    assert reference.verdict == "reference"
    assert (reference.tokens_ratio, reference.tokens_ci) == (1.0, (1.0, 1.0))
    assert rows["oracle"].point.accuracy >= max(row.point.accuracy for row in rows.values())
    assert rows["first_sample"].point.samples == 1.0
    for row in rows.values():
        assert row.point.accuracy_ci[0] <= row.point.accuracy <= row.point.accuracy_ci[1]
        assert row.diff == pytest.approx(row.point.accuracy - reference.point.accuracy)
        assert row.point.samples <= SMALL.budget
        assert row.efficiency[-1] == (8, row.point)
        assert row.tokens_ratio == pytest.approx(row.point.tokens / reference.point.tokens)
        assert row.tokens_ci[0] <= row.tokens_ratio <= row.tokens_ci[1]


def test_adaptive_rules_with_small_budgets_agree_with_exact_curves(arrays):
    """maj@k by permutations estimates the exact curve, ties apart: at k = 3 ties go to the first seen, a fair pick."""
    exact = curves(arrays, 10)
    rows = compare(
        arrays,
        [CATALOG["self_consistency"], CATALOG["oracle"], CATALOG["best_of_n"]],
        replace(SMALL, permutations=2000),
    )
    for row, curve in zip(rows, ("maj", "pass", "best_of"), strict=True):
        for budget, point in row.efficiency:
            # 60 questions x 2,000 permutations; the standard error over permutations is below .0015.
            assert point.accuracy == pytest.approx(exact[curve][budget], abs=0.006), (curve, budget)


def test_the_reference_is_added_where_it_was_not_named(arrays):
    assert [r.name for r in compare(arrays, [CATALOG["esc"]], SMALL)] == ["self_consistency", "esc"]


def test_strategies_are_paired_whoever_else_takes_part(arrays):
    alone = compare(arrays, [CATALOG["adaptive_consistency"]], SMALL)[1]
    together = {row.name: row for row in compare(arrays, METHODS, SMALL)}["adaptive_consistency"]
    assert (alone.point.accuracy, alone.point.samples) == (together.point.accuracy, together.point.samples)
    assert alone.point.accuracy_ci == pytest.approx(together.point.accuracy_ci)
    assert (alone.diff, alone.mcnemar_p) == (together.diff, together.mcnemar_p)
    assert alone.diff_ci == pytest.approx(together.diff_ci)


def test_raw_scores_need_calibration_and_are_told_so():
    raw = PoolArrays.of(pool_of(*[[("1", 3.5), ("2", -1.0)]] * 8))
    with pytest.raises(InputError, match=r"span \[-1, 3.5\].*--calibrate platt"):
        compare(raw, METHODS, Settings(budget=2, permutations=5))
    assert len(compare(raw, [CATALOG["esc"]], Settings(budget=2, permutations=5))) == 2, "counting needs no scores"
    rows = compare(raw, [CATALOG["best_of_n"]], Settings(budget=2, permutations=5, calibrate="platt"))
    assert rows[1].point.accuracy == 1.0


def test_calibration_without_scores_is_refused():
    with pytest.raises(InputError, match="calibrate platt needs confidences and the pool has none"):
        compare(PoolArrays.of(pool_of(*[["1", "2"]] * 8)), METHODS[:2], Settings(budget=2, calibrate="platt"))


def test_too_few_questions_to_halve_are_refused():
    with pytest.raises(InputError, match="at least 4 questions, the pool has 2"):
        compare(PoolArrays.of(pool_of(*[[("1", 0.5), ("2", 0.5)]] * 2)), METHODS, Settings(budget=2, permutations=5))


def test_the_cheapest_setting_is_chosen_among_those_that_are_accurate_enough():
    accuracy, samples = np.array([0.90, 0.895, 0.88, 0.90]), np.array([10.0, 5.0, 2.0, 5.0])
    assert cheapest(accuracy, samples, floor=0.89) == 1
    assert cheapest(accuracy, samples, floor=0.95) == 0, "none qualifies: the most accurate, the most cautious of ties"


def test_the_most_accurate_setting_must_lead_by_more_than_its_standard_error():
    rng = np.random.default_rng(0)
    base = rng.random((100, 1)) < 0.7
    lucky = base.copy()
    lucky[np.flatnonzero(~base)[0]] = True
    assert most_accurate(np.hstack([base, lucky]).astype(float)) == 0
    clear = base | (rng.random((100, 1)) < 0.5)
    assert most_accurate(np.hstack([base, clear]).astype(float)) == 1


@pytest.mark.parametrize(
    ("interval", "word"),
    [((0.001, 0.01), "better"), ((-0.004, 0.01), "not worse"), ((-0.02, -0.001), "worse"), ((-0.02, 0.01), "open")],
)
def test_verdicts_say_what_the_interval_says(interval, word):
    assert verdict(*interval, margin=0.005) == word


def test_frontiers_sweep_every_threshold_and_choose_on_the_other_half(arrays):
    comparison = Comparison.of(arrays, SMALL, METHODS, fitted=True)
    found = {f.name: f for f in frontiers(comparison, METHODS)}
    assert set(found) == {m.name for m in METHODS if m.sweep}
    adaptive = found["adaptive_consistency"]
    assert len(adaptive.sweep) == len(CATALOG["adaptive_consistency"].sweep["level"])
    samples = [setting.point.samples for setting in adaptive.sweep]
    assert samples == sorted(samples, reverse=True), "a bolder level never draws more"
    for frontier in found.values():
        for cap, tuned in frontier.within:
            assert tuned.target == f"max_samples <= {cap}"
        assert frontier.cheapest.comparison["verdict"] in ("better", "not worse", "worse", "open")


def test_tuned_settings_are_scored_on_questions_that_did_not_choose_them(arrays):
    """Turn over the grades of one half: what the other half contributes to the tuned accuracy is unchanged."""
    comparison = Comparison.of(arrays, SMALL, METHODS, fitted=True)
    fold = comparison.folds[0]
    poisoned = arrays.class_correct.copy()
    poisoned[fold.scored] = ~poisoned[fold.scored]
    other = Comparison.of(replace(arrays, class_correct=poisoned), SMALL, METHODS, fitted=True)
    method = [CATALOG["esc"]]
    honest, turned = frontiers(comparison, method)[0].cheapest, frontiers(other, method)[0].cheapest

    def first(tuned):
        value = tuned.params["window"]
        return value[0] if isinstance(value, list) else value

    assert first(honest) == first(turned), "fold 0 chooses on the half that was left alone"


@pytest.mark.parametrize(
    ("strategy", "accuracy", "samples"),
    [("self_consistency", 0.8802, 30.0), ("adaptive_consistency", 0.8795, 8.18), ("esc", 0.8795, 11.55)],
)
def test_svamp_matches_an_independent_replay(strategy, accuracy, samples):
    arrays = PoolArrays.of(real("svamp_codex_pot30"))
    row = compare(arrays, [CATALOG[strategy]], Settings(budget=30, permutations=50, replicates=100))[-1]
    assert row.point.accuracy == pytest.approx(accuracy, abs=0.003)
    assert row.point.samples == pytest.approx(samples, abs=0.1)


def test_curves_of_a_pool_worked_by_hand():
    # One question: right, right, wrong, unparsed.
    # maj@2 over the pairs RR, Rw (a tie), Rw, R-, R-, w-: (1 + .5 + .5 + 1 + 1 + 0) / 6.
    found = curves(PoolArrays.of(pool_of([("1", 0.2), ("1", 0.9), ("2", 0.5), (None, None)])), 2)
    assert found["maj"] == pytest.approx({1: 0.5, 2: 4 / 6})
    assert found["pass"] == pytest.approx({1: 0.5, 2: 5 / 6})
    assert found["best_of"] == pytest.approx({1: 0.5, 2: 4 / 6})
