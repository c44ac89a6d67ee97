"""The log-probabilities that vLLM reports are those of the tree that it draws from, where the engine passes them on."""

from __future__ import annotations

import asyncio
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("vllm.v1", reason="vLLM is not installed here: make test-vllm")

from benchmarks.vllm_server import VllmServer
from strategies.mass.distinct import ORDERS, Distinct
from strategies.stopping import MassCertificate
from tests.engines.mass.language import walk
from tests.engines.mass.tree import END, WORDS, random_model, tokenizer, tree
from tts.engines.base import Request
from tts.engines.openai.config import OpenAIConfig
from tts.engines.openai.engine import OpenAIEngine
from tts.engines.sampling import Sampling, SamplingChange
from tts.engines.streams import collected, together
from tts.engines.vllm.engine import VllmEngine
from tts.errors import UnsupportedError
from tts.prompts import Prompt
from tts.runtime.driver import run_all
from tts.types import TOKENS, End, Problem, Sample, Signals

PROBLEM = Problem("p", "12")
EXACT = Signals(processed=True)
ALL = Signals(processed=True, alternatives=20)
PLAIN, NARROW = Sampling(1.0, max_tokens=4), Sampling(0.7, top_p=0.9, top_k=3, max_tokens=4)
SIZE = 64
"""Of the model's vectors: vLLM's attention on a CPU takes no smaller heads."""


@contextmanager
def loaded(
    folder: Path, sampling: Sampling, suppressed: tuple[int, ...] = (), *, notify: Any = print, **options: Any
) -> Iterator[Any]:
    """Yield an engine, and the runner of its event loop."""
    random_model(suppressed, hidden_size=SIZE).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    with warnings.catch_warnings(), asyncio.Runner() as runner:
        warnings.simplefilter("ignore")
        load = {"prompt": Prompt(), "sampling": sampling, "seeded": True, "options": options, "notify": notify}
        made = VllmEngine.load(folder, **load)
        try:
            yield made, runner
        finally:
            made.close()


@contextmanager
def engine(folder: Path, sampling: Sampling, suppressed: tuple[int, ...] = (), **options: Any) -> Iterator[Any]:
    """Yield an engine, and the function that draws a hundred samples from it."""
    with loaded(folder, sampling, suppressed, **options) as (made, runner):

        def draw(signals: Signals = EXACT, prefixes: Any = (None,) * 100, **more: Any) -> list[Sample]:
            change = [SamplingChange(seed=seed, **more) for seed in range(len(prefixes))]
            asked = [
                Request(PROBLEM, prefix=prefix, signals=signals, sampling=how, until=TOKENS(2 if prefix is None else 9))
                for prefix, how in zip(prefixes, change, strict=True)
            ]
            return runner.run(together([collected(made, request) for request in asked]))

        def whole(signals: Signals = EXACT, **more: Any) -> list[Sample]:
            """Samples of two tokens, continued."""
            begun = draw(signals, **more)
            going = [sample for sample in begun if sample.end is End.BOUNDARY]
            return [s for s in begun if s.end is not End.BOUNDARY] + draw(signals, tuple(going), **more)

        yield made, whole


def check_alternatives(samples: list[Sample], made: Any, sampling: Sampling, k: int) -> None:
    """Check those of the tree: the k most probable at each position; where no further token fits, the end."""
    found = tree(random_model(hidden_size=SIZE), made.prompt_ids(PROBLEM), sampling, of_kept=True)

    def mass(start: tuple[int, ...]) -> float:
        return sum(p for text, p in found.items() if text[: len(start)] == start)

    for sample in samples:
        assert len(sample.trace.alternatives) == len(sample.token_ids)
        for at, told in enumerate(sample.trace.alternatives):
            before = sample.token_ids[:at]
            tokens = range(len(WORDS)) if at + 1 < sampling.max_tokens else [END]
            p = {token: mass((*before, token)) / mass(before) for token in range(len(WORDS))}
            most = sorted((token for token in p if p[token]), key=lambda token: -p[token])[:k]
            assert [token for token, _, _ in told] == [token for token in most if token in tokens]
            assert [drawn for _, drawn, _ in told] == pytest.approx([math.log(p[t]) for t, _, _ in told], abs=1e-3)


def answer(problem: Problem, text: str) -> str | None:
    """Return the number of tokens modulo 2; None for an empty text."""
    return str(len(text) % 2) if text else None


def check(samples: list[Sample], made: Any, sampling: Sampling, suppressed: tuple[int, ...] = ()) -> None:
    model = random_model(suppressed, hidden_size=SIZE)
    found = tree(model, made.prompt_ids(PROBLEM), sampling, suppressed, of_kept=True)
    assert len({sample.token_ids for sample in samples}) > 3 and sum(found.values()) == pytest.approx(1)
    for sample in samples:
        assert sum(sample.trace.processed) == pytest.approx(math.log(found[sample.token_ids]), abs=1e-3)
        assert (sample.logprob is not None) == (sample.token_ids[-1] == END) == (sample.end is End.STOP)


