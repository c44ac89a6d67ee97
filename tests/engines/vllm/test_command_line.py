"""The command line against vLLM's plain server of the bundled model, with a URL and a model's name alone."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("vllm")
pytest.importorskip("openai")

from benchmarks.vllm_server import VllmServer
from tests.cli.cases import Ran, Tts, process
from tts.pool import load_pool
from tts.types import End, Usage

ALIAS = "reasoner"
"""A second name of the model at the server, which is no bundled model's."""


@pytest.fixture(scope="module")
def server() -> Iterator[VllmServer]:
    made = VllmServer("tiny", "--served-model-name", "tiny", ALIAS)
    yield made
    made.kill()


def at(server: VllmServer, model: str = "tiny") -> list[str]:
    return ["engine.kind=openai", f"engine.model={model}", f"engine.openai.urls=[{server.root}/v1]"]


def text_of(ran: Ran) -> str:
    return " ".join((ran.out + " " + ran.err).split())


def charged(pool: Path, server: VllmServer, before: tuple[int, int], *, shares: int = 1) -> Usage:
    """Return the ledger of a pool, equal to the server's counters up to the requests before the first draw.

    Args:
        pool: the pool of the run.
        server: the server.
        before: its counters before the run.
        shares: samples of one request: the server counts their prompt once each, and reports it once.
    """
    server.wait_idle()
    read, drawn = (now - then for now, then in zip(server.tokens(), before, strict=True))
    samples = [sample for entry in load_pool(pool).entries for sample in entry.samples]
    usage = sum((sample.usage or Usage() for sample in samples), Usage())
    assert 0 <= read - shares * (usage.prompt + usage.prompt_cached) <= 40
    assert 0 <= drawn - usage.generated <= 400
    return usage


def test_a_run_is_drawn_and_counted(tts: Tts, server: VllmServer, tmp_path: Path) -> None:
    before, pool = server.tokens(), tmp_path / "run.sqlite"
    ran = tts("run", *at(server), "task.questions=10", "budget=4", f"out={pool}", "--json", tmp_path / "run.json")
    assert ran.status == 0, ran.err
    assert "run 1 holds 40 samples, 40 of them drawn now" in text_of(ran) and "estimated" not in ran.err
    usage = charged(pool, server, before)
    assert usage.prompt_cached > 0
    rows = json.loads((tmp_path / "run.json").read_text())["strategies"]
    assert {row["name"]: row["accuracy"] for row in rows}["self_consistency"] >= 0.5


def test_truncated_samples_of_one_request_are_counted_and_said(tts: Tts, server: VllmServer, tmp_path: Path) -> None:
    before, pool = server.tokens(), tmp_path / "cut.sqlite"
    more = ("task.questions=5", "samples=3", "engine.max_tokens=30", "engine.openai.n=true")
    ran = tts("sample", *at(server), *more, f"out={pool}")
    assert ran.status == 0, ran.err
    charged(pool, server, before, shares=3)
    cut = [s for e in load_pool(pool).entries for s in e.samples if s.end is End.LENGTH]
    assert f"{len(cut)} of 15 samples reached engine.max_tokens=30 (0 right): raise it" in text_of(ran)
    assert cut and all(s.answer is None and s.usage is not None and s.usage.delivered == 30 for s in cut)


def test_log_probabilities_are_scores(tts: Tts, server: VllmServer, tmp_path: Path) -> None:
    pool, more = tmp_path / "scored.sqlite", ("task.questions=10", "budget=3", "scorer.name=mean_logprob")
    ran = tts("run", *at(server), *more, "strategies=[confidence_weighted_voting]", f"out={pool}")
    assert ran.status == 0, ran.err
    for sample in (s for e in load_pool(pool).entries for s in e.samples):
        assert sample.usage is not None and len(sample.trace.logprobs) == sample.usage.delivered
        assert sample.confidence is not None and 0 < sample.confidence <= 1


def test_one_question_is_answered(tts: Tts, server: VllmServer) -> None:
    question = "Jack has 11 beads. Jack buys 8 more beads. How many beads does Jack have now?"
    ran = tts("ask", question, *at(server), "budget=8")
    assert ran.status == 0 and re.search(r"answer +19\b", ran.out), text_of(ran)


def test_a_model_without_a_chat_template_is_asked_in_plain_text(tts: Tts, server: VllmServer, tmp_path: Path) -> None:
    template = "task.template={question}\n"
    ran = tts(
        "run", *at(server, ALIAS), "task.questions=10", "budget=2", "strategies=[self_consistency]", template,
        f"out={tmp_path / 'plain.sqlite'}",
    )  # fmt: skip
    assert ran.status == 0, ran.err
    assert f"does not take chat messages for {ALIAS}" in text_of(ran) and "and takes plain text" in text_of(ran)


def test_a_wrong_name_gets_the_right_ones(tts: Tts, server: VllmServer, tmp_path: Path) -> None:
    ran = tts("run", *at(server, "tinny"), "task.questions=10", f"out={tmp_path / 'none.sqlite'}")
    assert ran.status == 2 and f"does not serve tinny: give engine.model one of tiny, {ALIAS}" in text_of(ran)
    assert not (tmp_path / "none.sqlite").exists()


def test_a_server_that_is_killed_in_the_middle_is_named(server: VllmServer, tmp_path: Path) -> None:
    """The last of this module's tests. The share of failed draws stands beside the accuracy."""
    started = server.tokens()[1]
    running = process(
        "run", *at(server), "task.questions=100", "budget=16", "strategies=[self_consistency]",
        "engine.openai.retries=0", "engine.openai.outage_timeout_s=0.2", "engine.openai.concurrency=8",
        f"out={tmp_path / 'killed.sqlite'}",
    )  # fmt: skip
    for _ in range(1200):
        with suppress(OSError):
            if server.tokens()[1] > started + 2000:
                break
        time.sleep(0.1)
    server.kill()
    out, err = running.communicate(timeout=120)
    text = " ".join((out + err).split())
    assert running.returncode in (0, 1) and "Traceback" not in text, text
    found = re.search(r"(\d+) of (\d+) draws failed: \d+ x", text)
    assert found is not None and int(found.group(1)) > 100 and server.root in text, text
