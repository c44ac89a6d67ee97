"""``tts calibrate`` and ``tts compare --score``: what they write, and one sentence for bad input."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evals.replay.rescore import graded, rescored
from evals.replay.synthetic import synthetic_pool
from tests.cli.cases import Tts
from tests.support.grace_cases import graced
from tts.errors import InputError
from tts.pool import Pool, PoolStore, RunKey, load_pool, write_jsonl
from tts.scorers.calibration.calibration_file import Provenance, load_calibration, load_reference
from tts.scorers.calibration.maps import fit_map
from tts.scorers.calibration.promise_file import load_promise
from tts.scorers.stacking.features import FEATURES
from tts.scorers.stacking.stacked import fit_stacked, load_stacked
from tts.types import Trace

FAST = ("permutations=5", "replicates=50")


def with_logprobs(pool: Pool) -> Pool:
    rng = np.random.default_rng(0)
    entries = []
    for entry in pool.entries:
        traces = (
            replace(s.trace, logprobs=tuple((-rng.gamma(1.0, 0.1 if right else 0.2, 5)).tolist()))
            for s, right in zip(entry.samples, entry.correct, strict=True)
        )
        entries.append(
            replace(entry, samples=tuple(replace(s, trace=t) for s, t in zip(entry.samples, traces, strict=True)))
        )
    return replace(pool, entries=tuple(entries))


POOL = with_logprobs(synthetic_pool(questions=12, samples=8))


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calibrate") / "pool.jsonl"
    write_jsonl(POOL, path)
    return path


GRACE_POOL = graced(synthetic_pool(questions=24, samples=8))


@pytest.fixture(scope="session")
def grace_pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calibrate") / "grace.jsonl"
    write_jsonl(GRACE_POOL, path)
    return path


def pairs(pool: Pool, score: str, window: int = 32) -> tuple[list[Any], list[Any]]:
    found = [
        (s.confidence, y)
        for e in rescored(pool, score, window=window).entries
        for s, y in zip(e.samples, e.correct, strict=True)
        if s.answer is not None and y is not None
    ]
    return [c for c, _ in found], [y for _, y in found]


@pytest.mark.parametrize("kind", ["platt", "isotonic", "temperature"])
def test_the_file_holds_the_map_of_all_graded_answers(tts: Tts, pool: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "c.json"
    ran = tts("calibrate", pool, "--score", "mean_logprob", "--map", kind, "--out", out)
    assert (ran.status, ran.err) == (0, "")
    scores, right = pairs(POOL, "mean_logprob")
    assert ran.out == (
        f"wrote {out}: {kind} map of mean_logprob, fitted on {len(scores)} answers of 12 questions, "
        f"{100 * sum(right) / len(right):.1f} % of them right (model simulated)\n"
    )
    loaded = load_calibration(out, Provenance("simulated", "mean_logprob"))
    assert loaded == fit_map(kind, scores, right)
    reference = load_reference(out, Provenance("simulated", "mean_logprob"))
    assert reference is not None and len(reference.scores) == len(reference.logprobs) == 12


def test_the_window_is_part_of_the_name(tts: Tts, pool: Path, tmp_path: Path) -> None:
    out = tmp_path / "c.json"
    assert tts("calibrate", pool, "--score", "deepconf_tail", "--out", out, "--window", "9").status == 0
    loaded = load_calibration(out, Provenance("simulated", "deepconf_tail(window=9)"))
    assert loaded == fit_map("platt", *pairs(POOL, "deepconf_tail", 9))
    with pytest.raises(InputError, match=r"fitted for scorer 'deepconf_tail\(window=9\)' and used for 'deepconf_tail"):
        load_calibration(out, Provenance("simulated", "deepconf_tail(window=32)"))


def test_a_reading_of_the_confidence_token_goes_by_the_scorers_name(tts: Tts, grace_pool: Path, tmp_path: Path) -> None:
    for score, name in (("grace", "grace"), ("grace_min", "grace(reading=min)")):
        out = tmp_path / f"{score}.json"
        ran = tts("calibrate", grace_pool, "--score", score, "--out", out)
        assert (ran.status, ran.err) == (0, "") and f"platt map of {name}, fitted on" in ran.out
        assert load_calibration(out, Provenance("simulated", name)) == fit_map("platt", *pairs(GRACE_POOL, score))


def test_stacked_weights_are_those_of_all_graded_answers(tts: Tts, grace_pool: Path, tmp_path: Path) -> None:
    out = tmp_path / "s.json"
    ran = tts("calibrate", grace_pool, "--score", "stacked", "--out", out)
    found = graded(GRACE_POOL)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(
        f"wrote {out}: stacked weights of {', '.join(FEATURES)}, fitted on {len(found)} answers of 24 questions, "
    )
    fitted = load_stacked(out, Provenance("simulated", "stacked"))
    assert fitted == fit_stacked([s for s, _ in found], [y for _, y in found])
    with pytest.raises(InputError, match="is no calibration file"):
        load_calibration(out, Provenance("simulated", "stacked"))


def test_stacked_weights_serve_live_runs_of_the_same_model_and_no_other_prompt(tts: Tts, tmp_path: Path) -> None:
    from tts.engines.fake.engine import WATCHED
    from tts.models.grace import GraceCard, write_card

    write_card(tmp_path, GraceCard("<CNF>", WATCHED))
    drawn, weights, live = (tmp_path / name for name in ("cal.sqlite", "s.json", "run.sqlite"))
    fake = ("run", "engine.kind=fake", "budget=4", f"scorer.card={tmp_path}")
    done = tts(
        *fake, "task.split=calibration", "task.questions=12", "scorer.name=grace", "scorer.reading=min", f"out={drawn}"
    )
    assert done.status == 0
    assert tts("calibrate", drawn, "--score", "stacked", "--out", weights).status == 0
    command = (*fake, "task.questions=6", "scorer.name=stacked", f"scorer.weights={weights}", "strategies=[grace_sc]")
    assert tts(*command, f"out={live}").status == 0
    with PoolStore.read(live) as store:
        (run,) = store.runs()
        key = store.scorers()["stacked"]
    sampling = "temperature=0.8 top_p=1.0 top_k=0"
    fitted = load_stacked(weights, Provenance("fake", "stacked", run.key.prompt_template, sampling=sampling))
    assert key == {"name": "stacked", "weights": fitted.to_dict(), "token_id": WATCHED}
    samples = [s for e in load_pool(live).entries for s in e.samples]
    assert [s.confidence for s in samples] == pytest.approx(fitted.score(samples).tolist(), abs=1e-12)
    mapped = tts(*command, f"fit={drawn}", "calibrate=platt", f"out={tmp_path / 'mapped.sqlite'}")
    assert mapped.status == 0 and "scorer stacked" in mapped.out
    refused = tts(*command, "task.template='Asked: {question}'", f"out={tmp_path / 'other.sqlite'}")
    assert refused.status == 2 and "fitted for prompt_template" in refused.err
    hotter = tts(*command, "engine.temperature=1.2", f"out={tmp_path / 'hot.sqlite'}")
    sentence = f"fitted for sampling {sampling!r} and used for {sampling.replace('0.8', '1.2')!r}"
    assert hotter.status == 2 and sentence in hotter.err


@pytest.mark.parametrize("score", ["grace", "grace_min", "grace_step", "grace_mean", "stacked"])
def test_compare_plays_on_scores_of_the_confidence_token(
    tts: Tts, grace_pool: Path, tmp_path: Path, score: str
) -> None:
    target = tmp_path / "c.json"
    names = ("--strategies", "self_consistency,grace_sc,grace_es")
    ran = tts("compare", grace_pool, *FAST, *names, "--score", score, "--json", target)
    assert (ran.status, ran.err) == (0, "")
    rows = {row["name"]: row for row in json.loads(target.read_text())["strategies"]}
    assert rows["grace_es"]["samples"] <= rows["grace_sc"]["samples"] == 8


def test_the_provenance_of_a_run_is_its_key(tts: Tts, tmp_path: Path) -> None:
    path, out = tmp_path / "p.sqlite", tmp_path / "c.json"
    known = Provenance("tiny", "mean_logprob", "Q: {question}", sampling="temperature=1.0")
    with PoolStore.create_or_open(path) as store:
        store.add_problems(e.problem for e in POOL.entries)
        for revision in ("", "r2"):
            run = store.open_run(RunKey("tiny", revision, "Q: {question}", {"temperature": 1.0}), {})
            for entry in POOL.entries:
                store.add(run, entry.problem.id, entry.samples, entry.correct)
    latest = tts("calibrate", path, "--score", "mean_logprob", "--out", out)
    assert latest.status == 0 and "run 2, the latest of 2" in latest.err
    load_calibration(out, replace(known, model="tiny@r2"))
    assert tts("calibrate", path, "--score", "mean_logprob", "--out", out, "--run", 1).status == 0
    load_calibration(out, known)
    assert tts("calibrate", path, "--score", "mean_logprob", "--out", out, "--run", 2, "--force").status == 0
    load_calibration(out, replace(known, model="tiny@r2"))


def test_bad_input_gets_one_sentence_and_nothing_is_written(tts: Tts, pool: Path, tmp_path: Path) -> None:
    out = tmp_path / "c.json"

    def refused(sentence: str, *arguments: str | Path, path: Path = pool) -> None:
        ran = tts("calibrate", path, "--out", out, *arguments)
        assert ran.status == 2 and sentence in ran.err and ran.err.count("\n") == 1, ran
        assert not out.exists()

    refused("unknown score 'x': allowed are cocoa_msp, ", "--score", "x")
    refused("reads entropies and sample 0 has none", "--score", "entropy")
    refused("'cubic'", "--score", "mean_logprob", "--map", "cubic")
    refused("--window must be at least 1, got 0", "--score", "deepconf_tail", "--window", "0")
    refused("--map platt does not apply to --score stacked, whose weights", "--score", "stacked", "--map", "platt")
    refused("Beta calibration needs probabilities in [0, 1]", "--score", "mean_logprob", "--map", "beta")
    bare, mixed = tmp_path / "bare.jsonl", tmp_path / "mixed.jsonl"
    ungraded = tuple(
        replace(e, problem=replace(e.problem, gold=None), correct=(None,) * len(e.samples)) for e in POOL.entries
    )
    write_jsonl(replace(POOL, entries=ungraded), bare)
    refused("calibration needs graded answers and the pool has none", "--score", "mean_logprob", path=bare)
    plain = tmp_path / "plain.jsonl"
    blind = (replace(e, samples=tuple(replace(s, trace=Trace()) for s in e.samples)) for e in POOL.entries)
    write_jsonl(replace(POOL, entries=tuple(blind)), plain)
    refused("score stacked takes feature mean_logprob: ", "--score", "stacked", path=plain)
    two = tuple(replace(e, meta={"model": f"m{i % 2}"}) for i, e in enumerate(POOL.entries))
    write_jsonl(replace(POOL, entries=two), mixed)
    refused("holds for one model and the pool names 'm0', 'm1'", "--score", "mean_logprob", path=mixed)


def test_a_file_that_is_there_is_replaced_only_by_force(tts: Tts, pool: Path, tmp_path: Path) -> None:
    out = tmp_path / "c.json"
    out.write_text("mine")
    command = ("calibrate", pool, "--score", "frequency", "--out", out)
    ran = tts(*command)
    assert ran.status == 2 and "exists already" in ran.err and out.read_text() == "mine"
    assert tts(*command, "--force").status == 0
    load_calibration(out, Provenance("simulated", "self_consistency"))
    assert tts(*command, "--force", "source=people").status == 0
    load_calibration(out, Provenance("simulated", "self_consistency", source="people"))


def test_compare_reads_the_score_that_is_named(tts: Tts, pool: Path, tmp_path: Path) -> None:
    def found(*arguments: str) -> dict[str, Any]:
        target = tmp_path / "c.json"
        ran = tts("compare", pool, *FAST, *arguments, "--json", target)
        assert (ran.status, ran.err) == (0, "")
        loaded: dict[str, Any] = json.loads(target.read_text())
        assert (f"score {loaded['pool']['score']}" in ran.out) == (loaded["pool"]["score"] is not None)
        return loaded

    plain, scored = found(), found("--score", "mean_logprob")
    assert plain["pool"]["score"] is None and scored["pool"]["score"] == "mean_logprob"
    assert plain["curves"]["maj"] == scored["curves"]["maj"]
    assert plain["curves"]["best_of"] != scored["curves"]["best_of"]
    deep = found("--score", "deepconf_lowest", "--calibrate", "platt", "window=16")
    assert {row["name"]: row["params"] for row in deep["strategies"]}["deepconf_online"]["window"] == 16
    names = ("--strategies", "self_consistency,deepconf_online")
    assert [r["name"] for r in found(*names, "--score", "deepconf_lowest")["strategies"]] == [
        "self_consistency",
        "deepconf_online",
    ]


def test_compare_refuses_a_raw_score_without_calibration_and_traces_it_lacks(
    tts: Tts, pool: Path, tmp_path: Path
) -> None:
    ran = tts("compare", pool, *FAST, "--score", "deepconf_lowest")
    assert ran.status == 2 and ran.err.startswith(
        "tts: score deepconf_lowest is no probability: map it with --calibrat"
    )
    bare = tmp_path / "bare.jsonl"
    entries = (replace(e, samples=tuple(replace(s, trace=Trace()) for s in e.samples)) for e in POOL.entries)
    write_jsonl(replace(POOL, entries=tuple(entries)), bare)
    ran = tts("compare", bare, *FAST)
    assert ran.status == 0
    assert "left out (reads the top-k confidences of every token, and the pool has none: " in ran.out
    ran = tts("compare", bare, *FAST, "--strategies", "deepconf_online")
    assert ran.status == 2 and "strategy deepconf_online reads the top-k confidences" in ran.err
    ran = tts("compare", bare, *FAST, "--score", "mean_logprob")
    assert ran.status == 2 and "reads log-probabilities and sample 0 has none" in ran.err


def test_a_promise_is_written_with_its_sentence_and_holds_for_its_way_alone(tts: Tts, tmp_path: Path) -> None:
    drawn, out = tmp_path / "p.jsonl", tmp_path / "promise.json"
    write_jsonl(synthetic_pool(questions=300, samples=5), drawn)
    command = ("calibrate", drawn, "draws=4", f"out={out}")
    ran = tts(*command, "promise=alpha=0.25,delta=0.1")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(
        f"wrote {out}: of the answers let through at most 25 % are wrong, with probability 90 % over the calibration "
        "questions; draw(4) lets "
    )
    here = Provenance("simulated", "confidence (as recorded)", source="bare")
    promise = load_promise(out, here, "draw(4)")
    assert (promise.alpha, promise.delta, promise.questions) == (0.25, 0.1, 300)
    with pytest.raises(InputError, match=r"fitted for how 'draw\(4\)' and used for 'draw\(8\)': fit a promise file"):
        load_promise(out, here, "draw(8)")
    mapped = tts(*command, "--force")
    assert mapped.status == 0 and "platt map of draw(4), fitted on one answer of each of 29" in mapped.out
    load_calibration(out, here, "draw(4)")
    few = tts(*command, "--force", "promise=alpha=0.02,delta=0.1")
    assert few.status == 2 and "at the rates seen about" in few.err
    both = tts(*command, "--force", "promise=alpha=0.1,delta=0.1", "map=platt")
    assert both.status == 2 and "--map platt does not apply to a promise" in both.err


def test_without_a_name_the_score_is_the_one_that_is_recorded(tts: Tts, tmp_path: Path) -> None:
    pool, bare, out = tmp_path / "p.jsonl", tmp_path / "bare.jsonl", tmp_path / "c.json"
    write_jsonl(POOL, pool)
    assert tts("calibrate", pool, f"out={out}").status == 0
    load_calibration(out, Provenance("simulated", "confidence (as recorded)"))
    silent = (replace(e, samples=tuple(replace(s, confidence=None) for s in e.samples)) for e in POOL.entries)
    write_jsonl(replace(POOL, entries=tuple(silent)), bare)
    refused = tts("calibrate", bare, "--force", f"out={out}")
    assert refused.status == 2 and "has no recorded score: give score=NAME" in refused.err
