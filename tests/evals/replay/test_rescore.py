"""Rescored pools carry the score that was asked for, and comparisons read it, DeepConf's own traces included."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from evals.comparison.session import compare_pool
from evals.comparison.settings import Settings
from evals.comparison.table import compare
from evals.config import CompareConfig
from evals.methods import check_scale, methods
from evals.replay.arrays import PoolArrays
from evals.replay.rescore import SCORES, given_features, is_probability, rescored
from evals.replay.synthetic import synthetic_pool
from evals.replay.traces import recorded_source
from strategies.catalog import CATALOG
from tests.evals.cases import pool_of
from tests.support.grace_cases import graced
from tts.answers.meaning.equality import Pairwise
from tts.errors import InputError
from tts.models.finece import OWNER
from tts.pool import Pool
from tts.requirements import Available
from tts.scorers.consistency.scores import CONSISTENCY_SCORES
from tts.scorers.stacking.features import FEATURES, FINECE_FEATURES, LOGPROB_FEATURES
from tts.scorers.trace_scores import TRACE_SCORES
from tts.types import End, Signals, Trace

POOL = synthetic_pool(questions=12, samples=10)


def traced(pool: Pool, make: Any) -> Pool:
    """The pool with each sample's trace from ``make(question, sample)``."""
    entries = (
        replace(e, samples=tuple(replace(s, trace=make(q, i)) for i, s in enumerate(e.samples)))
        for q, e in enumerate(pool.entries)
    )
    return replace(pool, entries=tuple(entries))


FULL = traced(
    pool_of(["1", "2", None], ["1", "1", "3"]),
    lambda q, i: Trace(
        logprobs=(-0.5 - q, -0.1 * i),
        top=(3.0 + i, 2.0, 5.0),
        entropy=(0.1, q + 1.0),
        certainty=(1.0, 2.0 * i),
        watched={7: (0.1 * i, 0.3 + 0.2 * q)},
        steps=(True, False),
    ),
)
VALUED = traced(
    FULL,
    lambda q, i: Trace(watched={v: (0.1, 0.01 + (v == i + q)) for v in range(11)}, owners={OWNER: tuple(range(11))}),
)


@pytest.mark.parametrize("name", TRACE_SCORES)
def test_each_answered_sample_gets_its_raw_score(name: str) -> None:
    full = VALUED if TRACE_SCORES[name].column == "values" else FULL
    changed = rescored(full, name, window=2)
    for before, after in zip(full.entries, changed.entries, strict=True):
        assert after == replace(before, samples=after.samples)
        for old, new in zip(before.samples, after.samples, strict=True):
            expected = None if old.answer is None else TRACE_SCORES[name].raw(old, window=2)
            assert new == replace(old, confidence=expected)


def test_a_natural_probability_is_taken_where_it_is_wanted_and_there_is_one() -> None:
    natural = rescored(FULL, "mean_logprob", probability=True).entries[1].samples[1].confidence
    assert natural == pytest.approx(math.exp((-1.5 - 0.1) / 2))
    raw = rescored(FULL, "deepconf_mean")
    assert rescored(FULL, "deepconf_mean", probability=True) == raw
    assert {name for name in SCORES if is_probability(name)} == {
        *("mean_logprob", "total_logprob", *CONSISTENCY_SCORES),
        *("grace", "grace_min", "grace_step", "grace_mean", "stacked", "finece"),
    }


def test_frequency_is_the_share_of_all_samples_of_the_question_with_equal_answers_merged() -> None:
    changed = rescored(pool_of(["1", "1.0", "$1", "2", None], ["7"]), "frequency")
    assert [s.confidence for s in changed.entries[0].samples] == [0.6, 0.6, 0.6, 0.2, None]
    assert changed.entries[1].samples[0].confidence == 1.0
    as_text = rescored(pool_of(["1", "1.0", "$1", "2", None]), "frequency", answers="text")
    assert [s.confidence for s in as_text.entries[0].samples] == [0.4, 0.2, 0.4, 0.2, None]
    paired = rescored(pool_of(["a", "b"]), "frequency", equality=Pairwise("text", lambda a, b: True))
    assert paired.entries[0].samples[0].confidence == 1.0


def test_a_score_of_all_samples_is_said_to_read_those_that_a_strategy_has_not_drawn() -> None:
    def said(budget: int, *strategies: str) -> list[str]:
        told: list[str] = []
        config = CompareConfig(
            score="frequency", budget=budget, strategies=[*strategies], permutations=2, replicates=2, answers="text"
        )
        compare_pool(POOL, config, notify=told.append)
        return told

    sentence = [
        "score frequency compares all recorded samples of a question, those that a strategy has not drawn among"
    ]
    for told in (said(4, "best_of_n"), said(10, "cges")):
        assert [text[: len(sentence[0])] for text in told] == sentence
    assert said(10, "best_of_n") == said(4, "esc") == []


def test_a_failed_sample_is_none_of_the_question_for_frequency() -> None:
    pool = pool_of(["1", "1", "2", None])
    lost = replace(pool.entries[0].samples[3], end=End.FAILED, error="server is gone")
    samples = (*pool.entries[0].samples[:3], lost)
    failed = replace(pool, entries=(replace(pool.entries[0], samples=samples),))
    assert [s.confidence for s in rescored(failed, "frequency").entries[0].samples] == [2 / 3, 2 / 3, 1 / 3, None]


