"""The OpenAI engine against vLLM's server in another process: the same samples, exact counts, and its death."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.vllm_server import VllmServer
from strategies.stopping import Confident
from strategies.vote import Vote
from tests.engines.vllm.cases import PROBLEMS, Served, embedded
from tests.engines.vllm.faulty_proxy import FAULTS, Faulty, meddling
from tts.engines.base import Meter, Prefix
from tts.engines.openai.config import OpenAIConfig
from tts.engines.openai.engine import OpenAIEngine
from tts.engines.openai.served_model import ServerFeatures
from tts.engines.sampling import Sampling
from tts.errors import InputError
from tts.models.bundled import weights
from tts.pool import PoolStore, load_pool
from tts.prompts import Prompt
from tts.runtime.driver import Options, run_all
from tts.scorers.grace import open_grace
from tts.types import STEP, STEP_BELOW, End, Signals, Usage

pytest.importorskip("openai")

GREEDY, HOT = Sampling(temperature=0.0, max_tokens=200), Sampling(temperature=0.8, max_tokens=200)
SOME = [(problem, index) for problem in PROBLEMS[:10] for index in range(4)]


def start(port: int | None = None) -> VllmServer:
    """Start a server without split prefills, so that seeds are safe on a CPU."""
    return VllmServer("grace", "--no-enable-chunked-prefill", port=port)


@pytest.fixture(scope="module")
def server() -> Iterator[VllmServer]:
    made = start()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


def engine(server: VllmServer, sampling: Sampling, *, proxy: Faulty | None = None, **more: Any) -> OpenAIEngine:
    urls = [proxy.url if proxy is not None else f"{server.root}/v1"]
    config = OpenAIConfig(urls=urls, tokenizer=str(weights("grace")), **more)
    return OpenAIEngine.load(config, model="grace", prompt=Prompt(), sampling=sampling, seeded=True)


@pytest.fixture(scope="module")
def served(server: VllmServer, runner: asyncio.Runner) -> Served:
    return Served(engine(server, HOT), runner)


@pytest.fixture(scope="module")
def cnf() -> int:
    return open_grace(folder=weights("grace")).needs.watch[0]


def test_it_is_found_to_do_all_that_vllm_does(served: Served) -> None:
    assert served.engine.model.features == ServerFeatures(
        token_ids=True, named_logprobs=True, logprobs=True, top_logprobs=20, stop_reasons=True, context=512
    )


def test_greedy_samples_and_what_is_watched_are_those_of_the_embedded_engine(
    served: Served, cnf: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served.engine, "sampling", GREEDY)
    asked, wanted = [(problem, 0) for problem in PROBLEMS], Signals(watch=(cnf,), steps=True, probe=cnf)
    found = served.draws(asked, signals=wanted)
    with asyncio.Runner() as other:
        known = Served(embedded("grace", GREEDY), other).draws(asked, signals=wanted)
    assert [(s.token_ids, s.text, s.end) for s in found] == [(s.token_ids, s.text, s.end) for s in known]
    for mine, its in zip(found, known, strict=True):
        assert mine.trace.steps == its.trace.steps
        np.testing.assert_allclose(mine.trace.watched[cnf], its.trace.watched[cnf], atol=1e-3)
        np.testing.assert_allclose(mine.trace.logprobs, its.trace.logprobs, atol=2e-3)
        assert mine.trace.probe == pytest.approx(its.trace.probe, abs=1e-3)


def test_seeds_prefixes_and_boundaries(served: Served, cnf: int) -> None:
    first, second = served.draws(SOME), served.draws(SOME[::-1])[::-1]
    assert [s.token_ids for s in first] == [s.token_ids for s in second]
    assert not any(cnf in s.token_ids for s in first)
    line = served.draw(PROBLEMS[0], until=STEP)
    assert line.end is End.BOUNDARY and line.text.endswith("\n") and line.text.count("\n") == 1
    on = served.draw(PROBLEMS[0], prefix=line)
    assert on.text.startswith(line.text) and on.token_ids[: on.given] == line.token_ids and on.end is End.STOP
    begun = len(served.meters)
    low = served.draws(SOME, until=STEP_BELOW(0.6), signals=Signals(watch=(cnf,), steps=True))
    assert {s.end for s in low} == {End.BOUNDARY, End.STOP}
    for sample, meter in zip(low, served.meters[begun:], strict=True):
        assert meter.drawn - meter.discarded == len(sample.token_ids)


def test_a_prefix_is_scored_by_the_next_token_s_probability(served: Served, cnf: int) -> None:
    some = [Prefix(p, text) for p in PROBLEMS[:6] for text in ("", "We know that")]
    found = served.run(served.engine.score(some, [cnf, 5, 9], Meter()))
    known = asyncio.run(embedded("grace", HOT).score(some, [cnf, 5, 9], Meter()))
    np.testing.assert_allclose(found, known, atol=1e-4)


def answer(problem: Any, text: str) -> str | None:
    return text.rpartition("#### ")[2].strip() or None


def test_the_ledger_is_what_the_server_counted(served: Served, server: VllmServer) -> None:
    def counted() -> tuple[int, int]:
        return server.count("prompt_tokens_total"), server.count("generation_tokens_total")

    before, scorer = counted(), open_grace(folder=weights("grace"))
    strategy = Vote("grace_es", 6, stop=(Confident(tau=0.6),))
    results = served.run(run_all(strategy, PROBLEMS[:16], served.engine, extract=answer, scorer=scorer))
    total = sum((r.decision.usage or Usage() for r in results), Usage())
    after = counted()
    assert (total.prompt + total.prompt_cached, total.generated) == (after[0] - before[0], after[1] - before[1])
    assert total.prompt_cached > 0 and total.aborted == 0


def test_closed_streams_really_stop_at_the_server(served: Served, server: VllmServer) -> None:
    """Over HTTP no answer reports an aborted draw: the server's counters do, up to the tokens under way."""
    before, scorer = server.count("generation_tokens_total"), open_grace(folder=weights("grace"))
    strategy = Vote("grace_es", 8, stop=(Confident(tau=0.5),))
    options = Options(lookahead=4)
    results = served.run(
        run_all(strategy, PROBLEMS[:16], served.engine, extract=answer, scorer=scorer, options=options)
    )
    server.wait_idle()
    drawn = server.count("generation_tokens_total") - before
    total = sum((r.decision.usage or Usage() for r in results), Usage())
    assert total.aborted > 0
    assert total.generated <= drawn <= 1.15 * total.generated


