"""``tts decide`` and ``tts rerank``: JSON Lines in a file or on standard output, as a live run decides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tts as front
from tests.cli.cases import FAKE, POOL, Tts
from tts.pool import PoolStore, RunKey, Score, load_pool, write_jsonl
from tts.types import Problem, Sample


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_it_decides_as_the_live_run_did(tts: Tts, tmp_path: Path) -> None:
    pool, report = tmp_path / "run.sqlite", tmp_path / "run.json"
    names = ("self_consistency", "esc", "cges", "best_of_n", "adaptive_consistency")
    ran = tts(
        "run", *FAKE, "task.questions=12", "budget=6", "scorer=watched", f"strategies=[{','.join(names)}]",
        f"out={pool}", "--json", report,
    )  # fmt: skip
    assert ran.status == 0, ran.err
    for strategy in json.loads(report.read_text())["strategies"]:
        found = tts("decide", pool, f"strategy={strategy['name']}", "budget=6", "--quiet")
        assert found.status == 0, found.err
        for live, again in zip(strategy["decisions"], lines(found.out), strict=True):
            assert (again["id"], again["answer"], again["samples"]) == (live["id"], live["answer"], live["samples"])
            share = live["vote_share"]
            assert again["vote_share"] == (None if share is None else pytest.approx(share))
            assert again["stopped_by"] == live["reason"]
            assert again["p_correct"] is None  # this scorer went through no calibration map


def test_the_file_and_standard_output_and_python_are_the_same(tts: Tts, pool: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    for _ in range(2):  # its own file is replaced
        ran = tts("decide", pool, "--strategy", "esc", "--budget", "6", "--out", out)
        assert ran.status == 0 and ran.out.startswith(f"wrote {out}: 12 decisions, "), ran.err
    assert tts("decide", pool, "strategy=esc", "budget=6", "--quiet").out == out.read_text()
    found = front.decide(pool, strategy="esc", budget=6)
    shown = [(d["id"], d["answer"], d["samples"], d["tokens"]) for d in lines(out.read_text())]
    assert shown == [(d.id, d.answer, list(d.samples), d.tokens) for d in found]
    assert lines(out.read_text())[0]["sample"]["index"] == found[0].speaker.index  # type: ignore[union-attr]


def test_a_ranking_is_the_same_everywhere_and_needs_no_gold(tts: Tts, pool: Path, tmp_path: Path) -> None:
    out = tmp_path / "ranked.jsonl"
    assert tts("rerank", pool, "scorer=confidence", f"out={out}").out == f"wrote {out}: 12 questions by confidence\n"
    assert tts("rerank", pool, "scorer=confidence").out == out.read_text()
    found = front.rerank(pool, scorer="confidence")
    for ranking, line in zip(found, lines(out.read_text()), strict=True):
        scores = [one["score"] for one in line["samples"]]
        assert scores == sorted(scores, reverse=True) and [one["rank"] for one in line["samples"]] == [*range(1, 9)]
        assert [one.sample.index for one in ranking.samples] == [one["index"] for one in line["samples"]]


def test_a_pool_without_gold_answers_decides_and_compare_says_so(tts: Tts, tmp_path: Path) -> None:
    path = tmp_path / "plain.jsonl"
    path.write_text('{"id": "q1", "question": "?", "samples": [{"answer": "7"}, {"answer": "7"}, {"answer": "9"}]}\n')
    [decision] = lines(tts("decide", path).out)
    assert decision == {
        "strategy": "self_consistency", "id": "q1", "answer": "7", "p_correct": None, "vote_share": 2 / 3,
        "samples": [0, 1, 2], "tokens": None, "stopped_by": "budget", "sample": {"index": 0, "text": ""},
    }  # fmt: skip
    refused = tts("compare", path)
    assert refused.status == 2 and "`tts decide` and `tts rerank` need neither" in refused.err
    assert tts("pool", "info", path).status == 0


def test_a_calibration_file_makes_p_correct(tts: Tts, pool: Path, tmp_path: Path) -> None:
    card = tmp_path / "map.json"
    fitted = tts("calibrate", pool, "score=confidence", f"out={card}")
    assert fitted.status == 0 and "platt map of confidence (as recorded)" in fitted.out, fitted.err
    ran = tts("decide", pool, "strategy=cges", f"calibration={card}")
    assert ran.status == 0 and all(0 < d["p_correct"] < 1 for d in lines(ran.out)), ran.err
    other = tts("decide", pool, "strategy=cges", f"calibration={card}", "score=frequency")
    refusal = "fitted for scorer 'confidence (as recorded)' and used for 'self_consistency'"
    assert other.status == 2 and refusal in other.err


@pytest.mark.parametrize("command", ["decide", "rerank"])
def test_no_foreign_file_is_replaced(tts: Tts, pool: Path, tmp_path: Path, command: str) -> None:
    options = ["scorer=confidence"] if command == "rerank" else []
    foreign = tmp_path / "mine.jsonl"
    write_jsonl(POOL, foreign)
    for more in ((), ("--force",)):
        ran = tts(command, pool, *options, f"out={foreign}", *more)
        assert ran.status == 2 and "no JSON Lines file replaces it" in ran.err
    assert load_pool(foreign).questions == 12
    assert tts(command, pool, *options, f"out={pool}").status == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run=x"], "run must be the number of a run, or several such as 1,2, got 'x'"),
        (["run=1,2"], "run=1,2 was given, but only SQLite pools hold runs"),
        (["budget=0"], "budget must be at least 1, got 0"),
        (["answers=words"], "unknown kind of answers 'words'"),
        (["strategy=cgs"], "did you mean cges?"),
    ],
)
def test_bad_input_is_one_sentence(tts: Tts, pool: Path, arguments: list[str], sentence: str) -> None:
    ran = tts("decide", pool, *arguments)
    assert (ran.status, ran.out) == (2, "") and sentence in ran.err and ran.err.count("\n") == 1


def test_scores_of_any_scale_are_calibrated_by_their_label(tts: Tts, tmp_path: Path) -> None:
    """Logits of a reward model, as another program writes them."""
    path, card = tmp_path / "rewards.jsonl", tmp_path / "map.json"
    logits = {"7": [4.5, 7.0], "8": [-3.0, 5.0]}
    questions = [
        {
            "id": f"q{i}", "question": "?", "gold": "7",
            "samples": [{"answer": "7", "scores": {"reward": logits["7"][i % 2]}},
                        {"answer": "8", "scores": {"reward": logits["8"][(i + 1) % 2]}}],
        }
        for i in range(8)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(one) + "\n" for one in questions))
    refused = tts("decide", path, "strategy=best_of_n", "score=reward")
    assert refused.status == 2 and "the confidences span [-3, 7]" in refused.err
    fitted = tts("calibrate", path, "score=reward", f"out={card}")
    assert fitted.status == 0 and "platt map of reward (as recorded), fitted on 16 answers" in fitted.out, fitted.err
    ran = tts("decide", path, "strategy=best_of_n", f"calibration={card}")
    found = lines(ran.out)
    assert ran.status == 0 and all(0 < one["p_correct"] < 1 for one in found), ran.err
    assert [one["answer"] for one in found] == ["8" if i % 2 == 0 else "7" for i in range(8)]


def test_calibrated_scores_are_not_mapped_again(tts: Tts, tmp_path: Path) -> None:
    pool = tmp_path / "runs.sqlite"
    with PoolStore.create_or_open(pool) as store:
        store.add_problem(Problem("q", "?", "7"))
        judge = store.open_scorer("judge", {"name": "judge", "calibration": {"kind": "platt"}})
        samples = [Sample("a", "7"), Sample("b", "8", index=1)]
        run = store.open_run(RunKey("m"), {}, scorer=judge)
        store.add(run, "q", samples, [True, False], scores={judge: {0: Score(0.9), 1: Score(0.2)}})
    refused = tts("calibrate", pool, "score=judge", f"out={tmp_path / 'map.json'}")
    assert refused.status == 2 and "the scores 'judge' are calibrated already" in refused.err
    [decision] = lines(tts("decide", pool, "strategy=best_of_n", "--quiet").out)
    assert (decision["answer"], decision["p_correct"]) == ("7", 0.9)


def test_scores_that_a_run_calibrated_make_its_p_correct(tts: Tts, calibration: Path, tmp_path: Path) -> None:
    pool, report = tmp_path / "run.sqlite", tmp_path / "run.json"
    ran = tts(
        "run", *FAKE, "task.questions=6", "budget=6", "scorer=watched", f"fit={calibration}", "calibrate=platt",
        "strategies=[{name: cges, gamma: 0.9}]", f"out={pool}", "--json", report,
    )  # fmt: skip
    assert ran.status == 0, ran.err
    [strategy] = json.loads(report.read_text())["strategies"]
    found = tts("decide", pool, "strategy={name: cges, gamma: 0.9}", "budget=6", "--quiet")
    for live, again in zip(strategy["decisions"], lines(found.out), strict=True):
        assert (again["answer"], again["samples"]) == (live["answer"], live["samples"]), found.err
        assert again["p_correct"] == pytest.approx(live["p_correct"])
