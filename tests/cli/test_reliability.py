"""``tts reliability``: what it prints and writes, same seed same bytes, and one sentence for bad input."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.metrics.quality import METRICS
from evals.replay.synthetic import synthetic_pool
from tests.cli.cases import Tts
from tests.support.grace_cases import graced
from tts.pool import Pool, load_pool, write_jsonl, write_parquet
from tts.types import Sample, Trace

FAST = ("--replicates", "100")
UNPARSED = 5  # of the 96 samples, the first wrong ones


def simulated() -> Pool:
    """12 questions of 8 samples, the first five wrong ones without a readable answer."""
    pool, left, entries = synthetic_pool(questions=12, samples=8), UNPARSED, []
    for entry in pool.entries:
        samples = []
        for sample, correct in zip(entry.samples, entry.correct, strict=True):
            cut = not correct and left > 0
            left -= cut
            samples.append(replace(sample, answer=None) if cut else sample)
        entries.append(replace(entry, samples=tuple(samples)))
    return replace(pool, entries=tuple(entries))


POOL = simulated()


def changed(change: Callable[[Sample], Sample]) -> Pool:
    """The pool with each sample put through ``change``."""
    entries = tuple(replace(e, samples=tuple(change(s) for s in e.samples)) for e in POOL.entries)
    return replace(POOL, entries=entries)


def raw(sample: Sample) -> Sample:
    return replace(sample, confidence=9 * (sample.confidence or 0.0) - 4)


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calibration") / "pool.jsonl"
    write_jsonl(POOL, path)
    return path


@pytest.fixture(scope="session")
def rewards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calibration") / "rewards.jsonl"
    write_jsonl(changed(raw), path)
    return path


def measured(tts: Tts, pool: Path, *arguments: str | Path) -> dict[str, Any]:
    """The JSON of a run, read strictly."""
    target = pool.parent / "strict.json"
    ran = tts("reliability", pool, *FAST, *arguments, "--json", target)
    assert (ran.status, ran.err) == (0, "")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    found: dict[str, Any] = json.loads(target.read_text(), parse_constant=refuse)
    target.unlink()
    return found


def test_the_table_has_every_metric_with_its_interval_and_direction(tts: Tts, pool: Path) -> None:
    ran = tts("reliability", pool, *FAST)
    assert (ran.status, ran.err) == (0, "")
    assert re.match(
        re.escape(str(pool)) + r": confidence; 96 samples of 12 questions, accuracy \d\d\.\d % \[\d\d\.\d, \d\d\.\d\]; "
        r"100 replicates, seed 0\n",
        ran.out,
    )
    assert f"counted as wrong: {UNPARSED} samples without a readable answer\n" in ran.out
    for metric in METRICS:
        direction = "" if metric.better == "neither" else metric.better
        number = r"\d+\.\d" if metric.percent else r"-?\d\.\d{4}"
        pattern = rf"^{re.escape(metric.label)} +{number} +\[{number}, {number}\] {direction} *$"
        assert re.search(pattern, ran.out, flags=re.MULTILINE), metric.name
    assert "…" not in ran.out and "left out" not in ran.out


def test_the_json_has_the_keys_of_the_contract(tts: Tts, pool: Path) -> None:
    found = measured(tts, pool)
    assert found["pool"] == {"path": str(pool), "sha256": load_pool(pool).sha256, "questions": 12}
    assert (found["samples"], found["questions"], found["left_out"]) == (96, 12, {})
    assert (found["score"], found["calibrate"], found["seed"], found["bootstrap_replicates"]) == (None, None, 0, 100)
    assert [m["name"] for m in found["metrics"]] == [metric.name for metric in METRICS]
    values = {m["name"]: m["value"] for m in found["metrics"]}
    for m in found["metrics"]:
        assert m["ci"][0] <= m["value"] <= m["ci"][1] and m["reason"] is None
    parts = values["reliability"] - values["resolution"] + values["uncertainty"]
    assert values["brier"] == pytest.approx(parts, abs=1e-8)
    assert sum(one["samples"] for one in found["reliability_bins"]) == 96
    curve = found["risk_coverage"]
    assert curve["risk"][-1] == pytest.approx(1 - found["accuracy"]) == pytest.approx(curve["optimal"][-1])
    assert curve["optimal_aurc"] <= values["aurc"]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_same_inputs_and_seed_give_the_same_bytes(tts: Tts, pool: Path, tmp_path: Path, suffix: str) -> None:
    def drawn(name: str, seed: str) -> tuple[bytes, bytes]:
        json, plot = tmp_path / f"{name}.json", tmp_path / f"{name}{suffix}"
        ran = tts("reliability", pool, *FAST, "--seed", seed, "--json", json, "--plot", plot)
        assert (ran.status, ran.out.splitlines()[-2:]) == (0, [f"wrote {json}", f"wrote {plot}"])
        return json.read_bytes(), plot.read_bytes()

    first, again, other = drawn("a", "0"), drawn("b", "0"), drawn("c", "1")
    assert first == again
    assert first[0] != other[0]
    if suffix == ".svg":
        assert ElementTree.fromstring(first[1]).tag == "{http://www.w3.org/2000/svg}svg"
    else:
        assert first[1].startswith(b"\x89PNG\r\n\x1a\n")
    assert {path.name for path in tmp_path.iterdir()} == {f"{n}{s}" for n in "abc" for s in (".json", suffix)}


def test_raw_scores_are_ranked_and_the_rest_says_why_not(tts: Tts, pool: Path, rewards: Path, tmp_path: Path) -> None:
    plain = {m["name"]: m for m in measured(tts, pool)["metrics"]}
    found = {m["name"]: m for m in measured(tts, rewards, "--plot", tmp_path / "raw.svg")["metrics"]}
    for metric in METRICS:
        if metric.needs_probabilities:
            assert found[metric.name]["value"] is None
            assert re.fullmatch(r"not applicable: .* span \[-.*\]; .*--calibrate platt", found[metric.name]["reason"])
        else:
            assert found[metric.name]["value"] == pytest.approx(plain[metric.name]["value"])
    out = " ".join(tts("reliability", rewards, *FAST).out.split())
    assert "NLL (nats): not applicable: probabilities lie in [0, 1] and these scores span [-" in out
    assert out.count("not applicable") == 1


@pytest.mark.parametrize("kind", ["platt", "isotonic", "temperature"])
def test_raw_scores_have_every_metric_once_they_are_calibrated(tts: Tts, rewards: Path, kind: str) -> None:
    found = measured(tts, rewards, "--calibrate", kind)
    assert found["calibrate"] == kind
    assert all(m["value"] is not None for m in found["metrics"])
    assert f"confidence, {kind} calibration; " in tts("reliability", rewards, *FAST, "--calibrate", kind).out


def test_samples_without_a_confidence_are_left_out_and_counted(tts: Tts, tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    write_parquet(changed(lambda s: replace(s, confidence=None) if s.index == 7 else s), path)
    assert measured(tts, path)["left_out"] == {"no confidence": 12}
    assert "left out: 12 samples with no confidence\n" in tts("reliability", path, *FAST).out


def test_a_score_is_computed_from_the_traces(tts: Tts, tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    traced = changed(lambda s: replace(s, trace=Trace(logprobs=(-(1.0 - (s.confidence or 0.0)),) * 3)))
    write_jsonl(traced, path)
    found = measured(tts, path, "--score", "mean_logprob")
    assert found["score"] == "mean_logprob"
    assert (found["samples"], found["left_out"]) == (96 - UNPARSED, {"no confidence": UNPARSED})
    assert "mean_logprob; " in tts("reliability", path, *FAST, "--score", "mean_logprob").out


@pytest.mark.parametrize("score", ["grace", "grace_min", "stacked"])
def test_scores_of_the_confidence_token_are_probabilities(tts: Tts, tmp_path: Path, score: str) -> None:
    path = tmp_path / "p.jsonl"
    write_jsonl(graced(POOL), path)
    found = measured(tts, path, "--score", score)
    assert found["samples"] == 96 - UNPARSED
    assert all(m["value"] is not None for m in found["metrics"])
    again = [measured(tts, path, "--score", score, "--seed", seed)["metrics"][0]["value"] for seed in (0, 1)]
    assert (again[0] != again[1]) == (score == "stacked"), "the seed decides the halves"


@pytest.mark.slow
def test_one_sort_of_grade_has_no_auroc(tts: Tts, tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    right = tuple(
        replace(e, samples=tuple(replace(s, answer="1") for s in e.samples), correct=(True,) * 8) for e in POOL.entries
    )
    write_jsonl(replace(POOL, entries=right), path)
    ran = tts("reliability", path, *FAST, "--plot", tmp_path / "p.png")
    assert ran.status == 0
    assert "AUROC, within-question AUROC: not defined: every sample is correct\n" in ran.out


@pytest.mark.slow
def test_one_question_has_values_without_intervals(tts: Tts, tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    entry = next(e for e in POOL.entries if 0 < sum(c is True for c in e.correct) < 8)
    write_jsonl(replace(POOL, entries=(entry,)), path)
    ran = tts("reliability", path, *FAST, "--plot", tmp_path / "p.svg")
    assert ran.status == 0
    assert re.search(r"^AUROC +\d\.\d{4} +- higher", ran.out, flags=re.MULTILINE)
    assert "an interval needs at least 2 questions" in ran.out


# --- bad input -------------------------------------------------------------------------------------------------------

BAD = [
    ("missing.jsonl", r"missing\.jsonl: no such file"),
    ("counted.jsonl", r"counted\.jsonl: calibration needs samples with a confidence and a grade, but of its samples "
     r"96 have no confidence; .*--score"),
    ("good.jsonl --run 1", r"good\.jsonl: run=1 was given, but only SQLite pools hold runs"),
    ("good.jsonl --seed -1", r"--seed must be at least 0, got -1"),
    ("good.jsonl --replicates 0", r"--replicates must be at least 1, got 0; 2000 is usual"),
    ("good.jsonl --calibrate magic", r"A calibration map is one of platt, .*, got 'magic': choose one of them\."),
    ("rewards.jsonl --calibrate beta", r"Beta calibration needs probabilities in \[0, 1\], got scores from .*"),
    ("few.jsonl --calibrate platt", r"fitting on one half and scoring the other needs at least 4 questions.*has 3"),
    ("good.jsonl --score magic", r".*'magic'.*"),
    ("good.jsonl --score mean_logprob", r"good\.jsonl: question 'synthetic-0': .*"),
    ("good.jsonl --plot new.gif", r"plot new\.gif must end in \.png, \.svg or \.pdf"),
    ("good.jsonl --json nowhere/new.json", r"cannot write nowhere/new\.json: the folder .* does not exist"),
    ("good.jsonl --json good.jsonl", r"cannot write good\.jsonl: it is an input of this command; give another name"),
    ("good.jsonl --json a.svg --plot a.svg", r"cannot write a\.svg twice: .*"),
    ("good.jsonl --replicates many", r"Invalid value for '--replicates': .*; see `tts reliability --help`"),
]  # fmt: skip


@pytest.fixture(scope="session")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pools; tests may not change it."""
    folder = tmp_path_factory.mktemp("bad")
    write_jsonl(POOL, folder / "good.jsonl")
    write_jsonl(changed(raw), folder / "rewards.jsonl")
    write_jsonl(changed(lambda s: replace(s, confidence=None)), folder / "counted.jsonl")
    write_jsonl(replace(POOL, entries=POOL.entries[:3]), folder / "few.jsonl")
    return folder


@pytest.mark.parametrize(("arguments", "sentence"), BAD, ids=[row[0] for row in BAD])
def test_bad_input_is_one_sentence_and_status_2(
    tts: Tts, bad: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, sentence: str
) -> None:
    monkeypatch.chdir(bad)
    before = {path.name: path.read_bytes() for path in bad.iterdir()}
    ran = tts("reliability", *arguments.split())
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(rf"tts: {sentence}\n", ran.err), ran.err
    assert {path.name: path.read_bytes() for path in bad.iterdir()} == before