def test_stacking_names_what_a_pool_lacks_and_takes_fewer_features() -> None:
    pool = traced(POOL, lambda q, i: Trace(logprobs=(-0.1 * i - 0.01 * q, -0.2)))
    with pytest.raises(
        InputError, match=r"takes feature grace: trace score grace reads the prob.* 0 has none: draw it"
    ):
        rescored(pool, "stacked", features=FEATURES)
    without = rescored(pool, "stacked")
    assert without.entries == rescored(pool, "stacked", features=LOGPROB_FEATURES).entries
    plain = rescored(pool, "stacked", features=("mean_logprob", "least_logprob"))
    found = [s.confidence for e in plain.entries for s in e.samples if s.answer is not None]
    assert all(c is not None and 0 < c < 1 for c in found)
    assert all(s.confidence is None for e in plain.entries for s in e.samples if s.answer is None)
    with pytest.raises(InputError, match="at least 4 questions, the pool has 2"):
        rescored(FULL, "stacked")
    ungraded = tuple(
        replace(e, problem=replace(e.problem, gold=None), correct=(None,) * len(e.samples)) for e in pool.entries
    )
    with pytest.raises(InputError, match="stacking needs graded answers and got 0: grade its samples first"):
        rescored(replace(pool, entries=ungraded), "stacked")
    by_gold = tuple(replace(e, correct=(None,) * len(e.samples)) for e in pool.entries)
    again = rescored(replace(pool, entries=by_gold), "stacked", features=("mean_logprob", "least_logprob"))
    assert [e.samples for e in again.entries] == [e.samples for e in plain.entries]


def test_the_seed_decides_the_halves() -> None:
    pool = graced(synthetic_pool(questions=12, samples=4))
    one, same, other = (rescored(pool, "stacked", seed=seed).entries for seed in (0, 0, 1))
    assert one == same
    assert one != other


def test_unknown_scores_and_missing_traces_get_one_sentence() -> None:
    with pytest.raises(
        InputError,
        match=r"unknown score 'deepconf': allowed are cocoa_msp, .*, confidence, deepconf_bottom10, .*self_certainty",
    ):
        rescored(FULL, "deepconf")
    with pytest.raises(InputError, match="memory: question 'q0': trace score entropy reads entropies and sample 0 has"):
        rescored(pool_of(["1"]), "entropy")
    silent = traced(FULL, lambda q, i: Trace() if i == 2 and q == 0 else Trace(entropy=(1.0,)))
    assert rescored(silent, "entropy").entries[0].samples[2].confidence is None, "what never votes needs no score"
    with pytest.raises(InputError, match="unknown score 'x'"):
        compare_pool(FULL, CompareConfig(score="x"))
    with pytest.raises(InputError, match="window must be from 1 to"):
        CompareConfig(window=0)


def test_a_raw_score_needs_a_calibration_where_a_strategy_needs_probabilities() -> None:
    weighted, counting = [CATALOG["grace_sc"]], [CATALOG["esc"]]
    with pytest.raises(InputError, match="score deepconf_tail is no probability: map it with --calibrate platt"):
        check_scale("deepconf_tail", None, weighted)
    check_scale("deepconf_tail", "platt", weighted)
    check_scale("deepconf_tail", None, counting)
    check_scale("mean_logprob", None, weighted)
    pool = rescored(POOL, "deepconf_lowest")
    (_, row) = compare(PoolArrays.of(pool), weighted, Settings(8, permutations=5, replicates=50, calibrate="platt"))
    assert 0.0 < row.point.accuracy <= 1.0


def test_strategies_that_read_traces_are_left_out_or_refused_without_them() -> None:
    bare = pool_of(["1", "2"])
    recorded = PoolArrays.of(POOL).recorded
    assert recorded is not None and recorded.signals.lacking(Signals(top=20)) is None
    topless = replace(Available("pool"), signals=recorded_source(bare).signals)
    chosen, skipped = methods(["all"], topless)
    deepconf, masses = {"deepconf_offline", "deepconf_online"}, {"perplexity_consistency", "rpc", "mass_certificate"}
    live = {"distinct_best_first", "distinct_sampling"}
    assert set(skipped) == deepconf | masses | {"mass_gated"} | live == set(CATALOG) - {m.name for m in chosen}
    assert len(set(skipped.values())) == 2
    assert "reads the log-probability of each token under the distribution it was drawn from" in skipped["rpc"]
    assert [m.name for m in methods(["mass_gated"], topless)[0]] == ["mass_gated"], "by name it plays, and steps aside"
    with pytest.raises(InputError, match=r"strategy mass_certificate reads the log-probability .* none: draw"):
        methods(["mass_certificate"], topless)
    assert "reads the top-k confidences of every token, and the pool has none" in skipped["deepconf_online"]
    with pytest.raises(InputError, match=r"strategy deepconf_online reads the top-k confidences .* none: draw"):
        methods(["deepconf_online"], topless)
    with pytest.raises(
        InputError, match="strategy deepconf_offline reads the top-k confidences of every token, and the pool has none"
    ):
        compare(PoolArrays.of(bare), [CATALOG["deepconf_offline"]], Settings(2, permutations=2))


def test_the_window_reaches_deepconf_and_nothing_else() -> None:
    chosen, _ = methods(["deepconf_online", "esc"], Available("pool"), window=7)
    assert [row.params["window"] for row in chosen] == [7, 5]
    assert chosen[0].build(16).window == 7  # type: ignore[attr-defined]


def test_what_is_stacked_is_what_the_model_gives() -> None:
    assert given_features(FULL) == FEATURES and given_features(VALUED) == FINECE_FEATURES
    assert given_features(POOL) == FEATURES