def test_what_breaks_on_the_way_is_drawn_again_and_every_token_is_somewhere(server: VllmServer) -> None:
    """Behind a proxy that refuses, breaks off, falls silent and garbles: with retries nothing is lost."""
    with meddling(server.port) as proxy, asyncio.Runner() as runner:
        patient = engine(server, HOT, proxy=proxy, timeout_s=6.0, retries=4)
        before = server.count("generation_tokens_total")
        proxy.faults = itertools.chain(["busy"] * 10, itertools.cycle([*FAULTS, *[""] * 8]))
        options = Options(retries=8, backoff_s=0.0)
        results = runner.run(run_all(Vote("sc", 4), PROBLEMS[:12], patient, extract=answer, options=options))
        proxy.faults = iter(())
        samples = [s for r in results for s in r.decision.samples]
        assert set(proxy.met) == set(FAULTS)
        assert len(samples) == 48 and all(s.end in (End.STOP, End.LENGTH) for s in samples)
        total = sum((r.decision.usage or Usage() for r in results), Usage())
        assert total.delivered == sum(len(s.token_ids) for s in samples)
        assert total.aborted > 0
        server.wait_idle()
        drawn = server.count("generation_tokens_total") - before
        broken = len(proxy.met) - proxy.met.count("busy")
        assert total.generated <= drawn <= total.generated + 200 * broken


