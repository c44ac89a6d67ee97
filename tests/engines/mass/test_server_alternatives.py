"""Distinct draws on servers see a known tree exactly, continued from the very tokens that were drawn."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("openai")

from strategies.mass.distinct import ORDERS, Distinct, Order
from strategies.mass.trie import Trie
from tests.engines.mass.language import END, PROBLEM, Ids, Language, LanguageServer, draw, walk
from tests.support.local_server import running
from tts.engines.openai.config import OpenAIConfig
from tts.engines.openai.engine import OpenAIEngine
from tts.engines.sampling import Sampling
from tts.errors import UnsupportedError
from tts.prompts import Prompt
from tts.runtime.driver import run_all
from tts.types import Decision, End, Problem, Sample

LENGTH = 3
SAMPLING = Sampling(1.0, max_tokens=LENGTH)
BYTES = (b"", b"1", b"2", b"\xc3", b"\xa9", b"")
"""The end, two digits, the halves of a character, and a token without text that ends nothing."""
WORDS = (b"", b"1", b"2", b"3", b"4")


def answer(problem: Problem, text: str) -> str | None:
    return str(len(text.encode()) % 2) if text else None


def load(server: LanguageServer, told: list[str], tokenizer: Path | None = None, **how: Any) -> OpenAIEngine:
    config = OpenAIConfig(urls=[server.url], retries=0, tokenizer=None if tokenizer is None else str(tokenizer))
    load: dict[str, Any] = {"prompt": Prompt(), "sampling": SAMPLING, "seeded": False, **how}
    return OpenAIEngine.load(config, model="m", notify=told.append, **load)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with a tokenizer of WORDS."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import WordLevel

    words = ("<end>", *(word.decode() for word in WORDS[1:]), "<unknown>")
    made = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unknown>"))
    made.pre_tokenizer, made.decoder = pre_tokenizers.Split("", "isolated"), decoders.Fuse()
    whole = transformers.PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<end>", unk_token="<unknown>")
    whole.save_pretrained(tmp_path)
    return tmp_path


def play(engine: OpenAIEngine, order: Order = "best_first") -> Decision:
    work = run_all(Distinct("distinct", 100, order, least=0.0), [PROBLEM], engine, extract=answer)
    return asyncio.run(work)[0].decision


def check(language: Language, trie: Trie, samples: list[Sample]) -> set[Ids]:
    """Check all that was seen by brute force; return the whole texts that were."""
    masses = language.texts(LENGTH)
    known = [sample.token_ids for sample in samples if sample.token_ids]
    assert len(set(known)) == len(known)
    whole = {ids for ids in known if ids[-1] == END}
    for sample in (sample for sample in samples if sample.token_ids):
        assert sample.text == language.text(sample.token_ids)
        assert (sample.logprob is not None) == (sample.token_ids in whole) == (sample.end is End.STOP)
        if sample.logprob is not None:
            assert sample.logprob == pytest.approx(float(np.log(masses[sample.token_ids])))
    assert trie.seen_mass == pytest.approx(sum(masses[ids] for ids in whole)) and trie.texts == len(whole)
    return whole


@pytest.mark.parametrize("most", [20, 3])
def test_a_server_that_returns_ids_and_bytes_is_seen_exactly(most: int) -> None:
    language, told = Language(BYTES), list[str]()
    with running(LanguageServer(language, most=most)) as server:
        engine = load(server, told)
        assert engine.capabilities.continues and not engine.capabilities.branch
        assert engine.capabilities.alternatives in (min(most, len(BYTES)), most + 1)  # a drawn token may stand beside
        whole = check(language, *walk(engine))
        given = server.given
    assert len(whole) > 2 and not any(prefix[-1] == 5 for prefix in given if prefix)
    assert sum("texts that begin with others stay unseen" in one for one in told) == 1


@pytest.mark.parametrize("most", [20, 3])
def test_a_server_that_takes_ids_is_seen_exactly(folder: Path, most: int) -> None:
    language, told = Language(WORDS), list[str]()
    with running(LanguageServer(language, "vllm", most=most)) as server:
        engine = load(server, told, folder)
        assert engine.model.features.token_ids and engine.capabilities.continues
        server.prompt = engine.prompt_ids(PROBLEM)
        whole = check(language, *walk(engine))
    assert len(whole) > 3 and (most < 20 or whole == set(language.texts(LENGTH)))


@pytest.mark.parametrize("order", ORDERS)
def test_the_certificate_is_of_the_mode(order: Order) -> None:
    certified = 0
    for seed in range(6):
        language = Language(BYTES[:3], seed=seed)
        every = {"0": 0.0, "1": 0.0}
        for ids, mass in language.texts(LENGTH).items():
            if (odd := answer(PROBLEM, language.text(ids))) is not None:
                every[odd] += mass
        with running(LanguageServer(language)) as server:
            decision = play(load(server, []), order)
        assert sum((decision.masses or {}).values()) + (decision.unseen_mass or 0.0) <= 1 + 1e-9
        assert all(mass <= every[odd] + 1e-9 for odd, mass in (decision.masses or {}).items())
        certified += bool(decision.certified)
        assert not decision.certified or decision.answer == max(every, key=lambda odd: every[odd])
    assert certified > 1


def test_a_branch_is_continued_behind_its_own_tokens_and_one_that_ends_asks_for_nothing() -> None:
    language = Language(BYTES)
    with running(LanguageServer(language)) as server:
        engine = load(server, [])
        samples = [draw(engine) for _ in range(12)]
        first = next(sample for sample in samples if len(sample.token_ids) == 2 and sample.end is End.STOP)
        known = [one for one, _, _ in first.trace.alternatives[1]]
        assert set(known) <= {END, 1, 2, 3, 4} and END in known and sorted(known) == sorted(set(known))
        for rank, (token, drawn, plain) in enumerate(first.trace.alternatives[1]):
            assert drawn == plain == pytest.approx(float(np.log(language.next(first.token_ids[:1])[token])))
            trace = replace(first.trace.truncated(2), processed=(first.trace.processed[0], drawn))
            asked = len(server.seen)
            whole = draw(engine, Sample(token_ids=(first.token_ids[0], token), end=End.BOUNDARY, trace=trace))
            assert whole.token_ids[:2] == (first.token_ids[0], token) or not whole.token_ids
            if token == END:
                assert (whole.end, whole.given, len(server.seen)) == (End.STOP, 2, asked)
            else:
                body = server.seen[-1]
                assert body["prompt"] == [Prompt().text(PROBLEM), first.token_ids[0], token]
                assert body["max_tokens"] == LENGTH - 2 and rank < body["logprobs"] == len(BYTES)


def test_a_sample_with_half_a_character_has_no_ids_and_no_probability() -> None:
    """The sentence on it is said once."""
    told: list[str] = []
    with running(LanguageServer(Language((b"", b"1", b"\xc3")))) as server:
        engine = load(server, told)
        samples = [draw(engine) for _ in range(12)]
        half = next(one for one, _, _ in samples[0].trace.alternatives[0] if one == 2) if samples[0].token_ids else 2
        continued = [draw(engine, Sample(token_ids=(half,), end=End.BOUNDARY)) for _ in range(6)]
    lost = [sample for sample in (*samples, *continued) if not sample.token_ids]
    assert lost and all(sample.logprob is None and not sample.trace.alternatives for sample in lost)
    assert all(sample.given == 0 for sample in lost) and all(sample.text.startswith("\ufffd") for sample in continued)
    assert all("\ufffd" not in sample.text for sample in samples if sample.token_ids)
    assert sum("does not return every token of some samples" in one for one in told) == 1


def test_at_temperature_zero_there_is_one_alternative() -> None:
    with running(LanguageServer(Language(BYTES))) as server:
        sample = draw(load(server, [], sampling=Sampling(0.0, max_tokens=LENGTH)))
    found = [[one[:2] for one in at] for at in sample.trace.alternatives]
    assert found[:-1] == [[(token, 0.0)] for token in sample.token_ids[:-1]]
    assert sample.logprob == 0.0 or (sample.end is End.LENGTH and not found[-1])


def test_a_prefix_that_no_server_has_drawn_is_refused() -> None:
    with running(LanguageServer(Language(BYTES))) as server:
        engine = load(server, [])
        with pytest.raises(UnsupportedError, match="a prefix has token 77, which the server has not returned"):
            draw(engine, Sample(token_ids=(77,), end=End.BOUNDARY))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"most": 0}, "this server continues no token ids"),
        ({"sampling": Sampling(0.7)}, "the log-probability of each token"),
        ({"prompt": Prompt(chat=True)}, r"a chat cannot be continued in the middle of an answer \(set task.chat=false"),
        ({"form": "vllm"}, r"by their ids.*engine.openai.tokenizer\), which this engine cannot collect"),
        ({"ids": False}, r"this server continues no token ids \(llama.cpp's does, and vLLM's with"),
        ({"ignores": True}, "this server continues no token ids"),
    ],
)
def test_what_is_missing_is_one_sentence_before_a_draw(wrong: dict[str, Any], named: str) -> None:
    how = {name: wrong.pop(name) for name in ("sampling", "prompt") if name in wrong}
    with running(LanguageServer(Language(BYTES), **wrong)) as server:
        engine = load(server, [], **how)
        asked = len(server.seen)
        with pytest.raises(UnsupportedError, match=named):
            play(engine)
        assert len(server.seen) == asked
