"""Masses through a gateway: calls of tools that are certified in two or three draws, and replies that never are."""

from __future__ import annotations

import logging
import random
import statistics
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("openai")
pytest.importorskip("jsonschema")

import openai

import tts
from tests.support.gateway import gateway, local_gateway
from tests.support.servers.calling import Calls, function
from tests.support.servers.plain import Body, RefusalError, serving
from tests.support.servers.weighted import (
    CountsTold,
    HidesThoughts,
    Piece,
    Silent,
    TextAlone,
    WeightedServer,
    WithoutMarks,
    WithoutUsage,
)
from tts.answers.tools.calls import CallReader
from tts.types import Problem, ToolCall

WEATHER = function("weather", city="string", days="integer?")
ASKED: Any = {"model": "m", "messages": [{"role": "user", "content": "Will it rain in Oslo?"}], "tools": [WEATHER]}
TEXT: Any = {"model": "m", "messages": ASKED["messages"]}
OSLO: Calls = [("weather", '{"city": "Oslo", "days": 3}')]
AGAIN: Calls = [("weather", '{"days": 3.0, "city": "Oslo"}')]
ROME: Calls = [("weather", '{"city": "Rome"}')]
THIRD: Calls = [("weather", '{ "city": "Oslo", "days": 3 }')]
PEAKED = ((0.32, OSLO), (0.31, AGAIN), (0.3, THIRD), (0.05, ROME), (0.02, "It will."))
UNTOLD = "the one that ends a sample among them"


