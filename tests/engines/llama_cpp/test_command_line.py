"""The command line against llama.cpp's server of a real chat model, with a URL and a model's name alone."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")

from tests.cli.cases import Ran, Tts, process
from tests.engines.llama_cpp.server import NAME, LlamaServer
from tts.pool import Pool, load_pool
from tts.types import End, Usage

pytestmark = pytest.mark.slow

PROBED = 64
"""The most tokens that the two requests before the first draw read or draw, each."""


@pytest.fixture(scope="module")
def server() -> Iterator[LlamaServer]:
    made = LlamaServer()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("llama") / "questions.jsonl"
    rows = [("What is 2 + 3?", "5"), ("Ann has 11 beads and buys 8 more. How many beads does she have?", "19")]
    path.write_text("".join(json.dumps({"question": q, "answer": a}) + "\n" for q, a in rows))
    return path


class Drawn:
    """A finished command with the pool and the JSON that it left."""

    def __init__(self, ran: Ran, folder: Path) -> None:
        self.ran, self.text = ran, " ".join((ran.out + " " + ran.err).split())
        assert ran.status == 0, self.text
        self.pool: Pool = load_pool(folder / "out.sqlite")
        self.samples = [sample for entry in self.pool.entries for sample in entry.samples]
        path = folder / "out.json"
        self.json: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        self.usage = sum((sample.usage or Usage() for sample in self.samples), Usage())


def run(tts: Tts, server: LlamaServer, questions: Path, folder: Path, *more: str) -> Drawn:
    """Run ``tts run`` with two samples of each question, at most 40 tokens long."""
    ran = tts(
        "run", questions, "engine.kind=openai", f"engine.model={NAME}", f"engine.openai.urls=[{server.url}]",
        "strategies=[self_consistency]", "budget=2", "engine.max_tokens=40", *more,
        f"out={folder / 'out.sqlite'}", "--json", folder / "out.json",
    )  # fmt: skip
    return Drawn(ran, folder)


def charged(found: Drawn, before: tuple[int, int], after: tuple[int, int]) -> None:
    """Check the ledger against the server's own counters, up to the requests before the first draw."""
    read, drawn = after[0] - before[0], after[1] - before[1]
    assert 0 <= read - (found.usage.prompt + found.usage.prompt_cached) <= 2 * PROBED
    assert 0 <= drawn - found.usage.generated <= 2 * PROBED


def test_a_chat_is_drawn_counted_and_its_truncation_said(
    tts: Tts, server: LlamaServer, questions: Path, tmp_path: Path
) -> None:
    before = server.tokens()
    found = run(tts, server, questions, tmp_path)
    charged(found, before, server.tokens())
    assert f"{NAME} is asked at the server's chat endpoint" in found.text
    assert len(found.samples) == 4 and all(sample.text.strip() for sample in found.samples)
    assert "<|im_" not in "".join(sample.text for sample in found.samples)
    cut = [sample for sample in found.samples if sample.end is End.LENGTH]
    assert all(sample.usage is not None and sample.usage.delivered == 40 for sample in cut)
    assert all(sample.answer is None for sample in cut)
    said = re.search(r"(\d) of 4 samples reached engine\.max_tokens=40", found.text)
    assert (int(said.group(1)) if said else 0) == len(cut)
    assert "estimated" not in found.text and found.usage.prompt_cached > 0


def test_plain_text_is_drawn_with_log_probabilities(
    tts: Tts, server: LlamaServer, questions: Path, tmp_path: Path
) -> None:
    template = "task.template=Question: {question}\nAnswer:"
    found = run(tts, server, questions, tmp_path, "task.chat=false", template, "scorer.name=mean_logprob")
    for sample in found.samples:
        assert sample.confidence is not None and (0 < sample.confidence <= 1 or sample.answer is None)
        assert sample.usage is not None and len(sample.trace.logprobs) in (
            sample.usage.delivered,
            sample.usage.delivered - 1,
        )


def test_a_chat_s_log_probabilities_are_scores(tts: Tts, server: LlamaServer, questions: Path, tmp_path: Path) -> None:
    more = ("scorer.name=mean_logprob", "strategies=[self_consistency,confidence_weighted_voting]")
    found = run(tts, server, questions, tmp_path, *more)
    assert {row["name"] for row in found.json["strategies"]} == {"self_consistency", "confidence_weighted_voting"}
    assert all(0 < (sample.confidence or 0) <= 1 for sample in found.samples if sample.answer is not None)


