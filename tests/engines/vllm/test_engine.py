"""The vLLM engine on vLLM's CPU build: the samples and signals of the embedded engine, every token counted."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import psutil
import pytest

torch = pytest.importorskip("torch")

from strategies.stopping import Confident  # noqa: E402
from strategies.vote import Vote  # noqa: E402
from tests.engines.vllm.cases import PROBLEMS, Served, embedded, vllm  # noqa: E402
from tts.boundaries import truncate  # noqa: E402
from tts.engines.base import Meter, Prefix  # noqa: E402
from tts.engines.sampling import Sampling  # noqa: E402
from tts.errors import EngineError, InputError, UnsupportedError  # noqa: E402
from tts.models.bundled import weights  # noqa: E402
from tts.runtime.driver import Options, run_all  # noqa: E402
from tts.scorers.grace import open_grace  # noqa: E402
from tts.types import STEP, STEP_BELOW, TOKENS, End, Problem, Signals, total_usage  # noqa: E402

GREEDY, HOT = Sampling(temperature=0.0, max_tokens=200), Sampling(temperature=0.8, max_tokens=200)
SOME = [(problem, index) for problem in PROBLEMS[:10] for index in range(4)]


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.fixture(scope="module")
def served(runner: asyncio.Runner) -> Iterator[Served]:
    """The bundled model with a confidence token, which is suppressed, at temperature 0.8."""
    engine = vllm("grace", HOT)
    yield Served(engine, runner)
    engine.close()


@pytest.fixture(scope="module")
def plain(runner: asyncio.Runner) -> Iterator[Served]:
    """The bundled model as it is, and what it told."""
    told: list[str] = []
    yield (made := Served(vllm("tiny", HOT, notify=told.append), runner, told=told))
    made.engine.close()


@pytest.fixture(scope="module")
def cnf() -> int:
    return open_grace(folder=weights("grace")).needs.watch[0]


def here(engine: Any, asked: list[tuple[Problem, int]], **more: Any) -> list[Any]:
    """The embedded engine's samples."""
    with asyncio.Runner() as runner:
        return Served(engine, runner).draws(asked, **more)


def test_greedy_samples_and_what_is_watched_are_those_of_the_embedded_engine(
    served: Served, cnf: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served.engine, "sampling", GREEDY)
    asked, wanted = [(problem, 0) for problem in PROBLEMS], Signals(watch=(cnf,), steps=True, probe=cnf)
    found, known = served.draws(asked, signals=wanted), here(embedded("grace", GREEDY), asked, signals=wanted)
    assert [s.token_ids for s in found] == [s.token_ids for s in known]
    assert [(s.text, s.end, s.trace.steps) for s in found] == [(s.text, s.end, s.trace.steps) for s in known]
    for mine, its in zip(found, known, strict=True):
        np.testing.assert_allclose(mine.trace.watched[cnf], its.trace.watched[cnf], atol=1e-3)
        np.testing.assert_allclose(mine.trace.logprobs, its.trace.logprobs, atol=2e-3)
        assert mine.trace.probe == pytest.approx(its.trace.probe, abs=1e-3)


def test_a_seed_decides_every_token(served: Served) -> None:
    first, second = served.draws(SOME), served.draws(SOME[::-1])[::-1]
    assert [s.token_ids for s in first] == [s.token_ids for s in second]
    assert len({s.token_ids for s in first}) > 20


def test_a_suppressed_token_is_never_drawn(served: Served, cnf: int) -> None:
    assert not any(cnf in s.token_ids for s in served.draws(SOME))


def test_boundaries_pause_and_prefixes_go_on(served: Served) -> None:
    problem, noted = PROBLEMS[0], Signals(steps=True, logprobs=True)
    line = served.draw(problem, until=STEP, signals=noted)
    assert line.end is End.BOUNDARY and line.text.endswith("\n") and line.text.count("\n") == 1
    assert line.trace.steps == (False,) * (len(line.token_ids) - 1) + (True,)
    few = served.draw(problem, until=TOKENS(5))
    assert few.end is End.BOUNDARY and len(few.token_ids) == 5
    on = served.draw(problem, prefix=line, signals=noted)
    assert on.text.startswith(line.text) and on.token_ids[: on.given] == line.token_ids
    assert len(on.trace.logprobs) == len(on.token_ids) and on.end is End.STOP


