"""Texts of tokens are the sample's text in pieces, whatever the tokenizer; traces are one character a token."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from evals.report_page.questions import MAX_TEXT, cached, shortened
from evals.report_page.token_texts import decoder_of, token_texts
from evals.report_page.visible_traces import LEVELS, POSITIONS, Positions, levels, traces_of
from tts.engines.config import EngineConfig
from tts.pool import Run, RunKey
from tts.types import End, Sample, Trace


def bytewise(ids: Sequence[int]) -> str:
    """A tokenizer of bytes: a part of a character is a replacement character."""
    return bytes(ids).decode(errors="replace")


def spaced(ids: Sequence[int]) -> str:
    """A tokenizer that drops the space before the first token, as SentencePiece does."""
    return "".join(" abcdefgh"[i] if i < 9 else f" w{i}" for i in ids).removeprefix(" ")


def test_tokens_that_share_a_character_have_their_text_at_its_end() -> None:
    text = "né 日本 🙂 x"
    ids = tuple(text.encode())
    found = token_texts(Sample(text, token_ids=ids, end=End.LENGTH), cached(bytewise))
    assert found is not None and len(found) == len(ids) and "".join(found) == text
    assert [piece for piece in found if piece] == list(text)


def test_a_text_that_depends_on_the_tokens_before_is_split_right() -> None:
    ids = (12, 3, 12, 14, 0, 5)
    text = spaced(ids[:-1])
    found = token_texts(Sample(text, token_ids=ids), spaced)  # the last token ended the sample
    assert found == ["w12", "c", " w12", " w14", " "]


def test_a_tokenizer_that_gives_another_text_is_not_used() -> None:
    assert token_texts(Sample("other", token_ids=(65, 66), end=End.LENGTH), bytewise) is None
    assert token_texts(Sample("x", token_ids=(-1,), end=End.LENGTH), bytewise) is None
    assert token_texts(Sample("x"), bytewise) is None
    assert token_texts(Sample("A", token_ids=(300,), end=End.LENGTH), bytewise) is None  # bytes() refuses it


def test_the_bundled_model_has_its_tokenizer_and_others_have_a_reason() -> None:
    pytest.importorskip("tokenizers")

    def run(**engine: object) -> Run:
        return Run(1, RunKey("m"), {"engine": engine}, {}, "", 8)

    decode, reason = decoder_of(run(kind="transformers", model="tiny"))
    assert decode is not None and reason == "" and EngineConfig(kind="transformers", model="tiny").folder is not None
    for engine, words in (
        ({"kind": "openai", "model": "gpt"}, "not on this machine"),
        ({"kind": "transformers", "model": "./no-such"}, "cannot be read"),
        ({"kind": "transformers", "model": "some/name"}, "not on this machine"),
        ({}, "not on this machine"),
    ):
        decode, reason = decoder_of(run(**engine))
        assert decode is None and words in reason


def test_traces_are_levels_of_probabilities() -> None:
    assert levels([0.0, 0.5, 1.0, 2.0, -1.0, float("nan")]) == LEVELS[0] + LEVELS[32] + "__" + LEVELS[0] * 2
    sample = Sample(trace=Trace(logprobs=(0.0, -0.6931471805599453), watched={5: (0.25, 1.0)}, owners={"grace": (5,)}))
    assert traces_of(sample) == {"confidence": LEVELS[16] + "_", "probability": "_" + LEVELS[32]}
    assert traces_of(Sample()) == {}


def test_means_by_position_are_of_right_and_of_wrong_samples() -> None:
    positions = Positions()
    rising = tuple(i / (2 * POSITIONS - 1) for i in range(2 * POSITIONS))
    for values, right in ((rising, True), ((0.5,) * POSITIONS, False), ((0.1,) * (POSITIONS - 1), False)):
        positions.add(Sample(trace=Trace(watched={5: values}, owners={"grace": (5,)})), right)
    found = {(row["right"], row["position"]): row for row in positions.mapping}
    assert len(found) == 2 * POSITIONS and {row["samples"] for row in found.values()} == {1}
    assert found[False, 0.025]["mean"] == 0.5
    assert found[True, 0.025]["mean"] == pytest.approx((rising[0] + rising[1]) / 2)


def test_a_long_text_is_shortened() -> None:
    assert shortened("ab", MAX_TEXT) == ("ab", 0)
    assert shortened("x" * (MAX_TEXT + 7), MAX_TEXT) == ("x" * MAX_TEXT, 7)
