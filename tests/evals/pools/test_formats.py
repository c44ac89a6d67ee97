"""Files of other tools: what each of them holds comes into the pool."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from evals.pools.importing import gather
from tests.evals.pools.cases import (
    JACK,
    RIGHT,
    TOM,
    WRONG,
    answers_of,
    document,
    imported,
    inspect_log,
    inspect_sample,
    lines,
    log_line,
    output,
    request,
    vllm_output,
)
from tts.errors import InputError
from tts.types import End, Usage

LOG = "samples_own_math_2026-11-29T02-20-55.335670.jsonl"


def test_a_log_of_the_harness_has_its_task_and_each_reply_once(tmp_path: Path) -> None:
    log = lines(
        tmp_path / LOG,
        log_line(0, JACK, "#### 19", RIGHT, WRONG),
        log_line(1, TOM, "#### 7", "#### 7", "no idea"),
        log_line(0, JACK, "#### 19", RIGHT, WRONG, filter_="flexible-extract"),
        log_line(1, TOM, "#### 7", "#### 7", "no idea", filter_="flexible-extract"),
    )
    document(tmp_path / "results_2026-11-29T02-20-55.335670.json", {"model_name": "own/model"})
    pool = imported(tmp_path, log)
    assert [entry.problem.id for entry in pool.entries] == ["own_math-0", "own_math-1"]
    assert [entry.problem.question for entry in pool.entries] == [JACK, TOM]
    assert [entry.problem.gold for entry in pool.entries] == ["19", "7"] and pool.entries[0].problem.task == "own_math"
    assert answers_of(pool) == [["19", "18"], ["7", None]] and pool.models == ("own/model",)
    assert pool.entries[1].correct == (True, False)


def test_likelihoods_are_no_samples(tmp_path: Path) -> None:
    line = {**log_line(0, JACK, "1"), "resps": [[["-1.0", "False"]], [["-2.0", "False"]]]}
    with pytest.raises(InputError, match=r"line 1: its task compares the likelihoods of options"):
        gather([str(lines(tmp_path / LOG, line))])


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, 93])
def test_a_log_of_inspect_has_its_epochs_as_samples(tmp_path: Path, compression: int) -> None:
    samples = [
        inspect_sample(1, 1, JACK, "19", RIGHT),
        inspect_sample(2, 1, TOM, "7", "7"),
        inspect_sample(1, 2, JACK, "19", WRONG),
        {**inspect_sample(2, 2, TOM, "7", ""), "output": {"choices": []}, "error": {"message": "no\nserver"}},
    ]
    log = inspect_log(*samples)
    pool = imported(tmp_path, document(tmp_path / "log.json", log))
    assert answers_of(pool) == [["19", "18"], ["7", None]] and pool.models == ("m/one",)
    first, failed = pool.entries[0].samples[0], pool.entries[1].samples[1]
    assert first.trace.logprobs == (-0.1, -0.2) and first.usage == Usage(prompt=20, delivered=2)
    assert (failed.end, failed.error) == (End.FAILED, "no server")
    archive = tmp_path / "log.eval"
    write_archive(archive, log, compression)
    assert imported(tmp_path, archive).entries == pool.entries


def write_archive(path: Path, log: dict[str, object], compression: int) -> None:
    """Write a log as Inspect's archive; Zstandard by hand, since zipfile knows it from Python 3.14 on."""
    import pyarrow as pa

    members = {"header.json": {key: value for key, value in log.items() if key != "samples"}}
    for sample in log["samples"]:  # type: ignore[attr-defined]
        members[f"samples/{sample['id']}_epoch_{sample['epoch']}.json"] = sample
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            data = json.dumps(content).encode()
            if compression == 93:
                sink = pa.BufferOutputStream()
                with pa.CompressedOutputStream(sink, "zstd") as stream:
                    stream.write(data)
                data = sink.getvalue().to_pybytes()
            archive.writestr(name, data, zipfile.ZIP_STORED if compression == 93 else compression)
    if compression == 93:
        raw = bytearray(path.read_bytes())
        for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
            at = raw.find(mark)
            while at >= 0:
                raw[at + offset : at + offset + 2] = (93).to_bytes(2, "little")
                at = raw.find(mark, at + 4)
        path.write_bytes(raw)