def test_what_breaks_for_good_has_failed_and_is_counted(server: VllmServer) -> None:
    with meddling(server.port) as proxy, asyncio.Runner() as runner:
        hasty = engine(server, HOT, proxy=proxy, timeout_s=20.0, retries=0, outage_timeout_s=30.0)
        proxy.faults = itertools.cycle(["half", "", "malformed", ""])
        options = Options(retries=0, backoff_s=0.0)
        results = runner.run(run_all(Vote("sc", 4), PROBLEMS[:6], hasty, extract=answer, options=options))
        samples = [s for r in results for s in r.decision.samples]
        failed = [s for s in samples if s.end is End.FAILED]
        assert len(samples) == 24 and len(failed) == len(proxy.met) == 12
        assert all(s.error and proxy.url in s.error for s in failed)
        assert all(s.end in (End.STOP, End.LENGTH) for s in samples if s not in failed)
        total = sum((r.decision.usage or Usage() for r in results), Usage())
        assert total.delivered == sum(len(s.token_ids) for s in samples if s.end is not End.FAILED)


def test_a_question_that_does_not_fit_fails_alone(server: VllmServer, runner: asyncio.Runner) -> None:
    """The server refuses such a request; with a tokenizer, nothing is sent."""
    long = replace(PROBLEMS[0], id="long", question="We add one. " * 400)
    config = OpenAIConfig(urls=[f"{server.root}/v1"])
    blind = OpenAIEngine.load(config, model="grace", prompt=Prompt(), sampling=HOT, seeded=False)
    results = runner.run(run_all(Vote("sc", 2), [long, PROBLEMS[1]], blind, extract=answer))
    ends = [[s.end for s in r.decision.samples] for r in results]
    assert ends[0] == [End.FAILED] * 2 and End.FAILED not in ends[1]
    assert all("context length" in (s.error or "") for s in results[0].decision.samples)
    with pytest.raises(InputError, match=r"problem 'long' has a prompt of .* and the model's context holds 512"):
        runner.run(run_all(Vote("sc", 2), [long], engine(server, HOT), extract=answer))


def test_a_model_that_the_server_lacks_is_refused_by_the_command(server: VllmServer, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tts.cli", "sample", "configs/task/stories.yaml", "engine.kind=openai"]
    command += ["engine.model=other", f"engine.openai.urls=[{server.root}/v1]", f"out={tmp_path / 'pool.sqlite'}"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert said.returncode == 2 and not (tmp_path / "pool.sqlite").exists()
    assert "does not serve other: give engine.model one of grace" in " ".join(said.stderr.split())


def test_a_server_that_is_killed_costs_nothing_that_was_drawn(server: VllmServer, tmp_path: Path) -> None:
    """The last of this module's tests. The run ends with what it has; the same command then draws what is missing."""
    out = tmp_path / "pool.sqlite"
    command = [sys.executable, "-m", "tts.cli", "sample", "configs/task/stories.yaml", "task.questions=30", "samples=4"]
    command += ["engine.kind=openai", "engine.model=grace", f"engine.openai.urls=[{server.root}/v1]", f"out={out}"]
    command += [
        f"engine.openai.tokenizer={weights('grace')}",
        "engine.openai.retries=0",
        "engine.openai.outage_timeout_s=0.1",
    ]
    command += ["engine.openai.concurrency=8"]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for _ in range(2400):
        if first.poll() is not None or (out.exists() and server.count("request_success_total") and held(out) > 30):
            break
        time.sleep(0.1)
    server.kill()
    said, _ = first.communicate(timeout=120)
    kept = held(out)
    assert 30 < kept < 120, said
    again = start(server.port)
    try:
        second = subprocess.run(command, capture_output=True, text=True, timeout=280)
    finally:
        again.kill()
    assert second.returncode == 0, second.stderr
    assert f"holds 120 samples, {120 - kept} of them drawn now" in second.stdout, second.stdout
    samples = [s for entry in load_pool(out).entries for s in entry.samples]
    assert len(samples) == 120 and all(s.end in (End.STOP, End.LENGTH) for s in samples)


def held(path: Path) -> int:
    """Samples in a pool that another process writes."""
    with suppress(InputError), PoolStore.read(path) as store:
        return sum(run.samples for run in store.runs())
    return 0