def test_a_sample_ends_where_a_recording_of_it_would_be_cut(served: Served, cnf: int) -> None:
    """Whatever vLLM drew past that place is charged as aborted, and no part of the sample."""
    watched = Signals(watch=(cnf,), steps=True)
    for until in (STEP_BELOW(0.6), STEP_BELOW(0.3)):
        wholes = served.draws(SOME, signals=watched)
        begun = len(served.meters)
        found = served.draws(SOME, signals=watched, until=until)
        expected = [truncate(whole, until) for whole in wholes]
        assert [(s.token_ids, s.end) for s in found] == [(s.token_ids, s.end) for s in expected]
        assert any(s.end is End.BOUNDARY for s in found)
        for sample, meter in zip(found, served.meters[begun:], strict=True):
            assert meter.drawn - meter.discarded == len(sample.token_ids)
            assert meter.discarded <= 2 * served.engine.check_every_tokens


def test_a_prefix_is_scored_by_the_next_token_s_probability(served: Served, cnf: int) -> None:
    some = [Prefix(p, text) for p in PROBLEMS[:6] for text in ("", "We know that")]
    meter = served.meter()
    found = served.run(served.engine.score(some, [cnf, 5, 9], meter))
    engine, other = embedded("grace", HOT), Meter()
    known = asyncio.run(engine.score(some, [cnf, 5, 9], other))
    np.testing.assert_allclose(found, known, atol=1e-4)
    assert meter.drawn == len(some) and meter.prompt + meter.prompt_cached == other.prompt + other.prompt_cached
    assert served.run(served.engine.score([], [cnf], Meter())).shape == (0, 1)


def test_watched_tokens_are_gathered_at_once_and_as_vllm_would(served: Served) -> None:
    assert served.runner.run(served.engine._llm.current.collective_rpc("gathers_whole_batch")) == [True]
    from vllm.v1.sample.sampler import Sampler

    sampler, slow = Sampler(), Sampler.gather_specific_token_logprobs
    from tts.engines.vllm.worker import patch_sampler

    class Quick(Sampler):  # type: ignore[misc]
        gather_specific_token_logprobs = slow

    assert patch_sampler(Quick) and not patch_sampler(object)
    logprobs, sampled = torch.randn(6, 50).log_softmax(-1), torch.tensor([3, 0, 49, 7, 7, 20])
    alike, mixed, some = (
        {row: [7, 3] for row in range(6)},
        {row: [7, 3, 9][: 1 + row % 3] for row in range(6)},
        {2: [4]},
    )
    with torch.compiler.set_stance("force_eager"):
        for rows in (alike, mixed, some):
            mine, its = (
                Quick().gather_specific_token_logprobs(logprobs, rows, sampled),
                slow(sampler, logprobs, rows, sampled),
            )
            for name in ("logprob_token_ids", "logprobs", "selected_token_ranks"):
                torch.testing.assert_close(getattr(mine, name), getattr(its, name))


def test_closed_streams_are_counted_and_leave_the_batch(served: Served) -> None:
    async def close(problem: Problem, index: int, after: float) -> None:
        task = asyncio.create_task(served.one(problem, index))
        await asyncio.sleep(after)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def work() -> None:
        await asyncio.gather(*(close(p, i, 0.04 * n) for n, (p, i) in enumerate(SOME)))

    begun = len(served.meters)
    served.run(work())
    drawn = [m.drawn for m in served.meters[begun:]]
    assert min(drawn) == 0 and max(drawn) > 5
    assert served.spent() == served.counted()
    assert served.engine._llm.current.get_num_unfinished_requests() == 0


def test_the_ledger_of_a_run_is_what_vllm_counted(served: Served) -> None:
    """GrACE-ES, which looks two draws ahead and aborts them: every token has its cause."""
    before = served.counted()
    strategy = Vote("grace_es", 8, stop=(Confident(tau=0.6),))
    scorer = open_grace(folder=weights("grace"))
    results = served.run(
        run_all(
            strategy,
            PROBLEMS[:24],
            served.engine,
            extract=lambda problem, text: text.rpartition("#### ")[2].strip() or None,
            scorer=scorer,
            options=Options(lookahead=2),
        )
    )
    used = [r.decision.usage for r in results]
    total = total_usage([replace(r.decision.samples[0], usage=r.decision.usage) for r in results])
    after = served.counted()
    assert total is not None and all(used)
    assert total.aborted > 0
    counted = tuple(b - a for a, b in zip(before, after, strict=True))
    assert (total.prompt, total.prompt_cached, total.generated) == counted