def test_the_options_of_inspect_are_letters(tmp_path: Path) -> None:
    sample = inspect_sample(1, 1, "Two and two?", "B", "ANSWER: B", choices=["3", "4", "5"])
    entry = imported(tmp_path, document(tmp_path / "log.json", inspect_log(sample))).entries[0]
    assert entry.problem.question == "Two and two?\nA. 3\nB. 4\nC. 5"
    assert (entry.samples[0].answer, entry.correct) == ("B", (True,))


def test_the_outputs_of_a_batch_find_their_requests_and_right_answers(tmp_path: Path) -> None:
    requests = lines(tmp_path / "requests.jsonl", request("a", JACK), request("b", TOM), request("c", JACK))
    failed = {"custom_id": "b", "response": None, "error": {"message": "rate limit"}}
    outputs = lines(tmp_path / "out.jsonl", output("c", WRONG), output("a", RIGHT, RIGHT), failed)
    golds = lines(tmp_path / "gold.jsonl", {"question": JACK, "answer": "#### 19"}, {"question": TOM, "answer": "7"})
    pool = imported(tmp_path, outputs, requests, golds)
    assert [entry.problem.question for entry in pool.entries] == [JACK, TOM]
    assert answers_of(pool) == [["18", "19", "19"], [None]] and pool.entries[0].correct == (False, True, True)
    assert pool.entries[0].samples[0].trace.logprobs == (-0.5,)
    assert pool.entries[0].samples[0].usage == Usage(prompt=9, delivered=7)
    alone = imported(tmp_path, requests, outputs)
    assert alone.entries[0].problem.question == f"{JACK} Think." and alone.entries[0].correct == (None, None, None)
    with pytest.raises(InputError, match="give the file of questions or requests too"):
        gather([str(outputs)])


def test_the_outputs_of_vllm_keep_tokens_and_logprobs(tmp_path: Path) -> None:
    golds = lines(tmp_path / "gold.jsonl", {"question": JACK, "answer": "19", "id": 4})
    pool = imported(tmp_path, lines(tmp_path / "v.jsonl", vllm_output(f"Q: {JACK}\nA:", RIGHT, WRONG)), golds)
    entry = pool.entries[0]
    assert (entry.problem.id, entry.problem.question, entry.correct) == ("4", JACK, (True, False))
    assert entry.samples[0].token_ids == (5, 6) and entry.samples[0].trace.logprobs == (-0.1, -0.2)
    assert entry.samples[0].end is End.LENGTH and entry.samples[0].usage == Usage(prompt=3, delivered=2)
    listed = document(tmp_path / "v.json", [vllm_output(JACK, RIGHT)])
    assert answers_of(imported(tmp_path, listed)) == [["19"]]


def test_simple_evals_and_opencompass(tmp_path: Path) -> None:
    convo = [{"role": "user", "content": JACK}, {"role": "assistant", "content": RIGHT}]
    page = "<p>Correct Answer: 19</p>\n<p>Extracted Answer: 19</p>"
    results = document(tmp_path / "mgsm_m_allresults.json", {"score": 1.0, "htmls": [page], "convos": [convo]})
    entry = imported(tmp_path, results).entries[0]
    assert (entry.problem.question, entry.problem.gold, entry.correct) == (JACK, "19", (True,))
    asked = [{"role": "HUMAN", "prompt": JACK}]
    predictions = {"0": {"origin_prompt": asked, "prediction": [RIGHT, WRONG], "gold": "19"}}
    entry = imported(tmp_path, document(tmp_path / "gsm8k.json", predictions)).entries[0]
    assert (entry.problem.id, entry.problem.question, entry.correct) == ("gsm8k-0", JACK, (True, False))


@pytest.mark.parametrize(
    "rows",
    [
        [log_line(0, JACK, "19", RIGHT), {"question": JACK, "answers": ["19"]}],
        [request("a", JACK), output("a", RIGHT)],
        [output("a", RIGHT), request("a", JACK)],
        [vllm_output(JACK, RIGHT), {"question": JACK, "answers": ["19"]}],
        [{"question": JACK, "answers": ["19"]}, {"problem": TOM, "text": "7"}],
    ],
)
def test_a_mixed_file_gets_a_sentence_with_its_line_and_keys(tmp_path: Path, rows: list[object]) -> None:
    with pytest.raises(InputError, match=r"mixed\.jsonl, line 2: .*it has \w+, "):
        gather([str(lines(tmp_path / "mixed.jsonl", *rows))])