@pytest.mark.parametrize("suppressed", [(), (2,)])
def test_at_temperature_one_the_log_probabilities_are_those_of_the_tree(
    tmp_path: Path, suppressed: tuple[int, ...]
) -> None:
    with engine(tmp_path, PLAIN, suppressed) as (made, whole):
        assert made.capabilities.processed and made.capabilities.logprobs
        check(whole(), made, PLAIN, suppressed)
        if suppressed:
            assert made.capabilities.alternatives == 0
        else:
            for k in (2, 20):
                check_alternatives(whole(replace(EXACT, alternatives=k)), made, PLAIN, k)
            assert not any(sample.trace.alternatives for sample in whole(ALL, temperature=0.7))
            found = [one for sample in whole(ALL, temperature=0.0) for one in sample.trace.alternatives]
            assert {len(told) for told in found} <= {0, 1} and {told[0][1] for told in found if told} == {0.0}
        assert all(sample.logprob is None and not sample.trace.processed for sample in whole(temperature=0.7))
        assert {sample.logprob for sample in whole(temperature=0.0)} <= {0.0, None}


def test_processed_ones_are_those_of_the_tree_and_stand_for_no_others(tmp_path: Path) -> None:
    with engine(tmp_path, NARROW, logprobs_mode="processed_logprobs") as (made, whole):
        able = made.capabilities
        assert able.processed and not able.logprobs and not able.watch_tokens and able.top == 0
        samples = whole(EXACT | Signals(logprobs=True))
        check(samples, made, NARROW)
        assert all(sample.trace.logprobs == () for sample in samples)
        check_alternatives(whole(ALL), made, NARROW, 20)
        plain = whole(EXACT | Signals(logprobs=True), temperature=1.0, top_p=1.0)
        assert all(sample.trace.processed for sample in plain)
        with pytest.raises(UnsupportedError, match=r"leave logprobs_mode out, or draw at temperature 1"):
            whole(Signals(watch=(3,)))


@pytest.mark.parametrize("most", [2, 20])
def test_distinct_draws_see_the_tree_and_certify_its_mode(
    tmp_path: Path, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MassCertificate, "can_fire", lambda *_: True)  # else futility ends most walks early
    told: list[str] = []
    with loaded(tmp_path, PLAIN, max_logprobs=most, notify=told.append) as (made, runner):
        found = tree(random_model(hidden_size=SIZE), made.prompt_ids(PROBLEM), PLAIN)
        whole = {text: mass for text, mass in found.items() if text[-1] == END}
        for order in ORDERS:
            strategy = Distinct("distinct", 500, order, least=0.0, boldness=0.0)
            work = run_all(strategy, [PROBLEM], made, extract=answer)
            [decision] = [result.decision for result in runner.run(work)]
            seen = [sample.token_ids for sample in decision.samples]
            assert len(set(seen)) == len(seen) > 3
            assert all(sample.text == made.decode(sample.token_ids) for sample in decision.samples)
            masses = {
                odd: sum(whole.get(text, 0.0) for text in seen if answer(PROBLEM, made.decode(text)) == odd)
                for odd in ("0", "1")
            }
            assert {"0": 0.0, "1": 0.0} | decision.masses == pytest.approx(masses, abs=1e-3)
            assert decision.unseen_mass == pytest.approx(1 - sum(whole.get(text, 0.0) for text in seen), abs=1e-3)
            if decision.certified:
                every = {
                    odd: sum(mass for text, mass in whole.items() if answer(PROBLEM, made.decode(text)) == odd)
                    for odd in ("0", "1")
                }
                assert decision.answer == max(every, key=lambda odd: every[odd])
    fewer = f"{most} of the {len(WORDS)} most probable tokens that are asked for at each position come back: "
    assert told == [f"{fewer}texts that begin with others stay unseen"] * (most < 20)


def test_a_tree_behind_its_server_is_walked_exactly(tmp_path: Path) -> None:
    pytest.importorskip("openai")
    random_model(hidden_size=SIZE).save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    options = ("--no-enable-chunked-prefill", "--max-logprobs", str(len(WORDS)))
    server = VllmServer("tree", *options, folder=tmp_path)
    try:
        config = OpenAIConfig(urls=[f"{server.root}/v1"], tokenizer=str(tmp_path))
        load: dict[str, Any] = {"model": "tree", "prompt": Prompt(), "sampling": PLAIN, "seeded": False}
        made = OpenAIEngine.load(config, **load)
        assert made.capabilities.continues and made.capabilities.alternatives == len(WORDS)
        trie, samples = walk(made)
    finally:
        server.kill()
    found = tree(random_model(hidden_size=SIZE), made.prompt_ids(PROBLEM), PLAIN)
    whole = {text: mass for text, mass in found.items() if text[-1] == END}
    assert {sample.token_ids for sample in samples if sample.end is End.STOP} == set(whole)
    assert trie.seen_mass == pytest.approx(sum(whole.values()), abs=1e-3) and len(samples) < len(found)
    assert all(math.exp(s.logprob) == pytest.approx(whole[s.token_ids], rel=1e-2) for s in samples if s.logprob)
    assert all(sample.text == made.decode(sample.token_ids) for sample in samples)
