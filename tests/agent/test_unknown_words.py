"""Words that a model has no token for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tts.agent.unknown_words import listed, unknown_words
from tts.engines.fake.engine import FakeEngine
from tts.engines.text import PromptEncoder
from tts.models.bundled import weights
from tts.prompts import Prompt

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def engine() -> SimpleNamespace:
    tokenizer = transformers.AutoTokenizer.from_pretrained(weights("grace"))
    return SimpleNamespace(encoder=PromptEncoder(tokenizer, Prompt(), context=512, vocabulary=len(tokenizer)))


def test_words_without_a_token_are_named_once(engine: SimpleNamespace) -> None:
    assert unknown_words(engine, "Jack has 7 zebras and 7 zebras.\tLions, too.") == ["zebras", "'\\t'", "Lions", "too"]


@pytest.mark.parametrize("text", ["</s>", "<CNF>", "<pad>", "<unk>"])
def test_special_tokens_that_a_text_spells_are_unknown_words(engine: SimpleNamespace, text: str) -> None:
    assert unknown_words(engine, f"Jack has 7 beads. {text}")
    assert unknown_words(engine, "Jack has 7 beads.") == []


def test_an_engine_without_a_tokenizer_knows_every_word() -> None:
    assert unknown_words(FakeEngine(), "zebra") == []


def test_long_lists_are_short() -> None:
    assert listed(["a", "b" * 30, "c", "d", "e", "f"]) == f"a, {'b' * 20}..., c, d, e, ..."