class Lines(logging.Handler):
    """The warnings of the package."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def log() -> Iterator[list[str]]:
    """The warnings of the package, from models that are opened anew."""
    tts.close()
    handler, logger = Lines(), logging.getLogger("tts")
    logger.addHandler(handler)
    yield handler.lines
    logger.removeHandler(handler)


@contextmanager
def served(script: WeightedServer, *more: str) -> Iterator[Any]:
    """A client of a gateway in front of a server, with ``mass_gated`` at temperature 1 unless ``more`` says other."""
    here = ("engine.kind=openai", "engine.model=m", "task.chat=true", "strategy=mass_gated", "temperature=1")
    with (
        serving(script) as upstream,
        local_gateway(*here, "budget=12", f"engine.openai.urls=[{upstream.url}]", *more) as server,
        openai.OpenAI(base_url=server.url, api_key="none", max_retries=0) as client,
    ):
        yield client


def test_a_call_is_certified_in_two_or_three_draws_and_equal_calls_have_one_mass() -> None:
    script = WeightedServer(*PEAKED, seed=3)
    with served(script) as client:
        replies = [client.chat.completions.create(**ASKED, seed=seed) for seed in range(12)]
    drawn = [reply.tts["samples"] for reply in replies]
    assert all(reply.tts["certified"] and reply.tts["stopped"] == "mass_certificate" for reply in replies)
    assert min(drawn) == 2 and 2 <= statistics.median(drawn) <= 3
    for reply in replies:
        assert reply.choices[0].message.tool_calls[0].function.name == "weather"
        assert '"Oslo"' in reply.choices[0].message.tool_calls[0].function.arguments
        masses, seen = reply.tts["masses"], 1 - reply.tts["unseen_mass"]
        assert masses[reply.tts["answer"]] > 0.55, "the mass of at least two spellings"
        assert sum(masses.values()) <= seen + 1e-9
    body = script.seen[-1]
    assert body["logprobs"] is True and body["temperature"] == 1
    assert {name: body[name] for name in ("top_p", "top_k", "min_p", "repetition_penalty")} == {
        "top_p": 1, "top_k": -1, "min_p": 0, "repetition_penalty": 1,
    }  # fmt: skip


def test_no_certificate_is_contradicted_by_the_distribution() -> None:
    """The mode of random distributions: of the names first, then of the calls with that name."""
    tools, rng = [WEATHER, function("book", city="string")], random.Random(1)
    reader = CallReader(Problem("q", "?", tools=tuple(tools)))
    cities = ("Oslo", "Rome", "Bern")
    calls = [[(name, {"city": city})] for name in ("weather", "book") for city in cities]
    script, certified = WeightedServer(seed=1), 0
    with served(script, "strategy=mass_certificate") as client:
        for seed in range(12):
            weights = [rng.random() ** 3 for _ in calls]
            odds = [(weight / sum(weights), call) for weight, call in zip(weights, calls, strict=True)]
            script.weigh(*odds)
            found = client.chat.completions.create(**{**ASKED, "tools": tools}, seed=seed).tts
            names = {name: sum(p for p, [(other, _)] in odds if other == name) for name in ("weather", "book")}
            first = max(names, key=lambda name: names[name])
            _, [(name, arguments)] = max(one for one in odds if one[1][0][0] == first)
            mode = reader.read([ToolCall(name, f'{{"city": "{arguments["city"]}"}}')])
            certified += found["certified"]
            assert not found["certified"] or found["answer"] == mode
    assert certified >= 6


@pytest.mark.parametrize("kind", [TextAlone, WithoutMarks, CountsTold, HidesThoughts, WithoutUsage, Silent])
def test_a_server_that_tells_a_part_of_a_call_has_no_certificate_and_votes_decide(
    kind: type[WeightedServer], log: list[str]
) -> None:
    told: Calls = [("weather", '{"city": "Oslo"}')]
    with served(kind((0.9, told), (0.1, ROME), seed=1)) as client:
        replies = [client.chat.completions.create(**ASKED, seed=seed).tts for seed in range(2)]
    assert all("certified" not in found and found["stopped"] == "beta" for found in replies)
    assert all("Oslo" in found["answer"] for found in replies)
    assert sum(UNTOLD in line for line in log) == 1


def test_texts_with_a_probability_do_not_outvote_calls_without_one() -> None:
    """A vote by mass would leave the calls out, and a text of .35 would be all that it knows."""
    with served(TextAlone((0.35, "#### 5"), (0.65, OSLO), seed=2)) as client:
        found = [client.chat.completions.create(**ASKED, seed=seed) for seed in range(4)]
    assert all(reply.choices[0].message.tool_calls for reply in found)
    assert not any(reply.tts.get("certified") for reply in found)


def test_a_strategy_that_wants_certainty_takes_the_vote_where_nothing_is_told() -> None:
    with served(Silent((0.8, OSLO), (0.2, ROME), seed=3), "strategy=mass_certificate") as client:
        found = client.chat.completions.create(**ASKED).tts
    assert "Oslo" in found["answer"] and "certified" not in found and found["stopped"] == "budget"


class RefusesLogprobs(WeightedServer):
    """Refuses log-probabilities of a stream with tools (llama.cpp)."""

    def check(self, body: Body) -> None:
        if "tools" in body and "logprobs" in body:
            raise RefusalError(400, "logprobs is not supported with tools + stream")


def test_a_refusal_beside_tools_leaves_other_questions_their_certificates(log: list[str]) -> None:
    script = RefusesLogprobs(*PEAKED)
    with served(script) as client:
        calls = [client.chat.completions.create(**ASKED, seed=seed).tts for seed in range(2)]
        text = client.chat.completions.create(**TEXT).tts
    assert all("certified" not in found and found["stopped"] == "beta" for found in calls)
    assert (text["certified"], text["samples"], text["unseen_mass"]) == (True, 1, pytest.approx(0.0))
    assert sum("left out of requests with tools" in line for line in log) == 1


def test_sampling_of_a_request_that_is_not_exact_is_counted_and_another_is_certified() -> None:
    with served(WeightedServer(*PEAKED)) as client:
        warm = client.chat.completions.create(**ASKED, temperature=0.7).tts
        raw = client.chat.completions.with_raw_response.create(**ASKED)
        plain = raw.parse().tts
        greedy = client.chat.completions.create(**ASKED, temperature=0).tts
        with urllib.request.urlopen(f"{str(client.base_url).removesuffix('/v1/')}/metrics") as answer:
            numbers = answer.read().decode()
    assert "certified" not in warm and warm["stopped"] == "beta"
    assert raw.headers["x-tts-certified"] == "true"
    assert 'tts_certificates_total{certified="true",model="m"} 2.0' in numbers
    assert plain["certified"] and greedy["certified"] and greedy["samples"] == 1


def test_a_run_that_is_not_exact_says_so_once_with_the_remedy(log: list[str]) -> None:
    with served(WeightedServer(*PEAKED), "temperature=0.8") as client:
        assert "certified" not in client.chat.completions.create(**ASKED).tts
        client.chat.completions.create(**ASKED, extra_body={"tts": {"budget": 5}})
    [said] = [line for line in log if "without masses" in line]
    assert said == (
        "strategy mass_gated votes without masses, since it needs the log-probability of each token under the "
        "distribution it was drawn from, which this engine cannot collect at temperature=0.8: draw at temperature=1 "
        "without top_p and top_k, or choose another engine.kind or strategy"
    )
    with (
        pytest.raises(Exception, match=r"strategy mass_certificate needs .* cannot collect at top_p=0.9: draw at temp"),
        served(WeightedServer(*PEAKED), "strategy=mass_certificate", "top_p=0.9"),
    ):
        raise AssertionError("it is refused before it serves")


class Overstates(WeightedServer):
    """Tells probabilities that it does not draw from."""

    def logprob(self, pieces: list[Piece], at: int) -> float:
        return -0.01 / len(pieces)


def test_probabilities_that_cannot_be_are_an_error_that_names_the_model() -> None:
    with (
        served(Overstates((0.5, OSLO), (0.5, ROME), seed=1), "strategy=perplexity_consistency") as client,
        pytest.raises(openai.BadRequestError, match=r"sum to 1\.98: model m reports probabilities that are not those"),
    ):
        client.chat.completions.create(**ASKED)


def test_draws_of_a_wave_are_requests_of_their_own_where_their_tokens_must_be_counted() -> None:
    script = WeightedServer(*PEAKED)
    more = ("strategy=perplexity_consistency", "engine.openai.n=true", "engine.openai.concurrency=1", "budget=4")
    with served(script, *more) as client:
        found = client.chat.completions.create(**ASKED).tts
    assert sum("tools" in body for body in script.seen) == 4 and not any("n" in body for body in script.seen)
    assert found["masses"] and found["stopped"] == "budget"


def test_kept_draws_keep_their_probabilities(tmp_path: Path) -> None:
    script = WeightedServer(*PEAKED)
    with served(script, f"serve.pool={tmp_path / 'kept.sqlite'}") as client:
        first, drawn = client.chat.completions.create(**ASKED).tts, len(script.seen)
        again = client.chat.completions.create(**ASKED).tts
    assert len(script.seen) == drawn and first["certified"]
    assert {name: again[name] for name in ("certified", "masses", "unseen_mass", "samples")} == {
        name: first[name] for name in ("certified", "masses", "unseen_mass", "samples")
    }


@pytest.mark.slow
def test_the_command_serves_certificates(tmp_path: Path) -> None:
    here = ("engine.kind=openai", "engine.model=m", "task.chat=true", "strategy=mass_gated", "temperature=1")
    with (
        serving(WeightedServer(*PEAKED)) as upstream,
        gateway(tmp_path, *here, f"engine.openai.urls=[{upstream.url}]") as server,
        openai.OpenAI(base_url=server.url, api_key="none", max_retries=0) as client,
    ):
        reply = client.chat.completions.create(**ASKED)
        chunks = list(client.chat.completions.create(**ASKED, stream=True))
    assert reply.tts["certified"] and reply.choices[0].finish_reason == "tool_calls"
    assert chunks[-1].tts["certified"] and chunks[-1].tts["unseen_mass"] < 0.5
