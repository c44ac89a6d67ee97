"""The scorer that recorded scores stand for in a calibration file: raw scores under the name that a live run maps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evals.replay.provenance import is_calibrated, provenance_of, reference_of
from tests.pool.cases import small_pool
from tts.errors import InputError
from tts.pool import Entry, Pool, PoolStore, RunKey, Score, read_pool
from tts.scorers.calibration.reference import Reference
from tts.types import Problem, Sample, Trace

KEYS = {
    "p_true": {"name": "p_true"},
    "reward": {"name": "reward", "path": "d"},
    "reward-2": {"name": "reward", "path": "d", "raw": True},
    "p_true-2": {"name": "p_true", "calibration": {}},
    "mine": {"name": "mine"},
    "p_true-3": {"name": "p_true", "model": "judge", "revision": "r9"},
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("scores") / "p.sqlite"
    with PoolStore.create_or_open(made) as store:
        store.add_problem(Problem("q", "?"))
        scorers = [store.open_scorer(str(key["name"]), key) for key in KEYS.values()]
        run = store.open_run(RunKey("m", "r1", "Q: {question}", {"logprob_mode": "scaled", "temperature": 1}), {})
        store.add(run, "q", [Sample("a", "7")], scores={number: {0: Score(0.5)} for number in scorers})
        for template in ("{question}", "Q: {question}"):
            store.add(store.open_run(RunKey("m", "r1", template), {}), "q", [Sample("b", "7")])
    return made


def test_each_label_has_its_name(path: Path) -> None:
    pool = read_pool(path, run=1)
    assert set(pool.scorers) == set(KEYS)
    found = {label: provenance_of(pool, label).scorer for label in (*KEYS, "deepconf_tail", "confidence")}
    assert found == {
        "p_true": "p_true", "reward": "reward (as recorded)", "reward-2": "reward", "p_true-2": "p_true",
        "mine": "mine (as recorded)", "p_true-3": "p_true", "deepconf_tail": "deepconf_tail(window=32)",
        "confidence": "confidence (as recorded)",
    }  # fmt: skip
    assert [label for label in KEYS if is_calibrated(pool, label)] == ["p_true-2"]
    whole = provenance_of(pool, "p_true")
    assert (whole.model, whole.prompt_template, whole.logprob_mode) == ("m@r1", "Q: {question}", "scaled")
    assert (whole.sampling, whole.source) == ("temperature=1.0", "own draws")


def test_texts_of_another_writer_have_that_source(path: Path) -> None:
    pool = read_pool(path, run=1)
    read = provenance_of(pool, "p_true-3")
    assert (read.model, read.source) == ("judge@r9", "m@r1")
    assert provenance_of(pool, "p_true", source="people").source == "people"


def test_the_reference_is_the_first_scored_sample_of_each_question() -> None:
    def sample(index: int, confidence: float | None, logprob: float) -> Sample:
        return Sample("a", "7", confidence=confidence, index=index, trace=Trace((logprob,)))

    silent = Sample("no answer", trace=Trace((-9.0,)))
    entries = (
        Entry(Problem("1", "?"), (silent, sample(1, 0.7, -2.0), sample(2, 0.9, -5.0)), (None,) * 3),
        Entry(Problem("2", "?"), (sample(0, None, -4.0), sample(1, 0.2, -1.0)), (None,) * 2),
        Entry(Problem("3", "?"), (silent,), (None,)),
    )
    assert reference_of(Pool("p", "", entries)) == Reference((0.2, 0.7), (-2.0, -1.0))


def test_one_map_holds_for_one_model_and_prompt(path: Path) -> None:
    with pytest.raises(InputError, match=r"one sampling and the runs have '' and 'temperature=1.0': name one run"):
        provenance_of(read_pool(path, run=(1, 2)), "p_true")
    with pytest.raises(InputError, match="holds for one prompt and the runs have several: name one run"):
        provenance_of(read_pool(path, run=(2, 3)), "p_true")
    one, other = small_pool().entries
    mixed = replace(small_pool(), entries=(one, replace(other, meta={"model": "n"})))
    with pytest.raises(InputError, match="the pool names 'm', 'n': split it by model"):
        provenance_of(mixed, "confidence")
