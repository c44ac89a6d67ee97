"""The document of a report has the numbers of ``tts compare`` and ``tts reliability``, and says what is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evals.comparison.session import compare_pool
from evals.metrics.quality import as_mapping as quality_mapping
from evals.metrics.quality import measure
from evals.metrics.scored import ScoredSamples
from evals.replay.rescore import rescored
from evals.report.comparison import as_mapping, plain
from evals.report_page.document import run_report, shown_places
from evals.report_page.replayed import strategies_of
from strategies.live_evidence import LiveEvidence
from strategies.weighting import LogOdds
from tests.evals.report_page.cases import FAST, POOL, report_of
from tts.errors import InputError
from tts.pool import Run, RunKey
from tts.types import Sample


def test_its_numbers_are_those_of_the_comparison_and_of_the_reliability() -> None:
    found = report_of().summary
    expected = plain(as_mapping(compare_pool(POOL, FAST)))
    assert found["comparison"] == expected
    samples = ScoredSamples.of_pool(POOL)
    measured = plain(quality_mapping(samples, measure(samples, replicates=FAST.replicates)))
    assert {key: found["confidence"][key] for key in measured} == measured
    columns = found["confidence"]["histogram"]
    assert sum(column["samples"] for column in columns) == measured["samples"]
    assert sum(column["samples"] for column in columns if column["right"]) == samples.correct.sum()
    assert "self_consistency with 8 samples answers " in found["headline"]
    assert len(found["missing"]) == 1 and found["missing"][0].startswith("Tokens have no texts of their own")
    usage = found["facts"]["tokens"]
    assert usage["delivered"] == sum(s.usage.delivered for e in POOL.entries for s in e.samples if s.usage is not None)


def test_questions_have_samples_in_order_the_decisions_and_the_vote_as_it_grew() -> None:
    report, decided = report_of(), compare_pool(POOL, replace(FAST, decisions=True))
    for q, (question, entry) in enumerate(zip(report.questions, POOL.entries, strict=True)):
        assert (question["id"], question["gold"]) == (entry.problem.id, [entry.problem.gold])
        assert [s["index"] for s in question["samples"]] == [s.index for s in entry.samples]
        assert [s["right"] for s in question["samples"]] == list(entry.correct)
        read = [None if s["answer"] < 0 else question["answers"][s["answer"]] for s in question["samples"]]
        assert read == [s.answer for s in entry.samples]
        for row, decision in zip(decided.rows, question["decisions"], strict=True):
            assert row.decisions is not None
            one = row.decisions[q]
            assert (decision["answer"], decision["right"], decision["used"]) == (
                one.answer,
                one.correct,
                len(one.samples),
            )
            assert (decision["stopped_by"], decision["cause"]) == (one.stopped_by, one.cause)
        evidence = LiveEvidence(LogOdds(), needs_confidence=True)
        for sample, grown in zip(entry.samples, question["posteriors"], strict=True):
            evidence.add(sample)
            assert len(grown) == len(evidence.votes) and sum(grown) <= 1.0 + 1e-9
            if grown:
                assert grown[evidence.leader] == pytest.approx(float(evidence.posterior), abs=1e-9)


def test_what_a_pool_lacks_is_said_and_the_rest_is_shown() -> None:
    ungraded = replace(
        POOL,
        entries=tuple(
            replace(e, problem=replace(e.problem, gold=None), correct=(None,) * len(e.samples)) for e in POOL.entries
        ),
    )
    found = run_report(ungraded, FAST)
    assert found.summary["comparison"] is None and found.summary["confidence"] is None
    assert "Strategies are not compared: samples have no grade" in found.summary["missing"][0]
    assert all(q["decisions"] == [] and len(q["samples"]) == 8 for q in found.questions)

    raw = [
        replace(e, samples=tuple(replace(s, confidence=9 * (s.confidence or 0) - 4) for s in e.samples))
        for e in POOL.entries
    ]
    scores = replace(POOL, entries=tuple(raw))
    assert any("map raw scores" in sentence for sentence in run_report(scores, FAST, given=True).summary["missing"])
    with pytest.raises(InputError, match="map raw scores"):
        run_report(scores, FAST, given=True, strict=True)
    assert run_report(scores, FAST, given=True).questions[0]["posteriors"] is None

    beams = [replace(e, samples=tuple(replace(s, token_ids=(1, 2), given=1) for s in e.samples)) for e in POOL.entries]
    sentence = run_report(replace(POOL, entries=tuple(beams)), FAST).summary["missing"][0]
    assert sentence.startswith("Strategies are not compared: samples of question ")


def test_a_score_and_a_calibration_map_are_those_of_the_comparison() -> None:
    config = replace(FAST, score="frequency", calibrate="platt")
    found = run_report(POOL, config, given=True).summary
    assert found["comparison"] == plain(as_mapping(compare_pool(POOL, config)))
    samples = ScoredSamples.of_pool(rescored(POOL, "frequency")).calibrated("platt", 0)
    assert found["confidence"]["accuracy"] == pytest.approx(float(samples.correct.mean()))


def test_of_a_large_pool_a_random_sample_of_the_questions_is_shown() -> None:
    assert shown_places(5, 5, 0) == (0, 1, 2, 3, 4)
    places = shown_places(1000, 10, 0)
    assert len(places) == 10 and list(places) == sorted(set(places)) and places != shown_places(1000, 10, 1)
    found = run_report(POOL, FAST, given=True, most=5)
    assert found.summary["comparison"]["pool"]["questions"] == 12
    assert [q["id"] for q in found.questions] == [POOL.entries[place].problem.id for place in found.places]
    whole = report_of()
    assert found.questions == [whole.questions[place] for place in found.places]


def test_strategies_are_those_of_the_run_without_code_of_modules() -> None:
    def run(entries: list[object]) -> Run:
        return Run(1, RunKey("m"), {"strategies": entries}, {}, "", 8)

    stored = ["esc", {"name": "mine", "weighting": "softmax"}, {"name": "os:system"}, "no_such", "evil.module:name", 7]
    entries, skipped = strategies_of(POOL, [run(stored)], window=32)
    assert entries == stored[:2] and set(skipped) == {"os:system", "no_such", "evil.module:name"}
    assert skipped["os:system"].startswith("it names code of a module")
    assert strategies_of(POOL, [], window=32) == (["all"], {})


def test_an_unread_sample_has_no_posterior_of_its_own() -> None:
    from evals.report_page.vote_growth import posteriors

    found = posteriors([-1, 0, 1, -1], [None, 0.9, 0.4, None])
    assert found is not None and [len(one) for one in found] == [0, 1, 2, 2] and found[2] == found[3]
    assert posteriors([0], [None]) is None and posteriors([0], [7.0]) is None
    evidence = LiveEvidence(LogOdds(), needs_confidence=True)
    evidence.add(Sample(answer="0", confidence=0.9))
    assert found[1] == [pytest.approx(float(evidence.posterior))]
    assert np.isfinite(np.concatenate(found)).all()