def test_the_first_sample_of_a_prompt_reads_it_for_all(served: Served) -> None:
    long = Problem("long", PROBLEMS[50].question + " Tell us." * 40)
    begun = len(served.meters)
    served.draws([(long, index) for index in range(8)], until=TOKENS(3))
    *others, first = sorted(m.prompt for m in served.meters[begun:])  # computed, not cached
    assert first > 80 and max(others) <= 32


def test_what_cannot_ride_together_is_kept_apart(plain: Served) -> None:
    """A batch of both kinds has wrong top-k log-probabilities: requests at the same time go in turn."""

    async def both() -> tuple[list[Any], Any]:
        draws = [plain.one(p, i, signals=Signals(top=5)) for p, i in SOME]
        score = plain.engine.score([Prefix(p) for p in PROBLEMS[:8]], [5], plain.meter())
        done = await asyncio.gather(asyncio.gather(*draws), score)
        return list(done[0]), done[1]

    samples, scores = plain.run(both())
    assert all(np.isfinite(s.trace.top).all() and min(s.trace.top) > 0 for s in samples)
    assert ((scores > 0) & (scores < 1)).all()


def test_top_k_confidences_are_those_of_the_embedded_engine(plain: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain.engine, "sampling", GREEDY)
    asked, wanted = [(problem, 0) for problem in PROBLEMS[:20]], Signals(top=5)
    found, known = plain.draws(asked, signals=wanted), here(embedded("tiny", GREEDY), asked, signals=wanted)
    assert [s.token_ids for s in found] == [s.token_ids for s in known]
    for mine, its in zip(found, known, strict=True):
        np.testing.assert_allclose(mine.trace.top, its.trace.top, atol=0.02)


def test_bad_requests_get_one_sentence(served: Served, cnf: int) -> None:
    with pytest.raises(UnsupportedError, match="until STEP_BELOW needs a watched token"):
        served.draw(PROBLEMS[0], until=STEP_BELOW(0.5))
    with pytest.raises(InputError, match=r"token 9999 is to be watched or probed and the model has tokens 0 to"):
        served.draw(PROBLEMS[0], signals=Signals(watch=(9999,)))
    with pytest.raises(InputError, match=r"'long' has a prompt of \d+ tokens and the model's context holds 512"):
        served.draw(Problem("long", "and " * 600))
    with pytest.raises(UnsupportedError, match=r"vLLM was started without it: set engine\.vllm\.enable_lora"):
        served.run(served.engine.score([Prefix(PROBLEMS[0])], [5], Meter(), adapter=weights("grace")))
    with pytest.raises(UnsupportedError, match="belongs to the event loop that it was first used in"):
        asyncio.run(served.one(PROBLEMS[0]))
    lacking = served.engine.capabilities.lacking
    assert lacking(Signals(top=5)) == "top-k confidences" and lacking(Signals(entropy=True)) is not None
    assert lacking(Signals(watch=(cnf,), steps=True, probe=cnf)) is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"max_model_length": 256}, r"engine\.vllm\.max_model_length is no argument .* did you mean max_model_len\?"),
        ({"seed": 3}, r"engine\.vllm\.seed has its own key: set engine\.seed"),
        ({"enable_chunked_prefill": True}, r"kill vLLM's CPU engine: leave one of them out"),
        ({"max_model_len": 1 << 20}, r"model .* cannot be served \(.*: give a model's directory"),
    ],
)
def test_bad_arguments_get_one_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        vllm("tiny", HOT, options=options)


def test_a_dead_engine_fails_its_samples_and_is_started_again_once(plain: Served) -> None:
    """The last of this module's tests: it leaves no engine behind."""

    def kill() -> None:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it may have ended, or be a zombie
                if "EngineCore" in " ".join([process.name(), *process.cmdline()]):
                    process.send_signal(signal.SIGKILL)

    async def killed(after: float) -> list[Any]:
        work = asyncio.gather(*(plain.one(p, i) for p, i in SOME), return_exceptions=True)
        await asyncio.sleep(after)
        kill()
        return list(await work)

    whole = plain.draws(SOME)
    results = plain.run(killed(0.05))
    assert any(isinstance(r, EngineError) and "vLLM failed" in str(r) for r in results)
    again = plain.draws(SOME)  # the driver's retry would do the same
    assert [s.token_ids for s in again] == [s.token_ids for s in whole]
    assert plain.engine.restarts == 1
    assert plain.told == ["vLLM died: its samples failed, and it is started again, once"]
    plain.run(killed(0.05))
    with pytest.raises(EngineError, match="died again"):
        plain.draw(*SOME[0])
