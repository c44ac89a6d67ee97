"""The OpenAI engine against a server over real HTTP: what it asks, what it makes of answers, and of every fault."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

openai = pytest.importorskip("openai")

from strategies.vote import Vote  # noqa: E402
from tests.engines.openai.cases import WORDS, Body, RefusalError, Scripted, event, serving, stream  # noqa: E402
from tts.engines.base import Meter, Prefix, Request  # noqa: E402
from tts.engines.config import EngineConfig  # noqa: E402
from tts.engines.openai.config import OpenAIConfig  # noqa: E402
from tts.engines.openai.engine import OpenAIEngine  # noqa: E402
from tts.engines.openai.served_model import ServerFeatures  # noqa: E402
from tts.engines.sampling import Sampling  # noqa: E402
from tts.engines.streams import collected  # noqa: E402
from tts.errors import EngineError, InputError, UnsupportedError  # noqa: E402
from tts.prompts import Prompt  # noqa: E402
from tts.runtime.driver import Options, Result, run_all  # noqa: E402
from tts.types import STEP, TOKENS, End, Problem, Sample, Signals, Usage  # noqa: E402

ONE = Problem("q", "How many?", "7")
QUICK = Options(retries=1, backoff_s=0.0)


@pytest.fixture
def server() -> Iterator[Scripted]:
    with serving() as made:
        yield made


def load(*servers: Scripted, model: str = "m", chat: bool = False, **more: Any) -> OpenAIEngine:
    config = OpenAIConfig(
        **{"urls": [s.url for s in servers], "retries": 2, "outage_timeout_s": 1.0, "timeout_s": 5.0, **more}
    )
    sampling = Sampling(temperature=0.5, max_tokens=50)
    return OpenAIEngine.load(config, model=model, prompt=Prompt(chat=chat), sampling=sampling, seeded=False)


def draw(engine: OpenAIEngine, **more: Any) -> tuple[Sample, Meter]:
    request = Request(ONE, **more)
    return asyncio.run(collected(engine, request)), request.meter


def play(engine: OpenAIEngine, n: int = 4, options: Options = QUICK, problems: int = 1) -> list[Result]:
    def seven(problem: Problem, text: str) -> str | None:
        return text.rpartition("#### ")[2] or None

    asked = [replace(ONE, id=f"q{i}", question=ONE.question + " ?" * i) for i in range(problems)]
    return asyncio.run(run_all(Vote("sc", n), asked, engine, extract=seven, options=options))


def test_a_sample_its_signals_and_its_price(server: Scripted) -> None:
    engine = load(server)
    sample, meter = draw(engine, signals=Signals(top=2, steps=True))
    assert (sample.text, sample.end, sample.token_ids) == ("".join(WORDS), End.STOP, ())
    assert sample.trace.logprobs == (-0.5,) * 5 and sample.trace.top == (1.0,) * 5
    assert sample.trace.steps == (False, False, True, False, False)
    assert (meter.prompt, meter.drawn, meter.discarded) == (11, 5, 0)
    body = server.seen[-1]
    assert (body["prompt"], body["temperature"], body["max_tokens"]) == ("How many?\n", 0.5, 50)
    few, meter = draw(engine, until=TOKENS(2))
    assert (few.text, few.end, meter.drawn) == ("We add. ", End.BOUNDARY, 2)


def test_only_what_is_needed_is_asked_for(server: Scripted) -> None:
    engine = load(server)
    for signals, logprobs in ((Signals(), None), (Signals(logprobs=True), 1), (Signals(steps=True), 1)):
        sample, meter = draw(engine, signals=signals)
        assert server.seen[-1].get("logprobs") == logprobs
        assert (sample.text, sample.end, meter.drawn) == ("".join(WORDS), End.STOP, 5)
        assert len(sample.trace.logprobs) == (0 if logprobs is None else 5)


def test_what_a_server_can_do_is_found_out_by_asking() -> None:
    with serving(strict=True) as plain, serving() as open_minded:
        assert load(plain).model.features == ServerFeatures(logprobs=True, top_logprobs=20)
        engine = load(open_minded)
        assert engine.model.features == ServerFeatures(logprobs=True, top_logprobs=20)  # ignores unknown fields
        assert not engine.capabilities.branch and not engine.capabilities.watch_tokens
        with pytest.raises(UnsupportedError, match=r"give engine\.openai\.tokenizer"):
            asyncio.run(engine.score([Prefix(ONE)], [5], Meter()))
        with pytest.raises(UnsupportedError, match=r"give engine\.openai\.tokenizer"):
            engine.encode("x")

        def no_more_than_five(body: Body) -> None:
            if (body.get("logprobs") or 0) > 5:
                raise RefusalError(400, "logprobs must be at most 5")

        plain.meet = no_more_than_five
        assert load(plain).model.features == ServerFeatures(logprobs=True, top_logprobs=5)


def test_a_busy_server_is_asked_again(server: Scripted) -> None:
    engine, storm = load(server, retries=12), [0]

    def busy(body: Body) -> None:
        storm[0] += 1
        if storm[0] <= 12:
            raise RefusalError((429, 503)[storm[0] % 2], Retry_After="0.05")

    server.meet = busy
    (result,) = play(engine, 6)
    assert result.decision.answer == "7" and all(s.end is End.STOP for s in result.decision.samples)
    assert storm[0] == 12 + 6


def test_a_server_that_only_fails_uses_up_budget_visibly(server: Scripted) -> None:
    engine = load(server, retries=0)

    def fail(body: Body) -> None:
        raise RefusalError(500, "out of order")

    server.meet = fail
    (result,) = play(engine, 3)
    assert [s.end for s in result.decision.samples] == [End.FAILED] * 3 and result.decision.answer is None
    assert all("failed (out of order)" in (s.error or "") for s in result.decision.samples)


@pytest.mark.parametrize(
    ("broken", "drawn"),
    [
        (lambda body: stream(body, until=3), 3),
        (lambda body: iter([event(choices=[]), b"data: {not json}\n\n"]), 0),
        (lambda body: stream(body, pause=3.0), 0),
    ],
    ids=["half-closed", "malformed", "slow"],
)
def test_a_stream_that_breaks_is_charged_and_drawn_again(server: Scripted, broken: Any, drawn: int) -> None:
    engine, count = load(server, timeout_s=1.0, retries=0), [0]

    def once(body: Body) -> Any:
        count[0] += 1
        return broken(body) if count[0] == 1 else None

    server.meet = once
    (result,) = play(engine, 2, Options(retries=3, backoff_s=0.0))
    assert [s.end for s in result.decision.samples] == [End.STOP] * 2
    used = result.decision.usage
    assert used is not None and (used.delivered, used.aborted) == (10, drawn)


def test_what_one_request_asks_too_much_of_fails_that_sample_at_once(server: Scripted) -> None:
    engine, asked = load(server), [0]

    def too_long(body: Body) -> None:
        asked[0] += 1
        raise RefusalError(400, "This model's maximum context length is 8 tokens.")

    server.meet = too_long
    (result,) = play(engine, 2)
    assert asked[0] == 2  # one attempt each: another would be refused, too
    assert all("maximum context length is 8" in (s.error or "") for s in result.decision.samples)


def test_keys_come_from_the_environment_and_are_said_nowhere(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-secret")
    engine = load(server, key_env="MY_KEY")
    assert server.keys == {"Bearer sk-secret"}
    config = OpenAIConfig(urls=[server.url], key_env="MY_KEY")
    held = [vars(engine), vars(engine._connections), EngineConfig(kind="openai", openai=config).key]
    assert "secret" not in repr(held)

    def refuse(body: Body) -> None:
        raise RefusalError(401, "invalid key")

    server.meet = refuse
    with pytest.raises(InputError, match=r"refuses the key .*MY_KEY") as met:
        draw(engine)
    assert "secret" not in str(met.value)
    with pytest.raises(
        InputError, match=r"refuses the key \(invalid key\): MY_KEY is set, but not to a key that it takes"
    ):
        load(server, key_env="MY_KEY")


def test_bad_configurations_get_one_sentence(server: Scripted) -> None:
    with pytest.raises(InputError, match=r"needs engine\.openai\.urls, such as"):
        load()
    with pytest.raises(InputError, match=r"does not serve other: give engine\.model one of m"):
        load(server, model="other")
    with pytest.raises(InputError, match=r"must be URLs such as .* got 'localhost:1'"):
        OpenAIConfig(urls=["localhost:1"])
    with pytest.raises(InputError, match="timeout_s above 0, got 1, 0, 0 and 0"):
        OpenAIConfig(concurrency=1, retries=0, outage_timeout_s=0, timeout_s=0)
    with pytest.raises(InputError, match=r"does not answer .*: start the server, or correct engine\.openai\.urls"):
        OpenAIEngine.load(
            OpenAIConfig(urls=["http://127.0.0.1:9/v1"], retries=0),
            model="m", prompt=Prompt(), sampling=Sampling(), seeded=False,
        )  # fmt: skip
    with pytest.raises(UnsupportedError, match="needs a watched token"):
        draw(load(server), until=replace(STEP, kind="step_below"))


def test_a_model_that_is_gone_stops_the_run(server: Scripted) -> None:
    engine = load(server)
    server.model = "another"
    with pytest.raises(InputError, match=r"has no model m or no such route .*does not exist"):
        play(engine)


def test_a_closed_stream_closes_the_connection_and_is_charged(server: Scripted) -> None:
    engine = load(server)
    server.meet = lambda body: stream(body, pause=0.2)

    async def work() -> Meter:
        request = Request(ONE)
        task = asyncio.create_task(collected(engine, request))
        while request.meter.drawn < 2:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return request.meter

    meter = asyncio.run(work())
    assert 2 <= meter.drawn <= 3
    for _ in range(30):
        if server.broken or not server.running:
            break
        time.sleep(0.1)
    assert server.broken == 1


def test_no_more_requests_at_a_time_than_allowed(server: Scripted) -> None:
    engine = load(server, concurrency=3)
    server.meet = lambda body: stream(body, pause=0.01)
    play(engine, 4, problems=6)
    assert server.running_most == 3


@pytest.mark.slow
def test_servers_share_the_load_and_a_dead_one_is_left_alone() -> None:
    with serving() as first, serving() as second:
        engine = load(first, second, retries=0)
        begun = len(first.seen), len(second.seen)
        first.meet = second.meet = lambda body: stream(body, pause=0.005)
        play(engine, 4, problems=8)
        got = len(first.seen) - begun[0], len(second.seen) - begun[1]
        assert sum(got) == 32 and min(got) >= 8
        first.meet = lambda body: stream(body, until=1)  # it dies in the middle of each answer
        before = len(first.seen)
        results = play(engine, 4, Options(retries=3, backoff_s=0.0), problems=8)
        samples = [s for r in results for s in r.decision.samples]
        assert all(s.end is End.STOP for s in samples)
        total = sum((r.decision.usage or Usage() for r in results), Usage())
        assert total.delivered == 5 * 32 and total.aborted == len(first.seen) - before


def test_when_no_server_answers_it_says_what_was_heard_last() -> None:
    with serving() as gone:
        engine = load(gone, retries=0, outage_timeout_s=0.2)
    with pytest.raises(EngineError, match=r"does not answer \(Cannot connect to host"):
        draw(engine)


def test_chats_are_messages(server: Scripted) -> None:
    with pytest.raises(UnsupportedError, match=r"set task\.chat=false"):
        engine = load(server, chat=False)
        engine.prompt = Prompt(chat=True)
        draw(engine, prefix=Sample("We "))
