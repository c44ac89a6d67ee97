"""The drift alarm: false alarms as rare as it says over any run, and changes noticed, those of bundled models too."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from evals.replay.provenance import reference_of
from evals.replay.rescore import rescored
from tests.strategies.cases import sizes
from tts.agent.drift import DriftAlarm, Gambler, payoffs_of
from tts.errors import InputError
from tts.pool import load_pool
from tts.scorers.calibration.reference import Reference

DELTA = 0.1


def test_no_bet_pays_more_than_it_costs() -> None:
    shares = (np.arange(20_000) + 0.5) / 20_000
    payoffs = np.array([payoffs_of(float(share)) for share in shares])
    assert (payoffs > 0).all() and (payoffs.mean(axis=0) <= 1.0 + 1e-9).all()
    assert (payoffs.mean(axis=0) >= 0.99).all()


def test_shares_are_uniform_over_all_orders_with_ties_and_a_small_calibration() -> None:
    found: Counter[int] = Counter()
    source = random.Random(0)
    for order in [*permutations((1.0, 2.0, 2.0, 3.0))] * 500:
        gambler = Gambler(order[:2], source)
        gambler.share(order[2])
        found[int(8 * gambler.share(order[3]))] += 1
    counts = np.array([found[k] for k in range(8)])
    assert np.abs(counts / counts.sum() - 1 / 8).max() < 4 * np.sqrt(7 / 64 / counts.sum())


@pytest.mark.parametrize(("runs", "length"), [(80, 1000), pytest.param(300, 10_000, marks=pytest.mark.slow)])
def test_false_alarms_are_as_rare_as_it_says(runs: int, length: int) -> None:
    rng, fired = np.random.default_rng(5), 0
    for seed in range(runs):
        known = rng.normal(size=(2, 60))
        alarm = DriftAlarm(Reference.of(known[0].round(1).tolist(), known[1].tolist()), DELTA, seed=seed)
        scores = rng.normal(size=length)
        logprobs = 0.7 * scores + np.sqrt(0.51) * rng.normal(size=length)
        for score, logprob in zip(scores.round(1).tolist(), logprobs.tolist(), strict=True):
            if alarm.see(score, logprob):
                break
        fired += alarm.fired
    assert fired <= binom.ppf(0.999, runs, DELTA)


@sizes(3, 30)
@pytest.mark.parametrize("before", [0, 2000])
@pytest.mark.parametrize(
    ("change", "within"),
    [
        (lambda rng: rng.normal(0.7, 1.0), 400),
        (lambda rng: rng.normal(0.0, 2.5), 400),
        (lambda rng: rng.normal(0.0, 0.3), 400),
        (lambda rng: -9.0 if rng.random() < 0.1 else rng.normal(), 800),
    ],
    ids=["shifted", "wider", "narrower", "outliers"],
)
def test_a_change_is_noticed_at_once_and_after_a_long_run(
    change: Callable[[Any], float], within: int, before: int, examples: int
) -> None:
    rng = np.random.default_rng(11)
    for seed in range(examples):
        alarm = DriftAlarm(Reference.of([], rng.normal(size=500).tolist()), 1e-3, seed=seed)
        for value in rng.normal(size=before).tolist():
            alarm.see(None, value)
        assert not alarm.fired and alarm.seen == before
        for _ in range(within):
            alarm.see(None, float(change(rng)))
        assert alarm.fired and alarm.evidence >= 2e3


def test_it_is_the_same_every_time_and_stays_fired() -> None:
    reference = Reference((0.5,) * 40, ())
    alarms = [DriftAlarm(reference, DELTA, seed=3) for _ in range(2)]
    for value in (0.5, 0.5, None, *[0.1] * 60):
        assert alarms[0].see(value, -1.0) == alarms[1].see(value, None)
        assert alarms[0].evidence == alarms[1].evidence
    assert alarms[0].fired and alarms[0].see(0.5, None)


def test_a_kind_without_calibration_values_is_not_watched() -> None:
    alarm = DriftAlarm(Reference((), ()), DELTA)
    assert not any(alarm.see(9.0, -9.0) for _ in range(100)) and alarm.evidence == 1.0
    with pytest.raises(InputError, match=r"delta in \(0, 1\), got 0"):
        DriftAlarm(Reference(()), 0.0)


@pytest.mark.slow
def test_it_fires_on_another_temperature_another_model_and_other_text(tts: Any, tmp_path: Path) -> None:
    from benchmarks.agent.promise import disturbed, fires, scored, shuffled

    def drawn(name: str, split: str, count: int, *overrides: str) -> Any:
        path = tmp_path / f"{name}.sqlite"
        given = ("engine.model=grace", "engine.signals.confidence=true", *overrides)
        sized = (f"task.split={split}", f"task.questions={count}", "samples=1")
        ran = tts("sample", "task=stories", *sized, *given, f"out={path}")
        assert ran.status == 0, ran.err
        return load_pool(path)

    reference = reference_of(rescored(drawn("calibration", "calibration", 150), "grace"))
    same = drawn("same", "test", 60)
    assert fires(reference, scored(same), 0) is None
    assert fires(reference, scored(drawn("hot", "test", 60, "engine.temperature=1.2")), 0) is not None
    other = disturbed(tmp_path / "other", 0.15)
    assert fires(reference, scored(drawn("other", "test", 80, f"engine.model={other}")), 0) is not None
    assert fires(reference, shuffled(same, 20), 0) is not None