def test_one_request_draws_several_samples_and_every_token_is_charged(
    tts: Tts, server: LlamaServer, questions: Path, tmp_path: Path
) -> None:
    before = server.tokens()
    found = run(tts, server, questions, tmp_path, "engine.openai.n=true", "lookahead=1")
    after = server.tokens()
    assert len({sample.text for sample in found.samples}) > 2 and "one sample is asked at a time" not in found.text
    assert 0 <= after[1] - before[1] - found.usage.generated <= 2 * PROBED
    firsts = [entry.samples[0].usage for entry in found.pool.entries]
    assert all(usage is not None and usage.prompt + usage.prompt_cached > 40 for usage in firsts)
    assert found.usage.prompt + found.usage.prompt_cached == sum(u.prompt + u.prompt_cached for u in firsts if u)


def test_a_judge_at_the_same_server_scores(tts: Tts, server: LlamaServer, questions: Path, tmp_path: Path) -> None:
    """A model of this size may leave out the answer or the score, so the server's grammar makes it write them."""
    rubric = tmp_path / "rubric.txt"
    rubric.write_text("Rate this solution from 0 to 100.\n\n{answer}")
    answer, score = ({"grammar": f'root ::= "{words} " [1-9] [0-9]'} for words in ("The answer is", "Score:"))
    served = f"{{urls: ['{server.url}'], extra: {json.dumps(score)}}}"
    engine = f"{{kind: openai, model: {NAME}, max_tokens: 30, temperature: 0, openai: {served}}}"
    scorer = f"scorer={{name: judge, attempts: 1, rubric: '{rubric}', engine: {engine}}}"
    ran = tts(
        "run", questions, "engine.kind=openai", f"engine.model={NAME}", f"engine.openai.urls=[{server.url}]",
        "strategies=[self_consistency]", "budget=1", f"engine.openai.extra={json.dumps(answer)}", scorer,
        f"out={tmp_path / 'out.sqlite'}",
    )  # fmt: skip
    assert "Traceback" not in ran.err
    found = Drawn(ran, tmp_path)
    assert len(found.samples) == 2 and found.usage.scorer_decode > 0
    assert all(0.1 <= (sample.confidence or 0) <= 0.99 for sample in found.samples)


@pytest.mark.parametrize("scorer", ["verbalised", "p_true"])
def test_the_model_is_asked_about_its_answer_by_a_further_turn(
    tts: Tts, server: LlamaServer, questions: Path, tmp_path: Path, scorer: str
) -> None:
    """SmolLM2 says a number nearly always; a sample of which it does not is one without a confidence."""
    found = run(tts, server, questions, tmp_path, f"scorer.name={scorer}", "engine.max_tokens=80")
    answered = [sample for sample in found.samples if sample.answer is not None]
    scores = [sample.confidence for sample in answered if sample.confidence is not None]
    assert all(0 <= score <= 1 for score in scores)
    assert not answered or (found.usage.scorer_decode > 0 and found.usage.scorer_prefill > 0)


def test_samples_and_one_answer(tts: Tts, server: LlamaServer, questions: Path, tmp_path: Path) -> None:
    engine = ("engine.kind=openai", f"engine.model={NAME}", f"engine.openai.urls=[{server.url}]")
    ran = tts("sample", questions, *engine, "samples=2", "engine.max_tokens=60", f"out={tmp_path / 'out.sqlite'}")
    found = Drawn(ran, tmp_path)
    assert len(found.samples) == 4 and "run 1 holds 4 samples, 4 of them drawn now" in found.text
    ran = tts("answers", tmp_path / "out.sqlite")
    assert ran.status == 0 and "4 replies read as " in " ".join(ran.out.split())
    ran = tts("ask", "What is 2 + 3?", *engine, "budget=2", "engine.max_tokens=60")
    assert ran.status == 0 and re.search(r"samples +[12] of at most 2", ran.out), ran.err
    assert "Unclosed" not in ran.err


def test_a_server_that_is_killed_in_the_middle_is_named(questions: Path, tmp_path: Path) -> None:
    server = LlamaServer(slots=1)
    try:
        running = process(
            "run", questions, "engine.kind=openai", f"engine.model={NAME}", f"engine.openai.urls=[{server.url}]",
            "strategies=[self_consistency]", "budget=16", "engine.max_tokens=200", "engine.openai.retries=0",
            "engine.openai.outage_timeout_s=0.2", f"out={tmp_path / 'out.sqlite'}",
        )  # fmt: skip
        for _ in range(600):
            with suppress(OSError):
                if server.tokens()[1] > 250:
                    break
            time.sleep(0.1)
    finally:
        server.kill()
    out, err = running.communicate(timeout=120)
    text = " ".join((out + err).split())
    assert running.returncode in (0, 1) and "Traceback" not in text, text
    assert re.search(r"\d+ of \d+ (samples|draws)", text) and server.url in text, text
